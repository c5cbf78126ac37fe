"""From facts to phase, conditions and one sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.conditions import OTHERS, Condition, ConditionType, Phase
from practicum.api.names import ChildKey
from practicum.api.times import rfc3339
from practicum.policy import verdict
from practicum.policy.readiness import READY, Readiness
from practicum.policy.verdict import WAITING, Facts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ALL_READY = Facts(namespaces=READY, guarded=READY, components=READY, credentials=READY)
STARTING = Readiness(False, "ComponentsStarting", "0 of 1 pods ready")
BROKEN = Readiness(False, "JobFailed", "no", failed=True)
REFUSED = Readiness(False, "SizeUnknown", "no such size", failed=True)
REVOKED = Readiness(False, "AccessRevoked")
NO_LEARNER = Readiness(False, "NoLearner")
GONE = Facts(ending=Phase.EXPIRED, message="gone")


@pytest.mark.parametrize(
    ("facts", "before", "phase"),
    [
        (Facts(), Phase.PENDING, Phase.PROVISIONING),
        (ALL_READY, Phase.PENDING, Phase.READY),
        (ALL_READY, Phase.DEGRADED, Phase.READY),
        (ALL_READY, Phase.FAILED, Phase.READY),
        (replace(ALL_READY, credentials=NO_LEARNER), Phase.PENDING, Phase.READY),
        (replace(ALL_READY, credentials=WAITING), Phase.PENDING, Phase.PROVISIONING),
        (replace(ALL_READY, components=STARTING), Phase.PROVISIONING, Phase.PROVISIONING),
        (replace(ALL_READY, components=STARTING), Phase.READY, Phase.DEGRADED),
        (replace(ALL_READY, components=STARTING), Phase.DEGRADED, Phase.DEGRADED),
        (replace(ALL_READY, components=STARTING), Phase.SUSPENDED, Phase.PROVISIONING),
        (replace(ALL_READY, components=BROKEN), Phase.PROVISIONING, Phase.FAILED),
        (replace(ALL_READY, components=BROKEN), Phase.READY, Phase.DEGRADED),
        (Facts(accepted=REFUSED), Phase.PENDING, Phase.FAILED),
        (replace(ALL_READY, accepted=REFUSED), Phase.READY, Phase.READY),
        (replace(ALL_READY, suspended=True), Phase.READY, Phase.SUSPENDED),
        (replace(ALL_READY, suspended=True), Phase.PENDING, Phase.SUSPENDED),
        (replace(ALL_READY, suspended=True, guarded=WAITING), Phase.READY, Phase.SUSPENDED),
        (replace(ALL_READY, suspended=True, guarded=WAITING), Phase.SUSPENDED, Phase.SUSPENDED),
        (replace(ALL_READY, suspended=True, guarded=WAITING), Phase.PENDING, Phase.PROVISIONING),
        (replace(ALL_READY, credentials=REVOKED), Phase.READY, Phase.READY),
        (replace(GONE, suspended=True), Phase.READY, Phase.EXPIRED),
        (Facts(ending=Phase.EXPIRING), Phase.READY, Phase.EXPIRING),
        (Facts(ending=Phase.TERMINATING), Phase.EXPIRING, Phase.TERMINATING),
    ],
)
def test_phase(facts: Facts, before: Phase, phase: Phase) -> None:
    assert verdict.phase(facts, before) is phase


LATE = replace(ALL_READY, components=STARTING, overdue=True)


def test_a_lab_that_is_too_late_has_failed_and_says_what_is_missing() -> None:
    assert verdict.phase(LATE, Phase.PROVISIONING) is Phase.FAILED
    said = verdict.ready(LATE)
    assert said.reason == "ProgressDeadlineExceeded"
    assert "ComponentsStarting: 0 of 1 pods ready" in said.message
    assert verdict.phase(replace(ALL_READY, overdue=True), Phase.FAILED) is Phase.READY
    assert verdict.ready(replace(LATE, components=BROKEN)) is BROKEN


@pytest.mark.parametrize(
    ("before", "minutes", "limit", "reason", "late"),
    [
        (Phase.PROVISIONING, 14, 15, "", False),
        (Phase.PROVISIONING, 15, 15, "", True),
        (Phase.PROVISIONING, 999, 0, "", False),
        (Phase.PENDING, 999, 15, "", False),
        (Phase.DEGRADED, 999, 15, "", False),
        (Phase.FAILED, 0, 15, "ProgressDeadlineExceeded", True),
        (Phase.FAILED, 999, 15, "JobFailed", False),
    ],
)
def test_overdue(before: Phase, minutes: int, limit: int, reason: str, late: bool) -> None:
    old = [
        Condition(
            type="Ready", status="False", reason=reason or "x", last_transition_time=rfc3339(NOW)
        )
    ]
    since, most = NOW - timedelta(minutes=minutes), timedelta(minutes=limit)
    assert verdict.overdue(before, since, old, NOW, most) is late
    assert not verdict.overdue(Phase.PROVISIONING, None, old, NOW, most)


def test_a_lab_in_the_queue_is_pending() -> None:
    queued = Facts(accepted=Readiness(False, "PendingCapacity", "place 3 in the queue"))
    assert verdict.phase(queued, Phase.PENDING) is Phase.PENDING
    assert verdict.ready(queued).message == "place 3 in the queue"
    no_node = Readiness(False, "PendingCapacity", "0/1 nodes are available")
    assert (
        verdict.phase(replace(ALL_READY, components=no_node), Phase.PENDING) is Phase.PROVISIONING
    )


def test_an_end_in_doubt_is_neither_soon_nor_not() -> None:
    soon = by_type(replace(ALL_READY, clock_skew=True, expiring_soon=True))["ExpiringSoon"]
    assert (soon.status, soon.reason) == ("Unknown", "ClockSkew")


def by_type(facts: Facts, old: Any = (), now: datetime = NOW) -> dict[str, Condition]:
    return {c.type: c for c in verdict.conditions(facts, old, now, generation=3)}


def test_every_condition_is_there_once_in_order() -> None:
    made = verdict.conditions(Facts(archived=READY), (), NOW, 3)
    ours = [kind.value for kind in ConditionType if kind not in OTHERS]
    assert [condition.type for condition in made] == ours
    alive = verdict.conditions(Facts(), (), NOW, 3)
    assert {*ours} - {one.type for one in alive} == {ConditionType.ARCHIVED.value}
    assert {condition.observed_generation for condition in made} == {3}
    assert {condition.last_transition_time for condition in made} == {rfc3339(NOW)}


def test_an_unchanged_status_keeps_its_transition_time() -> None:
    old = verdict.conditions(replace(ALL_READY, components=STARTING), (), NOW, 3)
    new = by_type(replace(ALL_READY, components=BROKEN), old, LATER)
    assert new["ComponentsReady"].reason == "JobFailed"
    assert new["ComponentsReady"].last_transition_time == rfc3339(NOW)
    assert new["Guarded"].last_transition_time == rfc3339(NOW)


def test_a_changed_status_gets_a_new_one() -> None:
    old = verdict.conditions(replace(ALL_READY, components=STARTING), (), NOW, 3)
    new = by_type(ALL_READY, old, LATER)
    assert new["ComponentsReady"].last_transition_time == rfc3339(LATER)
    assert new["Ready"].last_transition_time == rfc3339(LATER)
    assert new["Guarded"].last_transition_time == rfc3339(NOW)


def test_good_news_has_words() -> None:
    for name, condition in by_type(ALL_READY).items():
        if condition.status == "True":
            assert condition.message, name
            assert condition.reason, name


def test_ready_tells_the_first_step_that_is_not() -> None:
    assert by_type(replace(ALL_READY, guarded=WAITING, components=BROKEN))["Ready"].reason == (
        "Waiting"
    )
    assert by_type(replace(ALL_READY, components=BROKEN))["Ready"].message == "no"
    assert by_type(Facts(accepted=REFUSED))["Ready"].reason == "SizeUnknown"


def test_signs_of_age() -> None:
    assert by_type(ALL_READY)["ExpiringSoon"].status == "False"
    soon = by_type(replace(ALL_READY, expiring_soon=True))["ExpiringSoon"]
    assert (soon.status, soon.reason) == ("True", "ExpiringSoon")
    old = by_type(replace(ALL_READY, template_current=False))["TemplateCurrent"]
    assert (old.status, old.reason) == ("False", "NewerTemplate")


TEXTS = st.text(max_size=3000)
READINESS = st.builds(Readiness, st.booleans(), st.sampled_from(["", "Why"]), TEXTS)


@given(READINESS, READINESS, TEXTS, st.booleans())
def test_whatever_happened_the_status_is_valid(
    one: Readiness, two: Readiness, message: str, ending: bool
) -> None:
    facts = Facts(
        accepted=one,
        namespaces=two,
        components=one,
        message=message,
        ending=Phase.EXPIRING if ending else None,
    )
    for condition in verdict.conditions(facts, (), NOW, 1):
        assert len(condition.message) <= 1024
        assert 1 <= len(condition.reason) <= 64


def key(name: str) -> ChildKey:
    return ChildKey("Job", "lab-a", name)


def test_summary_of_nothing_waiting_is_ready() -> None:
    assert verdict.summary([]) == READY
    assert verdict.summary([(key("a"), READY)]) == READY


def test_summary_names_the_worst() -> None:
    folded = verdict.summary([(key("a"), STARTING), (key("b"), BROKEN), (key("c"), STARTING)])
    assert folded == Readiness(False, "JobFailed", "Job b: no (and 2 more)", failed=True)


def test_summary_is_stable() -> None:
    pairs = [(key("b"), STARTING), (key("a"), STARTING)]
    assert verdict.summary(pairs) == verdict.summary(pairs[::-1])
    assert verdict.summary(pairs).message == "Job a: 0 of 1 pods ready (and 1 more)"


def test_recalled_facts_give_the_same_conditions() -> None:
    facts = replace(ALL_READY, components=STARTING)
    old = verdict.conditions(facts, (), NOW, 3)
    recalled = verdict.recall(Facts(), old)
    assert verdict.conditions(recalled, old, LATER, 3) == old
    assert verdict.recall(Facts(), ()) == Facts()
