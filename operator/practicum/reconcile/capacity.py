"""Finds out whether a new lab has room, without asking more often than anybody can use."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import LabEnvironmentStatus
from practicum.clock import Clock
from practicum.kube.client import Kube
from practicum.observe import metrics
from practicum.policy import capacity
from practicum.policy.capacity import Limits, Standing
from practicum.policy.readiness import READY, Readiness
from practicum.policy.verdict import OVER_BUDGET, QUEUED
from practicum.settings import Settings

QUEUE_LOOK: Final = timedelta(seconds=5)
"""How often the labs in the queue look whether it is their turn: one listing for all of them."""


class Capacity:
    """Admits labs as far as the limits and the nodes allow."""

    def __init__(self, kube: Kube, settings: Settings, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock
        self._limits = Limits(
            settings.max_labs, settings.max_labs_per_course, settings.course_limits
        )
        self._waiting: set[str] = set()
        self._unscheduled: set[str] = set()
        metrics.QUEUED.labels("place").set_function(lambda: len(self._waiting))
        metrics.QUEUED.labels("node").set_function(lambda: len(self._unscheduled))
        self._listed: tuple[datetime, list[Standing]] | None = None
        self._lock = asyncio.Lock()

    def note(self, uid: str, status: LabEnvironmentStatus) -> None:
        """Take in from a lab's status whether it may not begin yet, or its pods find no node."""
        stuck = any(c.reason == QUEUED for c in status.conditions)
        self._waiting.discard(uid)
        self._unscheduled.discard(uid)
        if stuck:
            (self._unscheduled if status.template else self._waiting).add(uid)

    def forget(self, uid: str) -> None:
        """Drop what is known of a lab that is gone."""
        self._waiting.discard(uid)
        self._unscheduled.discard(uid)

    async def admit(self, lab: LabEnvironment) -> Readiness:
        """Return whether a lab may begin; one that has begun may go on."""
        if lab.status.template or not (self._limits.any() or self._unscheduled):
            return READY
        labs = await self._labs(lab.uid)
        return capacity.place(lab.uid, labs, self._limits, len(self._unscheduled))

    async def _labs(self, uid: str) -> list[Standing]:
        async with self._lock:
            now = self._clock()
            if self._listed and now - self._listed[0] < QUEUE_LOOK:
                known = self._listed[1]
                if any(one.uid == uid for one in known):
                    return known
            bodies = await self._kube.list("LabEnvironment")
            found = [standing for body in bodies if (standing := _standing(body))]
            self._listed = now, found
            return found


def _standing(body: Mapping[str, Any]) -> Standing | None:
    """Read one lab; nothing when it is over, or refused before it began."""
    meta, status = body["metadata"], body.get("status", {})
    running = "template" in status
    phase = status.get("phase", Phase.PENDING)
    refused = any(c["reason"] == OVER_BUDGET for c in status.get("conditions", []))
    waits = phase == Phase.PENDING and "deletionTimestamp" not in meta and not refused
    if phase == Phase.EXPIRED or not (running or waits):
        return None
    return Standing(meta["uid"], meta["namespace"], meta["creationTimestamp"], running)
