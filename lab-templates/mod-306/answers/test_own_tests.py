"""The learner's own tests are enough, and each of them can fail."""

import ast
from pathlib import Path

HERE = Path(__file__).resolve()
HIDDEN = {"test_contract.py", HERE.name}


def can_fail(test):
    """Whether it asserts something, or expects an exception."""
    return any(
        (isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.raises", "raises"))
        for node in ast.walk(test)
    )


def test_there_are_four_tests_of_your_own_that_assert_something():
    paths = [path for path in HERE.parent.rglob("test_*.py") if path.name not in HIDDEN]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    tests = [node for node in nodes if getattr(node, "name", "").startswith("test_")]
    assert len([one.name for one in tests if can_fail(one)]) >= 4
