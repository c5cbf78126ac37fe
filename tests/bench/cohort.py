"""A class of learners on nodes that only pretend: made before the bell, opened at it, and ended."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from practicum.api.names import API_VERSION
from practicum.api.times import rfc3339
from practicum.clock import utcnow
from practicum.kube.client import Object

from . import ledger
from .audit import Counted
from .full import nodes
from .ground import COURSE, Ground, rss_megabytes
from .labs import PATIENCE
from .report import Row, row
from .settings import Options

MODULE = "mod-501"
NAME = "class"
CLAIMS = 4
"""More than the volumes of one lab."""
LEAD = timedelta(minutes=30)


async def measure(options: Options) -> list[Row]:
    """Take one class through its life."""
    n = options.size(300, 30)
    figure, of = f"a class of {MODULE} on kwok nodes", f"{n} learners"
    async with nodes(
        CLAIMS * n, meter_interval="20s", idle_after="60s", idle_warning="30s"
    ) as here:
        await here.start()
        life = await _live(here, n, options)
    options.ledger["cohort"] = ledger.shares(life.made, n)
    return [
        row(figure, "from the roster to all labs Ready", life.ready, "s", of),
        row(figure, "  labs a second", n / life.ready, "/s", of),
        row(figure, "API requests a learner until then", life.made.total / n, "", of),
        row(figure, "  the controllers' beside it", life.made.controllers.total() / n, "", of),
        row(figure, "at the bell: all have access", life.opened, "s", of),
        row(figure, "an extension has reached all labs", life.extended, "s", of),
        row(figure, "all idle labs are suspended", life.idle, "s", of),
        row(figure, "all labs have ended and are gone", life.ended, "s", of),
        row(figure, "API requests a learner over the whole life", life.total.total / n, "", of),
        row(figure, "memory of the operator, the most", life.memory, "MiB", of),
    ]


@dataclass(frozen=True)
class Life:
    """How long each part of a class' life took, in seconds, and what it asked for."""

    ready: float
    made: Counted
    opened: float
    extended: float
    idle: float
    ended: float
    total: Counted
    memory: float


async def _live(here: Ground, n: int, options: Options) -> Life:
    mark = here.audit.mark()
    bell = utcnow() + LEAD
    end = bell + timedelta(hours=3)
    schedule = {"startAt": rfc3339(bell), "endAt": rfc3339(end), "access": "AtStart"}
    began = time.monotonic()
    await here.admin.create(_cohort(n, schedule))
    await _until(here, options, lambda status: status["ready"] == f"{n}/{n}")
    ready, made = time.monotonic() - began, here.audit.since(mark)

    def opened(labs: list[Object]) -> bool:
        return all(lab["status"].get("credentials") for lab in labs)

    now = rfc3339(utcnow())
    seconds = [
        await _edit(here, {"startAt": now, "provisionAt": now}, opened),
        await _edit(here, {"endAt": rfc3339(end + timedelta(hours=1))}, _ends(end, hours=1)),
    ]
    began = time.monotonic()
    await _until(here, options, lambda status: status["phases"] == {"Suspended": n})
    idle = time.monotonic() - began

    def gone(labs: list[Object]) -> bool:
        return all(lab["status"]["phase"] == "Expired" for lab in labs)

    later = rfc3339(utcnow() + timedelta(seconds=2))
    ended = await _edit(here, {"endAt": later}, gone)
    memory = rss_megabytes(here.operator.pid, "VmHWM")
    return Life(ready, made, *seconds, idle, ended, here.audit.since(mark), memory)


def _cohort(n: int, schedule: Object) -> Object:
    learners = [{"id": f"learner-{number:03}@example.org"} for number in range(n)]
    return {
        "apiVersion": API_VERSION,
        "kind": "LabCohort",
        "metadata": {"name": NAME, "namespace": COURSE},
        "spec": {
            "roster": {"learners": learners},
            "templates": [{"name": MODULE}],
            "schedule": schedule,
            "maxConcurrentProvisioning": 40,
        },
    }


def _ends(end: datetime, *, hours: int) -> Callable[[list[Object]], bool]:
    wanted = rfc3339(end + timedelta(hours=hours))
    return lambda labs: all(lab["status"]["expiresAt"] == wanted for lab in labs)


async def _edit(here: Ground, schedule: Object, holds: Callable[[list[Object]], bool]) -> float:
    """Change the schedule; returns after how many seconds all labs are as that asks for."""
    began = time.monotonic()
    await here.admin.merge_patch("LabCohort", COURSE, NAME, {"spec": {"schedule": schedule}})
    async with asyncio.timeout(PATIENCE):
        while not holds(await here.admin.list("LabEnvironment", COURSE)):
            await asyncio.sleep(1)
    return time.monotonic() - began


async def _until(here: Ground, options: Options, holds: Callable[[Object], bool]) -> None:
    """Wait for the class' status, telling how far it is."""
    told: Object = {}
    async with asyncio.timeout(4 * PATIENCE):
        while True:
            status = (await here.admin.get("LabCohort", COURSE, NAME)).get("status", {})
            if status and holds(status):
                return
            if status.get("phases") != told:
                told = status.get("phases", {})
                options.say(f"class: {', '.join(f'{k} {v}' for k, v in told.items())}")
            await asyncio.sleep(2)
