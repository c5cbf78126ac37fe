"""Who is at work in a lab: signs of activity, and when a lab in which there are none is suspended.

A sign is something that was not so at the last look; each source has a mark by which that is told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from practicum.api.conditions import Condition, ConditionType
from practicum.api.times import format_duration, parse_duration, parse_rfc3339, rfc3339
from practicum.api.usage import ActivitySource, ActivityStatus, IdlePolicy

BUSY_MILLICORES: Final = 50
"""Pods of a learner that take more than that are at work; an idle shell takes one or two."""
_MADE_BY_PEOPLE: Final = (
    *("count/configmaps", "count/secrets", "count/services", "count/deployments.apps"),
    *("count/statefulsets.apps", "count/cronjobs.batch", "persistentvolumeclaims"),
)
"""What no controller makes by itself, as a CronJob makes Jobs and a Deployment pods."""


class Source(StrEnum):
    """By what it is known that somebody is at work."""

    READY = "Ready"
    """Nothing was seen since the lab became ready."""
    LEARNER = "Learner"
    """Somebody got the lab: before, nobody could be at work in it."""
    RESUMED = "Resumed"
    OBJECTS = "Objects"
    CHECKS = "Checks"
    CHANGES = "Changes"
    COMPUTE = "Compute"


def objects_mark(quotas: Iterable[Mapping[str, Any]], ours: Mapping[str, int]) -> str:
    """Return what tells whether a learner has made or deleted something.

    Args:
        quotas: ResourceQuotas of the learner's namespaces.
        ours: how many of what they count is the lab's own, by the quotas' names for it.
    """
    used = [quota.get("status", {}).get("used", {}) for quota in quotas]
    sums = {name: sum(int(one.get(name, 0)) for one in used) for name in _MADE_BY_PEOPLE}
    return ",".join(str(total - ours.get(name, 0)) for name, total in sums.items())


def marks(
    ready_at: str,
    given: bool,
    suspended: bool,
    objects: str,
    checks: str,
    changes: int,
    busy_at: str,
) -> dict[Source, str]:
    """Return what a look sees, by source.

    Args:
        ready_at: when the lab was ready for the first time.
        given: whether it is anybody's.
        suspended: whether it is suspended.
        objects: see `objects_mark`; empty where it could not be had.
        checks: the last request for checks that was answered.
        changes: how many records the audit log has.
        busy_at: the moment, if pods of the learner are at work; else empty.
    """
    found = {
        Source.LEARNER: "given" if given else "",
        Source.READY: ready_at,
        Source.RESUMED: _SUSPENDED if suspended else _RUNNING,
        Source.OBJECTS: objects,
        Source.CHECKS: checks,
        Source.CHANGES: str(changes or ""),
        Source.COMPUTE: busy_at,
    }
    return {source: mark for source, mark in found.items() if mark}


_SUSPENDED: Final = "suspended"
_RUNNING: Final = "running"


def seen(
    before: ActivityStatus | None, marks: Mapping[Source, str], now: datetime
) -> ActivityStatus:
    """Take in the marks of a look: a mark that is not the last one is a sign.

    Args:
        before: up to the last look; None at the first.
        marks: see `marks`.
        now: the moment of this look.
    """
    stamp = rfc3339(now)
    known = {one.name: one for one in before.sources} if before else {}
    signs: list[Source] = []
    for source, mark in marks.items():
        was = known.get(source)
        last = was.mark if was else {Source.RESUMED: _RUNNING, Source.OBJECTS: mark}.get(source)
        sign = mark not in (last, _SUSPENDED)
        if sign:
            signs.append(source)
        if was is None or was.mark != mark:
            at = stamp if sign or was is None else was.at
            count = (was.count if was else 0) + sign
            known[source] = ActivitySource(name=source, at=at, count=count, mark=mark)
    last_at, source_of = (before.last_activity_at, before.source) if before else (stamp, "Ready")
    return ActivityStatus(
        last_activity_at=stamp if signs else last_at,
        source=signs[-1] if signs else source_of,
        sources=list(known.values()),
    )


def asleep(activity: ActivityStatus) -> ActivityStatus:
    """Return what is known of a lab that is suspended now.

    Resumed before the next look, it counts from that look all the same.
    """
    sources = [
        one.model_copy(update={"mark": _SUSPENDED}) if one.name == Source.RESUMED else one
        for one in activity.sources
    ]
    return activity.model_copy(update={"sources": sources})


@dataclass(frozen=True)
class Idleness:
    """What follows from a lab being idle."""

    condition: Condition | None
    suspend: bool = False


def idleness(
    policy: IdlePolicy | None,
    activity: ActivityStatus,
    suspended: bool,
    now: datetime,
    before: Condition | None,
) -> Idleness:
    """Decide whether a lab is idle, and whether it is to be suspended.

    Args:
        policy: none: nobody minds an idle lab.
        activity: when somebody was last at work.
        suspended: whether the lab is suspended already, by whomever.
        now: the moment.
        before: condition Idle as it was.
    """
    if policy is None:
        return Idleness(None)
    if suspended:
        return Idleness(before)
    limit, warning = parse_duration(policy.suspend_after), parse_duration(policy.warn_before)
    idle = now - parse_rfc3339(activity.last_activity_at)
    if idle >= limit:
        text = f"nothing happened for {format_duration(idle)}: suspended, practicum resume goes on"
        return Idleness(_condition(True, IDLE_SUSPENDED, text, before, now), suspend=True)
    if idle >= limit - warning:
        when = rfc3339(parse_rfc3339(activity.last_activity_at) + limit)
        text = f"nothing happened for {format_duration(idle)}: suspended at {when} if it stays so"
        return Idleness(_condition(True, "SuspendedSoon", text, before, now))
    return Idleness(_condition(False, "Active", f"last: {activity.source}", before, now))


IDLE_SUSPENDED: Final = "IdleSuspended"
"""Reason of condition Idle of a lab that was suspended for it."""


def _condition(
    idle: bool, reason: str, message: str, before: Condition | None, now: datetime
) -> Condition:
    return Condition(
        type=ConditionType.IDLE,
        status="True" if idle else "False",
        reason=reason,
        message=message,
        last_transition_time=rfc3339(now),
    ).after(before)


def policy_of(spec: IdlePolicy | None, after: timedelta, warning: timedelta) -> IdlePolicy | None:
    """Return a lab's own policy, or the one of the installation; an `after` of 0 is none."""
    if spec or not after:
        return spec
    return IdlePolicy(suspend_after=format_duration(after), warn_before=format_duration(warning))
