"""Models and features as the platform shows them, out of what MLflow and Feast say."""

from collections.abc import Mapping
from typing import Any

from platform_api.backends import Backends
from platform_api.problems import Problem

PII = ("none", "indirect", "direct")
SHARED = "shared"


def pairs(tags: Any) -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in tags or []}


class Catalog:
    """What there is."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    def models(self) -> list[dict[str, Any]]:
        found = self._backends.mlflow("mlflow/registered-models/search", max_results="100") or {}
        return [_model(one) for one in found.get("registered_models", [])]

    def model(self, name: str) -> dict[str, Any]:
        found = self._backends.mlflow("mlflow/registered-models/get", name=name)
        if found is None:
            raise Problem(404, "MODEL_UNKNOWN", f"there is no model {name}")
        return _model(found["registered_model"]) | {"versions": self.versions(name)}

    def versions(self, name: str) -> list[dict[str, Any]]:
        query = {"filter": f"name='{name}'", "max_results": "100"}
        found = self._backends.mlflow("mlflow/model-versions/search", **query) or {}
        versions = [
            {
                "version": str(one["version"]),
                "run_id": one["run_id"],
                "tags": pairs(one.get("tags")),
            }
            for one in found.get("model_versions", [])
        ]
        return sorted(versions, key=lambda one: int(one["version"]))

    def features(self) -> list[dict[str, Any]]:
        found = self._backends.feast("feature_services") or {}
        return [_service(one["spec"]) for one in found.get("featureServices", [])]

    def feature(self, name: str) -> dict[str, Any]:
        found = next((one for one in self.features() if one["name"] == name), None)
        if found is None:
            raise Problem(404, "FEATURES_UNKNOWN", f"there is no feature service {name}")
        return found


def _model(found: Mapping[str, Any]) -> dict[str, Any]:
    tags = pairs(found.get("tags"))
    return {
        "name": found["name"],
        "tenant": tags.get("tenant", SHARED),
        "tier": tags.get("tier", ""),
        "description": found.get("description", ""),
        "aliases": {one["alias"]: str(one["version"]) for one in found.get("aliases", [])},
    }


def _service(spec: Mapping[str, Any]) -> dict[str, Any]:
    tags = spec.get("tags", {})
    columns = [one for part in spec.get("features", []) for one in part.get("featureColumns", [])]
    classes = [one.get("tags", {}).get("pii", "") for one in columns]
    known = all(one in PII for one in classes)
    return {
        "name": spec["name"],
        "tenant": tags.get("tenant", SHARED),
        "owner": spec.get("owner", ""),
        "approved_by": tags.get("approved_by", "") if tags.get("status") == "approved" else "",
        "pii": max(classes, key=PII.index, default="none") if known else "unsaid",
        "fields": [
            {"name": one["name"], "type": one.get("valueType", ""), "pii": pii}
            for one, pii in zip(columns, classes, strict=True)
        ],
    }
