"""One lab alone, from apply to credentials, with the wait for the quota controller apart."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from practicum.api.names import LAB
from practicum.kube.client import Kube, Object
from practicum.kube.stream import watch
from practicum.policy.readiness import assess
from practicum.reconcile.runner import background

from . import labs, templates
from .floor import floor_labs, floor_of_each
from .ground import COURSE, Ground, ground
from .report import Row, percentile, row
from .settings import Options

_GUARDS = ("ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount")


@dataclass
class Seen:
    """When a lab's guards were there, and when the last of its quotas was counted."""

    there: dict[str, float] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)

    def take(self, body: Object) -> None:
        """Take in an object of some lab."""
        meta, now = body["metadata"], time.monotonic()
        if (lab := meta.get("labels", {}).get(LAB)) is None or "ownerReferences" in meta:
            return
        if meta["uid"] not in self._known:
            self._known.add(meta["uid"])
            self.there[lab] = now
        if body["kind"] == "ResourceQuota" and assess(body).ready and meta["uid"] not in self._good:
            self._good.add(meta["uid"])
            self.counted[lab] = now

    def __post_init__(self) -> None:
        self._known: set[str] = set()
        self._good: set[str] = set()

    def wait(self, lab: str) -> float:
        """Return how long everything of ours was there but the quotas were not counted."""
        return max(0.0, self.counted[lab] - self.there[lab])


async def measure(options: Options) -> list[Row]:
    """Measure labs one after the other, in runs of some dozens."""
    n = options.size(40, 20)
    without: list[float] = []
    whole: list[float] = []
    waits: list[float] = []
    p95: list[float] = []
    async with ground() as here:
        await here.start()
        seen = Seen()
        async with _following(here.admin, seen):
            await _one(here.admin, "warm", seen)
            for number in range(options.runs):
                pairs = [await _one(here.admin, f"one-{number}-{i}", seen) for i in range(n)]
                own = [seconds - wait for seconds, wait in pairs]
                without.append(statistics.median(own) * 1000)
                p95.append(percentile(own, 0.95) * 1000)
                whole.append(statistics.median(seconds for seconds, _ in pairs) * 1000)
                waits.append(statistics.median(wait for _, wait in pairs) * 1000)
                options.say(f"single {number + 1}: p50 {whole[-1]:.0f} ms")
        await here.stop()
        bare = [await _floor(here, n, number) for number in range(options.runs)]
    of = f"{n} labs"
    figure = "one lab alone"
    what = "p50, apply to credentials, without the quota controller"
    return [
        row(figure, what, without, "ms", of, at_most=150),
        row(figure, "  p95 of the same", p95, "ms", of),
        row(figure, "  raw floor: the same objects by a bare client, p50", bare, "ms", of),
        row(figure, "wait for the quota controller, p50", waits, "ms", of),
        row(figure, "p50 as a learner feels it, both", whole, "ms", of),
    ]


async def _one(admin: Kube, name: str, seen: Seen) -> tuple[float, float]:
    clock = await labs.run(admin, [labs.body(name, COURSE, templates.GUARDS)])
    await asyncio.sleep(0.3)
    return clock.seconds[0], seen.wait(name)


async def _floor(here: Ground, n: int, number: int) -> float:
    """Return the median of labs that a bare client makes one after the other, in milliseconds."""
    made = await floor_labs(here, n + 1, templates.GUARDS, f"floor-{number}")
    seconds = await floor_of_each(here, templates.specs()[templates.GUARDS], made)
    return statistics.median(seconds) * 1000


@contextlib.asynccontextmanager
async def _following(admin: Kube, seen: Seen) -> AsyncIterator[None]:
    async def follow(kind: str) -> None:
        async for event in watch(admin, kind, ""):
            if event.type in ("ADDED", "MODIFIED"):
                seen.take(event.object)

    async with background(*map(follow, _GUARDS)):
        await asyncio.sleep(1)
        yield
