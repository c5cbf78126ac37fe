"""Checks every policy of the labs with OPA itself: ``make lint`` and ``make policies``.

A package counts as tested when its tests pass and reach at least ``THRESHOLD`` % of its own lines.
``opa test --threshold`` would also count the lines of the tests, which are always reached.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import binaries
from e2e.cluster.cache import Cache
from e2e.cluster.errors import ClusterError

ROOT = Path(__file__).resolve().parents[1]
THRESHOLD = 95.0
RULES = "answers"
# A table of cases is one test to OPA, and coverage is slow: five seconds are few on a busy machine.
_PATIENTLY = ("--timeout", "120s")


class PolicyError(Exception):
    """A policy does not hold what this checks; the message says which and why."""


@dataclass(frozen=True)
class Coverage:
    """How much of a package its tests reach."""

    package: str
    covered: int
    lines: int
    missed: tuple[str, ...]
    """Where it is not reached, as ``file:line``."""

    @property
    def percent(self) -> float:
        """Share of the lines that are reached."""
        return 100 * self.covered / self.lines if self.lines else 0.0


def folders(root: Path) -> list[Path]:
    """Return every folder below ``root`` that has policies of labs in it.

    Rules of documents are no such: each file is asked by itself, and proved with its module.
    """
    found = {path.parent for path in root.rglob("*.rego")}
    return sorted(folder for folder in found if RULES not in folder.parts)


def rules(root: Path) -> list[Path]:
    """Return every file of rules that documents are held against."""
    return sorted(path for path in root.rglob("*.rego") if RULES in path.parts)


def lint(opa: Path, root: Path) -> None:
    """Check format and, strictly, types of every policy.

    Raises:
        PolicyError: a policy is not formatted, or does not compile.
    """
    _run(opa, "fmt", "--list", "--fail", str(root), why="run: opa fmt --write lab-templates")
    for place in (*folders(root), *rules(root)):
        _run(opa, "check", "--strict", str(place))


def measure(opa: Path, folder: Path) -> list[Coverage]:
    """Run a folder's tests and return what they reach, by package.

    Raises:
        PolicyError: a test fails, or there is none.
    """
    # Without --coverage a test that fails is shown with its trace; and no test is no success.
    _run(opa, "test", *_PATIENTLY, "--fail-on-empty", str(folder))
    report = json.loads(
        _run(opa, "test", *_PATIENTLY, "--coverage", "--format", "json", str(folder))
    )
    return list(_by_package(folder, report["files"]))


def _by_package(folder: Path, files: Mapping[str, Any]) -> Iterator[Coverage]:
    reached = {Path(name).resolve(): report for name, report in files.items()}
    packages: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.rego")):
        if not path.name.endswith("_test.rego"):
            packages.setdefault(_package(path), []).append(path)
    for package, paths in packages.items():
        reports = [(path, reached.get(path.resolve(), {})) for path in paths]
        covered = sum(report.get("covered_lines", 0) for _, report in reports)
        left = sum(report.get("not_covered_lines", 0) for _, report in reports)
        missed = [
            f"{path}:{row}"
            for path, report in reports
            for row in sorted({part["start"]["row"] for part in report.get("not_covered", [])})
        ]
        yield Coverage(package, covered, covered + left, tuple(missed))


def _package(path: Path) -> str:
    found = re.search(r"^package\s+(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise PolicyError(f"{path}: has no package")
    return found[1]


def _run(opa: Path, *arguments: str, why: str = "") -> str:
    command = [opa, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = "\n".join(text for text in (done.stdout, done.stderr, why) if text.strip())
        raise PolicyError(f"opa {' '.join(arguments)} ended with {done.returncode}\n{said}")
    return done.stdout


def test(opa: Path, root: Path) -> None:
    """Run the tests of every policy and print what they reach.

    Raises:
        PolicyError: a test fails, or a package is not reached enough.
    """
    found = [one for folder in folders(root) for one in measure(opa, folder)]
    for one in found:
        print(f"{one.package:<24}{one.covered:>4} of {one.lines:>4} lines{one.percent:>8.1f} %")
    if short := [one for one in found if one.percent < THRESHOLD]:
        where = "\n".join(line for one in short for line in one.missed)
        names = ", ".join(one.package for one in short)
        raise PolicyError(f"{names}: less than {THRESHOLD:g} % of the lines are tested\n{where}")


def main() -> int:
    """Run what the command line names: lint or test."""
    checks = {"lint": lint, "test": test}
    if len(sys.argv) != 2 or sys.argv[1] not in checks:
        print(f"usage: python -m tools.policies {'|'.join(checks)}", file=sys.stderr)
        return 2
    try:
        opa = binaries.build(Cache.from_environment(), "opa") / "opa"
        checks[sys.argv[1]](opa, ROOT / "lab-templates")
    except (PolicyError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
