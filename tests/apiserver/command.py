"""The ``practicum`` command, as its users run it."""

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
