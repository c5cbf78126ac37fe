"""Who may start when there is not room for all."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.policy.capacity import Limits, Standing, place


def lab(uid: str, course: str = "a", *, created: int = 0, running: bool = False) -> Standing:
    return Standing(uid, course, f"2026-11-21T12:00:{created:02}Z", running)


RUNNING = [lab("r1", running=True, created=5), lab("r2", "b", running=True, created=6)]


@pytest.mark.parametrize(
    ("waiting", "limits", "unscheduled", "verdicts"),
    [
        ([lab("x")], Limits(), 0, {"x": ""}),
        ([lab("x")], Limits(labs=3), 0, {"x": ""}),
        (
            [lab("x")],
            Limits(labs=2),
            0,
            {"x": "the cluster has 2 of 2 labs .*place 1 "},
        ),
        ([lab("x")], Limits(per_course=1), 0, {"x": "course a has 1 of 1 labs .*place 1 in"}),
        ([lab("x", "c")], Limits(per_course=1), 0, {"x": ""}),
        ([lab("x")], Limits(per_course=1, courses={"a": 2}), 0, {"x": ""}),
        ([lab("x")], Limits(per_course=9, courses={"a": 1}), 0, {"x": "course a has 1 of 1 labs"}),
        ([lab("x")], Limits(per_course=1, courses={"a": 0}), 0, {"x": ""}),
        (
            [lab("late", created=3), lab("early", created=1), lab("b", "b", created=2)],
            Limits(labs=3),
            0,
            {"early": "", "b": "cluster.*place 1 in", "late": "cluster.*place 2 in"},
        ),
        (
            [lab("x", created=1), lab("y", created=2), lab("z", "b", created=3)],
            Limits(labs=4, courses={"a": 1}),
            0,
            {"x": "course a.*place 1 in", "y": "course a.*place 2 in", "z": ""},
        ),
        (
            [lab("x"), lab("y", created=1)],
            Limits(),
            2,
            {"x": "pods of 2 labs.*place 1", "y": "place 2"},
        ),
    ],
)
def test_place(
    waiting: list[Standing], limits: Limits, unscheduled: int, verdicts: dict[str, str]
) -> None:
    for uid, expected in verdicts.items():
        verdict = place(uid, [*waiting, *RUNNING], limits, unscheduled)
        assert verdict.ready is (expected == ""), (uid, verdict)
        assert re.search(expected, verdict.message), (uid, verdict)
        assert verdict.ready or verdict.reason == "PendingCapacity"


def test_one_that_runs_goes_on_whatever_the_limit() -> None:
    assert place("r2", RUNNING, Limits(labs=1), unscheduled=1).ready


LABS = st.lists(
    st.builds(
        Standing,
        uid=st.uuids().map(str),
        course=st.sampled_from("abc"),
        created=st.sampled_from([f"2026-11-21T12:00:{n:02}Z" for n in range(4)]),
        running=st.booleans(),
    ),
    unique_by=lambda one: one.uid,
    max_size=20,
)


@given(labs=LABS, total=st.integers(0, 8), per_course=st.integers(0, 4), order=st.randoms())
def test_never_more_than_allowed_and_everybody_agrees(
    labs: list[Standing], total: int, per_course: int, order: random.Random
) -> None:
    limits = Limits(labs=total, per_course=per_course)
    shuffled = list(labs)
    order.shuffle(shuffled)
    admitted = [one for one in labs if place(one.uid, shuffled, limits).ready]
    fresh = [one for one in admitted if not one.running]
    assert all(one in admitted for one in labs if one.running)
    if total and fresh:
        assert len(admitted) <= total
    for course in "abc":
        if per_course and any(one.course == course for one in fresh):
            assert sum(one.course == course for one in admitted) <= per_course
    if not total and not per_course:
        assert admitted == labs
