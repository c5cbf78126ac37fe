"""A class of five on a real cluster: from a spreadsheet, before the bell, to its archives."""

import asyncio
import contextlib
import itertools
import json
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.conftest import COURSE, read
from e2e.stage import Stage
from e2e.waiting import eventually
from practicum.api.times import rfc3339
from practicum.clock import utcnow
from practicum.kube.client import Kube, Object
from practicum.reconcile.runner import background

CLASS, BACK = "monday", "monday-back"
PEOPLE = tuple(f"{name}@example.org" for name in ("ada", "bob", "cleo", "dan", "eve"))
BUSY, ASKED = PEOPLE[0], PEOPLE[1]
MODULE = "mod-501"


def verb(stage: Stage, *words: str, good: bool = True) -> str:
    """Run the practicum command in the course; returns what it said."""
    done = stage.practicum(*words, "-n", COURSE)
    said = done.stdout + done.stderr
    assert (done.returncode == 0) is good, said
    return done.stdout if good else said


def status(stage: Stage) -> Any:
    found = json.loads(stage.kubectl("get", "cohort", CLASS, "-n", COURSE, "-o", "json"))
    return found.get("status", {})


def labs(stage: Stage) -> dict[str, Any]:
    """Return the class' labs by learner."""
    where = ("lab", "-n", COURSE, "-l", f"practicum.dev/cohort={CLASS}", "-o", "json")
    found = json.loads(stage.kubectl("get", *where))["items"]
    return {lab["spec"].get("learner", {}).get("id", lab["metadata"]["name"]): lab for lab in found}


async def until(stage: Stage, seconds: float, **fields: Any) -> Any:
    """Wait until the class' status has these fields; returns it."""

    async def holds() -> Any:
        found = status(stage)
        return found if {key: found.get(key) for key in fields} == fields else None

    try:
        return await eventually(holds, seconds)
    except BaseException:
        print(verb(stage, "cohort", "show", CLASS))
        raise


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("class") / "roster.csv"
    file.write_text("email,name\n" + "".join(f"{one},{one[:3].title()}\n" for one in PEOPLE))
    return file


@pytest.fixture(scope="module")
def monday(stage: Stage, roster: Path) -> Iterator[datetime]:
    """The class, made by an import; nothing of it is left behind."""
    bell = utcnow() + timedelta(minutes=20)
    bad = roster.with_name("bad.csv")
    bad.write_text(roster.read_text() + "not a learner,Mallory\n")
    begin = ("--provision-at", rfc3339(utcnow()), "--start-at", rfc3339(bell))
    schedule = (*begin, "--access", "at-start")
    end = ("--end-at", rfc3339(bell + timedelta(hours=2)), "--on-expiry", "archive")
    words = ("cohort", "import", str(bad), "--name", CLASS, "--template", MODULE)
    assert "line 7" in verb(stage, *words, *schedule, *end, good=False)
    assert not stage.kubectl("get", "cohort", CLASS, "-n", COURSE, "--ignore-not-found")
    shown = verb(stage, *words[:2], str(roster), *words[3:], *schedule, *end, "--dry-run")
    assert all(one in shown for one in PEOPLE)
    assert not stage.kubectl("get", "cohort", CLASS, "-n", COURSE, "--ignore-not-found")
    verb(stage, *words[:2], str(roster), *words[3:], *schedule, *end)
    yield bell
    stage.kubectl("delete", "lab", BACK, "-n", COURSE, "--ignore-not-found", "--wait=false")
    for lab in labs(stage).values():
        note = "practicum.dev/skip-archive=true"
        stage.kubectl("annotate", "lab", lab["metadata"]["name"], "-n", COURSE, note)
    stage.kubectl("delete", "cohort", CLASS, "-n", COURSE, "--ignore-not-found")


def edit(stage: Stage, **spec: Any) -> None:
    patch = json.dumps({"spec": spec})
    stage.kubectl("patch", "cohort", CLASS, "-n", COURSE, "--type", "merge", "-p", patch)


async def test_all_labs_are_ready_before_the_bell(stage: Stage, monday: datetime) -> None:
    found = await until(stage, 300, phase="Running", ready=f"{len(PEOPLE)}/{len(PEOPLE)}")
    assert utcnow() < monday
    assert all("credentials" not in lab["status"] for lab in labs(stage).values())
    seconds = [row["readySeconds"] for row in found["labs"]]
    print(f"ready after {min(seconds)} to {max(seconds)} s")


async def test_at_the_bell_everybody_gets_in(stage: Stage, tmp_path: Path) -> None:
    edit(stage, schedule={"startAt": rfc3339(utcnow())})

    async def opened() -> bool:
        found = labs(stage)
        issued = [lab["status"].get("credentials") for lab in found.values()]
        return set(found) == set(PEOPLE) and all(issued)

    await eventually(opened, 60)
    folder = tmp_path / "credentials"
    verb(stage, "credentials", "export", "--cohort", CLASS, "--to", str(folder))
    files = sorted(one for one in folder.iterdir() if one.name != "index.csv")
    assert len(files) == len(PEOPLE)
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    index, servers = (folder / "index.csv").read_text(), set()
    for file in files:
        config = yaml.safe_load(file.read_text())
        secrets = [one["user"].get("token", "") for one in config["users"]]
        assert not [one for one in secrets if one and one in index]
        stage.kubectl("--kubeconfig", file, "get", "pods")
        servers.add(config["contexts"][0]["context"]["namespace"])
    assert len(servers) == len(PEOPLE), "each has a lab of their own"


async def test_progress_is_seen_by_the_instructor(stage: Stage) -> None:
    name = labs(stage)[ASKED]["metadata"]["name"]
    stage.practicum("check", name, "-n", COURSE)

    async def seen() -> Any:
        rows = {row["learner"]: row for row in status(stage)["labs"]}
        return rows[ASKED] if "F" in rows[ASKED]["states"] else None

    row = await eventually(seen, 60)
    assert row["total"] > 0
    (columns,) = status(stage)["templates"]
    assert len(columns["checks"]) == len(row["states"])
    shown = verb(stage, "cohort", "progress", CLASS)
    assert ASKED in shown
    assert row["states"][:5] in shown.replace(" ", "")


async def test_an_extension_reaches_every_lab(stage: Stage) -> None:
    before = {key: lab["status"]["expiresAt"] for key, lab in labs(stage).items()}
    verb(stage, "cohort", "extend", CLASS, "--by", "30m")

    async def extended() -> bool:
        after = {key: lab["status"]["expiresAt"] for key, lab in labs(stage).items()}
        return all(
            datetime.fromisoformat(after[key]) - datetime.fromisoformat(before[key])
            == timedelta(minutes=30)
            for key in before
        )

    await eventually(extended, 60)


@contextlib.asynccontextmanager
async def at_work(stage: Stage, who: str, folder: Path) -> AsyncIterator[None]:
    """Somebody makes things in their lab and deletes them, again and again; it has been noticed."""
    lab, access = labs(stage)[who], folder / "kubeconfig"
    verb(stage, "credentials", lab["metadata"]["name"], "--write", str(access), "--no-exec")
    space = lab["status"]["namespaces"][0]

    async def work(kube: Kube) -> None:
        for number in itertools.cycle(range(4)):
            meta = {"name": f"scratch-{number}", "namespace": space}
            await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
            if number == 3:
                for made in range(4):
                    await kube.delete("ConfigMap", space, f"scratch-{made}")
            await asyncio.sleep(20)

    async def noticed() -> bool:
        activity: Object = labs(stage)[who]["status"]["activity"]
        return bool(activity["source"] == "Objects")

    async with await Kube.connect(access) as kube, background(work(kube)):
        await eventually(noticed, 60)
        yield


async def test_who_is_idle_is_suspended_and_who_works_is_not(stage: Stage, tmp_path: Path) -> None:
    async with at_work(stage, BUSY, tmp_path):
        edit(stage, idle={"suspendAfter": "60s", "warnBefore": "30s"})
        await until(stage, 240, phases={"Ready": 1, "Suspended": len(PEOPLE) - 1})
        assert labs(stage)[BUSY]["status"]["phase"] == "Ready"
        reasons = {
            condition["reason"]
            for who, lab in labs(stage).items()
            for condition in lab["status"]["conditions"]
            if condition["type"] == "Idle" and who != BUSY
        }
        assert reasons == {"IdleSuspended"}
        activity = labs(stage)[BUSY]["status"]["activity"]
        assert activity["source"] in ("Objects", "Compute")
    edit(stage, idle=None)
    name = labs(stage)[ASKED]["metadata"]["name"]
    verb(stage, "resume", name)
    await until(stage, 180, phases={"Ready": 2, "Suspended": len(PEOPLE) - 2})


async def test_the_reports_tell_what_was_used_and_what_it_cost(
    stage: Stage, tmp_path: Path
) -> None:
    for lab in labs(stage).values():
        usage = lab["status"]["usage"]
        assert usage["used"]["measuredSeconds"] > 0, "metrics-server measures"
        assert usage["used"]["cpuMillicoreSeconds"] > 0
        assert usage["peak"]["memoryBytes"] > 100 * 2**20
        assert Decimal(usage["cost"]) > 0
    assert Decimal(status(stage)["spend"]["amount"]) > 0
    page = tmp_path / "class.html"
    verb(stage, "report", "all", "--cohort", CLASS, "-o", "html", "--file", str(page))
    text = page.read_text()
    assert all(one in text for one in PEOPLE)
    assert "<svg" in text


async def test_the_class_ends_with_archives_and_one_lab_comes_back(stage: Stage) -> None:
    made = {lab["metadata"]["uid"] for lab in labs(stage).values()}
    edit(stage, schedule={"endAt": rfc3339(utcnow() + timedelta(seconds=2))})
    ended = await until(stage, 420, phase="Ended")
    assert ended["phases"] == {"Expired": len(PEOPLE)}
    listed = json.loads(verb(stage, "archive", "list", "-o", "json"))
    kept = {one["archive"] for one in listed}
    assert made <= kept
    old = labs(stage)[ASKED]
    verb(stage, "archive", "restore", old["metadata"]["uid"], "--name", BACK, "--wait")
    back = read(stage, BACK)
    assert back["status"]["phase"] == "Ready"
    assert back["spec"]["learner"]["id"] == ASKED
