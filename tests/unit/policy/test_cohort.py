"""What a class needs at each moment: decided from what is there and the time alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.canonical import digest
from practicum.api.conditions import Phase
from practicum.api.labcohort import LabCohort
from practicum.api.times import rfc3339
from practicum.policy import cohort
from practicum.policy.cohort import Means, Member, Plan
from practicum.policy.room import Room

BELL = datetime(2026, 11, 30, 9, tzinfo=UTC)
END = BELL + timedelta(hours=3)
SCHEDULE = {"startAt": rfc3339(BELL), "endAt": rfc3339(END)}
PEOPLE = [f"learner-{number}@example.org" for number in range(5)]


def classroom(**spec: Any) -> LabCohort:
    learners = [{"id": one} for one in PEOPLE]
    return LabCohort.model_validate(
        {
            "metadata": {
                "name": "monday",
                "namespace": "autumn",
                "uid": "c-1",
                "creationTimestamp": rfc3339(BELL - timedelta(days=7)),
            },
            "spec": {
                "roster": {"learners": learners},
                "templates": [{"name": "mod-501"}],
                "schedule": SCHEDULE,
                **spec,
            },
        }
    )


def planned(
    resource: LabCohort,
    now: datetime = BELL,
    labs: dict[str, Member] | None = None,
    means: Means | None = None,
) -> Plan:
    wanted = cohort.places(resource, resource.spec.roster.learners)
    return cohort.plan(resource, wanted, labs or {}, means or Means(), now)


def made(
    resource: LabCohort, phase: Phase = Phase.READY, now: datetime = BELL
) -> dict[str, Member]:
    """Return the labs of a class as its plans have made them."""
    found = {}
    for place in cohort.places(resource, resource.spec.roster.learners):
        spec = cohort.lab_spec(resource, cohort.times(resource), place, None, now)
        # As the API server has it: with all defaults filled in.
        live = spec | {"waivedChecks": [], "suspended": spec.get("suspended", False)}
        if "learner" in spec:
            live["learner"] = spec["learner"] | {"subjects": []}
        found[place.name] = Member(place.name, place.name, live, digest(spec), phase, False)
    return found


@pytest.mark.parametrize(
    ("schedule", "provision", "opens", "closes", "ends"),
    [
        (SCHEDULE, -30, -30, 180, 180),
        ({**SCHEDULE, "provisionAt": rfc3339(BELL - timedelta(hours=1))}, -60, -60, 180, 180),
        ({**SCHEDULE, "access": "AtStart"}, -30, 0, 180, 180),
        ({**SCHEDULE, "ending": "Soft"}, -30, -30, 180, 210),
        ({"startAt": rfc3339(BELL)}, -30, -30, 480, None),
    ],
)
def test_the_moments_of_a_class(
    schedule: Any, provision: int, opens: int, closes: int, ends: int | None
) -> None:
    found = cohort.times(classroom(schedule=schedule))

    def at(minutes: int | None) -> datetime | None:
        return None if minutes is None else BELL + timedelta(minutes=minutes)

    assert found == cohort.Times(at(provision), at(opens), at(closes), at(ends))  # type: ignore[arg-type]


def test_labs_are_made_before_the_bell_and_not_earlier() -> None:
    early = planned(classroom(), BELL - timedelta(hours=1))
    assert not early.apply
    assert set(early.waiting.values()) == {"made at 2026-11-30T08:30:00Z"}
    assert early.due == BELL - timedelta(minutes=30)
    assert len(planned(classroom(), BELL - timedelta(minutes=30)).apply) == len(PEOPLE)


def test_a_lab_ends_with_the_class_and_belongs_to_its_learner() -> None:
    (place, spec), *_ = planned(classroom(onExpiry="Archive", idle={"suspendAfter": "1h"})).apply
    assert place.name.startswith("monday-learner-0-")
    assert spec["learner"] == {"id": PEOPLE[0]}
    assert (spec["endAt"], spec["onExpiry"]) == (rfc3339(END), "Archive")
    assert spec["idle"]["suspendAfter"] == "1h"
    assert "suspended" not in spec, "whether it is suspended is for others to say"


def test_nobody_gets_in_before_the_bell_where_the_schedule_says_so() -> None:
    resource = classroom(schedule={**SCHEDULE, "access": "AtStart"})
    before = BELL - timedelta(minutes=5)
    plan = planned(resource, before)
    assert all("learner" not in spec for _, spec in plan.apply)
    assert plan.due == BELL
    after = planned(resource, BELL, made(resource, now=before))
    assert [spec["learner"]["id"] for _, spec in after.apply] == PEOPLE


def test_what_is_as_it_should_be_is_left_alone() -> None:
    resource = classroom(templates=[{"name": "mod-501", "parameters": {"seed": 3}}])
    assert planned(resource, labs=made(resource)) == replace(Plan(), due=END)


@pytest.mark.parametrize(
    ("spec", "changed"),
    [
        ({"paused": True}, {"suspended": True}),
        ({"schedule": {**SCHEDULE, "endAt": rfc3339(END + timedelta(hours=1))}},
         {"endAt": rfc3339(END + timedelta(hours=1))}),
        ({"onExpiry": "Archive"}, {"onExpiry": "Archive"}),
    ],
)  # fmt: skip
def test_an_edit_of_the_class_reaches_all_of_its_labs(
    spec: dict[str, Any], changed: dict[str, Any]
) -> None:
    plan = planned(classroom(**spec), labs=made(classroom()))
    assert len(plan.apply) == len(PEOPLE)
    assert all(spec.items() >= changed.items() for _, spec in plan.apply)


def test_after_a_pause_the_cohort_says_nothing_of_suspension_any_more() -> None:
    paused = made(classroom(paused=True), Phase.SUSPENDED)
    plan = planned(classroom(), labs=paused)
    assert len(plan.apply) == len(PEOPLE)
    assert all("suspended" not in spec for _, spec in plan.apply)


def test_somebody_elses_edit_is_put_right_and_what_cannot_change_stays() -> None:
    resource = classroom()
    labs = made(resource)
    name = next(iter(labs))
    labs[name] = replace(labs[name], spec=labs[name].spec | {"endAt": rfc3339(BELL)})
    ((place, spec),) = planned(resource, labs=labs).apply
    assert (place.name, spec["endAt"]) == (name, rfc3339(END))
    other = classroom(roster={"learners": [{"id": one, "displayName": "X"} for one in PEOPLE]})
    assert not planned(other, labs=made(resource)).apply, "spec.learner is set once"


def test_one_learner_may_have_longer() -> None:
    own = rfc3339(END + timedelta(hours=2))
    learners = [{"id": PEOPLE[0], "endAt": own}, {"id": PEOPLE[1]}]
    specs = [spec for _, spec in planned(classroom(roster={"learners": learners})).apply]
    assert [spec["endAt"] for spec in specs] == [own, rfc3339(END)]
    late = planned(classroom(roster={"learners": learners}), END + timedelta(hours=1))
    assert [place.learner.id for place, _ in late.apply] == [PEOPLE[0]]


@pytest.mark.parametrize("policy", ["Keep", "Suspend", "Delete"])
def test_labs_of_people_off_the_roster_follow_the_policy(policy: str) -> None:
    labs = made(classroom())
    left = classroom(removalPolicy=policy, roster={"learners": [{"id": PEOPLE[0]}]})
    plan = planned(left, labs=labs)
    gone = {name for name in labs if not name.startswith("monday-learner-0-")}
    assert {one.name for one in plan.suspend} == (gone if policy == "Suspend" else set())
    assert {one.name for one in plan.delete} == (gone if policy == "Delete" else set())


@pytest.mark.parametrize(
    ("spec", "means", "why"),
    [
        ({"paused": True}, Means(), "paused"),
        ({"budget": {"amount": "10"}}, Means(spent=Decimal(10)), "budget of 10 is spent"),
        ({"capacity": {"maxRunning": 1}}, Means(), "spec.capacity.maxRunning"),
        ({"maxConcurrentProvisioning": 1}, Means(), "others are being made"),
    ],
)
def test_why_a_lab_waits_is_said(spec: dict[str, Any], means: Means, why: str) -> None:
    assert why in list(planned(classroom(**spec), means=means).waiting.values())[-1]


def test_a_budget_that_only_warns_blocks_nothing() -> None:
    resource = classroom(budget={"amount": "10", "action": "Warn"})
    assert len(planned(resource, means=Means(spent=Decimal(99))).apply) == len(PEOPLE)


def test_nothing_is_begun_after_the_end_and_nothing_ended_is_touched() -> None:
    assert set(planned(classroom(), END).waiting.values()) == {"the class is over"}
    assert planned(classroom(paused=True), labs=made(classroom(), Phase.EXPIRED)) == replace(
        Plan(), due=END
    )


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 12),
    st.lists(st.sampled_from([Phase.READY, Phase.PROVISIONING, Phase.EXPIRED]), max_size=5),
)
def test_there_is_never_more_than_there_is_room_for(
    at_once: int, most: int, cores: int, phases: list[Phase]
) -> None:
    resource = classroom(
        maxConcurrentProvisioning=at_once,
        capacity={"maxRunning": most, "requests": {"cpu": str(cores)}},
    )
    labs = dict(zip(made(resource), made(resource).values(), strict=True))
    labs = {
        name: replace(labs[name], phase=phase)
        for name, phase in zip(list(labs)[: len(phases)], phases, strict=True)
    }
    asks = {name: Room(cpu=Decimal(2)) for name in made(resource)}
    plan = planned(resource, labs=labs, means=Means(asks=asks))
    new = sum(place.name not in labs for place, _ in plan.apply)
    running = sum(phase is not Phase.EXPIRED for phase in phases)
    starting = sum(phase is Phase.PROVISIONING for phase in phases)
    assert new == 0 or new + starting <= at_once
    assert new == 0 or new + running <= most
    assert new == 0 or 2 * (new + running) <= cores
    free = len(PEOPLE) - len(phases)
    room = min(at_once - starting, most - running, (cores - 2 * running) // 2)
    assert new == max(0, min(free, room)), "and all of it is used"


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_names_of_labs_are_names_and_differ(one: str, other: str) -> None:
    names = {
        cohort.lab_name("a-class-with-a-very-long-name-indeed", id_, "m") for id_ in (one, other)
    }
    assert len(names) == len({one, other})
    for name in names:
        assert len(name) <= 52
        assert name.strip("-") == name
        assert name.replace("-", "").isalnum()
        assert name.isascii()
