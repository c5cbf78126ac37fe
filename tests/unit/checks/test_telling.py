"""The report that learners read: whole, bounded, and silent of what is hidden."""

import json
from typing import Any

import pytest

from practicum.api.checks import CheckState
from practicum.api.labstatus import ChecksStatus
from practicum.api.labtemplate import LabTemplateSpec
from practicum.checks import findings, scoring, telling
from practicum.checks.findings import PASSED, Finding
from practicum.desired.lab import Lab
from tests import samples

from .checks import body, template

Object = dict[str, Any]
NOW = "2026-11-21T12:10:00Z"
FAILED = findings.failed("a is 1", "a is 2", "a is 1")
SPEC = template(
    body("a", criteria=["shown"], points=3, hint="look at a"),
    body("b", criteria=["shown"], hidden=True, hint="look at b"),
    body("c"),
    criteria=[
        {"id": "shown", "text": "It is shown.", "source": "objective"},
        {"id": "other", "text": "Nothing proves it.", "source": "activity"},
    ],
)


def scored(found: dict[str, Finding], spec: LabTemplateSpec = SPEC, **more: Any) -> ChecksStatus:
    return scoring.scorecard(spec.checks, found, None, NOW, **more)


def details(found: dict[str, Finding], spec: LabTemplateSpec = SPEC) -> Any:
    known = {check.id: check for check in spec.checks}
    return {name: telling._detail(known[name], one) for name, one in found.items()}


def report(found: dict[str, Finding], spec: LabTemplateSpec = SPEC, **more: Any) -> Any:
    lab = samples.lab(spec)
    return json.loads(telling.report(lab, scored(found, spec, **more), details(found, spec)))


def test_a_report_says_what_there_is_to_do_and_why() -> None:
    said = report({"a": FAILED, "b": PASSED, "c": FAILED}, answered={"request": "r1"})
    assert said["template"] == "mod-1"
    assert said["summary"]["summary"] == "1/3"
    assert (said["summary"]["points"], said["summary"]["maxPoints"]) == (1, 5)
    assert not {"results", "request", "staffRequest"} & set(said["summary"])
    first = said["checks"][0]
    assert (first["id"], first["title"], first["task"]) == ("a", "Check a", "do")
    assert (first["state"], first["points"], first["maxPoints"]) == ("fail", 0, 3)
    assert first["message"] == "a is 1 (look at a)"
    assert (first["expected"], first["observed"]) == ("a is 2", "a is 1")
    assert [one["id"] for one in said["checks"]] == ["a", "b", "c"]


def test_a_hidden_check_tells_its_hint_alone() -> None:
    secret = findings.failed("the answer is 42", "42 it is", "43 was said")
    said = report({"a": PASSED, "b": secret, "c": PASSED})
    assert said["checks"][1]["message"] == "look at b"
    assert "42" not in json.dumps(said) and "43" not in json.dumps(said)


@pytest.mark.parametrize(
    ("a", "b", "met"),
    [
        (PASSED, PASSED, True),
        (PASSED, FAILED, False),
        (PASSED, findings.unsupported("no"), True),
        (findings.unsupported("no"), findings.unsupported("no"), False),
        (PASSED, findings.broken("oh"), False),
        (PASSED, Finding(CheckState.PENDING), False),
        (findings.unsupported("no"), FAILED, False),
    ],
)
def test_a_criterion_is_met_by_all_checks_that_prove_it(a: Finding, b: Finding, met: bool) -> None:
    shown, other = report({"a": a, "b": b, "c": FAILED})["criteria"]
    assert shown == {"id": "shown", "text": "It is shown.", "met": met, "checks": ["a", "b"]}
    assert (other["met"], other["checks"]) == (False, [])


def test_what_was_waived_is_in_nobodys_way() -> None:
    shown, _ = report({"a": PASSED, "b": FAILED}, waived={"b"})["criteria"]
    assert shown["met"]


def wide(count: int) -> LabTemplateSpec:
    return template(*(body(f"c{number}", title="t") for number in range(count)))


def test_what_is_long_leaves_its_details_out() -> None:
    spec = wide(48)
    long = findings.failed("no", "e" * 1000, "ö" * 1000)
    found = {check.id: long for check in spec.checks}
    text = telling.report(samples.lab(spec), scored(found, spec), details(found, spec))
    assert len(text.encode()) <= telling._LONGEST
    rows = json.loads(text)["checks"]
    assert len(rows) == 48
    assert all("expected" not in row and row["message"] == "no" for row in rows)
    few = dict(list(found.items())[:10])
    said = report(few, spec)
    assert [len(row.get("expected", "")) for row in said["checks"]] == [1000] * 10 + [0] * 38


def test_the_longest_report_that_there_can_be_fits() -> None:
    """In characters of four bytes, with as many checks and criteria as a template may have."""
    wide, ids = "\U0001f600", [f"{number:02}" + "i" * 61 for number in range(64)]
    spec = template(
        *(
            body(name, title=wide * 256, task="t" * 63, criteria=ids[at % 8 * 8 :][:8])
            for at, name in enumerate(ids[:48])
        ),
        tasks=[{"name": "t" * 63, "title": "T"}],
        criteria=[{"id": one, "text": wide * 256, "source": "criterion"} for one in ids],
    )
    long = findings.failed(wide * 999, wide * 9999, wide * 9999)
    found = {check.id: long for check in spec.checks}
    text = telling.report(samples.lab(spec), scored(found, spec), details(found, spec))
    assert len(text.encode()) <= telling._LONGEST
    said = json.loads(text)
    assert [one["state"] for one in said["checks"]] == ["fail"] * 48
    assert [one["id"] for one in said["criteria"]] == ids


def test_details_are_of_what_was_found_and_short() -> None:
    (check, *_) = SPEC.checks
    assert telling._detail(check, PASSED) == {}
    assert telling._detail(check, findings.failed("x", "", "y" * 5000)) == {
        "observed": "y" * (findings.DETAIL - 1) + "…"
    }


def test_criteria_are_those_of_the_template() -> None:
    lab: Lab = samples.lab(SPEC)
    rows = telling.criteria(lab, scored({}), {"shown": "It is shown."})
    assert [(row["id"], row["met"]) for row in rows] == [("shown", False)]
