"""``practicum template test``: what a new lab and a solved one have to say, and what is kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from practicum.api.solution import Place
from practicum.catalog import pack
from practicum.cli import template_test
from practicum.cli.exits import Exit
from practicum.cli.session import Options, Session
from practicum.cli.template_push import push
from practicum.cli.template_test import ModuleTest, Outcome, Wanted
from practicum.cli.usage import Used, share, used
from practicum.errors import NotFound, TemplateError
from tests.unit.changes import COURSE, Cluster, FakeKube
from tests.unit.checks.checks import body

Object = dict[str, Any]
CHECKS = [
    body("plan"),
    body("fine", fresh="pass"),
    body("later", fresh="pending"),
    body("next", needs=["plan"]),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    side: Object = {"compute": {}, "jobs": {}, "storage": {}}
    source = {
        "name": "mod-1",
        "title": "A module",
        "sizes": {"standard": {"quota": {"learner": side}}},
        "tasks": [{"name": "do", "title": "Do it", "file": "do.md"}],
    }
    made = tmp_path / "mod-1"
    (made / "answers").mkdir(parents=True)
    (made / "template.yaml").write_text(yaml.safe_dump(source))
    (made / "checks.yaml").write_text(yaml.safe_dump({"checks": CHECKS}))
    (made / "do.md").write_text("# Do it\n")
    (made / "answers/secret.json").write_text("{}")
    return made


class Server(FakeKube):
    """Keeps what is applied and deleted."""

    def __init__(self) -> None:
        super().__init__(Cluster(), "tutor")
        self.applied: list[Object] = []
        self.deleted: list[tuple[str, str, str]] = []
        self.answers: Mapping[str, Object] = {}

    async def apply(self, made: Object, *, manager: str) -> Object:
        self.applied.append({**made, "by": manager})
        return made

    async def delete(self, *key: str) -> None:
        self.deleted.append(cast(Any, key))

    async def request(self, _: str, path: str) -> Object:
        if path not in self.answers:
            raise NotFound(404, "NotFound", path)
        return self.answers[path]


def session(server: Server, output: str = "") -> Session:
    return Session(cast(Any, server), COURSE, Options(output=output))


def module_test(folder: Path, server: Server | None = None, **wanted: Any) -> ModuleTest:
    return ModuleTest(session(server or Server()), Wanted(folder, **wanted))


def said(*states: str, message: str = "why") -> dict[str, Object]:
    """Return what became of each check; a state may end with - for no message."""
    return {
        check["id"]: {
            "id": check["id"],
            "state": state.rstrip("-"),
            "message": "" if state.endswith("-") else message,
        }
        for check, state in zip(CHECKS, states, strict=True)
    }


def outcome(**changes: Any) -> Outcome:
    made = Outcome("mod-1", ready_seconds=12.345, quota=42.42, seconds=99.99)
    made.used = Used(2**20, 33.33)
    made.fresh, made.solved = said("fail", "pass-", "pending", "fail"), said(*["pass-"] * 4)
    made.points = (4, 4)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_an_outcome_is_kept_as_json() -> None:
    wire = outcome(problems=["plan: odd"]).wire()
    assert json.loads(json.dumps(wire)) == wire
    assert (wire["module"], wire["readySeconds"], wire["quotaPercent"]) == ("mod-1", 12.3, 42.4)
    assert (wire["points"], wire["maxPoints"], wire["seconds"]) == (4, 4, 100.0)
    assert (wire["memory"], wire["cpuSeconds"]) == (2**20, 33.3)
    assert wire["checks"]["plan"] == {
        "fresh": "fail",
        "message": "why",
        "solved": "pass",
        "why": "",
    }
    assert wire["problems"] == ["plan: odd"]


def test_an_outcome_without_a_solution_says_as_much_as_it_knows() -> None:
    wire = outcome(solved={}).wire()
    assert [one["solved"] for one in wire["checks"].values()] == [""] * 4


@pytest.mark.parametrize("problems", [[], ["plan: odd"]])
async def test_what_came_of_it_is_shown_and_written(
    folder: Path,
    problems: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def run(_: ModuleTest) -> Outcome:
        return outcome(problems=problems)

    monkeypatch.setattr(ModuleTest, "run", run)
    report = folder / "build/deep/report.json"
    code = await template_test.test(session(Server()), Wanted(folder, report=report))
    assert code is (Exit.FAILURE if problems else Exit.OK)
    assert json.loads(report.read_text()) == outcome(problems=problems).wire()
    shown = capsys.readouterr().out
    assert (
        "mod-1: 4 checks, 4 of 4 points, Ready after 12 s, 1 MiB, 33 s of CPU, at most 42 %"
        in shown
    )
    assert ("problem: plan: odd" in shown) is bool(problems)
    await template_test.test(session(Server(), "json"), Wanted(folder))
    assert json.loads(capsys.readouterr().out) == outcome(problems=problems).wire()


def test_a_folder_that_is_no_module_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        module_test(tmp_path)


async def test_a_module_is_pushed_under_a_name_of_its_own_and_taken_away(folder: Path) -> None:
    server = Server()
    one = module_test(folder, server)
    await one._push()
    answers, template = server.applied
    assert (answers["kind"], template["kind"]) == ("ConfigMap", "LabTemplate")
    name = template["metadata"]["name"]
    assert name.startswith("mod-1-test-") and name != module_test(folder)._template
    assert answers["metadata"] == {"name": f"{name}-answers", "namespace": COURSE}
    await one._remove()
    assert set(server.deleted) == {
        ("LabEnvironment", COURSE, one.lab),
        ("LabTemplate", COURSE, name),
        ("ConfigMap", COURSE, f"{name}-answers"),
    }


async def test_what_could_not_be_asked_is_asked_once_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [said("fail", "error", "pending", "error"), said("pass", "pass", "error", "error")]
    asked: list[tuple[str, ...]] = []

    async def ask(_: ModuleTest, what: str, only: tuple[str, ...], needs: str) -> dict[str, Object]:
        assert needs == "ignored"
        asked.append(only)
        return answers[len(asked) - 1]

    monkeypatch.setattr(ModuleTest, "_ask", ask)
    found = await module_test(folder)._look("a new lab", ("plan",), "ignored")
    assert asked == [("plan",), ("fine", "next")]
    assert [one["state"] for one in found.values()] == ["fail", "pass", "pending", "error"]


async def test_pushing_leaves_the_modules_own_name(folder: Path) -> None:
    server = Server()
    made = await push(session(server), pack.pack(folder), pack.answers(folder))
    assert [one["metadata"]["name"] for one in made] == ["mod-1-answers", "mod-1"]
    assert [one["by"] for one in server.applied] == ["practicum-cli"] * 2
    server.applied.clear()
    await push(session(server), pack.pack(folder), None)
    assert [one["kind"] for one in server.applied] == ["LabTemplate"]


@pytest.mark.parametrize(
    ("hard", "used", "percent"),
    [
        ({"pods": "10"}, {"pods": "4"}, 40),
        ({"pods": "10", "limits.memory": "1Gi"}, {"pods": "1", "limits.memory": "768Mi"}, 75),
        ({"limits.cpu": "2"}, {"limits.cpu": "500m"}, 25),
        ({"services.nodeports": "0", "pods": "4"}, {"services.nodeports": "0"}, 0),
        ({}, {}, 0),
    ],
)
def test_the_fullest_quota_is_told(hard: Object, used: Object, percent: float) -> None:
    assert share({"spec": {"hard": hard}, "status": {"used": used}}) == percent


async def test_what_is_used_is_that_of_the_labs_own_pods() -> None:
    server = Server()

    def pod(space: str, much: int) -> Object:
        cpu, memory = {"usageCoreNanoSeconds": much * 10**9}, {"workingSetBytes": much}
        return {"podRef": {"namespace": space}, "cpu": cpu, "memory": memory}

    server.answers = {
        "/api/v1/nodes": {"items": [{"metadata": {"name": "one"}}, {"metadata": {"name": "two"}}]},
        "/api/v1/nodes/one/proxy/stats/summary": {"pods": [pod("lab-a", 1), pod("other", 2)]},
        "/api/v1/nodes/two/proxy/stats/summary": {"pods": [pod("lab-b", 4), {"podRef": {
            "namespace": "lab-b"}}]},
    }  # fmt: skip
    assert await used(session(server), {"lab-a", "lab-b"}) == Used(memory=5, cpu_seconds=5.0)


def test_a_solution_is_told_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("ada", COURSE, {"learner": "lab-ada"}, "/a", "/b", [{"service": "x"}], "/m")
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    assert Place.from_environment() == place
    monkeypatch.delenv(next(iter(place.environment())))
    with pytest.raises(KeyError):
        Place.from_environment()
