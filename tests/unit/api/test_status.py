"""The status of a lab has two writers; each writes its own part, whole."""

from practicum.api.conditions import Condition
from practicum.api.labstatus import AuditStatus, LabEnvironmentStatus


def condition(kind: str) -> Condition:
    return Condition(type=kind, status="True", reason="Ok", last_transition_time="2026-11-21")


READY, POLICY = condition("Ready"), condition("PolicyLoaded")
AUDIT = AuditStatus(seq=3, hash="a" * 64)
WHOLE = LabEnvironmentStatus(message="m", audit=AUDIT, conditions=[READY, POLICY])


def test_each_writer_has_a_part() -> None:
    reconciler = WHOLE.of_reconciler()
    assert (reconciler.audit, reconciler.conditions) == (None, [READY])
    assert WHOLE.of_governance() == {"audit": AUDIT.wire(), "conditions": [POLICY.wire()]}
    assert reconciler.with_others(WHOLE) == WHOLE


def test_what_governance_does_not_say_is_not_there() -> None:
    assert LabEnvironmentStatus(conditions=[READY]).of_governance() == {}
    assert LabEnvironmentStatus(audit=AUDIT).of_governance() == {"audit": AUDIT.wire()}
