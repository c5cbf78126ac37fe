"""Makes labs and waits until each has what its learner needs: guards in force, and credentials."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from practicum.api.names import API_VERSION
from practicum.kube.client import Kube, Object
from practicum.kube.stream import watch
from practicum.reconcile.runner import background

WIDTH = 16
PATIENCE = 300.0
"""Seconds in which nothing gets any further."""


@dataclass
class Clock:
    """When each lab was applied, and when it reached what was waited for."""

    applied: dict[str, float] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> list[float]:
        """From apply to there, lab by lab."""
        return [self.reached[name] - self.applied[name] for name in self.reached]

    @property
    def span(self) -> float:
        """From the first apply until the last lab was there."""
        return max(self.reached.values()) - min(self.applied.values())


def body(name: str, course: str, template: str, **spec: Any) -> Object:
    """Return a LabEnvironment."""
    wanted = {"template": template, "learner": {"id": f"{name}@example.org"}, "ttl": "24h", **spec}
    meta = {"name": name, "namespace": course}
    return {"apiVersion": API_VERSION, "kind": "LabEnvironment", "metadata": meta, "spec": wanted}


def provided(lab: Object) -> bool:
    """Whether the guards are in force and the credentials are issued."""
    return _holds(lab, "Guarded") and _holds(lab, "CredentialsIssued")


def ready(lab: Object) -> bool:
    """Whether everything of the lab is there and runs."""
    return _holds(lab, "Ready")


def _holds(lab: Object, kind: str) -> bool:
    conditions = lab.get("status", {}).get("conditions", [])
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


async def run(
    admin: Kube, bodies: list[Object], reached: Callable[[Object], bool] = provided
) -> Clock:
    """Apply labs, as fast as the API server takes them, and wait for all of them."""
    clock, course = Clock(), bodies[0]["metadata"]["namespace"]
    names = {lab["metadata"]["name"] for lab in bodies}
    async with following(admin, course, names, reached, clock) as all_there:
        gate = asyncio.Semaphore(WIDTH)

        async def apply(lab: Object) -> None:
            async with gate:
                clock.applied[lab["metadata"]["name"]] = time.monotonic()
                await admin.create(lab)

        await asyncio.gather(*map(apply, bodies))
        await _wait(all_there, clock)
    return clock


async def _wait(all_there: asyncio.Event, clock: Clock) -> None:
    while not all_there.is_set():
        before = len(clock.reached)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await all_there.wait()
        if len(clock.reached) == before:
            raise TimeoutError(f"{before} labs are there, and no more in {PATIENCE:.0f} s")


@contextlib.asynccontextmanager
async def following(
    admin: Kube,
    course: str,
    names: Iterable[str],
    reached: Callable[[Object], bool],
    clock: Clock,
) -> AsyncIterator[asyncio.Event]:
    """Note in the background when each lab gets there; yields what tells that all have."""
    missing, all_there, watching = set(names), asyncio.Event(), asyncio.Event()

    async def follow() -> None:
        async for event in watch(admin, "LabEnvironment", course):
            watching.set()
            name = event.object.get("metadata", {}).get("name")
            if name in missing and event.type != "DELETED" and reached(event.object):
                clock.reached[name] = time.monotonic()
                missing.discard(name)
            if not missing:
                all_there.set()

    async with background(follow()):
        await watching.wait()
        yield all_there
