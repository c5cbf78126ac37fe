"""A governed change as its people see it: the command in a persona's hands, and the lab's traffic.

The demo shows the story, the journeys assert every turn of it: what both need to look at it.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable
from typing import Any

from e2e.learner import Learner
from e2e.stage import Stage
from e2e.waiting import eventually

Practicum = Callable[..., subprocess.CompletedProcess[str]]
_APPLICANT = {"applications_30d": 1, "utilisation_90d": 0.4, "payment_delay_days": 3}


def theirs(stage: Stage, learner: Learner) -> Stage:
    """Return the stage for a learner: of credentials, nothing but what they were given."""
    return dataclasses.replace(stage, kubeconfig=learner.kubeconfig)


async def served(learner: Learner) -> str:
    """Return the version that the lab's traffic is answered with."""
    async with learner.service("serving") as serving:
        answer = await serving.call(
            "/invocations", body={"dataframe_records": [_APPLICANT]}, method="POST", reads=True
        )
    assert answer.status == 200, answer
    return str(answer.body["model_version"])


async def turned(learner: Learner, version: str, seconds: float = 30) -> None:
    """Wait until the lab's traffic is answered with a version."""

    async def answers() -> bool:
        return await served(learner) == version

    await eventually(answers, seconds)


def change(practicum: Practicum, name: str) -> Any:
    """Return a request as the command shows it."""
    shown = practicum("change", "status", name, "-o", "json")
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


async def noted(practicum: Practicum, name: str, seconds: float = 30) -> Any:
    """Wait until a request says since when its version is served; returns its status."""

    async def seen() -> Any:
        status = change(practicum, name)["status"]
        return status if status["outcome"].get("servedAt") else None

    return await eventually(seen, seconds)


async def reached(practicum: Practicum, name: str, state: str, seconds: float) -> None:
    """Wait until a request is in a state."""

    async def there() -> bool:
        return bool(change(practicum, name)["status"]["state"] == state)

    await eventually(there, seconds)
