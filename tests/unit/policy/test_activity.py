"""Signs of activity, and what follows where there are none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from practicum.api.conditions import Condition
from practicum.api.usage import ActivityStatus, IdlePolicy
from practicum.policy import activity
from practicum.policy.activity import Source

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = IdlePolicy(suspend_after="2h", warn_before="15m")
CALM: dict[str, Any] = {
    "ready_at": "2026-11-21T11:59:00Z",
    "given": True,
    "suspended": False,
    "objects": "3,1",
    "checks": "",
    "changes": 0,
    "busy_at": "",
}


def look(before: ActivityStatus | None, minutes: int, **changes: Any) -> ActivityStatus:
    marks = activity.marks(**{**CALM, **changes})
    return activity.seen(before, marks, NOW + timedelta(minutes=minutes))


def test_a_lab_that_became_ready_counts_from_then_and_what_is_in_it_is_no_sign() -> None:
    first = look(None, 0)
    assert (first.source, first.last_activity_at) == ("Ready", "2026-11-21T12:00:00Z")
    assert look(first, 5) == first


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"objects": "4,1"}, Source.OBJECTS),
        ({"checks": "asked-1"}, Source.CHECKS),
        ({"changes": 2}, Source.CHANGES),
        ({"busy_at": "2026-11-21T12:05:00Z"}, Source.COMPUTE),
    ],
)
def test_each_source_is_a_sign_once(changes: dict[str, Any], source: Source) -> None:
    first = look(None, 0)
    second = look(first, 5, **changes)
    assert (second.source, second.last_activity_at) == (source, "2026-11-21T12:05:00Z")
    third = look(second, 10, **changes)
    assert (third.source, third.last_activity_at) == (second.source, second.last_activity_at)
    assert {one.name: one.count for one in third.sources}[source] == 1


def test_a_spare_is_not_idle_when_its_learner_comes() -> None:
    spare = look(None, 0, given=False)
    taken = look(look(spare, 300, given=False), 305)
    assert (taken.source, taken.last_activity_at) == ("Learner", "2026-11-21T17:05:00Z")
    assert look(taken, 310).last_activity_at == taken.last_activity_at


def test_a_suspended_lab_that_goes_on_counts_from_then() -> None:
    first = look(None, 0)
    asleep = look(first, 60, suspended=True)
    assert asleep.last_activity_at == first.last_activity_at
    awake = look(asleep, 600)
    assert (awake.source, awake.last_activity_at) == ("Resumed", "2026-11-21T22:00:00Z")
    assert look(awake, 605).last_activity_at == awake.last_activity_at


def test_a_lab_that_is_resumed_before_the_next_look_counts_from_that_look() -> None:
    first = activity.asleep(look(None, 0))
    awake = look(first, 120)
    assert (awake.source, awake.last_activity_at) == ("Resumed", "2026-11-21T14:00:00Z")


def test_quotas_that_could_not_be_read_are_no_sign() -> None:
    first = look(None, 0, objects="")
    second = look(first, 5)
    assert look(look(second, 10, objects=""), 15).last_activity_at == first.last_activity_at


def idle(minutes: int, before: Condition | None = None, *, suspended: bool = False) -> Any:
    return activity.idleness(
        POLICY, look(None, 0), suspended, NOW + timedelta(minutes=minutes), before
    )


@pytest.mark.parametrize(
    ("minutes", "status", "reason", "suspend"),
    [
        (0, "False", "Active", False),
        (104, "False", "Active", False),
        (105, "True", "SuspendedSoon", False),
        (119, "True", "SuspendedSoon", False),
        (120, "True", "IdleSuspended", True),
    ],
)
def test_a_warning_comes_before_the_suspension(
    minutes: int, status: str, reason: str, suspend: bool
) -> None:
    found = idle(minutes)
    assert found.condition
    assert (found.condition.status, found.condition.reason) == (status, reason)
    assert found.suspend is suspend


def test_a_suspended_lab_keeps_saying_why() -> None:
    before = idle(120).condition
    assert idle(500, before, suspended=True).condition == before
    assert not idle(500, before, suspended=True).suspend


def test_a_condition_keeps_the_time_of_its_transition() -> None:
    warned = idle(105).condition
    assert warned
    assert idle(110, warned).condition.last_transition_time == warned.last_transition_time


def test_without_a_policy_nobody_minds() -> None:
    found = activity.idleness(None, look(None, 0), False, NOW + timedelta(days=9), None)
    assert (found.condition, found.suspend) == (None, False)


@pytest.mark.parametrize(
    ("hours", "own", "after"),
    [(0, None, None), (3, None, "3h"), (3, POLICY, "2h"), (0, POLICY, "2h")],
)
def test_own_policy_goes_first(hours: int, own: IdlePolicy | None, after: str | None) -> None:
    found = activity.policy_of(own, timedelta(hours=hours), timedelta(minutes=15))
    assert (found.suspend_after if found else None) == after


def test_only_what_people_make_marks_objects() -> None:
    used = {"count/configmaps": "2", "count/pods": "9", "count/jobs.batch": "4"}
    quota = {"status": {"used": used}}
    assert activity.objects_mark([quota, quota], {}) == "4,0,0,0,0,0,0"
    assert activity.objects_mark([quota], {"count/configmaps": 1}) == "1,0,0,0,0,0,0"
