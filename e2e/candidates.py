"""Registers candidate models as the data scientist would, each as good as the module's second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from e2e.learner import Service
from e2e.promotion import CANDIDATES, MODEL, canonical

GOOD = "2"
"""The version that policy lets pass."""


@dataclass(frozen=True)
class Candidates:
    """MLflow's registry, with the data scientist's login."""

    mlflow: Service
    login: dict[str, str]

    async def another(self) -> str:
        """Train the good model once more; returns its version."""
        good = (await self._get(f"model-versions/get?name={CANDIDATES}&version={GOOD}"))[
            "model_version"
        ]
        run = (await self._get(f"runs/get?run_id={good['run_id']}"))["run"]
        info, data = run["info"], run["data"]
        made = await self._post(
            "runs/create",
            experiment_id=info["experiment_id"],
            start_time=int(time.time() * 1000),
            tags=data["tags"],
        )
        again = made["run"]["info"]
        run_id = again["run_id"]
        measured = {"metrics": data["metrics"], "params": data["params"]}
        await self._post("runs/log-batch", run_id=run_id, **measured)
        await self._post("runs/log-inputs", run_id=run_id, datasets=run["inputs"]["dataset_inputs"])
        await self._copy_scorer(info, again)
        await self._post("runs/update", run_id=run_id, status="FINISHED")
        source = f"{again['artifact_uri']}/model"
        registered = await self._post(
            *("model-versions/create",),
            **{"name": CANDIDATES, "source": source, "run_id": run_id, "tags": good["tags"]},
        )
        return str(registered["model_version"]["version"])

    async def copies(self, version: str) -> list[str]:
        """Return the versions in production that came from a candidate's run."""
        path = f"model-versions/get?name={CANDIDATES}&version={version}"
        run_id = (await self._get(path))["model_version"]["run_id"]
        wanted = quote(f"name='{MODEL}' and run_id='{run_id}'")
        found = await self._get(f"model-versions/search?filter={wanted}")
        return [one["version"] for one in found.get("model_versions", [])]

    async def aliases(self) -> dict[str, str]:
        """Return the version of each alias in production."""
        found = (await self._get(f"registered-models/get?name={MODEL}"))["registered_model"]
        return {one["alias"]: str(one["version"]) for one in found["aliases"]}

    async def _copy_scorer(self, old: Any, new: Any) -> None:
        """Copy the model byte by byte: the seed writes canonical JSON."""
        answer = await self.mlflow.call(_scorer(old), login=self.login)
        assert answer.status == 200, answer
        body = canonical(answer.body).encode()
        put = await self.mlflow.call(_scorer(new), body=body, login=self.login, method="PUT")
        assert put.status == 200, put

    async def _get(self, path: str) -> Any:
        answer = await self.mlflow.call(f"/api/2.0/mlflow/{path}", login=self.login)
        assert answer.status == 200, answer
        return answer.body

    async def _post(self, path: str, **body: Any) -> Any:
        url = f"/api/2.0/mlflow/{path}"
        answer = await self.mlflow.call(url, body=body, login=self.login)
        assert answer.status == 200, answer
        return answer.body


def _scorer(info: Any) -> str:
    where = f"{info['experiment_id']}/{info['run_id']}/artifacts/model/scorer.json"
    return f"/api/2.0/mlflow-artifacts/artifacts/{where}"
