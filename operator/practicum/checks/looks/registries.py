"""Looks at MLflow's model registry and at Feast: model, features."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from practicum.api.looks.services import FeaturesCheck, HttpRequest, ModelCheck, OnlineValues
from practicum.api.times import parse_duration, parse_rfc3339
from practicum.checks import findings, values
from practicum.checks.findings import PASSED, Finding
from practicum.checks.outcomes import LearnerFailed, LookBroken
from practicum.checks.scene import Scene
from practicum.errors import ServiceError
from practicum.governance.mlflow import Registry, pairs


async def look_at_model(scene: Scene, look: ModelCheck) -> Finding:
    """Look a version up and hold it, with its run, against what is expected."""
    try:
        found = await _version(Registry(scene.backends), look)
    except ServiceError as error:
        raise LookBroken(f"mlflow: {error}") from error
    return findings.differs(values.violation(look.expect, found), f"model {look.name}")


async def _version(registry: Registry, look: ModelCheck) -> dict[str, Any]:
    model = await registry.model(look.name)
    if model is None:
        raise LearnerFailed(f"there is no registered model {look.name}")
    version = look.version or model.aliases.get(look.alias, "")
    found = await registry.version(look.name, version) if version else None
    if found is None:
        which = f"version {look.version}" if look.version else f"alias {look.alias}"
        raise LearnerFailed(f"model {look.name} has no {which}")
    run = await registry.run(str(found.get("run_id", "")))
    data = (run or {}).get("data", {})
    return {
        "version": int(found["version"]),
        "tags": pairs(found.get("tags")),
        "aliases": dict(model.aliases),
        "run": {
            "run_id": found.get("run_id", ""),
            "metrics": {one["key"]: one["value"] for one in data.get("metrics", [])},
            "params": pairs(data.get("params")),
            "tags": pairs(data.get("tags")),
        },
    }


async def look_at_features(scene: Scene, look: FeaturesCheck) -> Finding:
    """Look at what the registry says, how new the data is, and what is served online."""
    if look.view or look.feature_service:
        kind = "feature_views" if look.view else "feature_services"
        name = look.view or look.feature_service
        found = await _registered(scene, look, f"{kind}/{quote(name, safe='')}")
        if found is None:
            raise LearnerFailed(f"Feast project {look.project} has no {kind[:-1]} {name}")
        if trouble := values.violation(look.expect, found):
            return findings.differs(trouble, f"{kind[:-1]} {name}")
    if look.freshness and (finding := await _freshness(scene, look)).message:
        return finding
    return await _online(scene, look.online) if look.online else PASSED


async def _registered(scene: Scene, look: FeaturesCheck, path: str, **query: str) -> Any:
    wanted = urlencode({"project": look.project, **query})
    request = HttpRequest(service=look.service, path=f"/api/v1/{path}?{wanted}")
    asked = await scene.ask(request)
    if asked.status == 404:
        return None
    if asked.status != 200:
        error = ServiceError("Failed", f"Feast answered {asked.status} to {path}")
        raise scene.silent(look.service, error)
    return asked.body


async def _freshness(scene: Scene, look: FeaturesCheck) -> Finding:
    limit = parse_duration(str(look.freshness))
    path = "monitoring/metrics/features"
    rows = await _registered(scene, look, path, feature_view_name=look.view)
    newest = [
        str(row["max_event_timestamp"])
        for row in rows or []
        if isinstance(row, dict) and row.get("max_event_timestamp")
    ]
    if not newest:
        return findings.failed(f"nobody has measured {look.view} yet: feast monitor run")
    age = scene.means.clock() - parse_rfc3339(max(newest))
    if age <= limit:
        return PASSED
    hours = age.total_seconds() / 3600
    text = f"the newest event of {look.view} is {hours:.1f} h old, at most {look.freshness}"
    return findings.failed(text, str(look.freshness), f"{hours:.1f}h")


async def _online(scene: Scene, look: OnlineValues) -> Finding:
    golden = scene.json_asset(look.golden)
    body: dict[str, Any] = {"entities": golden["entities"], "full_feature_names": False}
    if look.feature_service:
        body["feature_service"] = look.feature_service
    else:
        body["features"] = list(look.features)
    headers = {"Content-Type": "application/json"}
    request = HttpRequest(
        service=look.service, method="POST", path="/get-online-features", headers=headers
    )
    asked = await scene.ask(request.model_copy(update={"json_": body}))
    if asked.status != 200 or not isinstance(asked.body, dict):
        said = values.shown(asked.body)
        return findings.failed(f"the feature server answered {asked.status}: {said}")
    served = served_values(asked.body)
    for feature, expected in golden["values"].items():
        if feature not in served:
            return findings.failed(f"feature {feature} is not served")
        if wrong := unlike(expected, served[feature], look.tolerance):
            # What is right is not told: entity by entity, it would become a table of answers.
            at = wrong[0]
            got = served[feature][at] if at < len(served[feature]) else None
            few = f"{len(wrong)} of {len(expected)} entities"
            return findings.failed(
                f"{feature} is not what the offline data says for {few}",
                observed=f"entity {json.dumps(_entity(golden, at))}: {values.shown(got)}",
            )
    return PASSED


def _entity(golden: Mapping[str, Any], at: int) -> dict[str, Any]:
    return {name: column[at] for name, column in golden["entities"].items()}


def served_values(body: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return what Feast's server answered, by feature: a value for each entity."""
    names = _list(_dict(body.get("metadata")).get("feature_names"))
    results = _list(body.get("results"))
    return {
        str(name): _list(_dict(result).get("values"))
        for name, result in zip(names, results, strict=False)
    }


def _dict(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def unlike(expected: Sequence[Any], observed: Sequence[Any], tolerance: float) -> list[int]:
    """Return the places at which two columns differ; what is missing differs."""
    return [
        place
        for place, value in enumerate(expected)
        if place >= len(observed) or not same(value, observed[place], tolerance)
    ]


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two cells are equal, numbers within a tolerance; nothing equals nothing alone."""
    numbers = (int, float)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return bool(one == other)
