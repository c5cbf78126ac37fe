"""A class of learners on nodes that only pretend: from a file, before the bell, to its archives.

The instructor's part is played by the ``practicum`` command. Pods of archives run their own
programs, on folders of this machine.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from practicum.api.names import ARCHIVE
from practicum.api.times import rfc3339
from practicum.clock import utcnow
from practicum.kube.stream import watch
from practicum.reconcile.runner import background
from tests.apiserver.command import practicum
from tests.archive_kubelet import ArchiveKubelet

from . import ledger
from .audit import Counted
from .full import nodes
from .ground import COURSE, Ground, rss_megabytes
from .labs import PATIENCE
from .report import Row, row
from .settings import Options

MODULE = "mod-501"
NAME, BACK = "class", "back"
CLAIMS = 4
"""More than the volumes of one lab."""
LEAD = timedelta(minutes=30)
AT_ONCE = 40
SETTINGS = {
    "archive_image": "example.org/practicum",
    "archive_size": "10Gi",
    "meter_interval": "20s",
}


async def measure(options: Options) -> list[Row]:
    """Take one class through its life."""
    n = options.size(300, 30)
    async with nodes(CLAIMS * (n + 1), apart=ARCHIVE, **SETTINGS) as here:
        async with background(ArchiveKubelet(here.admin, here.folder, nodes=True).run()):
            await here.start()
            one = Class(here, n, options)
            await one.live()
        memory = rss_megabytes(here.operator.pid, "VmHWM")
    options.ledger["cohort"] = ledger.shares(one.made, n)
    figure, of = f"a class of {MODULE} on kwok nodes", f"{n} learners"
    counts = {
        "labs a second until all Ready": (n / one.laps[Class.READY], "/s"),
        "API requests a learner until all Ready": (one.made.total / n, ""),
        "  the controllers' beside it": (one.made.controllers.total() / n, ""),
        "API requests a learner over the whole life": (one.whole.total / n, ""),
        "memory of the operator, the most": (memory, "MiB"),
    }
    rows = [row(figure, what, seconds, "s", of) for what, seconds in one.laps.items()]
    return rows + [row(figure, what, value, unit, of) for what, (value, unit) in counts.items()]


@dataclass
class Class:
    """A class, and how long each part of its life took, in seconds."""

    READY = "from the file to all labs Ready"

    here: Ground
    n: int
    options: Options
    laps: dict[str, float] = field(default_factory=dict)
    made: Counted = field(init=False)
    """Requests until all were Ready."""
    whole: Counted = field(init=False)

    async def live(self) -> None:
        """Go through all of it."""
        mark = self.here.audit.mark()
        with self._lap(self.READY):
            await self._import()
            await self._until(lambda status: status.get("ready") == f"{self.n}/{self.n}")
        self.made = self.here.audit.since(mark)
        await self._class()
        with self._lap("all idle labs are suspended"):
            await self._patch({"idle": {"suspendAfter": "60s", "warnBefore": "30s"}})
            await self._until(lambda status: status.get("phases") == {"Suspended": self.n})
        with self._lap("a report of everything, with plots"):
            page = self.here.folder / "class.html"
            await self._run("report", "all", "--cohort", NAME, "-o", "html", "--file", str(page))
        with self._lap("from the end to all labs archived and gone"):
            await self._edit(endAt=rfc3339(utcnow()))
            await self._until(lambda status: status.get("phases") == {"Expired": self.n})
        with self._lap("a lab is back from its archive"):
            lab = (await self._labs())[0]
            words = ("archive", "restore", lab["metadata"]["uid"], "--name", BACK, "--wait")
            await self._run(*words)
        self.whole = self.here.audit.since(mark)

    async def _class(self) -> None:
        with self._lap("from the bell to access for all"):
            await self._edit(startAt=rfc3339(utcnow()))
            await self._all(lambda lab: "credentials" in lab["status"])
        with self._lap("all credentials are exported"):
            folder = str(self.here.folder / "credentials")
            await self._run("credentials", "export", "--cohort", NAME, "--to", folder)
        with self._lap("the progress of all is shown"):
            await self._run("cohort", "progress", NAME)
        with self._lap("an extension has reached all labs"):
            ends = {_uid(lab): lab["status"]["expiresAt"] for lab in await self._labs()}
            await self._run("cohort", "extend", NAME, "--by", "1h")
            await self._all(lambda lab: lab["status"]["expiresAt"] > ends[_uid(lab)])

    async def _import(self) -> None:
        roster = self.here.folder / "roster.csv"
        lines = [f"learner-{number:03}@example.org,Learner {number}" for number in range(self.n)]
        roster.write_text("\n".join(["email,name", *lines]))
        bell = utcnow() + LEAD
        end = bell + timedelta(hours=3)
        words = ("cohort", "import", str(roster), "--name", NAME, "--template", MODULE, "--yes")
        schedule = ("--start-at", rfc3339(bell), "--end-at", rfc3339(end), "--access", "at-start")
        with self._lap("  of that, the import"):
            await self._run(*words, *schedule, "--on-expiry", "archive")
        # A roster says who; how many begin at once is for those who know the cluster.
        await self._patch({"maxConcurrentProvisioning": AT_ONCE})

    async def _edit(self, **schedule: str) -> None:
        await self._patch({"schedule": schedule})

    async def _patch(self, spec: dict[str, Any]) -> None:
        await self.here.admin.merge_patch("LabCohort", COURSE, NAME, {"spec": spec})

    async def _run(self, *words: str) -> None:
        kubeconfig = self.here.control_plane.kubeconfig
        done = await asyncio.to_thread(practicum, kubeconfig, *words)
        if done.returncode:
            raise RuntimeError(f"practicum {words}: {done.returncode} {done.stdout}{done.stderr}")

    async def _labs(self) -> list[Any]:
        return await self.here.admin.list("LabEnvironment", COURSE)

    @contextlib.contextmanager
    def _lap(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        self.laps[what] = 0.0  # in the order in which they began
        yield
        self.laps[what] = time.monotonic() - began
        self.options.say(f"class: {what}: {self.laps[what]:.1f} s")

    async def _all(self, holds: Callable[[Any], bool]) -> None:
        """Wait for every lab; watched, as listings of a class again and again are work too."""
        good: set[str] = set()
        async with asyncio.timeout(PATIENCE):
            async for event in watch(self.here.admin, "LabEnvironment", COURSE):
                if event.type != "RESET" and holds(event.object):
                    good.add(_uid(event.object))
                    if len(good) == self.n:
                        return

    async def _until(self, holds: Callable[[Any], bool]) -> None:
        """Wait for the class' status, telling how far it is."""
        told: Any = {}
        async with asyncio.timeout(8 * PATIENCE):
            while True:
                status = (await self.here.admin.get("LabCohort", COURSE, NAME)).get("status", {})
                if holds(status):
                    return
                if status.get("phases") != told:
                    told = status.get("phases", {})
                    phases = ", ".join(f"{phase} {count}" for phase, count in told.items())
                    self.options.say(f"class: {phases}")
                await asyncio.sleep(2)


def _uid(lab: Any) -> str:
    return str(lab["metadata"]["uid"])
