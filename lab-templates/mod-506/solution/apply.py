"""Solves MOD-506, as a learner with all its roles would; ratings are the instructor's."""

import json
import time
from pathlib import Path
from typing import Any

from practicum.sdk.solving import Service, SolutionError, Solver

lab = Solver.from_environment()
HERE = Path(__file__).parent


def text(document: Any) -> str:
    """JSON is YAML."""
    return json.dumps(document, indent=1)


def version(mlflow: Service, model: str, number: str) -> Any:
    path = f"/api/2.0/mlflow/model-versions/get?name={model}&version={number}"
    return mlflow.call("GET", path, persona="ds")["model_version"]


def lineage() -> str:
    with lab.service("mlflow") as mlflow:
        path = "/api/2.0/mlflow/registered-models/alias?name=fraud&alias=champion"
        found = mlflow.call("GET", path, persona="ds")["model_version"]
    tags = {one["key"]: one["value"] for one in found["tags"]}
    service = tags["feast.feature_service"]
    with lab.service("feast") as feast:
        asked = feast.call("GET", f"/api/v1/feature_services/{service}?project=lab")["spec"]
        views = sorted({one["featureViewName"] for one in asked["features"]})
        entities = {
            entity
            for view in views
            for entity in feast.call("GET", f"/api/v1/feature_views/{view}?project=lab")["spec"][
                "entities"
            ]
        }
    return text(
        {
            "model": "fraud",
            "version": int(found["version"]),
            "run_id": found["run_id"],
            "git_commit": tags["git_commit"],
            "data_digest": tags["data_digest"],
            "feature_service": service,
            "views": views,
            "entities": sorted(entities),
        }
    )


METRICS = {"auc": 0.88, "recall_at_1fpr": 0.6, "slice_auc_min": 0.85, "bias_gap": 0.01}
APPROVED: dict[str, Any] = {
    "action": "promote",
    "now": "2026-03-10T12:00:00Z",
    "actor": {"user": "mle", "roles": ["ml-engineer"]},
    "model": {"name": "fraud-dev", "version": "2", "tier": "high", "author": "ds", "digest": "d"},
    "current": {"version": "1", "metrics": {"auc": 0.86, "recall_at_1fpr": 0.5}},
    "evidence": {
        **{"run_id": "r", "age_days": 3, "digest": "d", "git_commit": "c", "dataset_digest": "d"},
        "metrics": {**METRICS, "ece": 0.02},
    },
    "lineage": {"feature_service": "fraud_v1", "features_approved": True, "freshness_ok": True},
    "request": {"id": "1", "requester": "ds", "state": "Approved"},
    "approvals": [
        {"user": "reviewer-risk", "role": "risk-reviewer", "digest": "d"},
        {"user": "reviewer-ml", "role": "ml-reviewer", "digest": "d"},
    ],
    "break_glass": None,
}
ROLLBACK = {"action": "rollback", "actor": {"user": "ds", "roles": ["data-scientist"]}}
CHANGES: dict[int, dict[str, Any]] = {
    1: {"request": {**APPROVED["request"], "requester": "reviewer-ml"}},
    2: {"model": {**APPROVED["model"], "author": "reviewer-ml"}},
    3: {"approvals": [{**one, "user": "reviewer-ml"} for one in APPROVED["approvals"]]},
    4: {part: {**APPROVED[part], "digest": "new"} for part in ("model", "evidence")},
    5: {"evidence": {**APPROVED["evidence"], "metrics": METRICS}},
    7: {**ROLLBACK, "model": {**APPROVED["model"], "approved_before": False}},
    8: {"now": "2026-12-24T12:00:00Z"},
}


def decisions() -> str:
    """Asks OPA about each change; line 6 leaves everything out."""
    answers = []
    with lab.service("opa") as opa:
        for line in range(1, 9):
            asked = {**APPROVED, **CHANGES[line]} if line in CHANGES else {}
            body = {"input": asked}
            found = opa.call("POST", "/v1/data/lab/promotion", body, persona="")["result"]
            controls = sorted({one["control"] for one in found["deny"]})
            answers.append({"line": line, "controls": controls})
    return text({"answers": answers})


def ask(number: str, name: str) -> None:
    """Asks for a candidate; a refusal is an answer too."""
    lab.practicum(
        *("change", "request", "promote", "fraud-dev", "--version", number, "--name", name),
        *("--reason", f"candidate {number}", "--as", "ds", "--wait", "--lab", lab.lab),
        accept=(0, 1),
    )


def approve(name: str, persona: str, *, wait: bool = False) -> None:
    more = ("--wait",) if wait else ()
    lab.practicum("change", "approve", name, "--as", persona, "--lab", lab.lab, *more)


def promote(name: str) -> None:
    ask("2", name)
    approve(name, "reviewer-risk")
    approve(name, "reviewer-ml", wait=True)


def changes() -> None:
    """Promotes with an approval that becomes void on the way, is refused four times, goes back."""
    ask("2", "first")
    approve("first", "reviewer-risk")
    with lab.service("mlflow") as mlflow:
        tag = {"name": "fraud-dev", "version": "2", "key": "note", "value": "looked at again"}
        mlflow.call("POST", "/api/2.0/mlflow/model-versions/set-tag", tag, persona="ds")
    approve("first", "reviewer-ml", wait=True)
    approve("first", "reviewer-risk", wait=True)
    approve("first", "reviewer-ml", wait=True)
    for number in ("3", "4", "5", "6"):
        ask(number, f"candidate-{number}")
    lab.practicum(
        *("rollback", "fraud", "--reason", "complaints", "--as", "oncall"),
        *("--wait", "--lab", lab.lab),
    )
    promote("again")


def release(revision: str, name: str) -> None:
    lab.practicum(
        *("change", "request", "release-policy", "policies", "--version", revision),
        *("--name", name, "--reason", revision, "--as", "mle", "--wait", "--lab", lab.lab),
    )
    approve(name, "reviewer-risk", wait=True)


def policies() -> None:
    """Writes the policies with tests, releases them, and takes them back."""
    own = lab.folder / "policies"
    files = {
        name: (own / name).read_text()
        for name in ("promotion.rego", "features.rego", "data.yaml", "promotion_test.rego")
    }
    files["features_test.rego"] = (own / "features_test.rego").read_text()
    lab.config_map("policies", files)
    release("solved", "release")
    release("template", "take-back")


def medians() -> dict[str, Any]:
    found = json.loads(lab.staff("report", "lifecycle", lab.lab, "-o", "json"))
    return next(row for row in found["models"] if row["name"] == "fraud")


def recorded(kind: str) -> Any:
    """Waits for a record, as somebody who is on call does."""
    deadline = time.monotonic() + 120
    while True:
        records = json.loads(lab.staff("audit", "show", lab.lab, "-o", "json"))
        if found := [one for one in records if one["type"] == kind]:
            return found[-1]
        if time.monotonic() > deadline:
            raise SolutionError(f"no record {kind} within two minutes")
        time.sleep(3)


def drill() -> str:
    lab.practicum("drill", lab.lab, "alias")
    back, moved = recorded("AliasReverted"), recorded("AliasMoved")
    return text(
        {
            "alias": "champion",
            "moved_to": moved["outcome"]["after"] or "none",
            "detected_at": moved["at"],
            "back_at": back["at"],
            "impact": "traffic was answered by another version for some seconds",
            "cause": "somebody used the administrator of MLflow past all rules",
            "prevention": [
                "nobody but the platform holds the administrator's password",
                "aliases are compared with the audit log all the time",
            ],
        }
    )


def dashboard() -> str:
    row = medians()
    return text(
        {
            "model": "fraud",
            **{key: row[key] for key in ("requests", "executed", "refused", "rollbacks")},
            "lead_time_median_seconds": row["leadTime"]["median"],
            "approval_median_seconds": row["approval"]["median"],
            "readers": ["the model's owner", "model risk"],
            "conclusion": "most of the lead time is the wait for the second approval",
        }
    )


def main() -> None:
    documents = {path.name: path.read_text() for path in sorted((HERE / "docs").glob("*.yaml"))}
    lab.config_map("docs", {**documents, "lineage.yaml": lineage(), "decisions.yaml": decisions()})
    changes()
    policies()
    lab.config_map("docs", {"incident.yaml": drill(), "dashboard.yaml": dashboard()})
    for subject in ("design-review", "demo"):
        lab.staff("attest", lab.lab, subject, "--score", "whole=4/5", "--passed")


main()
