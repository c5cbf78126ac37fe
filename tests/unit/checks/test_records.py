"""What is on record: the audit log in its order, and ratings by people who may rate."""

from typing import Any

import pytest

from practicum.api.looks.services import AuditCheck, Pattern
from practicum.api.looks.work import AttestCheck
from practicum.checks.findings import Finding
from practicum.checks.looks import records
from practicum.checks.outcomes import LookBroken

from .scenes import Stage

Object = dict[str, Any]
SUBJECTS = {"id": "ada", "subjects": [{"name": "ada@example.org"}]}


def record(seq: int, **more: Any) -> Object:
    return {"seq": seq, "type": "StateChanged", **more}


LOG = [
    record(1, type="Begun"),
    record(2, state="Requested", action="PromoteModel", target={"name": "fraud", "version": "2"}),
    record(3, type="Answered", verdict="Approve", actor={"persona": "reviewer"}),
    record(4, state="Executed", action="PromoteModel", target={"name": "fraud", "version": "2"}),
    record(5, state="Executed", action="RollbackModel"),
]


def pattern(match: Object | None = None, *expect: Object) -> Pattern:
    return Pattern.model_validate({"match": match or {}, "assert": list(expect)})


@pytest.mark.parametrize(
    ("match", "expect", "fits"),
    [
        ({}, [], True),
        ({"type": "StateChanged", "state": "Executed"}, [], True),
        ({"state": "Denied"}, [], False),
        ({"target": {"version": "2"}}, [], True),
        ({"target": {"version": 2}}, [], True),
        ({"actor": "*"}, [], False),
        ({}, [{"path": "seq", "op": "ge", "value": 4}], True),
        ({}, [{"path": "seq", "op": "gt", "value": 4}], False),
        ({"state": "Denied"}, [{"path": "seq", "op": "ge", "value": 4}], False),
    ],
)
def test_a_record_is_as_a_pattern_says(match: Object, expect: list[Object], fits: bool) -> None:
    assert records.fits(pattern(match, *expect), LOG[3]) is fits


def test_a_pattern_is_described_by_what_it_looks_for() -> None:
    found = pattern(
        {"type": "Answered", "target": {"name": "fraud"}},
        {"path": "status.answers", "op": "len", "value": 2},
    )
    said = "type=Answered target.name=fraud status.answers has as many entries as 2"
    assert records.described(found) == said


async def audit(log: Any = LOG, **look: Any) -> Finding:
    scene = Stage(records=log).scene()
    return await records.look_at_audit(scene, AuditCheck.model_validate(look))


@pytest.mark.parametrize(
    "states",
    [
        [{"state": "Requested"}],
        [{"state": "Requested"}, {"state": "Executed"}],
        [{"state": "Executed"}, {"state": "Executed"}],
        [{"type": "Begun"}, {"type": "Answered"}, {"action": "RollbackModel"}],
    ],
)
async def test_records_are_found_in_their_order(states: list[Object]) -> None:
    found = await audit(sequence=[{"match": one} for one in states])
    assert found.state.value == "pass"


async def test_another_order_is_not_it() -> None:
    steps = [{"match": {"type": "Answered"}}, {"match": {"state": "Requested"}}]
    found = await audit(sequence=steps)
    text = "step 2 of 2 is not on record after record 3: state=Requested"
    assert (found.state.value, found.message) == ("fail", text)
    assert found.observed == "5 records, the last: StateChanged RollbackModel Executed"


async def test_one_record_is_one_step() -> None:
    step = {"match": {"action": "RollbackModel"}}
    assert (await audit(sequence=[step])).state.value == "pass"
    assert "step 2 of 2" in (await audit(sequence=[step, step])).message
    assert "step 1 of 1 is not on record: " in (await audit([], sequence=[step])).message
    assert (await audit([], sequence=[step])).observed == "the log is empty"


async def test_what_may_not_be_there_is_named() -> None:
    absent = [{"match": {"state": "Denied"}}, {"match": {"action": "RollbackModel"}}]
    found = await audit(absent=absent)
    assert found.message == "record 5 should not be there (2. of absent)"
    assert (await audit(absent=absent[:1])).state.value == "pass"
    assert (await audit([], absent=absent)).state.value == "pass"


async def test_a_log_that_does_not_hold_tells_nothing() -> None:
    with pytest.raises(LookBroken, match="torn"):
        await audit(LookBroken("torn"), absent=[{"match": {"state": "Denied"}}])


async def test_the_log_is_read_once_for_all_checks() -> None:
    reads = []

    class Counting(Stage):
        async def _records(self, lab: Any) -> list[Any]:
            reads.append(lab.name)
            return await super()._records(lab)

    scene = Counting(records=LOG).scene()
    for _ in range(3):
        await records.look_at_audit(scene, AuditCheck(absent=[Pattern(match={"type": "No"})]))
    assert reads == ["ada"]


def rating(
    rater: str = "tutor@example.org",
    score: int = 4,
    *,
    passed: bool = True,
    lab: str = "ada",
    subject: str = "demo",
    at: str = "2026-11-21T12:30:00Z",
) -> Object:
    rubric = [{"criterion": "clear", "score": score, "max": 5}]
    spec = {"lab": lab, "subject": subject, "rubric": rubric, "passed": passed, "rater": rater}
    name = f"{lab}-{rater}-{at}".lower()
    meta = {"name": name, "namespace": "course-a", "creationTimestamp": at}
    return {"kind": "Attestation", "metadata": meta, "spec": spec}


async def attest(*ratings: Object, learner: Any = None, **look: Any) -> Finding:
    scene = Stage(objects=ratings, lab={"learner": learner or {"id": "ada"}}).scene()
    return await records.look_at_attest(scene, AttestCheck.model_validate(look), "demo")


@pytest.mark.parametrize(
    ("ratings", "look", "message"),
    [
        ([], {}, "0 of 1 people rated demo as passed"),
        ([rating()], {}, ""),
        ([rating(passed=False)], {}, "0 of 1 people rated demo"),
        ([rating(subject="other")], {}, "0 of 1 people rated demo"),
        ([rating(subject="other")], {"subject": "other"}, ""),
        ([rating(lab="bob")], {}, "0 of 1 people rated demo"),
        ([rating(at="2026-11-21T11:59:59Z")], {}, "0 of 1 people rated demo"),
        ([rating()], {"raters": 2}, "1 of 2 people rated demo"),
        ([rating(), rating(at="2026-11-21T12:31:00Z")], {"raters": 2}, "1 of 2 people"),
        ([rating(), rating("two@example.org")], {"raters": 2}, ""),
        ([rating(score=4)], {"min": 80}, ""),
        ([rating(score=3)], {"min": 80}, "demo was rated 60 % in the mean of 1, 80 % needed"),
        ([rating(score=5), rating("two@example.org", 3)], {"min": 80}, ""),
        ([rating(score=5), rating("two@example.org", 2, passed=False)], {"min": 80}, "rated 70 %"),
        ([rating(), rating(passed=False, at="2026-11-21T12:31:00Z")], {}, "0 of 1 people"),
        ([rating(passed=False), rating(at="2026-11-21T12:31:00Z")], {}, ""),
    ],
)
async def test_ratings_count_by_the_last_word_of_each(
    ratings: list[Object], look: Object, message: str
) -> None:
    found = await attest(*ratings, **look)
    assert found.state.value == ("fail" if message else "pass"), found
    assert message in found.message


@pytest.mark.parametrize(
    ("rater", "plays"),
    [
        ("tutor@example.org", False),
        ("ada@example.org", True),
        ("system:serviceaccount:course-a:ada.learner", True),
        ("system:serviceaccount:course-a:ada.reviewer", True),
        ("system:serviceaccount:course-a:bob.learner", True),
        ("system:serviceaccount:course-a:grader", False),
        ("system:admin", False),
    ],
)
async def test_nobody_rates_a_lab_of_their_own(rater: str, plays: bool) -> None:
    scene = Stage(lab={"learner": SUBJECTS}).scene()
    assert records.plays_here(scene, rater) is plays
    found = await attest(rating(rater), learner=SUBJECTS)
    assert found.state.value == ("fail" if plays else "pass")


def test_a_rating_is_a_share_of_what_could_be_given() -> None:
    rubric = [{"score": 3, "max": 5}, {"score": 5, "max": 5}]
    assert records.percent({"rubric": rubric}) == 80
    assert records.percent({"rubric": []}) == 0


async def test_the_lifecycle_is_that_of_the_log() -> None:
    found = await records.fetch_lifecycle(Stage(records=[]).scene())
    assert found["models"] == []
