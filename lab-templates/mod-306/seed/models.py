"""Gives the registry an owner for each model, and tenants models of other tiers.

It runs after mlflow_seed, and again after a partial run.
"""

import sys
import time
from typing import Any

from mlflow_rest import ABSENT, EXISTS, Client, SeedError

OWNERS = {"fraud": ("team-a", "high"), "fraud-dev": ("team-a", "high")}
MODELS = {
    "churn": ("team-b", "medium", "Who may leave", {"auc": 0.781, "ece": 0.052}),
    "offers": ("team-b", "low", "Which offer to show", {"auc": 0.733, "ece": 0.088}),
}


def pairs(**values: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def experiment(admin: Client) -> str:
    found = admin.get("2.0/mlflow/experiments/get-by-name", ABSENT, experiment_name="tenants")
    if "experiment" in found:
        return str(found["experiment"]["experiment_id"])
    return str(admin.post("2.0/mlflow/experiments/create", name="tenants")["experiment_id"])


def add(
    admin: Client, where: str, name: str, about: tuple[str, str, str, dict[str, float]]
) -> None:
    tenant, tier, text, metrics = about
    tags: list[dict[str, Any]] = pairs(tenant=tenant, tier=tier)
    admin.post(
        "2.0/mlflow/registered-models/create", EXISTS, name=name, description=text, tags=tags
    )
    found = admin.get("2.0/mlflow/registered-models/get", name=name)["registered_model"]
    if found.get("aliases"):
        return
    now = int(time.time() * 1000)
    run = admin.post(
        "2.0/mlflow/runs/create", experiment_id=where, run_name=name, start_time=now, tags=tags
    )["run"]["info"]
    points = [{"key": k, "value": v, "timestamp": now, "step": 0} for k, v in metrics.items()]
    admin.post("2.0/mlflow/runs/log-batch", run_id=run["run_id"], metrics=points)
    admin.post("2.0/mlflow/runs/update", run_id=run["run_id"], status="FINISHED", end_time=now)
    made = admin.post(
        "2.0/mlflow/model-versions/create",
        name=name,
        source=f"{run['artifact_uri']}/model",
        run_id=run["run_id"],
        tags=tags,
    )["model_version"]
    admin.post(
        "2.0/mlflow/registered-models/alias", name=name, alias="champion", version=made["version"]
    )


def main() -> None:
    admin = Client("admin")
    for name, (tenant, tier) in OWNERS.items():
        for tag in pairs(tenant=tenant, tier=tier):
            admin.post("2.0/mlflow/registered-models/set-tag", name=name, **tag)
    where = experiment(admin)
    for name, about in MODELS.items():
        add(admin, where, name, about)
    print(f"seed: {', '.join(MODELS)} are registered")


try:
    main()
except (SeedError, OSError) as error:
    sys.exit(f"seed: the tenants' models could not be registered: {error}")
