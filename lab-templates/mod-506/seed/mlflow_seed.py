"""Fills the lab's MLflow: users and permissions, the experiment, its runs, the model versions.

Everything is looked up before it is made, so the Job may run again after a partial run. Which
version carries which flaw is told in story.py.
"""

import hashlib
import http.client
import json
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from mlflow_rest import ABSENT, EXISTS, PASSWORDS, Client, SeedError, password, wait_for_mlflow
from story import FEATURES, LEVEL, METRICS, RUNS, SOURCES, Run

DATASET = os.environ["PARAMETER_DATASET"]
SEED = int(os.environ["PARAMETER_SEED"])

EXPERIMENT, CANDIDATES, MODEL = "fraud", "fraud-dev", "fraud"
REVIEWERS = ("reviewer-risk", "reviewer-ml")
DAY_MS = 86_400_000


def make_users(admin: Client) -> None:
    for user in sorted(path.name for path in PASSWORDS.iterdir() if path.name[0] != "."):
        if user == admin.user:
            continue
        made = admin.post("2.0/mlflow/users/create", EXISTS, username=user, password=password(user))
        if "error_code" in made:
            admin.call(
                "PATCH", "2.0/mlflow/users/update-password", username=user, password=password(user)
            )


def make_experiment(admin: Client) -> str:
    found = admin.get("2.0/mlflow/experiments/get-by-name", ABSENT, experiment_name=EXPERIMENT)
    if "experiment" in found:
        return str(found["experiment"]["experiment_id"])
    return str(admin.post("2.0/mlflow/experiments/create", name=EXPERIMENT)["experiment_id"])


def make_models(admin: Client) -> None:
    for name, text in (
        (CANDIDATES, "Candidates: the data scientist registers here"),
        (MODEL, "What is in production: alias champion. Only the platform moves it"),
    ):
        admin.post(
            "2.0/mlflow/registered-models/create",
            EXISTS,
            name=name,
            description=text,
            tags=[{"key": "tier", "value": "high"}, {"key": "owner", "value": "fraud-team"}],
        )


def grant(admin: Client, experiment: str) -> None:
    """EDIT for the data scientist on experiment and candidates; reviewers may tag versions."""
    for kind, resource in (("experiment", experiment), ("registered_model", CANDIDATES)):
        admin.post(
            "3.0/mlflow/users/permissions/grant",
            EXISTS,
            username="ds",
            resource_type=kind,
            resource_id=resource,
            permission="EDIT",
        )
    for user in REVIEWERS:
        admin.post(
            "3.0/mlflow/users/permissions/grant",
            EXISTS,
            username=user,
            resource_type="registered_model_version",
            resource_id="*",
            permission="EDIT",
        )


def measured(run: Run, values: tuple[float, ...]) -> dict[str, float]:
    """The metrics of a run in this lab: those of the story, at this data set's level, varied."""
    noise = random.Random(f"{DATASET}/{SEED}/{run.name}/{values[0]}")
    return {
        name: round(value + level + noise.uniform(-0.0009, 0.0009), 4)
        for name, value, level in zip(METRICS, values, LEVEL[DATASET], strict=True)
    }


def scorer(run: Run) -> bytes:
    """The model itself, a linear scorer: small, readable, and no pickle."""
    noise = random.Random(f"{DATASET}/{SEED}/{run.name}")
    weights = {name: round(noise.uniform(-1, 1), 4) for name in FEATURES[DATASET]}
    document = {"intercept": round(noise.uniform(-3, -2), 4), "weights": weights}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def digest(model: bytes, metrics: dict[str, float]) -> str:
    """What a review looked at: the model and its metrics, as one sha256."""
    document = {"metrics": metrics, "model": hashlib.sha256(model).hexdigest()}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def short_hash(text: str, length: int) -> str:
    return hashlib.sha256(f"{DATASET}/{SEED}/{text}".encode()).hexdigest()[:length]


def pairs(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def points(metrics: dict[str, float], at: int, step: int) -> list[dict[str, Any]]:
    return [{"key": k, "value": v, "timestamp": at, "step": step} for k, v in metrics.items()]


def existing_runs(ds: Client, experiment: str) -> dict[str, dict[str, Any]]:
    """The story's runs that are there, by name; one left half done by an earlier try is deleted."""
    names, finished = {run.name for run in RUNS}, {}
    found = ds.post("2.0/mlflow/runs/search", experiment_ids=[experiment], max_results=1000)
    for info in (run["info"] for run in found.get("runs", [])):
        if info["run_name"] not in names:
            continue
        if info["status"] == "FINISHED":
            finished[info["run_name"]] = info
        else:
            ds.post("2.0/mlflow/runs/delete", run_id=info["run_id"])
    return finished


def make_run(ds: Client, experiment: str, run: Run, now: int) -> dict[str, Any]:
    end = now - run.age_days * DAY_MS
    info: dict[str, Any] = ds.post(
        "2.0/mlflow/runs/create",
        experiment_id=experiment,
        run_name=run.name,
        start_time=end - 900_000,
        tags=pairs(
            {
                "mlflow.user": "ds",
                "owner": "fraud-team",
                "git_commit": short_hash(f"commit/{run.name}", 40),
                "feast.project": "lab",
                "feast.feature_service": run.service,
            }
        ),
    )["run"]["info"]
    run_id = info["run_id"]
    ds.post(
        "2.0/mlflow/runs/log-batch",
        run_id=run_id,
        metrics=points(measured(run, run.metrics), end, 0),
        params=pairs(
            {
                "algorithm": run.algorithm,
                "features": run.service,
                "training_window_days": 180,
                "learning_rate": 0.05 if run.algorithm == "gbdt" else 0.01,
                "seed": SEED,
            }
        ),
    )
    ds.post("2.0/mlflow/runs/log-inputs", run_id=run_id, datasets=[training_data()])
    upload(ds, experiment, run_id, "model/scorer.json", scorer(run))
    upload(ds, experiment, run_id, "model/MLmodel", model_card(run_id))
    ds.post("2.0/mlflow/runs/update", run_id=run_id, status="FINISHED", end_time=end)
    return {**info, "end_time": end}


def training_data() -> dict[str, Any]:
    schema = {"mlflow_colspec": [{"type": "double", "name": name} for name in FEATURES[DATASET]]}
    return {
        "tags": [{"key": "mlflow.data.context", "value": "training"}],
        "dataset": {
            "name": DATASET,
            "digest": short_hash("data", 8),
            "source_type": "s3",
            "source": json.dumps({"uri": SOURCES[DATASET]}),
            "schema": json.dumps(schema),
            "profile": json.dumps({"num_rows": 2800}),
        },
    }


def model_card(run_id: str) -> bytes:
    lines = ("artifact_path: model", "flavors:", "  linear_scorer:", "    data: scorer.json")
    return "\n".join((*lines, f"run_id: {run_id}", "")).encode()


def upload(ds: Client, experiment: str, run_id: str, name: str, content: bytes) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts/{name}"
    status, raw = ds.send("PUT", path, content)
    if status >= 300:
        raise SeedError(f"upload of {name} was answered {status}: {raw[:200].decode()}")


def versions(client: Client, name: str) -> dict[str, str]:
    """Versions of a model by the run that they came from."""
    found = client.get("2.0/mlflow/model-versions/search", filter=f"name='{name}'", max_results=100)
    return {v["run_id"]: v["version"] for v in found.get("model_versions", [])}


def evidence(run: Run, info: dict[str, Any]) -> dict[str, str]:
    """The tags that say what was evaluated, when, on what and by whom."""
    return {
        "author": "ds",
        "tier": "high",
        "evaluated_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(info["end_time"] / 1000)),
        "evaluated_digest": digest(scorer(run), measured(run, run.metrics)),
        "data_digest": short_hash("data", 8),
        "feast.feature_service": run.service,
        "git_commit": short_hash(f"commit/{run.name}", 40),
        "validation_status": "passed",
    }


def register(ds: Client, run: Run, info: dict[str, Any]) -> None:
    ds.post(
        "2.0/mlflow/model-versions/create",
        name=CANDIDATES,
        source=f"{info['artifact_uri']}/model",
        run_id=info["run_id"],
        tags=pairs(evidence(run, info)),
    )


def change_metrics(ds: Client, run: Run, info: dict[str, Any]) -> None:
    at = info["end_time"] + DAY_MS
    changed = points(measured(run, run.changed_later), at, 1)
    ds.post("2.0/mlflow/runs/log-batch", run_id=info["run_id"], metrics=changed)


def promote_champion(admin: Client, run: Run, info: dict[str, Any]) -> None:
    """The first production version, as it was approved long ago."""
    approved_at = time.gmtime(info["end_time"] / 1000 + 5 * 86400)
    approval = {
        "approval_id": "CAB-1187",
        "approved_by": ",".join(REVIEWERS),
        "approved_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", approved_at),
        "requested_by": "ds",
    }
    if info["run_id"] not in versions(admin, MODEL):
        admin.post(
            "2.0/mlflow/model-versions/create",
            name=MODEL,
            source=f"models:/{CANDIDATES}/1",
            run_id=info["run_id"],
            tags=pairs({**evidence(run, info), **approval}),
        )


def alias(admin: Client, model: str, name: str, version: str) -> None:
    """Sets an alias that is not there yet; one that is there may have moved on for a reason."""
    found = admin.get("2.0/mlflow/registered-models/get", name=model)["registered_model"]
    if name not in {entry["alias"] for entry in found.get("aliases", [])}:
        admin.post("2.0/mlflow/registered-models/alias", name=model, alias=name, version=version)


def seed(say: Callable[[str], None]) -> None:
    wait_for_mlflow()
    admin = Client("admin")
    make_users(admin)
    experiment = make_experiment(admin)
    make_models(admin)
    grant(admin, experiment)
    say("users, experiment, models and permissions are in place")

    ds, now = Client("ds"), int(time.time() * 1000)
    infos = existing_runs(ds, experiment)
    for run in RUNS:
        if run.name not in infos:
            infos[run.name] = make_run(ds, experiment, run, now)
    say(f"{len(infos)} runs of data set {DATASET} are logged")

    registered = versions(ds, CANDIDATES)
    for run in RUNS:
        info = infos[run.name]
        if run.registered and info["run_id"] not in registered:
            register(ds, run, info)
        if run.changed_later:
            change_metrics(ds, run, info)
    promote_champion(admin, RUNS[0], infos[RUNS[0].name])
    alias(admin, MODEL, "champion", "1")
    alias(admin, CANDIDATES, "challenger", "3")
    say(f"{CANDIDATES} has its candidates, {MODEL} its champion")


def main() -> None:
    started = time.monotonic()
    try:
        seed(lambda text: print(f"seed: {text} ({time.monotonic() - started:.1f} s)"))
    except (SeedError, OSError, http.client.HTTPException) as error:
        sys.exit(f"seed: MLflow could not be filled: {error}")


main()
