"""The cluster with the chart on it: what the demo and the journeys stand on."""

from __future__ import annotations

import base64
import math
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster import binaries
from e2e.cluster.cache import Cache

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "practicum"
RELEASE = "practicum"
NAMESPACE = "practicum-system"
DEMO_COURSE = "mlops-autumn"
TEST_COURSES = ("e2e-one", "e2e-two")
_ENFORCED = re.compile(r"^practicum_network_policy_enforced (\S+)$", re.MULTILINE)
_SYSTEM = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAMESPACE,
        "labels": {
            f"pod-security.kubernetes.io/{mode}": "restricted"
            for mode in ("enforce", "audit", "warn")
        },
    },
}


@dataclass(frozen=True)
class Stage:
    """A running cluster and the tools to speak to it."""

    kubeconfig: Path
    tools: dict[str, Path]

    @property
    def environment(self) -> dict[str, str]:
        """Environment of commands that speak to this cluster."""
        path = f"{ROOT / 'tools'}:{self.tools['kubectl'].parent}:{os.environ['PATH']}"
        ours = {"KUBECONFIG": str(self.kubeconfig), "PRACTICUM_PYTHON": sys.executable}
        return {**os.environ, **ours, "PATH": path}

    def run(self, tool: str, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl or helm; returns its output.

        Raises:
            RuntimeError: it failed; the message is what it said.
        """
        command = [str(self.tools[tool]), *map(str, arguments)]
        done = subprocess.run(
            command, env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{tool} {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl as the cluster's administrator."""
        return self.run("kubectl", *arguments, stdin=stdin)

    def practicum(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the practicum command, its output captured."""
        return subprocess.run(
            [ROOT / "tools/practicum", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def show(self, *arguments: str) -> int:
        """Run the practicum command on the user's own terminal."""
        return subprocess.run(
            [ROOT / "tools/practicum", *arguments], env=self.environment, check=False
        ).returncode


def bring_up() -> Stage:
    """Bring the cluster up with all images in it; safe to call again.

    Raises:
        CalledProcessError: the cluster cannot be had; its own output says why.
    """
    command = [sys.executable, "-m", "e2e.cluster", "up", "--images"]
    subprocess.run(command, cwd=ROOT, check=True)
    return connect()


def connect() -> Stage:
    """Return the stage of the cluster that runs."""
    cache = Cache.from_environment()
    existing = os.environ.get("PRACTICUM_KUBECONFIG")
    kubeconfig = Path(existing) if existing else cache.kubeconfig
    return Stage(kubeconfig, binaries.host_tools(cache))


def network_policy(stage: Stage) -> float:
    """Return what the operator says of NetworkPolicy: 1 enforced, 0 not enforced, NaN not known."""
    path = f"/api/v1/namespaces/{NAMESPACE}/services/{RELEASE}:8080/proxy/metrics"
    found = _ENFORCED.search(stage.kubectl("get", "--raw", path))
    return float(found[1]) if found else math.nan


def install_chart(stage: Stage, chart: Path = CHART, **values: Any) -> None:
    """Install or upgrade the chart with the images of this cluster, and wait until it runs.

    Its namespace is held to Pod Security ``restricted``.
    """
    stage.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(_SYSTEM))
    cluster = yaml.safe_load(stage.kubectl("config", "view", "--raw", "--minify"))["clusters"][0]
    ca = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    ours: dict[str, Any] = {
        "courses": [DEMO_COURSE, *TEST_COURSES],
        "createCourses": True,
        "learnerAccess": {"server": cluster["cluster"]["server"], "caBundle": ca},
        **values,
    }
    images = Cache.from_environment().image_values
    try:
        _helm_install(stage, chart, ours, images)
    except RuntimeError as error:
        where = ("-n", NAMESPACE, f"deployment/{RELEASE}")
        said = stage.kubectl("logs", *where, "--tail=20", "--ignore-errors")
        raise RuntimeError(f"{error}\nthe operator's last words:\n{said}") from error


def _helm_install(stage: Stage, chart: Path, ours: dict[str, Any], images: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(ours, file)
        file.flush()
        stage.run(
            "helm",
            *("upgrade", "--install", RELEASE, chart, "--namespace", NAMESPACE),
            *("--wait", "--timeout", "5m"),
            *(("--values", images) if images.exists() else ()),
            *("--values", file.name),
        )
