"""What a module's checks refer to: assets that learners may see, answers that they may not."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from practicum.api.canonical import digest
from practicum.catalog import pack
from practicum.catalog.revision import answers_digest, answers_object
from practicum.errors import TemplateError
from tests import samples

Object = dict[str, Any]
SIDES = {side: {"compute": {}, "jobs": {}, "storage": {}} for side in ("learner", "platform")}
SOURCE: Object = {
    "name": "mod-1",
    "title": "A module",
    "sizes": {"standard": {"quota": SIDES}},
    "tasks": [{"name": "do", "title": "Do it", "file": "tasks/do.md"}],
}
CHECKS: Object = {
    "criteria": [{"id": "shown", "text": "It is shown.", "source": "objective"}],
    "checks": [
        {
            "id": "plan",
            "title": "A plan",
            "task": "do",
            "document": {"key": "plan.yaml", "schema": "plan.json", "rules": "plan.rego"},
        },
        {
            "id": "gate",
            "title": "A gate",
            "task": "do",
            "policy": {
                "package": "lab.gate",
                "vectors": "deep/vectors.json",
                "mutants": {"reference": ["policies/gate.rego"], "edits": "edits.yaml"},
            },
        },
        {
            "id": "code",
            "title": "Code",
            "task": "do",
            "job": {
                "repositories": ["repo"],
                "files": ["seed/test_hidden.py"],
                "command": ["pytest"],
            },
        },
    ],
}
FILES = {
    "template.yaml": yaml.safe_dump(SOURCE),
    "checks.yaml": yaml.safe_dump(CHECKS),
    "tasks/do.md": "# Do it\n",
    "assets/plan.json": '{"type": "object"}',
    "assets/more/schema.json": "{}",
    "answers/plan.rego": "package lab.docs\n",
    "answers/deep/vectors.json": "[]",
    "answers/edits.yaml": "[]",
    "policies/gate.rego": "package lab.gate\n",
    "policies/other.rego": "package lab.other\n",
    "seed/test_hidden.py": "def test_x(): ...\n",
    "exhibits/plan.yaml.j2": """{{ file("files/plan.yaml") }}""",
    "files/plan.yaml": "steps: []\n",
    "files/unused.yaml": "x: 1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "mod-1", FILES)
    return tmp_path / "mod-1"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_assets_are_packed_by_their_paths(folder: Path) -> None:
    spec = pack.pack(folder)["spec"]
    assert [file["path"] for file in spec["assets"]] == ["more/schema.json", "plan.json"]
    assert spec["assets"][1]["content"] == '{"type": "object"}'
    assert [check["id"] for check in spec["checks"]] == ["plan", "gate", "code"]
    assert [one["id"] for one in spec["criteria"]] == ["shown"]


def test_answers_are_beside_the_template_and_known_by_a_digest(folder: Path) -> None:
    answers, template = pack.answers(folder), pack.pack(folder)
    assert answers is not None
    assert answers["metadata"] == {"name": "mod-1-answers"}
    assert answers["data"]["plan.rego"] == "package lab.docs\n"
    assert answers["data"]["deep__vectors.json"] == "[]"
    assert template["spec"]["answers"] == answers_digest(answers["data"])
    assert template["spec"]["answers"] == digest(answers["data"], 64)


def test_what_checks_refer_to_elsewhere_in_the_module_is_an_answer(folder: Path) -> None:
    answers = pack.answers(folder)
    assert answers is not None
    assert answers["data"]["policies__gate.rego"] == "package lab.gate\n"
    assert answers["data"]["seed__test_hidden.py"] == "def test_x(): ...\n"
    assert set(answers["data"]) == {
        *("plan.rego", "deep__vectors.json", "edits.yaml"),
        *("policies__gate.rego", "seed__test_hidden.py"),
    }


def test_no_answer_is_in_the_template(folder: Path) -> None:
    write(folder, {"answers/plan.rego": "package lab.docs # answer\n"})
    write(folder, {"seed/test_hidden.py": "# answer\n"})
    text = json.dumps(pack.pack(folder))
    assert "# answer" not in text
    assert "seed/test_hidden.py" in text, "its name is what the check says"


def test_another_answer_is_another_template(folder: Path) -> None:
    before = pack.pack(folder)["spec"]["answers"]
    write(folder, {"answers/edits.yaml": "[1]"})
    assert pack.pack(folder)["spec"]["answers"] != before


def test_a_module_without_checks_has_no_answers(folder: Path) -> None:
    for name in FILES:
        if name.startswith(("answers", "checks")):
            (folder / name).unlink()
    assert pack.answers(folder) is None
    spec = pack.pack(folder)["spec"]
    assert (spec["answers"], spec["checks"]) == ("", [])


def test_exhibits_are_the_modules_own_component(folder: Path) -> None:
    (own,) = pack.pack(folder)["spec"]["components"]
    assert [file["path"] for file in own["exhibits"]] == ["exhibits/plan.yaml.j2"]
    assert own["manifests"] == []
    assert [file["path"] for file in own["files"]] == ["files/plan.yaml"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("checks.yaml", "checks: [", "checks.yaml"),
        ("checks.yaml", "checks: [{id: a}]", "checks.0"),
        ("checks.yaml", "tests: []", "tests"),
        ("answers/plan.rego", "x" * 300_001, "ConfigMap has 300"),
        ("assets/plan.json", "x" * 65_537, "assets.1.content"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, name: str, text: str, said: str) -> None:
    write(folder, {name: text})
    with pytest.raises(TemplateError) as caught:
        pack.answers(folder)
        pack.pack(folder)
    assert said in str(caught.value)


def test_an_answer_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "answers/blob.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateError, match=r"blob\.bin: only text can be packed"):
        pack.answers(folder)


def test_size_is_that_of_json_in_bytes() -> None:
    assert pack.size({"a": "x"}) == len('{"a": "x"}')
    assert pack.size({"a": "ä€"}) == len('{"a": "xx"}') + 1 + 2
    body = {"a": "line\n" * 100}
    assert pack.size(body) == len(json.dumps(body)), "and not of YAML"


@pytest.mark.parametrize("name", samples.MODULES)
def test_both_objects_of_every_module_fit(name: str) -> None:
    folder = samples.ROOT / "lab-templates" / name
    body, answers = samples.packed(name), pack.answers(folder)
    assert pack.size(body) <= pack.MAX_BYTES
    assert answers is None or pack.size(answers) <= pack.MAX_BYTES
    known = {file["path"] for file in body["spec"]["assets"]}
    known |= {key.replace("__", "/") for key in (answers or {"data": {}})["data"]}
    assert set(pack._referred(body["spec"]["checks"])) <= known, "a check refers to nothing"


def test_every_module_is_written_for_the_image_answers_first(tmp_path: Path, folder: Path) -> None:
    pack.write(folder.parent, tmp_path / "out")
    bodies = json.loads((tmp_path / "out/mod-1.json").read_text())["items"]
    assert [body["kind"] for body in bodies] == ["ConfigMap", "LabTemplate"]


def test_frozen_answers_are_named_by_their_digest() -> None:
    answers = {"plan.rego": "x"}
    known = answers_digest(answers)
    body = answers_object(known, answers, "practicum-system")
    assert body["metadata"]["name"] == f"answers-{known[:16]}"
    assert body["metadata"]["namespace"] == "practicum-system"
    assert body["data"] == {"answers": answers}
    assert answers_digest({"plan.rego": "y"}) != known
