"""From what was found to what counts: points, latches, waivers, attempts, and since when."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.checks import Check, CheckState
from practicum.api.labstatus import ChecksStatus, CheckStatus, DrillStatus
from practicum.checks import findings, scoring
from practicum.checks.findings import PASSED, Finding

from .checks import check

EARLIER, NOW, LATER = "2026-11-21T12:00:00Z", "2026-11-21T12:10:00Z", "2026-11-21T12:20:00Z"
FAILED = findings.failed("not so")
CHECKS = [check("a", points=3), check("b", points=2), check("c", points=5, latch=True)]
ASKED = {"request": "r1"}


def scored(
    found: Mapping[str, Finding],
    before: ChecksStatus | None = None,
    now: str = NOW,
    checks: Iterable[Check] = CHECKS,
    **more: Any,
) -> ChecksStatus:
    return scoring.scorecard(list(checks), found, before, now, **more)


def states(status: ChecksStatus) -> list[str]:
    return [one.state.value for one in status.results]


def one(status: ChecksStatus, name: str) -> CheckStatus:
    return scoring.status_of(status)[name]


def test_points_are_for_what_passed() -> None:
    status = scored({"a": PASSED, "b": FAILED, "c": findings.broken("oh")})
    assert states(status) == ["pass", "fail", "error"]
    assert (status.summary, status.passed, status.total) == ("1/3", 1, 3)
    assert (status.points, status.max_points, status.errors) == (3, 10, 1)
    assert [one.points for one in status.results] == [3, 0, 0]
    assert [one.message for one in status.results] == ["", "not so", "oh"]


def test_what_was_not_looked_at_is_pending_and_then_as_it_was() -> None:
    first = scored({"a": PASSED})
    assert states(first) == ["pass", "pending", "pending"]
    assert "practicum check" in one(first, "b").message
    then = scored({"b": FAILED}, first, LATER)
    assert states(then) == ["pass", "fail", "pending"]
    assert (one(then, "a").since, one(then, "b").since) == (NOW, LATER)


def test_what_cannot_be_told_here_counts_neither_way() -> None:
    status = scored({"a": PASSED, "b": findings.unsupported("no"), "c": FAILED})
    assert (status.summary, status.points, status.max_points) == ("1/2", 3, 8)
    assert status.unsupported == 1


def test_what_staff_does_without_counts_neither_way() -> None:
    status = scored({"a": FAILED, "b": PASSED, "c": FAILED}, waived={"a"})
    assert states(status) == ["waived", "pass", "fail"]
    assert (status.summary, status.points, status.max_points) == ("1/2", 2, 7)
    back = scored({}, status, LATER)
    assert states(back) == ["pending", "pass", "fail"]
    assert one(back, "a").since == LATER


def test_everything_waived_is_nothing_of_nothing() -> None:
    status = scored({}, waived={"a", "b", "c"})
    assert (status.summary, status.max_points, status.errors) == ("0/0", 0, 0)


def test_a_state_is_since_it_came() -> None:
    first = scored({"a": FAILED}, now=EARLIER)
    same = scored({"a": findings.failed("differently")}, first)
    assert (one(same, "a").since, one(same, "a").message) == (EARLIER, "differently")
    assert one(scored({"a": PASSED}, same, LATER), "a").since == LATER


def test_attempts_count_until_it_passes() -> None:
    status = scored({"a": FAILED}, answered=ASKED)
    assert one(status, "a").attempts == 1
    status = scored({"a": FAILED}, status)
    assert one(status, "a").attempts == 1, "nobody asked"
    status = scored({"a": PASSED}, status, answered={"staff_request": "s"})
    assert one(status, "a").attempts == 2
    status = scored({"a": PASSED}, status, answered=ASKED)
    assert one(status, "a").attempts == 2, "it had passed"


def test_an_attempt_is_one_at_what_was_looked_at() -> None:
    """Somebody may ask for one check of many, or for a drill."""
    status = scored({"a": FAILED}, answered=ASKED, waived={"c"})
    assert [one.attempts for one in status.results] == [1, 0, 0]


def test_the_request_that_is_answered_is_said_and_stays() -> None:
    status = scored({}, answered={"request": "r1"})
    assert (status.request, status.staff_request) == ("r1", "")
    status = scored({}, status, answered={"staff_request": "s1"})
    assert (status.request, status.staff_request) == ("r1", "s1")
    status = scored({}, status)
    assert (status.request, status.staff_request) == ("r1", "s1")


def test_a_drill_goes_on() -> None:
    drill = DrillStatus(name="outage", component="app", until=LATER)
    before = scored({}).model_copy(update={"drill": drill, "message": "drill outage"})
    after = scored({"a": PASSED}, before)
    assert after.drill == drill
    assert after.message == "", "what came of an earlier request is no news"


@pytest.mark.parametrize("state", list(CheckState))
def test_latched_is_what_passed_once_and_may_be(state: CheckState) -> None:
    before = CheckStatus(id="c", state=state, since=NOW)
    passed = state is CheckState.PASS
    assert scoring.latched(check("c", latch=True), before) is passed
    assert not scoring.latched(check("c"), before)
    assert not scoring.latched(check("c", latch=True), None)


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (CheckState.PASS, False),
        (CheckState.WAIVED, False),
        (CheckState.UNSUPPORTED, False),
        (CheckState.FAIL, True),
        (CheckState.ERROR, True),
        (CheckState.PENDING, True),
        (None, True),
    ],
)
def test_a_check_waits_for_what_it_needs(state: CheckState | None, waits: bool) -> None:
    known = {"x": CheckState.PASS} | ({"y": state} if state else {})
    assert scoring.waits_for(check("z", needs=["x", "y"]), known) == ("y" if waits else "")


def test_a_message_is_as_long_as_a_status_takes() -> None:
    status = scored({"a": findings.failed("x" * 5000)})
    assert len(one(status, "a").message) == findings.MESSAGE
    hidden = [check("a", hidden=True, hint="look again")]
    assert one(scored({"a": FAILED}, checks=hidden), "a").message == "look again"


def test_half_a_character_is_told_as_what_it_is() -> None:
    """A learner's JSON or YAML may hold one; a status cannot, and neither can a report."""
    status = scored({"a": findings.failed("\ud800 is no text", "\udfff", "x")})
    assert one(status, "a").message == "\\ud800 is no text"


TEXTS = st.text(st.characters(), max_size=5)
FOUND = st.builds(Finding, st.sampled_from(list(CheckState)), TEXTS)
ROUNDS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["a", "b", "c"]), FOUND),
        st.sets(st.sampled_from(["a", "b", "c"])),
        st.booleans(),
    ),
    max_size=5,
)


@given(ROUNDS)
def test_whatever_is_found_the_sums_add_up(rounds: list[Any]) -> None:
    status: ChecksStatus | None = None
    for number, (found, waived, asked) in enumerate(rounds):
        before, moment = scoring.status_of(status), f"t{number}"
        answered = {"request": f"r{number}"} if asked else None
        status = scored(found, status, moment, waived=waived, answered=answered)
        assert 0 <= status.points <= status.max_points <= 10
        assert 0 <= status.passed <= status.total <= 3
        assert status.summary == f"{status.passed}/{status.total}"
        assert ChecksStatus.model_validate(status.wire()) == status
        for now in status.results:
            was = before.get(now.id)
            assert (now.points > 0) is (now.state is CheckState.PASS)
            assert 0 <= now.attempts - (was.attempts if was else 0) <= int(asked)
            assert (now.since == moment) is (was is None or was.state is not now.state)
