"""What a class looks like: a row for each of its labs, and what they come to together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from practicum.api.checks import CheckState
from practicum.api.conditions import Condition, Phase
from practicum.api.labcohort import (
    MOST_LABS,
    CohortCondition,
    CohortLab,
    CohortPhase,
    CohortTemplateStatus,
    LabCohort,
    LabCohortStatus,
    Slowest,
    Spend,
)
from practicum.api.names import COHORT_APPLIED
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.policy.cohort import OVER, UNSETTLED, Member, Place, Times, times
from practicum.policy.readiness import READY, Readiness

WAITING: Final = "Waiting"
"""Under this a cohort counts labs that are not made yet."""
_SETTLED: Final = (Phase.READY, Phase.DEGRADED, Phase.SUSPENDED)
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """One lab of the class, read once."""

    member: Member
    row: CohortLab
    checks: tuple[str, ...]
    created: datetime


def seen(body: Object) -> Seen:
    """Read a lab.

    Args:
        body: a LabEnvironment as the API server tells it.
    """
    meta, spec, status = body["metadata"], body["spec"], body.get("status", {})
    phase = Phase(status.get("phase", Phase.PENDING))
    checks = status.get("checks") or {}
    results = checks.get("results", [])
    created = parse_rfc3339(meta["creationTimestamp"])
    ready_at = status.get("readyAt")
    calm = phase in (Phase.READY, Phase.SUSPENDED, Phase.EXPIRED)
    row = CohortLab(
        lab=meta["name"],
        learner=(spec.get("learner") or {}).get("id", ""),
        template=spec["template"],
        phase=phase,
        message="" if calm else status.get("message", "")[:256],
        ready_seconds=_seconds(parse_rfc3339(ready_at) - created) if ready_at else None,
        expires_at=status.get("expiresAt"),
        states="".join(CheckState(one["state"]).letter for one in results),
        passed=checks.get("passed", 0),
        total=checks.get("total", 0),
        points=checks.get("points", 0),
        last_activity_at=(status.get("activity") or {}).get("lastActivityAt"),
    )
    member = Member(
        name=meta["name"],
        uid=meta["uid"],
        spec=spec,
        applied=(meta.get("annotations") or {}).get(COHORT_APPLIED, ""),
        phase=phase,
        deleting="deletionTimestamp" in meta,
    )
    return Seen(member, row, tuple(one["id"] for one in results), created)


def _seconds(span: timedelta) -> int:
    return max(0, int(span.total_seconds()))


def rows(
    wanted: Sequence[Place], labs: Mapping[str, Seen], waiting: Mapping[str, str]
) -> list[CohortLab]:
    """Return a row for every lab that the class has or should have, in the order of the roster.

    Args:
        wanted: the labs that it should have.
        labs: those that it has, by name.
        waiting: why others are not made yet, or these not as they should be, by name.
    """
    found = []
    for place in wanted:
        if one := labs.get(place.name):
            told = waiting.get(place.name, one.row.message)[:256]
            found.append(one.row.model_copy(update={"learner": place.learner.id, "message": told}))
        else:
            found.append(
                CohortLab(
                    lab=place.name,
                    learner=place.learner.id,
                    template=place.template.name,
                    message=waiting.get(place.name, "")[:256],
                )
            )
    names = {place.name for place in wanted}
    return found + [
        labs[name].row.model_copy(update={"removed": True}) for name in sorted(set(labs) - names)
    ]


def columns(labs: Iterable[Seen]) -> list[CohortTemplateStatus]:
    """Return the checks of each template, in the order in which the labs tell of them."""
    found: dict[str, tuple[str, ...]] = {}
    for one in labs:
        if len(one.checks) > len(found.get(one.row.template, ())):
            found[one.row.template] = one.checks
    return [CohortTemplateStatus(name=name, checks=list(ids)) for name, ids in found.items()]


def slowest(labs: Iterable[Seen], now: datetime) -> Slowest | None:
    """Return who waits longest for a lab, or once nobody does, who waited longest."""

    def wait(one: Seen) -> tuple[bool, int]:
        open_ = one.row.ready_seconds is None
        return open_, _seconds(now - one.created) if open_ else one.row.ready_seconds or 0

    alive = [
        one for one in labs if one.row.ready_seconds is not None or one.member.phase in UNSETTLED
    ]
    if not alive:
        return None
    worst = max(alive, key=wait)
    open_, seconds = wait(worst)
    # A wait that goes on is told in steps, or it would be news every second.
    told = seconds - seconds % 10 if open_ else seconds
    return Slowest(lab=worst.row.lab, learner=worst.row.learner, seconds=told, ready=not open_)


def status(
    cohort: LabCohort,
    accepted: Readiness,
    learners: int,
    found: list[CohortLab],
    labs: Mapping[str, Seen],
    spent: Decimal,
    currency: str,
    now: datetime,
) -> LabCohortStatus:
    """Return the status of a class.

    Args:
        cohort: the class as it was read.
        accepted: whether its roster and templates will do.
        learners: how many are on the roster.
        found: see `rows`.
        labs: the labs that it has, by name.
        spent: what it has cost.
        currency: in which currency.
        now: the moment.
    """
    wanted = [row for row in found if not row.removed]
    ready = sum(row.phase is Phase.READY for row in wanted)
    phases = Counter(row.phase.value if row.phase else WAITING for row in found)
    verdicts = _verdicts(cohort, accepted, wanted, spent)
    provisioned = verdicts[CohortCondition.PROVISIONED]
    old = cohort.status
    return LabCohortStatus(
        phase=phase(cohort, accepted, found, now),
        message=next((one.message for one in verdicts.values() if not one.ready), ""),
        observed_generation=int(cohort.metadata.get("generation", 0)),
        learners=learners,
        ready=f"{ready}/{len(wanted)}",
        phases=dict(sorted(phases.items())),
        provisioned_at=old.provisioned_at or (rfc3339(now) if provisioned.ready else None),
        slowest=slowest(labs.values(), now),
        spend=_spend(cohort, spent, currency),
        templates=columns(labs.values()),
        labs=found[:MOST_LABS],
        conditions=_conditions(verdicts, old.conditions, now, cohort),
    )


def phase(
    cohort: LabCohort, accepted: Readiness, found: Sequence[CohortLab], now: datetime
) -> CohortPhase:
    """Return one word for where a class is."""
    moments = times(cohort)
    there = [row for row in found if row.phase and row.phase is not Phase.EXPIRED]
    if not accepted.ready:
        return CohortPhase.PENDING
    if _is_over(moments, found, now):
        return CohortPhase.ENDING if there else CohortPhase.ENDED
    if cohort.spec.paused:
        return CohortPhase.PAUSED
    if now < moments.provision and not there:
        return CohortPhase.SCHEDULED
    settled = all(row.phase in _SETTLED or row.phase in OVER for row in found)
    return CohortPhase.RUNNING if settled else CohortPhase.PROVISIONING


def _is_over(moments: Times, found: Sequence[CohortLab], now: datetime) -> bool:
    if now >= moments.closes:
        return True
    return bool(found) and all(row.phase in OVER for row in found)


def _verdicts(
    cohort: LabCohort, accepted: Readiness, wanted: Sequence[CohortLab], spent: Decimal
) -> dict[CohortCondition, Readiness]:
    unmade = [row for row in wanted if row.ready_seconds is None and row.phase not in OVER]
    unready = [row for row in wanted if row.phase not in (Phase.READY, *OVER)]
    verdicts = {
        CohortCondition.ACCEPTED: accepted,
        CohortCondition.PROVISIONED: _first(unmade, "Provisioning", wanted),
        CohortCondition.READY: _first(unready, "LabsNotReady", wanted),
    }
    if budget := cohort.spec.budget:
        limit = Decimal(budget.amount)
        told = f"{spent} of {budget.amount} are spent"
        verdict = READY
        if spent >= limit:
            verdict = Readiness(False, "BudgetExhausted", told)
        elif spent * 100 >= limit * budget.warn_at_percent:
            verdict = Readiness(False, "BudgetNearlySpent", told)
        verdicts[CohortCondition.WITHIN_BUDGET] = verdict
    return verdicts


def _first(open_: Sequence[CohortLab], reason: str, wanted: Sequence[CohortLab]) -> Readiness:
    if not wanted:
        return Readiness(False, "NoLabs", "nobody is on the roster")
    if not open_:
        return READY
    row = open_[0]
    state = row.phase.value if row.phase else WAITING
    why = f": {row.message}" if row.message else ""
    text = f"{len(open_)} of {len(wanted)} labs; {row.lab} of {row.learner} is {state}{why}"
    return Readiness(False, reason, text)


def _spend(cohort: LabCohort, spent: Decimal, currency: str) -> Spend:
    budget = cohort.spec.budget
    limit = Decimal(budget.amount) if budget else None
    percent = int(100 * spent / limit) if limit else None
    return Spend(amount=str(spent), currency=currency, percent=percent)


def _conditions(
    verdicts: Mapping[CohortCondition, Readiness],
    old: Sequence[Condition],
    now: datetime,
    cohort: LabCohort,
) -> list[Condition]:
    since = {one.type: one for one in old}
    return [
        Condition(
            type=kind,
            status="True" if verdict.ready else "False",
            reason=verdict.reason or kind.value,
            message=verdict.message[:1024],
            last_transition_time=rfc3339(now),
            observed_generation=int(cohort.metadata.get("generation", 0)),
        ).after(since.get(kind))
        for kind, verdict in verdicts.items()
    ]
