"""The SDK: the same objects as the command line's, as values that a program can use."""

import asyncio
from datetime import UTC, datetime

import pytest

from practicum import errors
from practicum.api.change import Action, State
from practicum.sdk import Answer, Change, ChangeError, Forbidden, Lab, Reason, Target
from tests.unit.changes import (
    COURSE,
    DOCUMENT,
    LAB,
    SPACE,
    Cluster,
    cluster,
    connected,
    lab,
    request,
    username,
    waiting,
)

__all__ = ["cluster", "connected"]
NAME = "promote-fraud-2"


def test_a_lab_is_found_as_the_command_line_finds_it(connected: Cluster) -> None:
    with Lab.connect() as found:
        assert (found.name, found.course, found.namespace) == (LAB, COURSE, SPACE)
        assert found.persona == ""
    connected.put(lab("bob", namespaces=["lab-bob-1"]))
    with Lab.connect(lab="bob") as other:
        assert other.namespace == "lab-bob-1"
    with pytest.raises(ChangeError, match="lab eve not found"):
        Lab.connect(lab="eve")
    with pytest.raises(ChangeError, match="has 2 labs"):
        Lab.connect(course=COURSE)


def test_from_request_to_approval(connected: Cluster) -> None:
    with Lab.connect(persona="ds") as mine:
        change = mine.request("promote", "fraud", 2, reason="recall", within="8h")
        assert (change.action, change.target) == (Action.PROMOTE_MODEL, Target("fraud", "2"))
        assert (change.state, change.requester) == (State.REQUESTED, username("ds"))
        assert change.created_at == datetime(2026, 11, 21, 13, tzinfo=UTC)
        assert "gather the evidence" in change.missing
        with pytest.raises(ChangeError) as caught:
            mine.acting_as("reviewer-risk").approve(change)
        assert caught.value.reason == "NoEvidence"
        connected.future = [waiting(change.name)]
        change = change.wait(timeout=5)
        assert change.waits_for_person
        assert not change.is_final
        assert change.approvals == (0, 2)
        assert change.evidence.document == DOCUMENT
        given = mine.acting_as("reviewer-risk").approve(change, "fine")
        (answer,) = [one for one in connected.made if one["kind"] == "ChangeApproval"]
        assert answer["metadata"]["name"] == given
        assert answer["spec"]["approver"] == username("reviewer-risk")
        assert answer["spec"]["evidenceDigest"] == change.evidence.digest
        connected.future = [request(change.name, "Executed", executedAt="2026-11-21T13:05:00Z")]
        change = mine.wait(change, 5, answer=given)
        assert change.succeeded
        assert change.is_final
        assert change.executed_at == datetime(2026, 11, 21, 13, 5, tzinfo=UTC)


def test_an_approval_is_for_what_was_seen(connected: Cluster) -> None:
    connected.put(waiting())
    with Lab.connect(persona="reviewer-risk") as mine:
        seen = mine.change(NAME)
        connected.put(waiting(evidence={"digest": "0" * 64, "document": "{}"}))
        mine.reject(seen)
        assert connected.made[0]["spec"]["evidenceDigest"] == seen.evidence.digest
        assert connected.made[0]["spec"]["verdict"] == "Reject"
        with pytest.raises(ChangeError, match="does not have its digest"):
            mine.approve(NAME)


def test_a_change_says_why_it_was_denied(connected: Cluster) -> None:
    decision = {
        "allow": False,
        "decisionId": "d",
        "policyRevision": "r7",
        "reasons": [{"control": "MRM-4", "message": "too low"}],
    }
    answers = [{"name": "a", "approver": "u", "verdict": "Reject", "counts": True}]
    outcome = {"name": "fraud", "after": "2", "servedAt": "2026-11-21T13:09:00Z"}
    connected.put(
        request(state="Denied", decision=decision, answers=answers, outcome=outcome, message="no")
    )
    with Lab.connect() as mine:
        (change,) = mine.changes()
        assert change.is_final
        assert not change.succeeded
        assert change.decision
        assert change.decision.reasons == (Reason("MRM-4", "too low"),)
        assert change.answers == (Answer("u", "", approves=False, counts=True, message=""),)
        assert change.outcome
        assert change.outcome.served_at == datetime(2026, 11, 21, 13, 9, tzinfo=UTC)
        assert change.wait(1).message == "no"
        assert change.refresh() == change
        assert "body" not in repr(change)


def test_rollback_withdraw_and_refusals(connected: Cluster) -> None:
    with Lab.connect(persona="ds") as mine:
        change = mine.rollback("fraud", reason="errors")
        assert change.target == Target("fraud")
        mine.withdraw(change)
        assert connected.patched == [(username("ds"), {"spec": {"withdrawn": True}})]
        with pytest.raises(ValueError, match="demote"):
            mine.request("demote", "fraud", reason="x")
        denied = errors.Forbidden(403, "Forbidden", "x denied request: not yours")
        connected.refusals["create", "ChangeRequest"] = denied
        with pytest.raises(Forbidden, match=r"^not yours$"):
            mine.request("PromoteModel", "fraud", "2", reason="x")


def test_an_unknown_persona_leaves_nothing_open(connected: Cluster) -> None:
    with pytest.raises(ChangeError, match="no persona boss"):
        Lab.connect(persona="boss")


def test_what_is_closed_says_so(connected: Cluster) -> None:
    mine = Lab.connect()
    other = mine.acting_as("ds")
    mine.close()
    mine.close()
    for one in (mine, other):
        with pytest.raises(ValueError, match="connect again"):
            one.changes()


async def test_it_works_where_a_loop_runs_already(connected: Cluster) -> None:
    connected.put(request())

    def read() -> list[Change]:
        with Lab.connect() as mine:
            return mine.changes()

    assert len(read()) == len(await asyncio.to_thread(read)) == 1
