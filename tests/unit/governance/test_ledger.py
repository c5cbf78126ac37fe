"""What an audit log comes to, record by record."""

from typing import Any

from practicum.governance.ledger import Kind, replay


def record(seq: int, kind: Kind, digest: str) -> dict[str, Any]:
    return {"seq": seq, "type": kind.value, "evidence": {"digest": digest}}


def test_policies_are_broken_until_they_are_mended() -> None:
    records = [record(1, Kind.POLICY_BROKEN, "a" * 64)]
    ledger = replay(records)
    assert (ledger.broken, ledger.verdicts) == ("a" * 64, 1)
    records.append(record(2, Kind.POLICY_MENDED, "b" * 64))
    ledger = replay(records)
    assert (ledger.broken, ledger.verdicts) == ("", 2)
    ledger.take(records[0])
    assert (ledger.broken, ledger.verdicts) == ("", 2)
