"""``practicum cohort`` as an instructor runs it, against a real API server."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from practicum.api.names import COHORT
from practicum.api.times import rfc3339
from practicum.cli import cohorts
from practicum.cli.exits import CliError
from practicum.cli.session import Options, Session
from practicum.clock import utcnow
from practicum.kube.client import Kube, Object

from .conftest import Command, LabMaker, eventually
from .operator_process import OperatorProcess

CHECKS = [{"name": "mod-506", "checks": ["first-run", "registered", "served"]}]
ROSTER = """\
email,name,size,endAt
ada@example.org,Ada Lovelace,,
bob@example.org,Bob,small,
eve@example.org,,,2030-01-01T12:00:00Z
"""


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER)
    return path


@pytest.fixture
async def cohort(
    kube: Kube, running_operator: OperatorProcess, instructor: Command, roster: Path
) -> Any:
    """A class of three with an end, of which no operator says anything."""
    running_operator.stop()
    words = ("cohort", "import", str(roster), "--name", "class-a", "--template", "mod-506")
    done = instructor(*words, "--end-at", "2030-01-01T10:00:00Z")
    assert done.returncode == 0, done.stderr
    yield "class-a"
    await kube.delete("LabCohort", "course-a", "class-a")


def rewrite(roster: Path, text: str) -> None:
    roster.write_text(text)


async def stored(kube: Kube) -> Object:
    return await kube.get("LabCohort", "course-a", "class-a")


async def say(kube: Kube, **status: Any) -> None:
    """Write the status, as the operator does."""
    path = "/apis/practicum.dev/v1alpha1/namespaces/course-a/labcohorts/class-a/status"
    body = {"status": {"phase": "Running", "observedGeneration": 1, **status}}
    await kube.request("PATCH", path, body=body, content_type="application/merge-patch+json")


def row(lab: str, learner: str, phase: str | None = "Ready", **more: Any) -> Object:
    found = {"lab": lab, "learner": learner, "template": "mod-506", **more}
    return found | ({"phase": phase} if phase else {})


async def test_a_file_with_bad_rows_changes_nothing(
    kube: Kube, instructor: Command, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("id,endAt\nada,\na b,\nada,soon\n")
    words = ("cohort", "import", str(bad), "--name", "class-b", "--template", "mod-506")
    done = instructor(*words)
    assert (done.returncode, done.stdout) == (5, "")
    told = done.stderr.splitlines()
    assert [line.removeprefix(f"{bad}: ")[:19] for line in told[:-1]] == [
        "line 3, column id: ",
        "line 4, column id: ",
        "line 4, column endA",
    ]
    assert told[-1] == f"practicum: {bad} has 3 problems; nothing was changed"
    assert await kube.find("LabCohort", "course-a", "class-b") is None


async def test_what_the_api_server_refuses_is_refused_before_anything_is_done(
    kube: Kube, instructor: Command, roster: Path, cohort: str
) -> None:
    before = await stored(kube)
    words = ("cohort", "import", str(roster), "--name", cohort)
    done = instructor(*words, "--start-at", "2030-01-02T10:00:00Z", "--dry-run")
    assert (done.returncode, done.stdout) == (5, "")
    assert "spec.schedule.endAt must be after schedule.startAt" in done.stderr
    assert await stored(kube) == before


async def test_an_import_changes_the_roster_and_tells_how(
    kube: Kube, instructor: Command, roster: Path, cohort: str
) -> None:
    first = await stored(kube)
    assert [one["id"][:3] for one in first["spec"]["roster"]["learners"]] == ["ada", "bob", "eve"]
    assert [one["name"] for one in first["spec"]["templates"]] == ["mod-506"]
    words = ("cohort", "import", str(roster), "--name", cohort)
    assert instructor(*words).stdout == "cohort class-a is so already: nothing to do\n"
    assert (await stored(kube))["metadata"]["generation"] == 1

    await say(kube, labs=[row("class-a-eve", "eve@example.org")])
    rewrite(roster, "id,size\nada@example.org,large\nbob@example.org,small\nfay@example.org,\n")
    dry = instructor(*words, "--dry-run", "--removal-policy", "delete")
    assert dry.returncode == 0
    assert dry.stdout.splitlines() == [
        "cohort class-a: 1 added, 2 changed, 1 removed",
        "~ removalPolicy Keep -> Delete",
        "+ fay@example.org",
        "~ ada@example.org: displayName Ada Lovelace -> -, size - -> large",
        "~ bob@example.org: displayName Bob -> -",
        "- eve@example.org",
        "! lab class-a-eve of eve@example.org is deleted with all that is in it",
    ]
    unasked = instructor(*words, "--removal-policy", "delete")
    assert unasked.returncode == 2
    assert "deleting needs a yes" in unasked.stderr
    assert (await stored(kube))["spec"] == first["spec"]

    done = instructor(*words, "--removal-policy", "delete", "--yes", "-o", "json")
    told = json.loads(done.stdout)
    assert told["added"] == [{"id": "fay@example.org"}]
    assert told["removed"] == ["eve@example.org"]
    assert (told["labs"], told["dryRun"]) == (["class-a-eve"], False)
    spec = (await stored(kube))["spec"]
    assert spec["removalPolicy"] == "Delete"
    assert spec["schedule"]["endAt"] == "2030-01-01T10:00:00Z"
    assert [(one["id"][:3], one.get("size")) for one in spec["roster"]["learners"]] == [
        *(("ada", "large"), ("bob", "small"), ("fay", None)),
    ]


async def test_a_class_that_is_not_there_needs_its_modules(
    instructor: Command, roster: Path
) -> None:
    done = instructor("cohort", "import", str(roster), "--name", "class-b")
    assert done.returncode == 2
    assert "--template TEMPLATE" in done.stderr
    assert instructor("cohort", "show", "class-b").returncode == 3


async def test_edits_meet_no_edit_of_others(kube: Kube, cohort: str) -> None:
    session = Session(kube, "course-a", Options())
    known = await stored(kube)
    await say(kube, learners=3)
    await cohorts.patch(session, known, {"paused": True}, manager="tests")
    assert (await stored(kube))["spec"]["paused"] is True
    with pytest.raises(CliError, match="somebody changed cohort class-a meanwhile"):
        await cohorts.patch(session, known, {"paused": False}, manager="tests")


async def test_a_class_is_paused_and_moved(kube: Kube, instructor: Command, cohort: str) -> None:
    paused = instructor("cohort", "pause", cohort)
    assert "class-a: paused; it ends 2030-01-01T10:00:00Z (in " in paused.stdout
    assert (await stored(kube))["spec"]["paused"] is True
    explained = instructor("cohort", "explain", cohort)
    assert explained.returncode == 1
    assert instructor("cohort", "resume", cohort).stdout == "class-a: resumed\n"
    assert "not paused already" in instructor("cohort", "resume", cohort).stdout

    longer = instructor("cohort", "extend", cohort, "--by", "30m")
    assert longer.stdout.startswith("class-a: ends 2030-01-01T10:30:00Z (in ")
    assert longer.stderr == "an end of their own keep: eve@example.org (see --learner)\n"
    one = ("--learner", "bob@example.org", "--learner", "eve@example.org")
    assert instructor("cohort", "extend", cohort, "--by", "1h", *one).returncode == 0
    assert instructor("cohort", "pause", cohort, *one[:2]).returncode == 0
    spec = (await stored(kube))["spec"]
    assert spec["schedule"]["endAt"] == "2030-01-01T10:30:00Z"
    ends = [one.get("endAt") for one in spec["roster"]["learners"]]
    assert ends == [None, "2030-01-01T11:30:00Z", "2030-01-01T13:00:00Z"]
    assert [one.get("suspended") for one in spec["roster"]["learners"]] == [False, True, False]

    stranger = instructor("cohort", "extend", cohort, "--by", "1h", "--learner", "zoe")
    assert (stranger.returncode, "no learner zoe" in stranger.stderr) == (3, True)
    past = instructor("cohort", "extend", cohort, "--until", "2020-01-01T00:00:00Z")
    assert past.returncode == 5


async def test_the_roster_of_a_config_map_is_edited_there(
    kube: Kube, instructor: Command, roster: Path, cohort: str
) -> None:
    meta = {"name": "who", "namespace": "course-a"}
    data = {"roster.csv": ROSTER}
    await kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})
    spec = {"roster": {"learners": None, "configMapRef": {"name": "who"}}}
    await kube.merge_patch("LabCohort", "course-a", cohort, {"spec": spec})
    words = ("cohort", "extend", cohort, "--by", "1h", "--learner", "bob@example.org")
    done = instructor(*words)
    assert done.returncode == 5
    assert (
        "set its endAt in line 3 of its key roster.csv: kubectl edit configmap who" in done.stderr
    )
    done = instructor("cohort", "import", str(roster), "--name", cohort)
    assert done.returncode == 5
    assert "ConfigMap who" in done.stderr


async def test_how_a_class_does(kube: Kube, instructor: Command, cohort: str) -> None:
    assert "no operator has looked at it yet" in instructor("cohort", "show", cohort).stdout
    moment = "2026-11-26T12:00:00Z"
    condition = {"type": "Ready", "status": "False", "reason": "LabsNotReady"}
    await say(
        kube,
        learners=3,
        ready="1/3",
        phases={"Ready": 1, "Provisioning": 1, "Waiting": 1},
        slowest={"lab": "l2", "learner": "bob@example.org", "seconds": 90, "ready": False},
        spend={"amount": "1.25", "currency": "EUR", "percent": 25},
        templates=CHECKS,
        labs=[
            row("l1", "ada@example.org", states="PF.", passed=1, total=3, points=10),
            row("l2", "bob@example.org", "Provisioning", message="StatefulSet mlflow: image"),
            row("l3", "eve@example.org", None),
        ],
        conditions=[condition | {"message": "2 labs are not ready", "lastTransitionTime": moment}],
    )
    listed = instructor("cohort", "list").stdout.splitlines()
    assert listed[0].split() == [
        "NAME",
        "PHASE",
        "LEARNERS",
        "READY",
        "STARTS",
        "ENDS",
        "SPEND",
        "MESSAGE",
    ]
    assert listed[1].split()[:4] == ["class-a", "Running", "3", "1/3"]
    shown = instructor("cohort", "show", cohort).stdout
    for text in (
        "class-a in course-a: Running, 3 learners, labs ready 1/3",
        "slowest     bob@example.org (lab l2): waits for 1m30s already",
        "spent       1.25 EUR (25 %)",
        "  bob@example.org  lab l2  Provisioning: StatefulSet mlflow: image",
        "  eve@example.org  lab l3  not made yet",
        "  Ready         False   LabsNotReady: 2 labs are not ready",
    ):
        assert text in shown, shown
    explained = instructor("cohort", "explain", cohort)
    assert explained.returncode == 1
    assert "remedy   see why the labs below are not ready" in explained.stdout

    told = json.loads(instructor("cohort", "progress", cohort, "-o", "json").stdout)
    assert told[0]["mod-506/first-run"] == "pass"
    assert (told[0]["mod-506/registered"], told[0]["mod-506/served"]) == ("fail", "pending")
    sheet = instructor("cohort", "progress", cohort, "-o", "csv").stdout.splitlines()
    assert sheet[0].endswith("lastActivityAt,mod-506/first-run,mod-506/registered,mod-506/served")
    assert sheet[1] == "ada@example.org,l1,mod-506,Ready,1,3,10,,pass,fail,pending"
    table = instructor("cohort", "progress", cohort).stdout.splitlines()
    assert table[0].split() == ["mod-506", "phase", "passed", "points", "123"]
    assert table[1].split() == ["ada@example.org", "Ready", "1/3", "10", "PF."]


async def test_progress_is_followed(
    kube: Kube, cohort: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await say(kube, templates=CHECKS, labs=[row("l1", "ada@example.org", states="F..", total=3)])
    session, seen = Session(kube, "course-a", Options()), [""]

    async def said(line: str) -> bool:
        seen[0] += capsys.readouterr().out
        assert line in seen[0].splitlines(), seen
        return True

    watching = asyncio.create_task(cohorts.progress(session, cohort, True))
    await eventually(lambda: said("ada@example.org  l1  Ready  0/3  F.."))
    passed = row("l1", "ada@example.org", states="P..", passed=1, total=3)
    await say(kube, labs=[passed])
    await eventually(lambda: said("ada@example.org  l1  Ready  1/3  P.."))
    assert len(seen[0].splitlines()) == 2
    watching.cancel()


async def test_a_lab_with_an_end_is_moved_by_its_end(
    kube: Kube, instructor: Command, make_lab: LabMaker
) -> None:
    lab = await make_lab(endAt="2030-01-01T10:00:00Z")
    name = lab["metadata"]["name"]
    far = instructor("extend", name, "1h")
    assert far.returncode == 5
    near = instructor("extend", name, "--until", "23:59")
    assert near.returncode == 0, near.stderr
    spec = (await kube.get("LabEnvironment", "course-a", name))["spec"]
    assert spec["ttl"] == lab["spec"]["ttl"]
    assert spec["endAt"] < "2030"


@pytest.fixture
async def brought_about(
    kube: Kube, operator: OperatorProcess, instructor: Command, roster: Path
) -> Any:
    """A class with labs of the operator's making."""
    rewrite(roster, "id\nada@example.org\nbob@example.org\n")
    words = ("cohort", "import", str(roster), "--name", "class-c", "--template", "mod-506")
    done = instructor(*words, "--end-at", soon(2))
    assert done.returncode == 0, done.stderr
    yield "class-c"
    await kube.delete("LabCohort", "course-a", "class-c")

    async def gone() -> bool:
        labels = f"{COHORT}=class-c"
        return not await kube.list("LabEnvironment", "course-a", labels)

    await eventually(gone, 90)


def soon(hours: int) -> str:
    return rfc3339(utcnow() + timedelta(hours=hours))


async def labs_of(kube: Kube, cohort: str, number: int) -> dict[str, Object]:
    """Wait until the status tells of the labs of a class; returns them by learner."""

    async def told() -> dict[str, Object]:
        rows = (await kube.get("LabCohort", "course-a", cohort))["status"]["labs"]
        names = {one["learner"][:3]: one["lab"] for one in rows if one.get("phase")}
        assert len(names) == number, rows
        return {
            who: await kube.get("LabEnvironment", "course-a", name) for who, name in names.items()
        }

    return dict(await eventually(told))


async def test_verbs_on_a_lab_do_not_fight_its_cohort(
    kube: Kube, instructor: Command, brought_about: str
) -> None:
    labs = await labs_of(kube, brought_about, 2)
    ada = labs["ada"]["metadata"]["name"]
    for words, better in (
        (("extend", ada, "30m"), "extend class-c --learner ada@example.org --by 30m"),
        (("delete", ada, "--yes"), "reprovision class-c ada@example.org"),
    ):
        done = instructor(*words)
        assert done.returncode == 5, words
        assert done.stderr.strip().endswith(f"which would undo that; practicum cohort {better}")
    assert instructor("suspend", ada).returncode == 0
    assert instructor("resume", ada).returncode == 0

    async def suspended() -> bool:
        now = await kube.get("LabEnvironment", "course-a", ada)
        return bool(now["spec"].get("suspended"))

    one = ("--learner", "ada@example.org")
    assert instructor("cohort", "pause", brought_about, *one).returncode == 0
    await eventually(suspended)
    kept = instructor("resume", ada)
    assert kept.returncode == 5
    assert "practicum cohort resume class-c --learner ada@example.org" in kept.stderr
    assert instructor("cohort", "resume", brought_about, *one).returncode == 0

    async def awake() -> bool:
        return not await suspended()

    await eventually(awake)


async def test_a_class_is_extended_and_a_lab_of_it_made_again(
    kube: Kube, instructor: Command, brought_about: str
) -> None:
    labs = await labs_of(kube, brought_about, 2)
    end, bob = soon(5), labs["bob"]["metadata"]
    assert instructor("cohort", "extend", brought_about, "--until", end).returncode == 0

    async def moved() -> bool:
        now = await labs_of(kube, brought_about, 2)
        return {lab["spec"]["endAt"] for lab in now.values()} == {end}

    await eventually(moved)
    again = ("cohort", "reprovision", brought_about)
    assert instructor(*again, "zoe").returncode == 3
    assert instructor(*again, "bob@example.org").returncode == 2
    done = instructor(*again, "bob@example.org", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"lab {bob['name']} in course-a of bob@example.org" in done.stderr

    async def another() -> bool:
        now = await kube.get("LabEnvironment", "course-a", bob["name"])
        return bool(now["metadata"]["uid"] != bob["uid"])

    await eventually(another, 90)
    assert instructor("cohort", "pause", brought_about).returncode == 0

    async def paused() -> bool:
        now = await kube.get("LabCohort", "course-a", brought_about)
        return bool(now["status"]["phase"] == "Paused")

    await eventually(paused)
    refused = instructor(*again, "bob@example.org", "--yes")
    assert (refused.returncode, "no lab is made now" in refused.stderr) == (5, True)
