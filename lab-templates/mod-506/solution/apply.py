"""Solves MOD-506, as a learner with all its roles would; ratings are the instructor's."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from practicum.sdk.solving import Service, Solver, as_yaml, awaited, counted, files

lab = Solver.from_environment()
HERE = Path(__file__).parent


def champion(mlflow: Service) -> Any:
    path = "/api/2.0/mlflow/registered-models/alias?name=fraud&alias=champion"
    return mlflow.call("GET", path, persona="ds")["model_version"]


def lineage() -> str:
    with lab.service("mlflow") as mlflow:
        found = champion(mlflow)
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
    return as_yaml(
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
}


def decisions() -> str:
    """Asks OPA about each change; line 6 leaves everything out, line 8 is in the freeze."""
    answers = []
    with lab.service("opa") as opa:
        window = opa.call("GET", "/v1/data/lab/freeze_calendar", persona="")["result"][0]
        after = date.fromisoformat(f"2028-{window['until']}") + timedelta(days=1)
        days = {8: f"2028-{window['from']}"}
        for line in range(1, 9):
            at = {"now": f"{days.get(line, after)}T12:00:00Z"}
            asked = {**APPROVED, **at, **CHANGES.get(line, {})}
            body = {"input": {} if line == 6 else asked}
            found = opa.call("POST", "/v1/data/lab/promotion", body, persona="")["result"]
            controls = sorted({one["control"] for one in found["deny"]})
            answers.append({"line": line, "controls": controls})
    return as_yaml({"answers": answers})


def ask(number: str, name: str, accept: tuple[int, ...] = (0, 1)) -> None:
    """Asks for a candidate; a refusal is an answer too."""
    what = ("promote", "fraud-dev", "--version", number)
    lab.ask(*what, name=name, persona="ds", reason=f"candidate {number}", accept=accept)


def changes() -> None:
    """Promotes with an approval that becomes void on the way, is refused four times, goes back."""
    ask("2", "first")
    lab.approve("first", "reviewer-risk")
    with lab.service("mlflow") as mlflow:
        tag = {"name": "fraud-dev", "version": "2", "key": "note", "value": "looked at again"}
        mlflow.call("POST", "/api/2.0/mlflow/model-versions/set-tag", tag, persona="ds")
    lab.approve("first", "reviewer-ml", "reviewer-risk", "reviewer-ml")
    for number in ("3", "4", "5", "6"):
        ask(number, f"candidate-{number}")
    lab.roll_back("fraud", reason="complaints", persona="oncall")
    ask("2", "again")
    lab.approve("again", "reviewer-risk", "reviewer-ml")


def release(revision: str, name: str) -> None:
    what = ("release-policy", "policies", "--version", revision)
    lab.ask(*what, name=name, persona="mle", reason=revision, accept=(0,))
    lab.approve(name, "reviewer-risk")


def policies() -> None:
    """Releases a stricter policy, is refused by it, takes it back, and writes the tests."""
    own = lab.folder / "policies"
    known = {name: (own / name).read_text() for name in ("promotion.rego", "data.yaml")}
    stricter = {
        "promotion.rego": known["promotion.rego"].replace("promotion/1", "promotion/2"),
        "data.yaml": known["data.yaml"].replace("auc: 0.80,", "auc: 0.99,"),
    }
    before = said_of_policies()
    lab.config_map("policies", stricter)
    awaited("a word on the policies", lambda: said_of_policies() != before)
    release("stricter", "release")
    ask("2", "too-strict", accept=(1,))
    release("template", "take-back")
    known["promotion_test.rego"] = (own / "promotion_test.rego").read_text()
    # Not called .rego: by itself, without the policy that it tests, it fails.
    known["gate_test.rego"] = (HERE / "gate_test.rego.txt").read_text()
    lab.config_map("policies", known)


def said_of_policies() -> str:
    """What the operator thinks of the policies as they are now."""
    annotations = lab.get("configmap", "policies")["metadata"].get("annotations", {})
    said: str = annotations.get("practicum.dev/policy-status", "")
    return said


def drill() -> str:
    """Has the alias moved, and watches until it is where it was."""
    with lab.service("mlflow") as mlflow:
        before = champion(mlflow)["version"]
        told = lab.practicum("drill", lab.lab, "alias")
        seen = now()
        awaited("the alias", lambda: champion(mlflow)["version"] == before)
    return as_yaml(
        {
            "alias": "champion",
            "moved_to": told.strip().rpartition(" to ")[2],
            "detected_at": seen,
            "back_at": now(),
            "impact": "traffic was answered by another version for some seconds",
            "cause": "somebody used the administrator of MLflow past all rules",
            "prevention": [
                "nobody but the platform holds the administrator's password",
                "aliases are compared with the audit log all the time",
            ],
        }
    )


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(start: str, end: str) -> float:
    """How long it was from one moment to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def since(request: Any) -> dict[str, str]:
    """Since when each condition of a request is true."""
    found = request["status"].get("conditions", [])
    return {one["type"]: one["lastTransitionTime"] for one in found if one["status"] == "True"}


def dashboard() -> str:
    fraud = [one for one in lab.changes() if one["spec"]["action"].endswith("Model")]
    lead = [
        seconds(one["metadata"]["creationTimestamp"], one["status"]["executedAt"])
        for one in fraud
        if one["status"]["state"] in ("Executed", "RolledBack")
    ]
    waits = [
        seconds(steps["EvidenceGathered"], steps["Approved"])
        for steps in map(since, fraud)
        if "Approved" in steps
    ]
    return as_yaml(
        {
            "model": "fraud",
            **counted(fraud),
            "lead_time_median_seconds": median(lead),
            "approval_median_seconds": median(waits),
            "usage": lab.participation(),
            "readers": ["the model's owner", "model risk"],
            "conclusion": "most of the lead time is the wait for the second approval",
        }
    )


def main() -> None:
    lab.config_map("docs", {**files(HERE / "docs", "*.yaml"), "decisions.yaml": decisions()})
    changes()
    policies()
    written = {"incident.yaml": drill(), "lineage.yaml": lineage(), "dashboard.yaml": dashboard()}
    lab.config_map("docs", written)
    lab.attest("design-review", "demo")


main()
