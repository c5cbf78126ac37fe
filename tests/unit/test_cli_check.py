"""``practicum check`` and ``drill``: who asks where, what is waited for, and what is shown."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from rich.text import Text

from practicum import clock, errors
from practicum.cli import check, drill
from practicum.cli.check import Wanted
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Options, Session
from practicum.kube import stream
from practicum.kube.stream import Event
from tests.unit.changes import COURSE, LAB, SPACE, Cluster, FakeKube

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RESULTS = [
    {"id": "plan", "state": "pass", "points": 2, "message": "", "since": "x"},
    {"id": "gate", "state": "fail", "points": 0, "message": "not yet", "since": "x"},
    {"id": "late", "state": "pending", "points": 0, "message": "waits", "since": "x"},
]
STATUS: Object = {
    "summary": "1/3",
    "passed": 1,
    "total": 3,
    "points": 2,
    "maxPoints": 9,
    "results": RESULTS,
}
REPORT = [
    {"id": "plan", "title": "A plan", "task": "explore", "maxPoints": 2},
    {"id": "gate", "title": "A gate", "task": "policy", "maxPoints": 5},
]


class Server(FakeKube):
    """The API server of one lab, whose operator answers every request at once."""

    def __init__(self, cluster: Cluster, status: Object) -> None:
        super().__init__(cluster, "somebody")
        self.status, self.silent = status, False
        self.applied: list[Object] = []
        self.patches: list[Object] = []

    async def apply(self, body: Object, *, manager: str) -> Object:
        assert manager == "practicum-cli"
        self._check("apply", body["kind"])
        self.applied.append(body)
        self._answer("request", body["data"]["requested"])
        return body

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Object) -> Object:
        self._check("patch", kind)
        assert (kind, namespace, name) == ("LabEnvironment", COURSE, LAB)
        self.patches.append(patch["metadata"]["annotations"])
        self._answer("staffRequest", self.patches[-1]["practicum.dev/check-requested"])
        return patch

    def _answer(self, field: str, text: str) -> None:
        if not self.silent:
            lab = self.cluster.objects["LabEnvironment", COURSE, LAB]
            lab["status"]["checks"] = {**self.status, field: text}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    report = _report(json.dumps({"checks": REPORT}))
    template = {
        "kind": "LabTemplate",
        "metadata": {"name": "mod-506", "namespace": COURSE},
        "spec": {"drills": [{"name": "dark", "title": "All dark"}]},
    }
    made = Server(Cluster(_lab(), report, template), STATUS)

    async def watch(kube: Any, kind: str, namespace: str, name: str) -> AsyncGenerator[Event]:
        yield Event("RESET", {})
        yield Event("ADDED", await kube.get(kind, namespace, name))
        if made.cluster.future:
            yield Event("DELETED", {})

    monkeypatch.setattr(stream, "watch", watch)
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)
    return made


def _report(text: str) -> Object:
    meta = {"name": "check-report", "namespace": SPACE}
    return {"kind": "ConfigMap", "metadata": meta, "data": {"report.json": text}}


def _lab() -> Object:
    meta = {"name": LAB, "namespace": COURSE}
    status = {"phase": "Ready", "namespaces": [SPACE, f"{SPACE}-platform"]}
    return {
        "kind": "LabEnvironment",
        "metadata": meta,
        "spec": {"template": "mod-506"},
        "status": status,
    }


def session(server: Server, output: str = "") -> Session:
    return Session(cast(Any, server), COURSE, Options(output=output))


def refuse(server: Server, verb: str, kind: str) -> None:
    server.cluster.refusals[verb, kind] = errors.Forbidden(403, "Forbidden", "no")


async def test_a_learner_asks_in_the_lab(server: Server) -> None:
    assert await check.check(session(server), LAB, Wanted()) is Exit.FAILURE
    (asked,) = server.applied
    assert asked["metadata"] == {"name": "check-request", "namespace": SPACE}
    assert asked["data"]["requested"].startswith("2026-11-21T12:00:00Z ")
    assert (asked["data"]["checks"], asked["data"]["drill"]) == ("", "")
    assert server.patches == []


async def test_no_two_requests_are_the_same(server: Server) -> None:
    for _ in range(3):
        await check.check(session(server), LAB, Wanted())
    assert len({one["data"]["requested"] for one in server.applied}) == 3


async def test_staff_asks_on_the_lab_itself(server: Server) -> None:
    refuse(server, "apply", "ConfigMap")
    await check.check(session(server), LAB, Wanted())
    (notes,) = server.patches
    assert notes["practicum.dev/check-requested"].startswith("2026-11-21T12:00:00Z ")
    assert notes["practicum.dev/drill"] is None
    with pytest.raises(CliError, match="only the learner chooses which checks"):
        await check.check(session(server), LAB, Wanted(only=("plan",)))


async def test_only_some_are_asked_for_and_shown(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await check.check(session(server), LAB, Wanted(only=("plan",))) is Exit.OK
    assert server.applied[0]["data"]["checks"] == "plan"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["CHECK", "plan"]


async def test_a_table_of_what_became_of_each(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = {**STATUS, "errors": 1, "unsupported": 2}
    await check.check(session(server), LAB, Wanted())
    head, plan, gate, late, _, summary = capsys.readouterr().out.splitlines()
    assert head.split() == ["CHECK", "TASK", "STATE", "POINTS", "MESSAGE"]
    assert plan.split() == ["plan", "explore", "✓", "pass", "2/2", "A", "plan"]
    assert gate.split() == ["gate", "policy", "✗", "fail", "0/5", "not", "yet"]
    assert late.split() == ["late", "-", "…", "pending", "-", "waits"]
    assert "1/3" in summary
    said = ("2 of 9 points", "2 cannot be told on this cluster", "1 could not be looked at")
    assert all(text in summary for text in said)


async def test_as_data_everything_is_said(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    await check.check(session(server, "json"), LAB, Wanted())
    said = json.loads(capsys.readouterr().out)
    assert said["summary"]["summary"] == "1/3" and "results" not in said["summary"]
    assert said["checks"][1] == {**REPORT[1], **RESULTS[1]}


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["pass", "waived", "unsupported"], Exit.OK),
        (["pass", "fail"], Exit.FAILURE),
        (["pass", "error"], Exit.FAILURE),
        (["pending"], Exit.FAILURE),
        ([], Exit.OK),
    ],
)
async def test_the_code_says_whether_something_is_missing(
    server: Server, states: list[str], code: Exit
) -> None:
    results = [{"id": f"c{at}", "state": state} for at, state in enumerate(states)]
    server.status = {**STATUS, "results": results}
    assert await check.check(session(server), LAB, Wanted()) is code


async def test_the_last_answer_is_shown_without_asking(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    last = Wanted(ask=False)
    with pytest.raises(CliError, match="nobody has looked at the checks of lab ada yet"):
        await check.check(session(server), LAB, last)
    server._answer("request", "x")
    assert await check.check(session(server), LAB, last) is Exit.FAILURE
    assert not server.applied and "1/3" in capsys.readouterr().out


async def test_a_check_that_there_is_not(server: Server) -> None:
    with pytest.raises(CliError, match="there is no check none") as caught:
        await check.check(session(server), LAB, Wanted(only=("none",)))
    assert (caught.value.code, caught.value.hint) == (
        Exit.NOT_FOUND,
        "there are: gate, late, plan",
    )


@pytest.mark.parametrize("phase", ["Provisioning", "Suspended", "Failed"])
async def test_a_lab_that_is_not_ready_is_not_asked(server: Server, phase: str) -> None:
    server.cluster.objects["LabEnvironment", COURSE, LAB]["status"]["phase"] = phase
    with pytest.raises(CliError, match=f"lab ada is {phase}: checks are looked at once it is"):
        await check.check(session(server), LAB, Wanted())
    assert not server.applied


async def test_an_answer_that_does_not_come(server: Server) -> None:
    server.silent = True
    with pytest.raises(CliError, match="no answer within 0s") as caught:
        await check.check(session(server), LAB, Wanted(limit=timedelta(milliseconds=50)))
    assert caught.value.code is Exit.TIMEOUT


async def test_a_lab_that_is_gone_meanwhile(server: Server) -> None:
    server.silent = True
    server.cluster.future.append({})
    with pytest.raises(CliError, match="lab ada not found"):
        await check.check(session(server), LAB, Wanted())


@pytest.mark.parametrize("text", ["no JSON", "{}"])
async def test_without_a_report_the_status_says_enough(server: Server, text: str) -> None:
    server.cluster.put(_report(text))
    assert await check.report_of(session(server), _lab()) == {}
    refuse(server, "get", "ConfigMap")
    assert await check.report_of(session(server), _lab()) == {}


def test_what_others_wrote_does_not_reach_a_terminal_as_it_is() -> None:
    row = {"id": "a", "state": "fail", "message": "\x1b[2Jgone"}
    assert "\x1b" not in str(check._cells(row)[-1])
    odd = check._cells({"id": "a", "state": "new"})
    assert isinstance(odd[2], Text) and odd[2].plain == "new"


async def test_drills_are_listed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert await drill.drill(session(server), LAB, "", timedelta(seconds=5)) is Exit.OK
    assert capsys.readouterr().out.split("\n")[1].split() == ["dark", "All", "dark"]
    refuse(server, "get", "LabTemplate")
    with pytest.raises(CliError, match="you may not read the template") as caught:
        await drill.drill(session(server), LAB, "", timedelta(seconds=5))
    assert caught.value.code is Exit.FORBIDDEN


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("drill dark: app does not run until x", Exit.OK),
        ("there is no drill dark; there are: none", Exit.FAILURE),
        ("drill dark could not be started: no", Exit.FAILURE),
    ],
)
async def test_a_drill_is_asked_for_and_its_answer_shown(
    server: Server, message: str, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = {**STATUS, "message": message}
    assert await drill.drill(session(server), LAB, "dark", timedelta(seconds=5)) is code
    assert server.applied[0]["data"]["drill"] == "dark"
    assert capsys.readouterr().out == f"{message}\n"
    refuse(server, "apply", "ConfigMap")
    await drill.drill(session(server), LAB, "dark", timedelta(seconds=5))
    assert server.patches[0]["practicum.dev/drill"] == "dark"
