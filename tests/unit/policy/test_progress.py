"""Conditions of a ChangeRequest by its state."""

from datetime import UTC, datetime, timedelta

import pytest

from practicum.api.change import (
    ChangeRequestStatus,
    DecisionStatus,
    EvidenceStatus,
    ReasonStatus,
    State,
)
from practicum.policy.progress import Step, conditions

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVIDENCE = EvidenceStatus(digest="e" * 64, gathered_at="2026-11-21T12:00:00Z", document="{}")
YES = DecisionStatus(allow=True, decided_at="2026-11-21T12:00:00Z")
NO = DecisionStatus(
    allow=False,
    decided_at="2026-11-21T12:00:00Z",
    reasons=[ReasonStatus(control="PRM-4", message="bias")],
)


def seen(status: ChangeRequestStatus, trouble: str = "") -> dict[str, tuple[str, str]]:
    return {one.type: (one.status, one.reason) for one in conditions(status, NOW, 1, trouble)}


@pytest.mark.parametrize(
    ("status", "trouble", "gathered", "approved", "allowed", "executed"),
    [
        (
            ChangeRequestStatus(),
            "",
            ("False", "Pending"),
            ("False", "WaitingForApproval"),
            ("Unknown", "NotAsked"),
            ("False", "Requested"),
        ),
        (
            ChangeRequestStatus(message="waits"),
            "TimedOut",
            ("False", "TimedOut"),
            ("False", "WaitingForApproval"),
            ("Unknown", "NotAsked"),
            ("False", "Requested"),
        ),
        (
            ChangeRequestStatus(state=State.AWAITING_APPROVAL, evidence=EVIDENCE, decision=YES),
            "",
            ("True", "EvidenceGathered"),
            ("False", "WaitingForApproval"),
            ("True", "Allowed"),
            ("False", "AwaitingApproval"),
        ),
        (
            ChangeRequestStatus(state=State.DENIED, evidence=EVIDENCE, decision=NO),
            "",
            ("True", "EvidenceGathered"),
            ("False", "Denied"),
            ("False", "Denied"),
            ("False", "Denied"),
        ),
        (
            ChangeRequestStatus(state=State.APPROVED, evidence=EVIDENCE, decision=YES),
            "Unreachable",
            ("True", "EvidenceGathered"),
            ("True", "Approved"),
            ("True", "Allowed"),
            ("False", "Unreachable"),
        ),
        (
            ChangeRequestStatus(state=State.ROLLED_BACK, evidence=EVIDENCE, decision=YES),
            "",
            ("True", "EvidenceGathered"),
            ("True", "Approved"),
            ("True", "Allowed"),
            ("True", "RolledBack"),
        ),
    ],
)
def test_conditions_say_what_is_done(
    status: ChangeRequestStatus,
    trouble: str,
    gathered: tuple[str, str],
    approved: tuple[str, str],
    allowed: tuple[str, str],
    executed: tuple[str, str],
) -> None:
    assert list(seen(status, trouble).items()) == [
        (Step.EVIDENCE_GATHERED, gathered),
        (Step.APPROVED, approved),
        (Step.ALLOWED, allowed),
        (Step.EXECUTED, executed),
    ]


def test_what_stays_keeps_its_moment() -> None:
    first = conditions(ChangeRequestStatus(), NOW, 1)
    later = ChangeRequestStatus(conditions=first, evidence=EVIDENCE)
    moments = {
        one.type: one.last_transition_time for one in conditions(later, NOW + timedelta(hours=1), 1)
    }
    assert moments[Step.EVIDENCE_GATHERED] == "2026-11-21T13:00:00Z"
    assert moments[Step.EXECUTED] == "2026-11-21T12:00:00Z"
