"""From a module's folder to one object, and from its content to the name of its revision."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from practicum.api.labtemplate import LabTemplateSpec
from practicum.catalog import guard, pack
from practicum.catalog.revision import revision_object
from practicum.cli.template_sample import sample
from practicum.errors import TemplateError
from tests import samples

SOURCE: dict[str, Any] = {
    "name": "mod-1",
    "title": "A module",
    "sizes": {
        "standard": {
            "quota": {
                side: {"compute": {}, "jobs": {}, "storage": {}} for side in ("learner", "platform")
            }
        }
    },
    "components": [{"name": "db", "placement": "learner", "settings": {"b": 2}}],
    "tasks": [{"name": "one", "title": "One", "file": "tasks/one.md"}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "mod-1/template.yaml": yaml.safe_dump(SOURCE),
        "mod-1/tasks/one.md": "# Do it\n",
        "mod-1/manifests/a.yaml.j2": """{{ file("seed/seed.py") }}{{ file( 'policies/p.rego' )}}""",
        "mod-1/seed/seed.py": "print()\n",
        "mod-1/seed/__pycache__/seed.pyc": "junk",
        "mod-1/policies/p.rego": "package p\n",
        "mod-1/policies/p_test.rego": "package p_test\n",
        "mod-1/solution/answer.md": "42",
        "mod-1/checks/hidden.yaml": "hidden",
        "components/db/component.yaml": "{title: DB, version: 18, settings: {a: 1, b: 1}}",
        "components/db/db.yaml.j2": 'a: {{ file("files/start.sh") }}',
        "components/db/files/start.sh": "exec db\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "mod-1"


def change(folder: Path, **changes: Any) -> None:
    (folder / "template.yaml").write_text(yaml.safe_dump(SOURCE | changes))


def test_a_module_is_packed_with_its_components(folder: Path) -> None:
    body = pack.pack(folder)
    assert body["metadata"] == {"name": "mod-1"}
    database, own = body["spec"]["components"]
    assert (database["name"], database["placement"]) == ("db", "learner")
    assert (database["version"], database["settings"]) == ("18", {"a": 1, "b": 2})
    assert [file["path"] for file in database["manifests"]] == ["db.yaml.j2"]
    assert [file["path"] for file in database["files"]] == ["files/start.sh"]
    assert own["name"] == "mod-1"
    assert [file["path"] for file in own["manifests"]] == ["manifests/a.yaml.j2"]
    assert [file["path"] for file in own["files"]] == ["policies/p.rego", "seed/seed.py"]
    assert body["spec"]["tasks"][0]["text"] == "# Do it\n"


def test_what_works_out_a_path_may_ask_for_any_file(folder: Path) -> None:
    (folder / "manifests/b.yaml.j2").write_text('{% for n in "ab" %}{{ file("seed/" ~ n) }}')
    own = pack.pack(folder)["spec"]["components"][-1]
    assert len(own["files"]) == 3


def test_solutions_and_hidden_checks_stay_out(folder: Path) -> None:
    text = pack.dump(pack.pack(folder))
    assert "42" not in text
    assert "hidden" not in text


def test_what_is_dumped_reads_back_the_same(folder: Path) -> None:
    body = pack.pack(folder)
    assert yaml.safe_load(pack.dump(body)) == body


@pytest.mark.parametrize(
    ("changes", "needle"),
    [
        ({"sizes": None}, "sizes"),
        ({"titel": "x"}, "titel"),
        ({"maxTTL": "soon"}, "maxTTL"),
        ({"components": [{"name": "none"}]}, "components/none/component.yaml"),
        ({"components": [{"placement": "learner"}]}, "name"),
        ({"tasks": [{"name": "x", "title": "X", "file": "tasks/none.md"}]}, "tasks/none.md"),
        ({"tasks": [{"name": "x", "title": "X"}]}, "file"),
        ({"objectives": ["x" * 300]}, "objectives"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, changes: dict[str, Any], needle: str) -> None:
    change(folder, **changes)
    with pytest.raises(TemplateError) as caught:
        pack.pack(folder)
    assert needle in str(caught.value)
    assert str(folder.parent) in str(caught.value)


def test_a_file_that_is_no_mapping_is_named(folder: Path) -> None:
    (folder / "template.yaml").write_text("- 1\n")
    with pytest.raises(TemplateError, match=r"template\.yaml: must be a YAML mapping"):
        pack.pack(folder)
    (folder / "template.yaml").write_text("a: [\n")
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        pack.pack(folder)


def test_a_binary_file_is_named(folder: Path) -> None:
    (folder / "seed/data.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TemplateError, match=r"data\.bin"):
        pack.pack(folder)


def test_what_does_not_fit_into_an_object_is_refused(folder: Path) -> None:
    for number in range(6):
        (folder / f"seed/{number}.txt").write_text("x" * 60_000)
    (folder / "manifests/b.yaml.j2").write_text('{% for n in "012345" %}{{ file("seed/" ~ n) }}')
    with pytest.raises(TemplateError, match="at most 300000"):
        pack.pack(folder)


@pytest.mark.parametrize("name", samples.MODULES)
def test_every_module_packs_within_its_bound(name: str) -> None:
    body = samples.packed(name)
    assert body["metadata"]["name"] == name
    assert len(pack.dump(body).encode()) < pack.MAX_BYTES
    paths = [file["path"] for part in body["spec"]["components"] for file in part["files"]]
    assert not [path for path in paths if path.startswith(("solution", "checks"))]


@pytest.mark.parametrize(("name", "size"), samples.sizes())
def test_every_container_has_resources(name: str, size: str) -> None:
    _, made = sample(name, samples.module(name), size, {})
    pods = [guard.pod_template(body)["spec"] for body in made.workloads]
    containers = [
        one for pod in pods for one in (*pod["containers"], *pod.get("initContainers", []))
    ]
    assert len(containers) >= len(pods) > 1
    for container in containers:
        for part in ("requests", "limits"):
            assert {"cpu", "memory"} <= set(container["resources"][part]), container["name"]


def test_equal_content_has_an_equal_revision() -> None:
    body = revision_object("mod-1", samples.template(), "practicum-system")
    assert body == revision_object("mod-1", samples.template(), "practicum-system")
    assert body["metadata"]["name"].startswith("mod-1-")
    assert LabTemplateSpec.model_validate(body["data"]["spec"]) == samples.template()


@pytest.mark.parametrize(
    "changes", [{"title": "Another"}, {"maxTTL": "25h"}, {"images": {}}, {"personas": []}]
)
def test_other_content_has_another_revision(changes: dict[str, Any]) -> None:
    names = {
        revision_object("mod-1", spec, "practicum-system")["metadata"]["name"]
        for spec in (samples.template(), samples.template(**changes))
    }
    assert len(names) == 2
