"""What ``practicum template test`` takes for proven, and what not."""

import pytest

from practicum.api.checks import Check
from practicum.cli.template_outcome import Outcome

CHECK = {"id": "one", "title": "One", "task": "t", "criteria": ["c"], "attest": {}}


def outcome(new: str, solved: str, message: str = "m", fresh: str = "fail") -> Outcome:
    checks = [Check.model_validate({**CHECK, "fresh": fresh})]
    found = Outcome("mod")
    found.fresh = {"one": {"state": new, "message": message}}
    found.solved = {"one": {"state": solved, "message": message}}
    found.judge_new(checks)
    found.judge_solved(checks)
    return found


@pytest.mark.parametrize(
    ("new", "solved", "message", "fresh", "problem"),
    [
        ("fail", "pass", "m", "fail", ""),
        ("pass", "pass", "m", "pass", ""),
        ("unsupported", "unsupported", "no policies here", "fail", ""),
        ("pass", "pass", "m", "fail", "one: pass in a new lab, expected fail: m"),
        ("pending", "pass", "m", "fail", "one: pending in a new lab, expected fail: m"),
        ("error", "pass", "m", "fail", "one: error in a new lab, expected fail: m"),
        ("fail", "fail", "m", "fail", "one: fail in the solved lab, expected pass: m"),
        ("fail", "error", "", "fail", "one: it fails without saying why"),
        ("fail", "unsupported", "", "fail", "one: it fails without saying why"),
        ("unsupported", "unsupported", "", "fail", "one: it is unsupported without saying why"),
    ],
)
def test_what_is_a_problem(new: str, solved: str, message: str, fresh: str, problem: str) -> None:
    found = outcome(new, solved, message, fresh).problems
    assert found[:1] == ([problem] if problem else [])


def test_a_report_names_both_states() -> None:
    wire = outcome("fail", "pass").wire()
    assert wire["checks"]["one"] == {"fresh": "fail", "message": "m", "solved": "pass", "why": "m"}
