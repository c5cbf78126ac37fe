"""What came of the modules, as a table at the end."""

import json

import pytest

from tools import coverage

HEAD = ("module", "checks", "points", "Ready", "memory", "CPU", "of quota", "in all")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = []
    for path in sorted(coverage.REPORTS.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        solved = [one["solved"] for one in found["checks"].values()]
        rows.append(
            (
                found["module"],
                f"{solved.count('pass')}/{len(solved)}",
                f"{found['points']}/{found['maxPoints']}",
                f"{found['readySeconds']:.0f} s",
                f"{found['memory'] / 2**20:.0f} MiB",
                f"{found['cpuSeconds']:.0f} s",
                f"{found['quotaPercent']:.0f} %",
                f"{found['seconds']:.0f} s",
            )
        )
    terminalreporter.section("modules: failing in a new lab, passing in a solved one")
    for row in (HEAD, *rows):
        terminalreporter.write_line("".join(f"{cell:<12}" for cell in row))
