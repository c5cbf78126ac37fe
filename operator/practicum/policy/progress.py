"""The conditions of a ChangeRequest: what of it is done, for people and for ``kubectl wait``."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final

from practicum.api.change import ChangeRequestStatus, State
from practicum.api.conditions import Condition
from practicum.api.times import rfc3339

_MADE: Final = frozenset({State.EXECUTED, State.ROLLED_BACK})
_APPROVED: Final = _MADE | {State.APPROVED}


class Step(StrEnum):
    """The types of conditions, in the order in which they come true."""

    EVIDENCE_GATHERED = "EvidenceGathered"
    APPROVED = "Approved"
    ALLOWED = "Allowed"
    EXECUTED = "Executed"


def conditions(
    status: ChangeRequestStatus, now: datetime, generation: int, trouble: str = ""
) -> list[Condition]:
    """Return every condition; one that stays as it was keeps its transition time.

    Args:
        status: of the request, with its conditions so far.
        now: the moment.
        generation: of the request.
        trouble: CamelCase reason why a service of the lab keeps it; empty: none does.
    """
    since = {one.type: one for one in status.conditions}
    made = []
    for step, truth, reason, message in _verdicts(status, trouble):
        made.append(
            Condition(
                type=step,
                status=truth,
                reason=reason,
                message=message[:1024],
                last_transition_time=rfc3339(now),
                observed_generation=generation,
            ).after(since.get(step))
        )
    return made


def _verdicts(status: ChangeRequestStatus, trouble: str) -> Iterator[tuple[Step, str, str, str]]:
    state, said = status.state, status.message
    pending = trouble or "Pending"
    waits = said if trouble else ""
    if status.evidence:
        digest = f"digest {status.evidence.digest[:12]}"
        yield Step.EVIDENCE_GATHERED, "True", "EvidenceGathered", digest
    else:
        yield Step.EVIDENCE_GATHERED, "False", pending, waits
    if state in _APPROVED:
        yield Step.APPROVED, "True", "Approved", f"{status.approvals} approvals"
    else:
        waiting = state in (State.REQUESTED, State.AWAITING_APPROVAL)
        yield Step.APPROVED, "False", "WaitingForApproval" if waiting else state.value, said
    if status.decision is None:
        yield Step.ALLOWED, "Unknown", "NotAsked", ""
    else:
        allow = status.decision.allow
        yield Step.ALLOWED, str(allow), "Allowed" if allow else "Denied", "" if allow else said
    if state in _MADE:
        yield Step.EXECUTED, "True", state.value, said
    else:
        yield Step.EXECUTED, "False", pending if state is State.APPROVED else state.value, waits
