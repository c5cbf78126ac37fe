"""From what was seen of a lab to its phase, its conditions and one sentence for people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from practicum.api.conditions import Condition, ConditionType, Phase
from practicum.api.names import ChildKey
from practicum.api.times import rfc3339
from practicum.policy.readiness import READY, Readiness

WAITING: Final = Readiness(False, "Waiting", "an earlier step is not done yet")
_GOOD_NEWS: Final = {
    ConditionType.ACCEPTED: "the lab fits its template",
    ConditionType.NAMESPACES_READY: "the lab's namespaces are there",
    ConditionType.GUARDED: "quotas, limits and network policies are in force",
    ConditionType.COMPONENTS_READY: "all components run and all seed jobs are complete",
    ConditionType.CREDENTIALS_ISSUED: "the learner's credentials are issued",
    ConditionType.READY: "the lab is ready",
    ConditionType.TEMPLATE_CURRENT: "the lab is on the template's newest revision",
}
OVERDUE: Final = "ProgressDeadlineExceeded"
SKEWED: Final = "ClockSkew"
QUEUED: Final = "PendingCapacity"
OVER_BUDGET: Final = "BudgetExhausted"
HELD: Final = frozenset({QUEUED, OVER_BUDGET})
"""Reasons for which a lab is not begun for now."""
PATIENT: Final = frozenset(
    {
        *("Waiting", "WaitingForQuota", "ComponentsStarting", "NotSoon", "Suspended", "NoLearner"),
        "AccessRevoked",
        *("Archiving", "Restoring"),
        *(Phase.EXPIRING.value, Phase.TERMINATING.value, Phase.EXPIRED.value),
    }
)
"""Reasons of a False condition that are no cause for a Warning."""

_NOBODYS: Final = frozenset({"NoLearner", "AccessRevoked"})
"""Reasons why a lab that is as it should be has no credentials."""


@dataclass(frozen=True)
class Facts:
    """What one pass over a lab has found out, step by step."""

    accepted: Readiness = READY
    namespaces: Readiness = WAITING
    guarded: Readiness = WAITING
    components: Readiness = WAITING
    credentials: Readiness = WAITING
    suspended: bool = False
    ending: Phase | None = None
    expiring_soon: bool = False
    template_current: bool = True
    message: str = ""
    archived: Readiness | None = None
    """How far the archive of a lab that ends with one is; None: it has none."""
    overdue: bool = False
    """Whether the lab has been starting for longer than it may."""
    clock_skew: bool = False
    """Whether the lab's end is in doubt: our clock and the API server's disagree."""


def recall(facts: Facts, old: Iterable[Condition]) -> Facts:
    """Fill the steps in from a lab's conditions: what a refused edit leaves as it was."""
    was = {
        condition.type: Readiness(condition.status == "True", condition.reason, condition.message)
        for condition in old
    }
    return replace(
        facts,
        namespaces=was.get(ConditionType.NAMESPACES_READY, WAITING),
        guarded=was.get(ConditionType.GUARDED, WAITING),
        components=was.get(ConditionType.COMPONENTS_READY, WAITING),
        credentials=was.get(ConditionType.CREDENTIALS_ISSUED, WAITING),
    )


def summary(verdicts: Iterable[tuple[ChildKey, Readiness]]) -> Readiness:
    """Fold the verdicts on many objects into one: the worst, naming its object."""
    waiting = [(key, verdict) for key, verdict in verdicts if not verdict.ready]
    if not waiting:
        return READY
    key, worst = min(waiting, key=lambda pair: (not pair[1].failed, pair[0]))
    more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
    what = f"{key.kind} {key.name}: {worst.message}{more}"
    return Readiness(False, worst.reason, what, failed=worst.failed)


def ready(facts: Facts) -> Readiness:
    """Return whether the lab as a whole is ready, or the first step that is not."""
    if facts.ending:
        return Readiness(False, facts.ending.value, facts.message)
    if facts.suspended:
        return Readiness(False, "Suspended", "suspended: set spec.suspended to false to resume")
    if not facts.accepted.ready and not facts.namespaces.ready:
        # Later, a refused edit leaves a lab as it is.
        return facts.accepted
    steps = [facts.namespaces, facts.guarded, facts.components]
    if facts.credentials.reason not in _NOBODYS:
        steps.append(facts.credentials)
    missing = next((step for step in steps if not step.ready), READY)
    return _too_late(missing) if facts.overdue and not missing.failed else missing


def _too_late(missing: Readiness) -> Readiness:
    if missing.ready:
        return missing
    text = f"not ready in time: {missing.reason}: {missing.message}"
    return Readiness(False, OVERDUE, text, failed=True)


def overdue(
    before: Phase, since: datetime | None, old: Iterable[Condition], now: datetime, limit: timedelta
) -> bool:
    """Return whether a lab has been starting for too long; once so, until it is ready.

    Args:
        before: its phase so far.
        since: when it entered that phase.
        old: its conditions so far.
        now: the moment.
        limit: how long starting may take; 0 for as long as it likes.
    """
    if before is Phase.FAILED:
        return any(c.type == ConditionType.READY and c.reason == OVERDUE for c in old)
    return bool(before is Phase.PROVISIONING and since and limit and now - since >= limit)


def phase(facts: Facts, before: Phase) -> Phase:
    """Return the phase; a lab that was once ready is Degraded rather than Provisioning.

    One in which somebody could be at work is Suspended at once: nobody gets in any more and all is
    told to stop; that its quotas let no pod in follows. A new one is guarded before.
    """
    if facts.ending:
        return facts.ending
    if facts.suspended and (facts.guarded.ready or before.runs or before is Phase.SUSPENDED):
        return Phase.SUSPENDED
    verdict = ready(facts)
    if verdict.ready:
        return Phase.READY
    if verdict.reason in HELD and not facts.namespaces.ready:
        return Phase.PENDING
    if before.runs:
        return Phase.DEGRADED
    if verdict.failed:
        return Phase.FAILED
    return Phase.PROVISIONING


def _soon(facts: Facts) -> Readiness:
    if facts.clock_skew:
        text = "the lab is not ended while the operator's clock and the API server's differ"
        return Readiness(False, SKEWED, text)
    if facts.expiring_soon:
        return Readiness(True, "ExpiringSoon", "extend it with: practicum extend")
    return Readiness(False, "NotSoon")


def conditions(
    facts: Facts, old: Iterable[Condition], now: datetime, generation: int
) -> list[Condition]:
    """Return every condition; an unchanged status keeps its transition time."""
    since = {condition.type: condition for condition in old}
    soon = _soon(facts)
    current = (
        READY
        if facts.template_current
        else Readiness(False, "NewerTemplate", "the template has changed; this lab stays as it is")
    )
    verdicts = {
        ConditionType.ACCEPTED: facts.accepted,
        ConditionType.NAMESPACES_READY: facts.namespaces,
        ConditionType.GUARDED: facts.guarded,
        ConditionType.COMPONENTS_READY: facts.components,
        ConditionType.CREDENTIALS_ISSUED: facts.credentials,
        ConditionType.READY: ready(facts),
        ConditionType.EXPIRING_SOON: soon,
        ConditionType.TEMPLATE_CURRENT: current,
    }
    if facts.archived:
        verdicts[ConditionType.ARCHIVED] = facts.archived
    made = []
    for kind, verdict in verdicts.items():
        status = "True" if verdict.ready else "False"
        if verdict.reason == SKEWED:
            status = "Unknown"
        made.append(
            Condition(
                type=kind,
                status=status,
                reason=verdict.reason or kind.value,
                message=(verdict.message or (verdict.ready and _GOOD_NEWS.get(kind)) or "")[:1024],
                last_transition_time=rfc3339(now),
                observed_generation=generation,
            ).after(since.get(kind))
        )
    return made
