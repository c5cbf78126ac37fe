"""Labs of a report: each once, whole, in one row; rows of any grouping add up to the total."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.checks import CheckState
from practicum.api.labenvironment import LabEnvironment
from practicum.policy import figures
from practicum.policy.report_terms import By, Subject
from practicum.policy.reporting import Choice, Lab, coarsest, grouped, merged, row_of
from tests import reports, samples
from tests.reports import BORN

NOW = BORN + timedelta(hours=10)


def lab(name: str = "ada", **fields: Any) -> LabEnvironment:
    return LabEnvironment.model_validate(reports.lab(name, **fields), extra="ignore")


rows = st.builds(
    reports.gone,
    st.uuids().map(str),
    lab=st.sampled_from(("ada", "eve", "mallory")),
    course=st.sampled_from(("course-a", "course-b")),
    cohort=st.sampled_from(("", "autumn", "spring")),
    template=st.sampled_from(("mod-501", "mod-506")),
    learner=st.sampled_from(("", "ada", "eve")),
    ready_seconds=st.none() | st.integers(0, 10**5),
    checks=st.sampled_from(("", "0/4", "3/4", "9/9")),
    points=st.integers(0, 500),
    created_at=st.integers(0, 9).map(lambda day: f"2026-11-2{day}T12:00:00Z"),
    usage=st.builds(
        reports.usage,
        st.integers(0, 2000),
        cores=st.integers(0, 64),
        gib=st.integers(0, 512),
        cost=st.decimals(0, 10**12 - 1, places=6).map(lambda amount: f"{amount:f}"),
        measured=st.booleans(),
    ),
)
books = st.lists(rows, max_size=12, unique_by=lambda row: row.uid)
ADDS = {
    Subject.USAGE: (
        *("labs", "runningHours", "requestedCpuCoreHours", "requestedMemoryGibHours"),
        *("requestedStorageGibHours", "measuredHours", "usedCpuCoreHours", "usedMemoryGibHours"),
    ),
    Subject.COST: ("labs", "cost", "costShareRatio"),
    Subject.PROGRESS: ("labs", "checksPassed", "checksTotal", "points", "behind", "labsReady"),
    Subject.ACTIVITY: ("labs", "started", "neverStarted"),
}


@given(books, st.sampled_from(Subject), st.sampled_from(By))
def test_rows_of_any_grouping_add_up_exactly(booked: list[Any], subject: Subject, by: By) -> None:
    found, total = figures.table(subject, merged([], booked), by, NOW)
    for field in ADDS[subject]:
        assert sum(row[field] or 0 for row in found) == (total[field] or 0), field
    assert total["labs"] == len(booked)


@given(books, books, st.sampled_from(By))
def test_a_lab_counts_once_wherever_and_however_often_it_is_found(
    one: list[Any], other: list[Any], by: By
) -> None:
    there = [lab(f"live-{n}", uid=row.uid) for n, row in enumerate(one[: len(one) // 2])]
    labs = merged(there, [*one, *other, *one])
    assert sorted(found.row.uid for found in labs) == sorted({row.uid for row in one + other})
    assert sum(len(some) for some in grouped(labs, by).values()) == len(labs)
    live = {found.row.uid for found in labs if found.status}
    assert live == {body.uid for body in there}


@given(books, st.integers(0, 9), st.sampled_from(("", "autumn")))
def test_periods_that_follow_each_other_add_up(booked: list[Any], day: int, cohort: str) -> None:
    labs, cut = merged([], booked), BORN.replace(day=20 + day)
    parts = (Choice(until=cut, cohort=cohort), Choice(since=cut, cohort=cohort))
    for found in labs:
        assert sum(part.takes(found) for part in parts) == Choice(cohort=cohort).takes(found)


def test_the_line_of_a_lab() -> None:
    found = row_of(
        lab(
            cohort="autumn",
            checks=reports.checks(["pass", "fail", "waived"]),
            usage=reports.usage(2),
            activity=reports.activity(NOW),
        )
    )
    assert (found.lab, found.course, found.cohort) == ("ada", "course-a", "autumn")
    assert (found.learner, found.checks, found.points) == ("ada@example.org", "1/2", 1)
    assert (found.ready_seconds, found.ended_at) == (120, None)
    assert found.last_activity_at == "2026-11-21T22:00:00Z"
    assert found.usage.running_seconds == 7200
    new = row_of(lab(ready=None))
    assert (new.ready_seconds, new.checks, new.usage.cost) == (None, "", "0")
    over = row_of(lab(phase="Expired", phaseSince="2026-11-21T20:00:00Z"))
    assert over.ended_at == "2026-11-21T20:00:00Z"


def test_usage_in_hours() -> None:
    labs = merged(
        [lab(usage=reports.usage(4)), lab("eve", usage=reports.usage(2, cores=3, gib=1))], []
    )
    found = figures.usage(labs)
    assert found["requestedCpuCoreHours"] == 4 + 6
    assert found["requestedMemoryGibHours"] == 8 + 2
    assert (found["requestedStorageGibHours"], found["runningHours"]) == (6, 6)
    assert (found["usedCpuCoreHours"], found["usedMemoryGibHours"]) == (Fraction(5, 2), 5)
    assert (found["cpuEfficiencyRatio"], found["memoryEfficiencyRatio"]) == (
        *(Fraction(1, 4), Fraction(1, 2)),
    )
    assert (found["peakCpuCores"], found["peakMemoryGib"]) == (Fraction(3, 2), 1)


def test_what_was_not_measured_is_not_known() -> None:
    found = figures.usage(merged([lab(usage=reports.usage(4, measured=False))], []))
    assert found["measuredHours"] == 0
    for field in (
        "usedCpuCoreHours",
        "cpuEfficiencyRatio",
        "peakCpuCores",
        "memoryEfficiencyRatio",
    ):
        assert found[field] is None


def test_cost_by_share_learner_point_and_check() -> None:
    ada = lab(usage=reports.usage(1, cost="0.3"), checks=reports.checks(["pass", "pass"]))
    again = lab("ada2", learner="ada@example.org", usage=reports.usage(1, cost="0.1"))
    labs = merged([ada, again], [reports.gone("g", usage=reports.usage(1, cost="0.2"))])
    found, total = figures.table(Subject.COST, labs, By.LEARNER, NOW)
    assert [row["learner"] for row in found] == ["ada@example.org", "eve@example.org"]
    # 0.3 + 0.1 is not 0.4 in binary.
    assert found[0]["cost"] == Fraction(2, 5)
    assert found[0]["costShareRatio"] == Fraction(2, 3)
    assert (found[0]["costPerPoint"], found[0]["costPerCheckPassed"]) == (Fraction(1, 5),) * 2
    assert (total["learners"], total["costPerLearner"]) == (2, Fraction(3, 10))
    free, whole = figures.table(Subject.COST, merged([lab()], []), By.LAB, NOW)
    assert (free[0]["costShareRatio"], whole["costPerPoint"]) == (None, None)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([7], 95, 7), ([1, 3], 50, 2), (list(range(101)), 95, 95)],
)
def test_percentiles(values: list[int], percent: int, expected: float | None) -> None:
    assert figures.percentile(values, percent) == expected


@given(st.lists(st.integers(0, 10**6), min_size=1), st.integers(1, 99))
def test_a_percentile_lies_among_its_values(values: list[int], percent: int) -> None:
    found = figures.percentile(values, percent)
    assert found is not None
    assert min(values) <= found <= max(values)


def test_who_is_behind_is_so_among_those_of_their_module() -> None:
    def done(name: str, passed: int, template: str = "mod-501") -> LabEnvironment:
        states = ["pass"] * passed + ["fail"] * (10 - passed)
        return lab(name, template=template, checks=reports.checks(states))

    labs = merged([done("a", 8), done("b", 6), done("c", 2), done("d", 2, "mod-506")], [])
    assert figures.behind(labs) == {"uid-of-course-a-c"}
    assert not figures.behind(merged([done("a", 0), done("b", 0)], []))


def test_states_and_their_columns() -> None:
    labs = merged([lab(checks=reports.checks(reports.STATES)), lab("eve")], [reports.gone("g")])
    (found, _, _) = sorted(labs, key=lambda one: one.row.lab)
    assert "".join(state.letter for state in figures.states(found).values()) == "PFE.WU"
    assert figures.columns(labs) == [f"check-{number}" for number in range(6)]
    assert len({state.letter for state in CheckState}) == len(CheckState)
    assert found.passed == 1
    assert found.total == 4


def _seen(source: str, phase: str = "Ready", **more: Any) -> Lab:
    one = lab(phase=phase, activity=reports.activity(NOW - timedelta(hours=1), source), **more)
    return merged([one], [])[0]


def test_activity() -> None:
    worked, idle = _seen("Checks"), _seen("Ready")
    found = figures.activity([worked, idle], NOW)
    assert (found["started"], found["neverStarted"]) == (1, 1)
    assert found["signsBySource"] == {"Checks": 3, "Ready": 2}
    assert (found["lastActivityAt"], found["idleSeconds"]) == ("2026-11-21T21:00:00Z", 3600)
    asleep = figures.activity([_seen("Checks", phase="Suspended")], NOW)
    assert (asleep["idleSeconds"], asleep["lastActivitySource"]) == (None, "Checks")
    none = figures.activity([], NOW)
    assert (none["lastActivityAt"], none["lastActivitySource"]) == (None, None)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (_seen("Checks"), True),
        (_seen("Ready"), False),
        (_seen("Resumed"), False),
        (_seen("Ready", checks=reports.checks(["pass"])), True),
        (Lab(reports.gone("g", checks="1/4")), True),
        (Lab(reports.gone("g", checks="0/4")), False),
        (Lab(reports.gone("g", checks="0/4", last_activity_at=samples.CREATED)), None),
    ],
)
def test_who_began(found: Lab, expected: bool | None) -> None:
    assert figures.started(found) is expected


def test_the_coarsest_grouping_that_tells_labs_apart() -> None:
    order = (By.COURSE, By.COHORT, By.LEARNER)
    one = merged([lab(cohort="autumn"), lab("eve", cohort="spring")], [])
    assert coarsest(one, order) is By.COHORT
    assert coarsest(one[:1], order) is By.LEARNER
    assert coarsest(merged([lab(), lab("eve", course="course-b")], []), order) is By.COURSE
