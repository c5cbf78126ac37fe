"""Which audit logs there are: whose, how long, from when to when.

Logs outlive their labs, so this is told by the logs alone. What somebody wrote into one of them
must not hide the others: what cannot be read of a record is left open.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from practicum.api.names import AUDIT_LOG, AUDIT_NAMESPACE, LAB_UID
from practicum.api.times import parse_rfc3339
from practicum.governance.chain import Record
from practicum.kube.client import Kube, Object

_PAGE: Final = 16
"""Segments are up to 256 KiB each: few at a time."""


class Owner(NamedTuple):
    """The lab that a log is of, by its course and name; both are empty where no record says it."""

    course: str = ""
    lab: str = ""


@dataclass
class Kept:
    """One lab's log, without its records."""

    uid: str
    owner: Owner = field(default_factory=Owner)
    records: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, segment: Object) -> None:
        """Count a segment in."""
        self.records += len(segment.get("data") or {})
        ends = [end(segment, min), end(segment, max)]
        self.owner = self.owner if self.owner.lab else owner(ends)
        moments = [one for one in (self.first, self.last, *map(moment, ends)) if one]
        self.first, self.last = min(moments, default=None), max(moments, default=None)


async def segments(kube: Kube) -> AsyncIterator[tuple[str, Object]]:
    """Yield the segments of all logs, each with its lab's uid; few are held at a time."""
    async for items, _ in kube.pages("ConfigMap", AUDIT_NAMESPACE, AUDIT_LOG, size=_PAGE):
        for body in items:
            yield body["metadata"]["labels"].get(LAB_UID, ""), body


async def logs(kube: Kube) -> list[Kept]:
    """Return all logs, in the order of their labs and then of time.

    Raises:
        Forbidden: whoever asks may not read them.
    """
    found: dict[str, Kept] = {}
    async for uid, segment in segments(kube):
        found.setdefault(uid, Kept(uid)).add(segment)
    return sorted(found.values(), key=_order)


def _order(log: Kept) -> tuple[Owner, float, str]:
    return log.owner, log.first.timestamp() if log.first else 0.0, log.uid


def end(segment: Object, which: Callable[[Iterable[str]], str]) -> Record:
    """Return a segment's first record (``min``) or its last (``max``); empty if there is none."""
    data = segment.get("data") or {}
    try:
        record = json.loads(data[which(data)])
    except (ValueError, LookupError, TypeError):
        return {}
    return record if isinstance(record, dict) else {}


def moment(record: Record) -> datetime | None:
    """Return when a record was written; None where it does not say so."""
    try:
        return parse_rfc3339(str(record.get("at")))
    except (ValueError, OverflowError):
        return None


def owner(records: Iterable[Record]) -> Owner:
    """Return whose log it is, by the first record that says so."""
    for record in records:
        lab = record.get("lab")
        if isinstance(lab, dict) and lab.get("course") and lab.get("name"):
            return Owner(str(lab["course"]), str(lab["name"]))
    return Owner()
