"""The ``practicum`` command, as its users run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from .operator_process import ROOT


def practicum(kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the course."""
    return subprocess.run(
        [sys.executable, "-m", "practicum.cli", "-n", "course-a", *words],
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )


def examine(kubeconfig: Path) -> tuple[int, dict[str, dict[str, str]]]:
    """Run ``practicum doctor``; returns its exit code and the checks by name."""
    done = practicum(kubeconfig, "doctor", "-o", "json")
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {check["check"]: check for check in checks}


def states(checks: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the state of each check."""
    return {name: check["state"] for name, check in checks.items()}
