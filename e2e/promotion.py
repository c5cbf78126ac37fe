"""Asks the lab's policy about a candidate model, with evidence read from the lab itself.

What a learner does by hand in the module's tasks: version and run from MLflow, the evidence
digest computed again, the state of the features from Feast, the decision from OPA.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from e2e.learner import Learner, Service

CANDIDATES, MODEL = "fraud-dev", "fraud"
PROMISED = timedelta(hours=96)
"""Tag ``freshness_slo`` of the reviewed view."""


@dataclass(frozen=True)
class Registry:
    """MLflow as the data scientist sees it."""

    mlflow: Service
    learner: Learner

    async def get(self, path: str) -> Any:
        """Read one resource below /api/2.0."""
        login = self.learner.login("mlflow", "ds")
        answer = await self.mlflow.call(f"/api/2.0/{path}", login=login)
        assert answer.status == 200, answer
        return answer.body

    async def champion(self) -> Any:
        """Return the model version that is in production."""
        path = f"mlflow/registered-models/alias?name={MODEL}&alias=champion"
        return (await self.get(path))["model_version"]

    async def candidates(self) -> list[Any]:
        """Return the candidate versions, oldest first."""
        found = await self.get(f"mlflow/model-versions/search?filter=name%3D%27{CANDIDATES}%27")
        return sorted(found["model_versions"], key=lambda version: int(version["version"]))

    async def run(self, version: Mapping[str, Any]) -> Any:
        """Return the run behind a version."""
        return (await self.get(f"mlflow/runs/get?run_id={version['run_id']}"))["run"]

    async def digest_now(self, run: Mapping[str, Any]) -> str:
        """Return the digest over metrics and model as they are now."""
        info = run["info"]
        root = f"mlflow-artifacts/artifacts/{info['experiment_id']}/{info['run_id']}/artifacts"
        # The seed writes canonical JSON, so parsing and writing it again gives the same bytes.
        model = canonical(await self.get(f"{root}/model/scorer.json"))
        document = {"metrics": metrics(run), "model": hashlib.sha256(model.encode()).hexdigest()}
        return "sha256:" + hashlib.sha256(canonical(document).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return JSON as the seed writes it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def metrics(run: Mapping[str, Any]) -> dict[str, float]:
    """Return a run's metrics by name."""
    return {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}


async def evidence(registry: Registry, feast: Service, version: Mapping[str, Any]) -> Any:
    """Return the policy's input for promoting one candidate, properly asked and approved."""
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    run = await registry.run(version)
    champion = await registry.run(await registry.champion())
    service = await feast.call(
        f"/api/v1/feature_services/{tags['feast.feature_service']}?project=lab"
    )
    now = datetime.now(UTC)
    evaluated = datetime.fromisoformat(tags["evaluated_at"].replace("Z", "+00:00"))
    sealed = tags["evaluated_digest"]
    reviewers = {"reviewer-risk": "risk-reviewer", "reviewer-ml": "ml-reviewer"}
    return {
        "action": "promote",
        "now": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "actor": {"user": "mle", "roles": ["ml-engineer"]},
        "model": {
            "name": CANDIDATES,
            "version": version["version"],
            "tier": "high",
            "author": tags["author"],
            "digest": sealed,
            "approved_before": False,
        },
        "current": {"version": "1", "metrics": metrics(champion)},
        "evidence": {
            "run_id": version["run_id"],
            "age_days": (now - evaluated).total_seconds() / 86400,
            "digest": await registry.digest_now(run),
            "git_commit": tags["git_commit"],
            "dataset_digest": tags["data_digest"],
            "metrics": metrics(run),
        },
        "lineage": {
            "feature_service": tags["feast.feature_service"],
            "features_approved": service.body["spec"]["tags"].get("status") == "approved",
            "freshness_ok": await _fresh(feast, service.body["spec"], now),
        },
        "request": {"id": "1", "requester": "ds", "state": "Approved"},
        "approvals": [
            {"user": user, "role": role, "digest": sealed} for user, role in reviewers.items()
        ],
        "break_glass": None,
    }


async def decide(opa: Service, learner: Learner, question: Any) -> Any:
    """Return the policy's decision."""
    answer = await opa.call(
        "/v1/data/lab/promotion",
        body={"input": question},
        login=learner.login("opa", "learner"),
    )
    assert answer.status == 200, answer
    return answer.body["result"]


async def _fresh(feast: Service, service: Any, now: datetime) -> bool:
    """Whether the newest value of each view is as new as the lab's module promises."""
    views = {part["featureViewName"] for part in service["features"]}
    found = await feast.call("/api/v1/monitoring/metrics/baseline?project=lab")
    rows = [one for one in found.body if one["feature_view_name"] in views]
    moments = [datetime.fromisoformat(one["max_event_timestamp"]) for one in rows]
    return bool(moments) and now - min(moments) <= PROMISED
