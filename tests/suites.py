"""Runs test suites one after another and sums them up: ``python3 -m tests.suites unit golden``.

Standard library only: it runs before the project's environment exists, and makes it first. A
failing suite does not keep the next from running; the last line is the sum of all of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAKE = ["make", "--no-print-directory"]
WIDTH = 78


@dataclass(frozen=True)
class Suite:
    """One suite: what it is made of, and what must work before it is worth starting."""

    name: str
    tests: str = ""
    """Folder that pytest runs; empty: ``make <name>``, whose steps are not counted as tests."""
    options: tuple[str, ...] = ()
    """More options for pytest."""
    needs: tuple[str, ...] = ()
    """Command without whose success the suite is skipped."""


CLUSTER = (sys.executable, "-m", "e2e.cluster")
TOOLS = (*CLUSTER, "tools")
"""Builds, with its progress shown, what a control plane is made of."""

SIDE_BY_SIDE = ("--numprocesses=3", "--dist=loadfile")
"""A control plane for each: tests that wait for clusters leave a machine idle most of the time."""

TWO_LABS = ("--numprocesses=2", "--dist=load")
"""So many modules fit on the node at once; half of their time they wait."""

SUITES = (
    Suite("lint"),
    Suite("policies"),
    Suite("unit", "tests/unit", options=("--numprocesses=auto",)),
    Suite("golden", "tests/golden"),
    Suite("chart", "tests/chart", needs=TOOLS),
    Suite("apiserver", "tests/apiserver", options=SIDE_BY_SIDE, needs=TOOLS),
    Suite("operations", "tests/operations", options=SIDE_BY_SIDE, needs=(*TOOLS, "prometheus")),
    Suite("security", "tests/security", needs=TOOLS),
    Suite("chaos", "tests/chaos", options=SIDE_BY_SIDE, needs=TOOLS),
    Suite("e2e", "e2e", needs=(*CLUSTER, "up", "--images")),
    Suite("modules", "tests/modules", options=TWO_LABS, needs=(*CLUSTER, "up", "--images")),
)


@dataclass
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.errors + other.errors,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        parts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.errors, "error" if self.errors == 1 else "errors"),
            (self.skipped, "skipped"),
        ]
        return ", ".join(f"{number} {word}" for number, word in parts if number)

    @property
    def ran(self) -> int:
        """Tests that came to a result."""
        return self.passed + self.failed + self.errors


@dataclass
class Result:
    """What became of a suite."""

    suite: Suite
    verdict: str
    counts: Counts
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the suite ran and everything in it passed."""
        return self.verdict == "passed"


def read_counts(report: Path) -> Counts:
    """Sum up a JUnit report; nothing when pytest did not live to write it."""
    counts = Counts()
    if not report.is_file():
        return counts
    for suite in ElementTree.parse(report).iter("testsuite"):
        total, failed, errors, skipped = (
            int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")
        )
        counts += Counts(total - failed - errors - skipped, failed, errors, skipped)
    return counts


def run(suite: Suite, python: str, reports: Path) -> Result:
    """Run one suite with its output going straight through."""
    began = time.monotonic()

    def result(verdict: str, counts: Counts) -> Result:
        return Result(suite, verdict, counts, time.monotonic() - began)

    if suite.needs and not succeeds([*suite.needs]):
        say(f"skipping {suite.name}: {' '.join(suite.needs)} failed")
        return result("cannot run", Counts(errors=1))
    if not suite.tests:
        return result("passed" if succeeds([*MAKE, suite.name]) else "failed", Counts())
    report = reports / f"{suite.name}.xml"
    good = succeeds([python, "-m", "pytest", suite.tests, *suite.options, f"--junitxml={report}"])
    counts = read_counts(report)
    if not counts.ran:
        return result("no tests", counts)
    if not good and not counts.failed + counts.errors:
        counts.errors += 1
    return result("passed" if good else "failed", counts)


def succeeds(command: list[str]) -> bool:
    """Run a command from the root of the checkout; whether it ended well."""
    paths = os.pathsep.join(("operator", "."))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def prepare() -> str:
    """Make the project's environment and return its interpreter; ends the process on failure."""
    if not succeeds([*MAKE, "install"]):
        sys.exit("the Python environment could not be made: see above")
    answer = subprocess.run(
        [*MAKE, "-s", "print-python"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return answer.stdout.strip()


def say(text: str) -> None:
    """Print a heading above a suite's own output."""
    print(f"\n---- {text} ".ljust(WIDTH, "-"), flush=True)


def summary(results: list[Result]) -> str:
    """Return the table of all suites and, as the last line, their sum."""
    lines = [f"\n{'suite':<12}{'result':<12}{'tests':<34}{'time':>10}"]
    for one in results:
        minutes, seconds = divmod(one.seconds, 60)
        spent = f"{int(minutes)}m {seconds:04.1f}s" if minutes else f"{seconds:.1f}s"
        what = str(one.counts) or "-"
        lines.append(f"{one.suite.name:<12}{one.verdict:<12}{what:<34}{spent:>10}")
    total = sum((one.counts for one in results), Counts())
    # A check without tests of its own still has to show in the closing line when it fails.
    total.failed += sum(not one.good and not one.counts.ran for one in results)
    seconds = sum(one.seconds for one in results)
    closing = f" {total or 'no tests ran'} in {seconds:.2f}s "
    return "\n".join([*lines, "", closing.center(WIDTH, "=")])


def main() -> int:
    """Run the suites named on the command line, all of them by default."""
    by_name = {suite.name: suite for suite in SUITES}
    parser = argparse.ArgumentParser(prog="tests.suites", description="Runs test suites.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(by_name))
    chosen = parser.parse_args().suites or list(by_name)
    if unknown := [name for name in chosen if name not in by_name]:
        parser.error(f"unknown suite {unknown[0]}; there are: {', '.join(by_name)}")
    say("environment")
    python = prepare()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="practicum-tests-") as folder:
        try:
            for number, name in enumerate(chosen, 1):
                say(f"{name} ({number} of {len(chosen)})")
                results.append(run(by_name[name], python, Path(folder)))
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
    print(summary(results), flush=True)
    return 0 if len(results) == len(chosen) and all(one.good for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
