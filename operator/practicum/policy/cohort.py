"""What a class needs now: which labs it should have, which may be made, and which come next.

Pure: everything follows from the LabCohort, its roster, its labs as they are and the time.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from practicum.api.canonical import digest
from practicum.api.conditions import Phase
from practicum.api.labcohort import CohortTemplate, LabCohort, RosterLearner, Schedule
from practicum.api.quantities import amount
from practicum.api.times import parse_duration, parse_rfc3339, rfc3339
from practicum.policy import expiry
from practicum.policy.room import Room, combined

BEFORE_THE_BELL: Final = timedelta(minutes=30)
"""So long before startAt labs begin to be made, where the schedule does not say."""
UNSETTLED: Final = (Phase.PENDING, Phase.PROVISIONING)
OVER: Final = (Phase.EXPIRING, Phase.EXPIRED, Phase.TERMINATING)
Object = dict[str, Any]


@dataclass(frozen=True)
class Times:
    """The moments of a class."""

    provision: datetime
    opens: datetime
    """Nobody gets into a lab before."""
    closes: datetime
    """No lab is begun after."""
    ends: datetime | None
    """When labs end; None: each by its ttl."""


def times(cohort: LabCohort) -> Times:
    """Return the moments that follow from a cohort's schedule."""
    schedule = cohort.spec.schedule
    created = parse_rfc3339(cohort.metadata["creationTimestamp"])
    start = parse_rfc3339(schedule.start_at) if schedule.start_at else None
    if schedule.provision_at:
        provision = parse_rfc3339(schedule.provision_at)
    else:
        provision = start - BEFORE_THE_BELL if start else created
    at_start = schedule.access == "AtStart" and start
    end = parse_rfc3339(schedule.end_at) if schedule.end_at else None
    life = parse_duration(cohort.spec.ttl)
    return Times(
        provision=provision,
        opens=start if at_start and start else provision,
        closes=end or (start or provision) + life,
        ends=_labs_end(end, schedule) if end else None,
    )


def _labs_end(end: datetime, schedule: Schedule) -> datetime:
    return end + parse_duration(schedule.grace_period) if schedule.ending == "Soft" else end


@dataclass(frozen=True)
class Member:
    """One lab of a class as it is, by what a plan needs of it."""

    name: str
    uid: str
    spec: Object
    applied: str
    """Digest of what the cohort has applied to it last."""
    phase: Phase
    deleting: bool


@dataclass(frozen=True)
class Place:
    """One lab that the class should have."""

    name: str
    learner: RosterLearner
    template: CohortTemplate


def lab_name(cohort: str, learner: str, template: str) -> str:
    """Return the name of a learner's lab: the same however often it is made, and no other's."""
    readable = re.sub(r"[^a-z0-9]+", "-", learner.partition("@")[0].lower()).strip("-")[:18]
    digest = hashlib.sha256(f"{cohort}/{learner}/{template}".encode()).hexdigest()[:6]
    return "-".join(part for part in (cohort[:20].strip("-"), readable.strip("-"), digest) if part)


def places(cohort: LabCohort, roster: Iterable[RosterLearner]) -> list[Place]:
    """Return the labs that a class should have, in the order in which they are made."""
    name = cohort.metadata["name"]
    return [
        Place(lab_name(name, learner.id, template.name), learner, template)
        for learner in roster
        for template in cohort.spec.templates
        if not learner.templates or template.name in learner.templates
    ]


def lab_spec(
    cohort: LabCohort, moments: Times, place: Place, live: Member | None, now: datetime
) -> Object:
    """Return what a cohort says of a lab's spec; what it leaves out is for others to say.

    Args:
        cohort: the class.
        moments: of the class.
        place: the lab.
        live: the lab as it is; what cannot be changed of it stays.
        now: the moment.
    """
    spec, template, learner = cohort.spec, place.template, place.learner
    end = parse_rfc3339(learner.end_at) if learner.end_at else moments.ends
    said: Object = {
        "template": template.name,
        "ttl": spec.ttl,
        "onExpiry": spec.on_expiry,
        "endAt": rfc3339(end) if end else "",
        "size": learner.size or template.size,
        "parameters": dict(template.parameters),
        "personas": {key: one.wire() for key, one in template.personas.items()},
        "waivedChecks": list(learner.waived_checks),
        "idle": spec.idle.wire() if spec.idle else {},
        "suspended": spec.paused or learner.suspended,
        "learner": _person(learner.wire()) if now >= moments.opens else {},
    }
    if live and live.spec.get("parameters"):
        said["parameters"] = live.spec["parameters"]
    if live and live.spec.get("learner"):
        said["learner"] = _person(live.spec["learner"])
    return {key: value for key, value in said.items() if value}


def _person(learner: Object) -> Object:
    """Return what is said of a person, without what is filled in by default."""
    return {key: learner[key] for key in ("id", "displayName", "subjects") if learner.get(key)}


@dataclass(frozen=True)
class Means:
    """What limits a class besides its own spec."""

    spent: Decimal = Decimal(0)
    asks: Mapping[str, Room] = field(default_factory=dict)
    """What a lab may ask for, by lab name."""


@dataclass(frozen=True)
class Plan:
    """What is to be done now."""

    apply: Sequence[tuple[Place, Object]] = ()
    """Labs to make or to change, with their spec."""
    suspend: Sequence[Member] = ()
    """Labs of people who are not on the roster any more."""
    delete: Sequence[Member] = ()
    waiting: Mapping[str, str] = field(default_factory=dict)
    """Why labs that are not there are not made yet, by name."""
    due: datetime | None = None
    """When something changes by time alone."""


def plan(
    cohort: LabCohort,
    wanted: Sequence[Place],
    labs: Mapping[str, Member],
    means: Means,
    now: datetime,
) -> Plan:
    """Decide what a class needs now.

    Args:
        cohort: the class.
        wanted: the labs that it should have.
        labs: those that it has, by name; of people no longer on the roster, too.
        means: what has been spent, and what labs may ask for.
        now: the moment.
    """
    moments = times(cohort)
    adjust, waiting, made = [], {}, []
    gate = _Gate(cohort, moments, labs, means, now)
    for place in wanted:
        live = labs.get(place.name)
        if live is None:
            if why := gate.refuses(place):
                waiting[place.name] = why
            else:
                made.append((place, lab_spec(cohort, moments, place, None, now)))
        elif not live.deleting and live.phase not in OVER:
            spec = lab_spec(cohort, moments, place, live, now)
            if live.applied != digest(spec) or differs(spec, live.spec):
                adjust.append((place, spec))
    names = {place.name for place in wanted}
    strangers = [one for name, one in labs.items() if name not in names and not one.deleting]
    policy = cohort.spec.removal_policy
    alive = [one for one in strangers if one.phase not in OVER]
    return Plan(
        apply=(*adjust, *made),
        suspend=tuple(
            one for one in alive if policy == "Suspend" and not one.spec.get("suspended")
        ),
        delete=tuple(alive) if policy == "Delete" else (),
        waiting=waiting,
        due=expiry.next_wake(now, moments.provision, moments.opens, moments.closes, moments.ends),
    )


class _Gate:
    """Admits labs one after the other, for as long as there is room."""

    def __init__(
        self,
        cohort: LabCohort,
        moments: Times,
        labs: Mapping[str, Member],
        means: Means,
        now: datetime,
    ) -> None:
        self._spec = cohort.spec
        self._means = means
        self._now = now
        self._times = moments
        alive = [one for one in labs.values() if one.phase not in OVER]
        running = [one for one in alive if not one.spec.get("suspended")]
        self._starting = sum(one.phase in UNSETTLED for one in running)
        self._running = len(running)
        self._asked = combined(means.asks.get(one.name, Room()) for one in running)

    def refuses(self, place: Place) -> str:
        """Say why a lab is not made now; a lab that is takes its place."""
        asked = self._asked.plus(self._means.asks.get(place.name, Room()))
        if why := self._closed(place) or self._full(asked):
            return why
        self._starting += 1
        self._running += 1
        self._asked = asked
        return ""

    def _closed(self, place: Place) -> str:
        if self._now < self._times.provision:
            return f"made at {rfc3339(self._times.provision)}"
        own_end = parse_rfc3339(place.learner.end_at) if place.learner.end_at else None
        if self._now >= (own_end or self._times.closes):
            return "the class is over"
        if self._spec.paused:
            return "the class is paused"
        if place.learner.suspended:
            return "suspended in the roster"
        budget = self._spec.budget
        if budget and budget.action == "Block" and self._means.spent >= Decimal(budget.amount):
            return f"the budget of {budget.amount} is spent"
        return ""

    def _full(self, asked: Room) -> str:
        capacity, limits = self._spec.capacity, self._spec.capacity.requests
        if capacity.max_running and self._running >= capacity.max_running:
            return f"{capacity.max_running} labs run (spec.capacity.maxRunning)"
        if limits.cpu and asked.cpu > amount(limits.cpu):
            return f"labs may ask for {limits.cpu} cores (spec.capacity.requests.cpu)"
        if limits.memory and asked.memory > amount(limits.memory):
            return f"labs may ask for {limits.memory} of memory (spec.capacity.requests.memory)"
        if self._starting >= self._spec.max_concurrent_provisioning:
            return "next: others are being made"
        return ""


def differs(wanted: Any, live: Any) -> bool:
    """Whether somebody has changed what the cohort says; defaults that were filled in are none."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return any(differs(value, live.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return any(differs(one, other) for one, other in zip(wanted, live, strict=True))
    return bool(wanted != live)
