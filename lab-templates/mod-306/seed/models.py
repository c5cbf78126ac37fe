"""Gives each model a tenant, and team B models of other tiers; it runs after mlflow_seed."""

import sys
import time

from mlflow_rest import ABSENT, EXISTS, Client, SeedError

OWNERS = {"fraud": "team-a", "fraud-dev": "team-a", "churn": "team-b", "offers": "team-b"}
MODELS = {"churn": ("medium", 0.781), "offers": ("low", 0.733)}


def experiment(admin: Client) -> str:
    found = admin.get("2.0/mlflow/experiments/get-by-name", ABSENT, experiment_name="tenants")
    if "experiment" in found:
        return str(found["experiment"]["experiment_id"])
    return str(admin.post("2.0/mlflow/experiments/create", name="tenants")["experiment_id"])


def add(admin: Client, where: str, name: str, tier: str, auc: float) -> None:
    """Registers a model with one version in production, unless it has one."""
    tags = [{"key": "tier", "value": tier}]
    admin.post("2.0/mlflow/registered-models/create", EXISTS, name=name, tags=tags)
    if admin.get("2.0/mlflow/registered-models/get", name=name)["registered_model"].get("aliases"):
        return
    now = int(time.time() * 1000)
    run = admin.post("2.0/mlflow/runs/create", experiment_id=where, run_name=name, start_time=now)
    info = run["run"]["info"]
    done = {"run_id": info["run_id"]}
    admin.post("2.0/mlflow/runs/log-metric", key="auc", value=auc, timestamp=now, **done)
    admin.post("2.0/mlflow/runs/update", status="FINISHED", end_time=now, **done)
    source = f"{info['artifact_uri']}/model"
    made = admin.post("2.0/mlflow/model-versions/create", name=name, source=source, **done)
    number = made["model_version"]["version"]
    admin.post("2.0/mlflow/registered-models/alias", name=name, alias="champion", version=number)


def main() -> None:
    admin = Client("admin")
    where = experiment(admin)
    for name, (tier, auc) in MODELS.items():
        add(admin, where, name, tier, auc)
    for name, tenant in OWNERS.items():
        admin.post("2.0/mlflow/registered-models/set-tag", name=name, key="tenant", value=tenant)
    print(f"seed: {', '.join(MODELS)} are registered")


try:
    main()
except (SeedError, OSError) as error:
    sys.exit(f"seed: the tenants' models could not be registered: {error}")
