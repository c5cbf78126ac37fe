"""``practicum template``: a new module is right, and what its author gets wrong is told."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from practicum.cli import main
from practicum.cli.exits import Exit
from tests import samples

RUNNER = CliRunner()


def practicum(*words: str) -> tuple[int, str]:
    result = RUNNER.invoke(main.app, list(words))
    return result.exit_code, result.output


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    assert practicum("template", "init", str(folder))[0] == 0
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_new_module_is_right(module: Path) -> None:
    code, text = practicum("template", "lint", str(module))
    assert code == 0, text
    assert "ok; standard: " in text


def test_nothing_is_written_over(module: Path) -> None:
    code, text = practicum("template", "init", str(module))
    assert code == Exit.CONFLICT
    assert "is not empty" in text


@pytest.mark.parametrize("name", samples.MODULES)
def test_the_modules_are_right(name: str) -> None:
    code, text = practicum("template", "lint", str(samples.ROOT / "lab-templates" / name))
    assert code == 0, text


# file, what stands there, what an author wrote instead, and what lint says
MISTAKES = [
    ("checks.yaml", "criteria: [start]", "criteria: []", "criteria.start: no check proves it"),
    ("checks.yaml", "criteria: [start]", "criteria: []", "criteria is empty: name a line"),
    ("checks.yaml", "points: 1", "points: 1\n    fresh: pass", "a new lab passes it"),
    ("checks.yaml", 'hint: "see: practicum tasks LAB start"', "hidden: true", "without a hint"),
    ("checks.yaml", "key: answer.yaml", 'key: "{{persona.nobody}}"', "is not known"),
    ("checks.yaml", "answer.schema.json", "gone.json", "schema 'gone.json' is neither in assets"),
    ("answers/answer.rego", "lab.docs", "lab.doc", "its package is not lab.docs"),
    ("assets/answer.schema.json", '"object"', "object", "answer.schema.json: is no JSON"),
    ("assets/answer.schema.json", '"integer"', '"whole"', "is no JSON Schema"),
    ("checks.yaml", "decision: {path: lab/example/limit}", "http: {service: mlflow}", "'mlflow'"),
    (
        "checks.yaml",
        "decision: {path: lab/example/limit}",
        "http: {service: opa, as: persona/author}",
        "as 'persona/author' has no login for service opa",
    ),
    (
        "checks.yaml",
        "decision: {path: lab/example/limit}",
        "object: {kind: ConfigMap, name: docs, namespace: moon}",
        "namespace 'moon' is no side of the lab",
    ),
    (
        "checks.yaml",
        "decision: {path: lab/example/limit}",
        'object: {kind: ConfigMap, name: docs, assert: [{path: "a[", op: eq, value: 1}]}',
        "path 'a['",
    ),
    (
        "checks.yaml",
        "decision: {path: lab/example/limit}",
        'object: {kind: ConfigMap, name: docs, assert: [{path: a, op: matches, value: "("}]}',
        "'(' is not a pattern",
    ),
    ("tasks/01-start.md", "practicum check LAB", "ask about", "it does not say how to check it"),
    ("template.yaml", 'pods: "4"}', 'pods: "0"}', "compute.pods is 0, the components take 1"),
    ("template.yaml", "limits: {cpu", "most: {cpu", "sizes.standard.resources.opa.server.most"),
    (
        "template.yaml",
        'requests.memory: 512Mi, limits.cpu: "2"',
        'requests.memory: 32Mi, limits.cpu: "2"',
        "quota.platform.compute.requests.memory is 32Mi, the components take 64Mi",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), MISTAKES)
def test_a_mistake_is_told(module: Path, file: str, old: str, new: str, said: str) -> None:
    change(module / file, old, new)
    result = RUNNER.invoke(main.app, ["template", "lint", str(module)])
    assert result.exit_code != 0
    assert said in result.output


def test_problems_are_data_too(module: Path) -> None:
    (module / "solution/apply.py").unlink()
    code, text = practicum("-o", "json", "template", "lint", str(module))
    assert code == Exit.CONFLICT
    assert json.loads(text)["problems"] == [
        "solution/apply.py is missing: practicum template test proves the module with it"
    ]


POD = """\
apiVersion: batch/v1
kind: Job
metadata: {name: own}
spec:
  template:
    spec:
      containers: [{name: main, image: "example.org/strange:1"}]
"""


def test_a_job_of_the_learner_ends_and_has_an_image_that_they_may_run(module: Path) -> None:
    (module / "exhibits/job.yaml.j2").write_text(POD)
    text = RUNNER.invoke(main.app, ["template", "lint", str(module)]).output
    assert "image example.org/strange:1 is not in allowedImages" in text
    assert "a pod without activeDeadlineSeconds may run for ever" in text


def test_render_shows_every_object(module: Path) -> None:
    code, text = practicum("template", "render", str(module))
    assert code == 0
    kinds = [one["kind"] for one in yaml.safe_load_all(text)]
    assert kinds.index("Namespace") < kinds.index("ResourceQuota") < kinds.index("StatefulSet")
    assert {"NetworkPolicy", "Secret", "ServiceAccount", "RoleBinding"} <= set(kinds)
    names = practicum("-o", "name", "template", "render", str(module))[1]
    assert "ConfigMap docs" in names.splitlines(), "the learner's own, too"
