"""The check of the labs' policies: what counts as tested, and what must not pass unseen."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tools import policies

REACHED = {"covered_lines": 19}
MISSED = {"not_covered": [{"start": {"row": 7}}, {"start": {"row": 7}}], "not_covered_lines": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "labs/policies"
    made.mkdir(parents=True)
    for name, package in {"a": "lab.a", "b": "lab.b", "a_test": "lab.a_test"}.items():
        (made / f"{name}.rego").write_text(f"# text\npackage {package}\n\nx := 1\n")
    return made


def opa(folder: Path, files: dict[str, Any], code: int = 0) -> Path:
    """Stand in for OPA: every command prints one coverage report and ends with one code."""
    report = {"files": {str(folder / name): body for name, body in files.items()}}
    program = folder.parent / "opa"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(report)}\nEND\nexit {code}\n")
    program.chmod(0o755)
    return program


def test_every_package_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = {"a.rego": REACHED | MISSED, "b.rego": REACHED, "a_test.rego": REACHED}
    policies.test(opa(folder, report), folder.parent)
    assert capsys.readouterr().out.splitlines() == [
        "lab.a                     19 of   20 lines    95.0 %",
        "lab.b                     19 of   19 lines   100.0 %",
    ]


def test_the_lines_of_tests_lift_no_package(folder: Path) -> None:
    report = {"a.rego": {"covered_lines": 18} | MISSED, "b.rego": REACHED}
    many = {"a_test.rego": {"covered_lines": 1000}}
    with pytest.raises(policies.PolicyError, match=r"lab\.a: less than 95 %") as caught:
        policies.test(opa(folder, report | many), folder.parent)
    assert str(caught.value).splitlines()[1:] == [f"{folder}/a.rego:7"]


def test_a_package_that_no_report_names_is_not_tested(folder: Path) -> None:
    with pytest.raises(policies.PolicyError, match=r"lab\.b"):
        policies.test(opa(folder, {"a.rego": REACHED}), folder.parent)


@pytest.mark.parametrize("check", [policies.lint, policies.test])
def test_a_failure_of_opa_is_told(folder: Path, check: Any) -> None:
    with pytest.raises(policies.PolicyError, match=r"ended with 3\n.*files"):
        check(opa(folder, {}, code=3), folder.parent)


def test_every_policy_of_the_labs_is_found() -> None:
    templates = samples.ROOT / "lab-templates"
    found = {str(path.relative_to(templates)) for path in policies.folders(templates)}
    assert {"components/opa/files", "mod-506/policies"} <= found
