"""Says whose the models are, and gives the second tenant a model of its own.

It runs after the seed of MOD-506, and may run again.
"""

from mlflow_rest import ABSENT, EXISTS, Client

MODEL = "churn-dev"


def own(admin: Client) -> None:
    for name in ("fraud", "fraud-dev"):
        admin.post("2.0/mlflow/registered-models/set-tag", name=name, key="tenant", value="team-a")


def add_churn(admin: Client) -> None:
    tags = {"tenant": "team-b", "owner": "churn-team", "tier": "medium"}
    admin.post(
        "2.0/mlflow/registered-models/create",
        EXISTS,
        name=MODEL,
        description="Candidates of team-b, who would leave",
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )
    found = admin.get("2.0/mlflow/model-versions/search", filter=f"name='{MODEL}'")
    if found.get("model_versions"):
        return
    known = admin.get("2.0/mlflow/experiments/get-by-name", ABSENT, experiment_name="churn")
    if "experiment" in known:
        experiment = known["experiment"]["experiment_id"]
    else:
        experiment = admin.post("2.0/mlflow/experiments/create", name="churn")["experiment_id"]
    run = admin.post("2.0/mlflow/runs/create", experiment_id=experiment, run_name="first")["run"]
    source, run_id = f"{run['info']['artifact_uri']}/model", run["info"]["run_id"]
    admin.post("2.0/mlflow/model-versions/create", name=MODEL, source=source, run_id=run_id)


def main() -> None:
    admin = Client("admin")
    own(admin)
    add_churn(admin)
    print(f"seed: {MODEL} is team-b's, all other models are team-a's")


main()
