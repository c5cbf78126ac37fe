"""What a new lab and a solved one have to say for a module to be proven."""

from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from practicum.cli.session import Options, Session
from practicum.cli.template_test import ModuleTest, Wanted
from tests.unit.changes import COURSE, Cluster, FakeKube
from tests.unit.checks.checks import body

Object = dict[str, Any]
CHECKS = [
    body("plan"),
    body("fine", fresh="pass"),
    body("later", fresh="pending"),
    body("next", needs=["plan"]),
]


@pytest.fixture
def proof(tmp_path: Path) -> ModuleTest:
    side: Object = {"compute": {}, "jobs": {}, "storage": {}}
    source = {
        "title": "A module",
        "sizes": {"standard": {"quota": {"learner": side}}},
        "tasks": [{"name": "do", "title": "Do it", "file": "do.md"}],
    }
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(source))
    (tmp_path / "checks.yaml").write_text(yaml.safe_dump({"checks": CHECKS}))
    (tmp_path / "do.md").write_text("# Do it\n")
    session = Session(cast(Any, FakeKube(Cluster(), "tutor")), COURSE, Options())
    return ModuleTest(session, Wanted(tmp_path))


def said(*states: str) -> dict[str, Object]:
    """Return what became of each check; a state may end with - for no message."""
    return {
        check["id"]: {
            "id": check["id"],
            "state": state.rstrip("-"),
            "message": "" if state.endswith("-") else "why",
        }
        for check, state in zip(CHECKS, states, strict=True)
    }


@pytest.mark.parametrize(
    ("states", "problems"),
    [
        (["fail", "pass-", "pending", "fail"], []),
        (["fail", "pass-", "pending", "pending"], []),
        (["unsupported", "unsupported", "unsupported", "unsupported"], []),
        (["pass", "pass-", "pending", "fail"], ["plan: pass in a new lab, expected fail: why"]),
        (["error", "pass-", "pending", "fail"], ["plan: error in a new lab, expected fail: why"]),
        (["pending", "pass-", "pending", "fail"], ["plan: pending in a new lab, expected fail"]),
        (["fail", "fail", "pending", "fail"], ["fine: fail in a new lab, expected pass: why"]),
        (["fail", "pass-", "fail", "fail"], ["later: fail in a new lab, expected pending: why"]),
        (["fail", "pass-", "pending", "pass-"], ["next: pass in a new lab, expected fail"]),
        (["fail-", "pass-", "pending", "fail"], ["plan: it fails without saying why"]),
        (["pass-", "fail-", "fail-", "pass-"], ["plan", "fine", "later", "next"]),
    ],
)
def test_a_new_lab_has_something_left_to_do(
    proof: ModuleTest, states: list[str], problems: list[str]
) -> None:
    proof.outcome.fresh = said(*states)
    proof._judge_fresh()
    found = proof.outcome.problems
    assert len(found) == len(problems), found
    assert all(text.startswith(start) for text, start in zip(found, problems, strict=True)), found


@pytest.mark.parametrize(
    ("states", "problems"),
    [
        (["pass", "pass", "pass", "pass"], []),
        (["pass", "unsupported", "pass", "pass"], []),
        (["pass", "unsupported-", "pass", "pass"], ["fine: it is unsupported without saying why"]),
        (["fail", "pass", "pass", "pass"], ["plan: fail in the solved lab, expected pass: why"]),
        (["pass", "pass", "pending-", "waived"], ["later: pending", "next: waived"]),
        (["error", "pass", "pass", "pass"], ["plan: error in the solved lab, expected pass"]),
    ],
)
def test_a_solved_lab_passes(proof: ModuleTest, states: list[str], problems: list[str]) -> None:
    proof.outcome.solved = said(*states)
    proof._judge_solved()
    found = proof.outcome.problems
    assert len(found) == len(problems), found
    assert all(text.startswith(start) for text, start in zip(found, problems, strict=True)), found
