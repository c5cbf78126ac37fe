"""Keeps each lab's audit log in the audit namespace: append-only, gap-free, one record an event.

A log is a row of ConfigMaps, its segments, with a key for each record. A record is added by a
patch that holds only if the segment is as it was read; whoever else wrote in between, or a kill
before the answer came, leads to reading again, and an event that is in the log already is never
added twice.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from practicum import errors
from practicum.api.canonical import canonical
from practicum.api.names import AUDIT_LOG, LAB_UID
from practicum.governance.chain import GENESIS, Event, Head, Record, link
from practicum.kube.client import Kube, Object

SEGMENT_RECORDS: Final = 256
SEGMENT_BYTES: Final = 256 * 1024
"""Kubernetes keeps objects of up to 1 MiB, and sends all of one with each answer."""
_ATTEMPTS: Final = 5


@dataclass
class _Log:
    """One lab's log, as far as this process knows it."""

    segment: int = 0
    """Number of the newest segment; 0: there is none."""
    version: str = ""
    """resourceVersion of the newest segment."""
    records: int = 0
    size: int = 0
    """Records and bytes in the newest segment."""
    last: Record | None = None
    by_id: dict[str, Record] = field(default_factory=dict)


class Audit:
    """Writes and reads audit logs."""

    def __init__(self, kube: Kube, namespace: str, root_key: Callable[[], bytes]) -> None:
        """Choose where the logs are, and what their keys are derived from."""
        self._kube = kube
        self._namespace = namespace
        self._root_key = root_key
        self._logs: dict[str, _Log] = {}

    def key(self, lab_uid: str) -> bytes:
        """Return the key of one lab's log: it proves records of that lab and of no other."""
        return hmac.new(self._root_key(), f"audit/{lab_uid}".encode(), hashlib.sha256).digest()

    async def append(self, lab_uid: str, event: Event) -> Record:
        """Add an event; one whose ``id`` is there already is left as it was recorded.

        Returns:
            its record.

        Raises:
            ApiError: the API server does not take it; nothing is half-written.
        """
        for _ in range(_ATTEMPTS):
            log = self._logs.get(lab_uid) or await self._load(lab_uid)
            if known := log.by_id.get(event["id"]):
                return known
            record = link(event, log.last, self.key(lab_uid))
            try:
                self._logs[lab_uid] = await self._written(lab_uid, log, record)
            except errors.ApiError as error:
                # Whether it was written is not known, or somebody else wrote: read it again.
                self.forget(lab_uid)
                if isinstance(error, errors.Conflict | errors.Invalid):
                    continue
                raise
            return record
        raise errors.Conflict(409, "AuditContended", f"audit log of {lab_uid} is written elsewhere")

    async def head(self, lab_uid: str) -> Head:
        """Return where the log ends."""
        log = self._logs.get(lab_uid) or await self._load(lab_uid)
        return Head(log.last["seq"], log.last["hash"]) if log.last else Head(0, GENESIS)

    async def records(self, lab_uid: str) -> AsyncIterator[Record]:
        """Yield all records, oldest first, as they stand in the cluster."""
        for segment in await self._segments(lab_uid):
            for _, text in sorted(segment.get("data", {}).items()):
                yield json.loads(text)

    def forget(self, lab_uid: str) -> None:
        """Have the log read anew."""
        self._logs.pop(lab_uid, None)

    async def _segments(self, lab_uid: str) -> list[Object]:
        found = await self._kube.list(
            "ConfigMap", self._namespace, f"{AUDIT_LOG},{LAB_UID}={lab_uid}"
        )
        return sorted(found, key=lambda body: str(body["metadata"]["name"]))

    async def reload(self, lab_uid: str) -> list[Record]:
        """Read the log anew; returns all its records, oldest first."""
        log, records = _Log(), []
        for segment in await self._segments(lab_uid):
            data = segment.get("data", {})
            log.segment, log.version = log.segment + 1, segment["metadata"]["resourceVersion"]
            log.records, log.size = len(data), sum(map(len, data.values()))
            records += [json.loads(text) for _, text in sorted(data.items())]
        log.last = records[-1] if records else None
        log.by_id = {record["id"]: record for record in records}
        self._logs[lab_uid] = log
        return records

    async def _load(self, lab_uid: str) -> _Log:
        await self.reload(lab_uid)
        return self._logs[lab_uid]

    async def _written(self, lab_uid: str, log: _Log, record: dict[str, Any]) -> _Log:
        text, name = canonical(record), f"{record['seq']:08}"
        full = log.records >= SEGMENT_RECORDS or log.size + len(text) > SEGMENT_BYTES
        if full or not log.segment:
            live = await self._kube.create(self._segment(lab_uid, log.segment + 1, {name: text}))
            log.segment, log.records, log.size = log.segment + 1, 0, 0
        else:
            live = await self._kube.json_patch(
                *("ConfigMap", self._namespace, _name(lab_uid, log.segment)),
                [
                    {"op": "test", "path": "/metadata/resourceVersion", "value": log.version},
                    {"op": "add", "path": f"/data/{name}", "value": text},
                ],
            )
        log.version = live["metadata"]["resourceVersion"]
        log.records, log.size = log.records + 1, log.size + len(text)
        log.last = log.by_id[record["id"]] = record
        return log

    def _segment(self, lab_uid: str, number: int, data: dict[str, str]) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": _name(lab_uid, number),
                "namespace": self._namespace,
                # Not labelled as managed: what follows a lab's objects has no business with it.
                "labels": {AUDIT_LOG: "segment", LAB_UID: lab_uid},
            },
            "data": data,
        }


def _name(lab_uid: str, number: int) -> str:
    return f"audit-{lab_uid}-{number:06}"
