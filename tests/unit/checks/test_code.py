"""What learners' own code came to: their tests, and the rows that their features join."""

import json
from typing import Any

import pytest

from practicum.api.looks.work import JobCheck, PitCheck
from practicum.checks.findings import Finding
from practicum.checks.looks import code
from practicum.checks.outcomes import LearnerFailed
from practicum.checks.values import Malformed
from practicum.desired.check_pods import WORKER

from .checks import body, template
from .scenes import PlayedPods, Stage, config_map

Object = dict[str, Any]
RAN: Object = {
    "code": 0,
    "output": "3 passed",
    "tests": 3,
    "bad": [],
    "skipped": 0,
    "coverage": 91.5,
}
IMAGES = {"workbench": "example.org/bench:1", "app": "example.org/app:1"}


def job(**changes: Any) -> JobCheck:
    said = {"repositories": ["repo"], "command": ["pytest"], "minTests": 2, "coverage": 80}
    return JobCheck.model_validate({**said, **changes})


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, ""),
        ({"coverage": 80}, ""),
        ({"skipped": 1}, ""),
        ({"code": None, "output": "so far"}, "the tests took more than 120s"),
        ({"tests": 0, "code": 5}, "no test ran (exit code 5)"),
        ({"tests": 0, "code": 127, "output": "not found"}, "no test ran (exit code 127)"),
        ({"unreadable": "no element found"}, "no element found"),
        ({"bad": ["test_a", "test_b"], "code": 1}, "tests fail: test_a, test_b"),
        ({"bad": [f"t{n}" for n in range(9)]}, "tests fail: t0, t1, t2, t3, t4"),
        ({"code": 2}, "the tests ended with exit code 2"),
        ({"skipped": 2}, "1 tests ran, 2 are needed"),
        ({"tests": 1}, "1 tests ran, 2 are needed"),
        ({"coverage": 79.9}, "the tests cover 79.9 %, 80 % are needed"),
        ({"coverage": None}, "the tests cover None %, 80 % are needed"),
        ({"coverage": "100"}, "the tests cover 100 %, 80 % are needed"),
        ({"tests": "3"}, "no test ran (exit code 0)"),
    ],
)
def test_a_run_of_tests_is_judged(said: Object, message: str) -> None:
    found = code.judged_job(job(), {**RAN, **said})
    assert (found.state.value, found.message) == ("fail" if message else "pass", message)


def test_tests_that_come_with_the_lab_have_to_pass_by_name() -> None:
    expected = code.tests_of(
        {"t.py": "def test_a():\n  pass\nasync def test_b(): pass\n", "a.txt": "("}
    )
    assert expected == {"test_a", "test_b"}
    forged = {**RAN, "passed": ["test_x", "test_a"]}
    found = code.judged_job(job(), forged, expected)
    assert found.message == "tests that come with the lab did not run: test_b"
    whole = {**RAN, "passed": ["test_b", "test_a"]}
    assert code.judged_job(job(), whole, expected).state.value == "pass"


def test_what_a_run_said_last_is_shown_where_it_failed() -> None:
    found = code.judged_job(job(), {**RAN, "code": 1, "bad": ["t"], "output": "x" * 900 + "end"})
    assert found.observed.endswith("end") and len(found.observed) == 400


def test_without_a_wish_coverage_is_no_matter() -> None:
    assert code.judged_job(job(coverage=0), {**RAN, "coverage": None}).state.value == "pass"


@pytest.mark.parametrize("said", [{}, {"code": 0}, {"code": 1, "tests": None, "bad": None}])
def test_a_run_that_says_little_has_failed(said: Object) -> None:
    assert code.judged_job(job(), said).state.value == "fail"


GOLDEN: Object = {
    "entities": [{"id": 1, "event_timestamp": "2026-11-20T00:00:00Z"}],
    "rows": [
        {"row_id": 1, "rule": "normal", "values": {"amount": 10.0, "count": 1}},
        {"row_id": 2, "rule": "before-first", "values": {"amount": None, "count": None}},
        {"row_id": 3, "rule": "late-correction", "values": {"amount": 5.5, "count": 2}},
    ],
}
JOINED: list[Object] = [
    {"row_id": 1, "amount": 10.0, "count": 1, "more": "x"},
    {"row_id": "2", "amount": None, "count": None},
    {"row_id": 3, "amount": 5.5000001, "count": 2.0},
]
PIT = PitCheck.model_validate(
    {
        "data": "data.py",
        "featureService": "fraud",
        "golden": "golden.json",
        "tolerance": 1e-6,
    }
)


def joined(*changes: Object) -> Object:
    """Return rows with fields of the first ones changed."""
    rows = [{**row, **more} for row, more in zip(JOINED, changes, strict=False)]
    return {"rows": [*rows, *JOINED[len(rows) :]]}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (joined(), ""),
        ({"rows": JOINED[::-1]}, ""),
        ({"error": "NameError: x"}, "your definitions or training_set failed: NameError: x"),
        ({"rows": JOINED[:1]}, "2 of 3 rows are lost: 1 before-first (a row from before"),
        ({"rows": None}, "3 of 3 rows are lost"),
        ({"rows": ["a", 1]}, "3 of 3 rows are lost"),
        ({"rows": [*JOINED, JOINED[0]]}, "the training set has 4 rows, 3 were asked for"),
        (joined({"amount": 10.1}), "1 of 3 rows are not what was known then: 1 normal"),
        (joined({"amount": None}), "1 of 3 rows are not what was known then"),
        (joined({}, {"amount": 0}), "1 before-first (a row from before the first event has no"),
        (joined({}, {}, {"amount": 6}), "(a value that was corrected later was not known"),
        (joined({"amount": "10"}), "1 of 3 rows"),
    ],
)
def test_rows_are_held_against_what_was_known(said: Object, message: str) -> None:
    found = code.judged_pit(PIT, GOLDEN, said)
    assert found.state.value == ("fail" if message else "pass"), found
    assert message in found.message


def test_a_wrong_row_is_shown_and_what_is_right_is_not() -> None:
    found = code.judged_pit(PIT, GOLDEN, joined({"amount": 11.0}))
    row = GOLDEN["rows"][0]["row_id"]
    assert found.observed == f'row {row}: {{"amount": 11.0, "count": 1}}'
    assert (found.expected, "10" in found.message) == ("", False)


async def looked(pods: PlayedPods, images: Any = IMAGES, **look: Any) -> Finding:
    spec = template(
        body(**look),
        images=images,
        assets=[{"path": "data.py", "content": "def write(folder): ..."}],
    )
    written = [config_map("repo", tests__test_a__py="x"), config_map("feature-repo", a__py="x")]
    answers = {"tests__test_hidden.py": "hidden", "golden.json": json.dumps(GOLDEN)}
    scene = Stage(spec, written, answers=answers, pods=pods).scene()
    works = {"job": code.look_at_job, "pit": code.look_at_pit}
    kind = spec.checks[0].kind
    return await works[kind](scene, spec.checks[0].look)


JOB: Object = {"repositories": ["repo"], "command": ["python3", "-m", "pytest"], "deadline": "60s"}


async def test_tests_run_on_the_learners_side_and_are_told_where_services_are() -> None:
    pods = PlayedPods("noise\n" + json.dumps(RAN))
    files = {"files": ["tests/test_hidden.py"]}
    assert (await looked(pods, job={**JOB, **files})).state.value == "pass"
    (pod,) = pods.ran
    assert (pod.side, pod.image) == ("learner", "example.org/bench:1")
    assert pod.config_maps == {"repo": "repo"}
    assert (pod.seconds, pod.environment["SECONDS"]) == (105, "60")
    assert json.loads(pod.environment["COMMAND"]) == JOB["command"]
    assert json.loads(pod.environment["FILES"]) == {"tests/test_hidden.py": "hidden"}
    assert pod.environment["APP_URL"].endswith(".svc:8080/")
    assert pod.resources == WORKER


async def test_what_ought_to_come_out_does_not_go_in() -> None:
    pods = PlayedPods(json.dumps(joined()))
    look = {"data": "data.py", "featureService": "fraud", "golden": "golden.json"}
    assert (await looked(pods, pit=look)).state.value == "pass"
    (pod,) = pods.ran
    assert json.loads(pod.environment["ENTITIES"]) == GOLDEN["entities"]
    assert "before-first" not in json.dumps([dict(pod.environment), pod.command])


@pytest.mark.parametrize("said", ["", "Traceback", "[]", "3", '{"code": 0}\nkilled'])
async def test_a_pod_that_says_something_else_is_no_result(said: str) -> None:
    with pytest.raises(LearnerFailed, match="your code ended before it could be judged"):
        await looked(PlayedPods(said), job=JOB)


async def test_a_repository_that_is_not_there_is_the_learners_to_make() -> None:
    pods = PlayedPods("")
    with pytest.raises(LearnerFailed, match="there is no ConfigMap other"):
        await looked(pods, job={**JOB, "repositories": ["repo", "other"]})
    assert not pods.ran


async def test_without_an_image_for_code_the_template_is_wrong() -> None:
    with pytest.raises(Malformed, match="none of the images workbench, feast"):
        await looked(PlayedPods(""), images={"app": "x"}, job=JOB)
    pods = PlayedPods(json.dumps(RAN))
    await looked(pods, images={"feast": "example.org/feast:1"}, job=JOB)
    assert pods.ran[0].image == "example.org/feast:1"
