"""Every module, proven on the real cluster: failing in a new lab, passing in a solved one.

Two side by side at most, as the modules' CPU requests leave no room for more. What is reported goes
to ``build/modules``, from which ``make coverage`` writes the table of lab-templates.
"""

import asyncio
import json
import math
import sys
from datetime import timedelta
from typing import Any

import pytest

from e2e import stage as stages
from e2e.cluster.cache import Cache, locked
from e2e.waiting import eventually
from practicum.clock import utcnow
from tests import samples
from tools import coverage

COURSE = stages.TEST_COURSES[0]
PATIENCE = 900
"""Seconds for one module; it takes a quarter of that."""


@pytest.fixture(scope="module")
def stage() -> stages.Stage:
    """The cluster with the chart on it, installed once by whoever comes first."""
    with locked(Cache.from_environment(), "stage"):
        running = stages.bring_up()
        stages.install_chart(running)
        # Not beside the first labs, for which some checks ask it.
        asyncio.run(eventually(lambda: known(running), 120))
    return running


async def known(stage: stages.Stage) -> bool:
    """Whether the operator has found out what the cluster's network does."""
    return not math.isnan(stages.network_policy(stage))


def parameters(module: str) -> list[str]:
    """A lab that is not frozen these days."""
    day = f"{utcnow() + timedelta(days=180):%m-%d}"
    known = samples.module(module).parameters
    days = [name for name in ("freezeFrom", "freezeUntil") if name in known]
    return [word for name in days for word in ("-p", f"{name}={day}")]


@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize("module", samples.MODULES)
def test_a_module(stage: stages.Stage, module: str) -> None:
    report = coverage.REPORTS / f"{module}.json"
    report.unlink(missing_ok=True)
    folder = samples.ROOT / "lab-templates" / module
    options = ("-n", COURSE, "--report", str(report), *parameters(module))
    tested = stage.practicum("template", "test", str(folder), *options)
    print(tested.stdout, tested.stderr, file=sys.stderr)
    assert tested.returncode == 0, tested.stdout[-3000:] + tested.stderr[-3000:]
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    proving = {check.id for check in samples.module(module).checks if check.criteria}
    assert proving <= found["checks"].keys()
    assert found["quotaPercent"] <= 100
    seen = coverage.verdict(found)["checks"]
    told = json.loads(coverage.VERDICTS.read_text(encoding="utf-8"))[module]["checks"]
    assert seen == told, "lab-templates/README.md says otherwise, run: make coverage"
