"""What an audit log says of approved feature services, and of policies."""

from typing import Any

from practicum.api.labstatus import GOVERNED_FEATURES
from practicum.governance.ledger import Kind, replay

Record = dict[str, Any]
DEFINITION, EVIDENCE = "d" * 64, "e" * 64


def answer(persona: str, *, counts: bool = True) -> Record:
    return {"persona": persona, "counts": counts}


def moved(
    seq: int, state: str, request: str = "first", service: str = "fraud_v2", at: str = "12:00:00"
) -> Record:
    """Return the record of a request for the approval of features."""
    return {
        "seq": seq,
        "type": "StateChanged",
        "action": "ApproveFeatures",
        "at": f"2026-11-21T{at}Z",
        "request": {"name": request, "uid": f"uid-of-{request}"},
        "state": state,
        "evidence": {"digest": EVIDENCE},
        "status": {
            "answers": [answer("risk"), answer("ml"), answer("nobody", counts=False)],
        },
        "outcome": {"name": service, "before": "", "after": "approved", "definition": DEFINITION},
    }


def known(*records: Record) -> dict[str, str]:
    """Return the request by which each service is approved."""
    status = replay(records).governed()
    return {one.service: one.request for one in status.features} if status else {}


def test_nothing_is_governed_at_first() -> None:
    assert replay([]).governed() is None
    assert known(moved(1, "Requested"), moved(2, "AwaitingApproval")) == {}


def test_an_approval_holds_once_it_is_given() -> None:
    status = replay([moved(1, "Approved")]).governed()
    assert status is not None
    assert [one.wire() for one in status.features] == [
        {
            "service": "fraud_v2",
            "request": "first",
            "approvedBy": "ml,risk",
            "approvedAt": "2026-11-21T12:00:00Z",
            "evidenceDigest": EVIDENCE,
            "definition": DEFINITION,
        }
    ]
    assert replay([moved(1, "Approved"), moved(2, "Executed")]).governed() == status


def test_an_answer_is_no_approval() -> None:
    body = {**moved(1, ""), "type": "Answered"}
    del body["state"], body["outcome"]
    assert known(body) == {}


def test_the_last_approval_of_a_service_counts() -> None:
    assert known(
        moved(1, "Approved", "first"),
        moved(2, "Approved", "other", "fraud_v3"),
        moved(3, "Approved", "second", at="12:01:00"),
    ) == {"fraud_v2": "second", "fraud_v3": "other"}


def test_one_that_could_not_be_carried_out_leaves_what_was_approved_before() -> None:
    log = [moved(1, "Approved", "first"), moved(2, "Approved", "second"), moved(3, "Denied", "x")]
    assert known(*log) == {"fraud_v2": "second"}
    assert known(*log, moved(4, "Denied", "second")) == {"fraud_v2": "first"}
    assert known(moved(1, "Approved"), moved(2, "Denied")) == {}


def test_of_too_many_the_oldest_goes() -> None:
    log = [
        moved(at + 1, "Approved", f"r{at}", f"s{at}", f"{at // 60:02}:{at % 60:02}:00")
        for at in range(GOVERNED_FEATURES + 2)
    ]
    found = known(*log)
    assert len(found) == GOVERNED_FEATURES
    assert {"s0", "s1"}.isdisjoint(found)
    assert known(*log, moved(99, "Approved", "again", "s0", "23:00:00"))["s0"] == "again"


def verdict(seq: int, kind: Kind, digest: str) -> dict[str, Any]:
    return {"seq": seq, "type": kind.value, "evidence": {"digest": digest}}


def test_policies_are_broken_until_they_are_mended() -> None:
    records = [verdict(1, Kind.POLICY_BROKEN, "a" * 64)]
    ledger = replay(records)
    assert (ledger.broken, ledger.verdicts) == ("a" * 64, 1)
    records.append(verdict(2, Kind.POLICY_MENDED, "b" * 64))
    ledger = replay(records)
    assert (ledger.broken, ledger.verdicts) == ("", 2)
    ledger.take(records[0])
    assert (ledger.broken, ledger.verdicts) == ("", 2)
