"""The little of MLflow's registry that governed changes need, each call idempotent.

https://mlflow.org/docs/latest/rest-api.html. An alias that is not set is answered with 400
INVALID_PARAMETER_VALUE, so aliases are read from the registered model instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from practicum.errors import ServiceError
from practicum.governance.backends import Backends

_ABSENT: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})


@dataclass(frozen=True)
class Model:
    """A registered model."""

    tags: Mapping[str, str]
    aliases: Mapping[str, str]
    """Version by alias."""


class Registry:
    """One lab's MLflow, as its administrator sees it."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def model(self, name: str) -> Model | None:
        """Return a registered model, or None where there is none of that name."""
        found = await self._get("mlflow/registered-models/get", name=name)
        if found is None:
            return None
        body = found["registered_model"]
        aliases = {one["alias"]: str(one["version"]) for one in body.get("aliases", [])}
        return Model(pairs(body.get("tags")), aliases)

    async def version(self, name: str, version: str) -> Mapping[str, Any] | None:
        """Return a model version, or None."""
        found = await self._get("mlflow/model-versions/get", name=name, version=version)
        return found["model_version"] if found else None

    async def versions(self, name: str) -> list[str]:
        """Return the versions of a registered model, a hundred at most."""
        found = await self._get(
            "mlflow/model-versions/search", filter=f"name='{name}'", max_results="100"
        )
        return [str(one["version"]) for one in (found or {}).get("model_versions", [])]

    async def run(self, run_id: str) -> Mapping[str, Any] | None:
        """Return a run with its metrics, params, tags and inputs, or None."""
        found = await self._get("mlflow/runs/get", run_id=run_id)
        return found["run"] if found else None

    async def artifact(self, run: Mapping[str, Any], path: str) -> bytes | None:
        """Return an artifact of a run, of at most 64 KiB, or None where there is none."""
        info = run["info"]
        where = f"{info['experiment_id']}/{info['run_id']}/artifacts/{quote(path)}"
        answer = await self._backends.artifact(where)
        if answer.status == 200:
            return bytes(answer.body)
        if answer.status == 404:
            return None
        raise ServiceError("MLflowFailed", f"MLflow answered {answer.status} for {path}")

    async def copied(self, name: str, run_id: str) -> str:
        """Return the version of a model that came from a run; empty: there is none."""
        condition = f"name='{name}' and run_id='{run_id}'"
        found = await self._get("mlflow/model-versions/search", filter=condition, max_results="5")
        versions = (found or {}).get("model_versions", [])
        return str(min((int(one["version"]) for one in versions), default=""))

    async def copy(self, source: Mapping[str, Any], to: str) -> str:
        """Copy a version with its tags into another model, once; returns its number there."""
        if there := await self.copied(to, source["run_id"]):
            return there
        body = {
            "name": to,
            "source": f"models:/{source['name']}/{source['version']}",
            "run_id": source["run_id"],
            "tags": source.get("tags", []),
        }
        made = await self._post("mlflow/model-versions/create", body)
        return str(made["model_version"]["version"])

    async def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for key, value in tags.items():
            body = {"name": name, "version": version, "key": key, "value": value}
            await self._post("mlflow/model-versions/set-tag", body)

    async def point(self, name: str, alias: str, version: str) -> None:
        """Let an alias point to a version; to none, if that is empty."""
        if version:
            body = {"name": name, "alias": alias, "version": version}
            await self._post("mlflow/registered-models/alias", body)
        else:
            path = "mlflow/registered-models/alias?" + urlencode({"name": name, "alias": alias})
            answer = await self._backends.mlflow("DELETE", path)
            if answer.status != 200 and _code(answer.body) not in _ABSENT:
                raise _failed("mlflow/registered-models/alias", answer.status, answer.body)

    async def _get(self, path: str, **query: str) -> Any:
        answer = await self._backends.mlflow("GET", f"{path}?{urlencode(query)}")
        if answer.status == 200:
            return _dict(answer.body)
        if _code(answer.body) in _ABSENT:
            return None
        raise _failed(path, answer.status, answer.body)

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = await self._backends.mlflow("POST", path, body)
        if answer.status == 200:
            return _dict(answer.body)
        raise _failed(path, answer.status, answer.body)


def pairs(entries: Any) -> dict[str, Any]:
    """Return MLflow's list of key and value as a dict."""
    return {one["key"]: one["value"] for one in entries or []}


def _code(body: Any) -> str:
    return str(body.get("error_code", "")) if isinstance(body, dict) else ""


def _dict(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ServiceError("MLflowFailed", "MLflow did not answer with an object")
    return body


def _failed(path: str, status: int, body: Any) -> ServiceError:
    said = body.get("message", "") if isinstance(body, dict) else ""
    reason = "MLflowRefused" if 400 <= status < 500 else "MLflowFailed"
    return ServiceError(reason, f"MLflow answered {status} to {path}: {str(said)[:200]}")
