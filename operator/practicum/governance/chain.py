"""The audit log's chain: each record carries a digest of all that went before it.

``hash`` is SHA-256 over the record before and this one, so whoever holds the head can check an
export without any key. ``mac`` is HMAC-SHA-256 over ``hash`` with a key that only the operator's
namespace holds, so that somebody who writes the chain anew from some record on is found at that
record, and not only at the head. Nothing here reads or writes: records in, verdicts out.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from practicum.api.canonical import canonical, digest

Event = Mapping[str, Any]
"""What happened: any JSON object but for the four keys that the chain adds."""

Record = Mapping[str, Any]
"""An event with ``seq``, ``prev``, ``hash`` and ``mac``."""

GENESIS: Final = "0" * 64
"""``prev`` of the first record."""

_ADDED: Final = frozenset({"prev", "hash", "mac"})


@dataclass(frozen=True)
class Head:
    """The last record, as kept elsewhere: the lab's status."""

    seq: int
    hash: str


@dataclass(frozen=True)
class Verdict:
    """What the verification of a chain came to."""

    records: int
    """How many records are good, from the first on."""
    reason: str = ""
    """CamelCase; empty when the chain holds."""
    message: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.reason


def event_id(*parts: str) -> str:
    """Return the id of an event that can happen once, from what makes it that event.

    A repeated attempt to record it has the same id, and so is no second record.
    """
    return digest(list(parts), 32)


def link(event: Event, last: Record | None, key: bytes) -> dict[str, Any]:
    """Return the record that follows ``last``.

    Raises:
        ValueError: the event uses a key of the chain.
    """
    if taken := (_ADDED | {"seq"}) & event.keys():
        raise ValueError(f"the chain itself writes {', '.join(sorted(taken))}")
    seq = last["seq"] + 1 if last else 1
    prev = str(last["hash"]) if last else GENESIS
    body = {**event, "seq": seq}
    made = _hash(body, prev)
    return {**body, "prev": prev, "hash": made, "mac": _mac(made, key)}


def verify(
    records: Iterable[Record], head: Head | None = None, key: bytes | None = None
) -> Verdict:
    """Check a whole chain, from its first record on.

    Args:
        records: in their order.
        head: where the chain should end; one record more is fine, for the head is written after it.
        key: finds forged records; without it they are found at the head alone.
    """
    good, prev, at_head = 0, GENESIS, GENESIS
    for record in records:
        if trouble := _trouble(record, good + 1, prev, key):
            return Verdict(good, *trouble)
        good, prev = good + 1, str(record["hash"])
        if head and good == head.seq:
            at_head = prev
    if head is None:
        return Verdict(good)
    return _against(head, good, at_head)


def _against(head: Head, good: int, at_head: str) -> Verdict:
    if good < head.seq:
        text = f"record {good + 1} is missing: there were {head.seq}"
        return Verdict(good, "Truncated", text)
    if head.seq and at_head != head.hash:
        text = f"record {head.seq} is not the one that the lab's status names"
        return Verdict(good, "HeadMismatch", text)
    if good > head.seq + 1:
        text = f"{good - head.seq} records follow the head, and one at most can"
        return Verdict(head.seq, "BeyondHead", text)
    return Verdict(good)


def _trouble(record: Record, seq: int, prev: str, key: bytes | None) -> tuple[str, str] | None:
    if record.get("seq") != seq:
        return "SequenceGap", f"record {seq} is missing: {record.get('seq')!r} stands in its place"
    if record.get("prev") != prev:
        return "ChainBroken", f"record {seq} does not follow the one before it"
    made = _hash({name: record[name] for name in record.keys() - _ADDED}, prev)
    if record.get("hash") != made:
        return "RecordAltered", f"record {seq} is not as it was written"
    if key and not hmac.compare_digest(str(record.get("mac")), _mac(made, key)):
        return "RecordForged", f"record {seq} was not written by the operator"
    return None


def _hash(body: Event, prev: str) -> str:
    return hashlib.sha256(f"{prev}\n{canonical(body)}".encode()).hexdigest()


def _mac(made: str, key: bytes) -> str:
    return hmac.new(key, made.encode(), hashlib.sha256).hexdigest()
