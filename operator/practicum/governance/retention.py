"""Deletes audit logs of labs that are gone, once nobody has to keep them any longer.

A log goes whole or not at all, and by the age of its last record; that of a lab which is still
there stays, however old.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog

from practicum.api.names import AUDIT_NAMESPACE
from practicum.api.times import parse_rfc3339
from practicum.clock import Clock
from practicum.governance import kept
from practicum.kube.client import Kube
from practicum.policy import expiry

log = structlog.get_logger()
EVERY: Final = timedelta(days=1)


class _Segment(NamedTuple):
    name: str
    last: datetime


class Retention:
    """What is looked through now and then; `EVERY` says how often."""

    def __init__(self, kube: Kube, retention: timedelta, clock: Clock) -> None:
        self._kube = kube
        self._retention = retention
        self._clock = clock

    async def run(self) -> int:
        """Delete what is over; returns how many logs that were."""
        logs = await self._segments()
        # Listed after the logs: a lab that came in between has no log that could go.
        there = {body["metadata"]["uid"] for body in await self._kube.list("LabEnvironment")}
        if expiry.skewed(self._kube.skew):
            return 0
        oldest = self._clock() - self._retention
        over = {
            uid: segments
            for uid, segments in logs.items()
            if uid not in there and max(one.last for one in segments) < oldest
        }
        for uid, segments in over.items():
            for segment in sorted(segments):
                await self._kube.delete("ConfigMap", AUDIT_NAMESPACE, segment.name)
            log.info("audit log deleted", lab_uid=uid, segments=len(segments))
        return len(over)

    async def _segments(self) -> dict[str, list[_Segment]]:
        found: defaultdict[str, list[_Segment]] = defaultdict(list)
        async for uid, body in kept.segments(self._kube):
            meta = body["metadata"]
            last = kept.moment(kept.end(body, max)) or parse_rfc3339(meta["creationTimestamp"])
            found[uid].append(_Segment(meta["name"], last))
        return found
