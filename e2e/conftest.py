"""One cluster, one chart, two labs side by side: the journeys share them, in order."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e import stage as stages
from e2e.learner import Learner, learner
from e2e.waiting import eventually
from practicum.clock import utcnow

COURSE = stages.TEST_COURSES[0]
SETTINGS: dict[str, Any] = {
    **{"minTTL": "10s", "resync": "30s", "expiringSoon": "20s", "usage": {"interval": "15s"}},
    "replicas": 1,
}
"""One replica, which journeys kill and stop; test_upgrade.py has two."""


@pytest.fixture(scope="session")
def stage() -> stages.Stage:
    """The cluster with the chart on it, its least ttl lowered for the tests."""
    running = stages.bring_up()
    stages.install_chart(running, **SETTINGS)
    return running


def manifest(name: str, **spec: Any) -> str:
    """Return a LabEnvironment as an instructor would write it; it is not frozen these days."""
    day = f"{utcnow() + timedelta(days=180):%m-%d}"
    body = {
        "apiVersion": "practicum.dev/v1alpha1",
        "kind": "LabEnvironment",
        "metadata": {"name": name, "namespace": COURSE},
        "spec": {
            "template": "mod-506",
            "learner": {"id": f"{name}@example.org"},
            "parameters": {"freezeFrom": day, "freezeUntil": day},
            **spec,
        },
    }
    return yaml.safe_dump(body)


@pytest.fixture(scope="session")
def labs(stage: stages.Stage) -> Iterator[tuple[str, str]]:
    """Two labs, made at the same moment, both Ready."""
    names = ("ada", "bob")
    for name in names:
        stage.kubectl("apply", "-f", "-", stdin=manifest(name))
    for name in names:
        watch_until_ready(stage, name)
    yield names
    for name in names:
        stage.kubectl("delete", "lab", name, "-n", COURSE, "--ignore-not-found", "--wait=false")


def read(stage: stages.Stage, name: str) -> Any:
    """Return a LabEnvironment as it is now."""
    return json.loads(stage.kubectl("get", "lab", name, "-n", COURSE, "-o", "json"))


def watch_until_ready(stage: stages.Stage, name: str, timeout: str = "15m") -> None:
    """Wait for a lab as its people do, by the command; one that does not come is explained."""
    waited = stage.practicum("status", name, "-n", COURSE, "--watch", "--timeout", timeout)
    if waited.returncode:
        pytest.fail(waited.stdout + stage.practicum("explain", name, "-n", COURSE).stdout)


async def ready(stage: stages.Stage, name: str, seconds: float = 60) -> dict[str, Any]:
    """Wait for a lab, which a starved probe may have degraded for a moment; returns its status."""

    async def now() -> dict[str, Any] | None:
        status: dict[str, Any] = read(stage, name)["status"]
        return status if status["phase"] == "Ready" else None

    return dict(await eventually(now, seconds))


@pytest.fixture
async def ada(stage: stages.Stage, labs: tuple[str, str], tmp_path: Path) -> AsyncIterator[Learner]:
    """The learner of the first lab."""
    async with learner(stage, COURSE, labs[0], tmp_path) as one:
        yield one


@pytest.fixture
async def bob(stage: stages.Stage, labs: tuple[str, str], tmp_path: Path) -> AsyncIterator[Learner]:
    """The learner of the second lab."""
    async with learner(stage, COURSE, labs[1], tmp_path) as one:
        yield one


_KILLS = pytest.StashKey[list[tuple[int, str]]]()


@pytest.fixture
def record_kill(request: pytest.FixtureRequest) -> Callable[[int, str], None]:
    """Keeps for the end of the run after which effect the operator was killed, and what it was."""
    rows = request.config.stash.setdefault(_KILLS, [])
    return lambda *row: rows.append(row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print after which effects the operator was killed."""
    if rows := terminalreporter.config.stash.get(_KILLS, []):
        terminalreporter.section("killed on the node after the k-th effect, and converged")
        for k, where in rows:
            terminalreporter.write_line(f"k = {k:<3} {where}")
