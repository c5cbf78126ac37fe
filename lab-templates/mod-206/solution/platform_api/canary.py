"""A candidate beside what answers in production, on the same requests: a shadow canary."""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

from platform_api.backends import Backends
from platform_api.problems import Problem

REQUESTS = 200


def compare(backends: Backends, run_id: str) -> dict[str, Any]:
    """Scores requests, always the same ones, with the run's model and with production."""
    found = backends.mlflow("mlflow/runs/get", run_id=run_id)
    if found is None:
        raise Problem(404, "RUN_UNKNOWN", f"there is no run {run_id}")
    path = f"{found['run']['info']['experiment_id']}/{run_id}/artifacts/model/scorer.json"
    scorer = backends.mlflow(f"mlflow-artifacts/artifacts/{path}")
    if scorer is None:
        raise Problem(404, "NO_SCORER", f"run {run_id} has no model/scorer.json")
    noise = random.Random("canary")
    fields = sorted(scorer["weights"])
    records = [{name: round(noise.uniform(0, 3), 3) for name in fields} for _ in range(REQUESTS)]
    answered = backends.predict(records)
    pairs = list(zip(map(scoring(scorer), records), answered["predictions"], strict=True))
    flipped = sum((ours >= 0.5) != (theirs >= 0.5) for ours, theirs in pairs)
    shift = sum(ours - theirs for ours, theirs in pairs) / REQUESTS
    return {
        "production_version": str(answered["model_version"]),
        "requests": REQUESTS,
        "mean_shift": round(shift, 6),
        "flipped_percent": round(100 * flipped / REQUESTS, 2),
    }


def scoring(scorer: Mapping[str, Any]) -> Callable[[Mapping[str, float]], float]:
    def score(record: Mapping[str, float]) -> float:
        weights = scorer["weights"]
        total = scorer["intercept"] + sum(weights[name] * record[name] for name in weights)
        return 1 / (1 + math.exp(-total))

    return score
