"""What the platform API knows, it asks these services: one method for each kind of question."""

import os
from collections.abc import Mapping
from typing import Any

import httpx


class BackendError(Exception):
    """A service does not answer, or not as it should."""


class Backends:
    """MLflow, Feast, OPA and the model server, by their addresses in the environment."""

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._urls = {
            name: httpx.URL(environment.get(f"{name.upper()}_URL", "")).join("/")
            for name in ("mlflow", "feast", "opa", "serving")
        }
        login = environment.get("MLFLOW_USER", ""), environment.get("MLFLOW_PASSWORD", "")
        self._login = httpx.BasicAuth(*login)
        self._token = {"Authorization": f"Bearer {environment.get('OPA_TOKEN', '')}"}
        self._http = httpx.Client(timeout=5, transport=transport)

    def mlflow(self, path: str, **query: str) -> Any:
        """MLflow's REST API, below /api/2.0; None: there is no such thing."""
        return self._ask("mlflow", "GET", f"/api/2.0/{path}", params=query, auth=self._login)

    def feast(self, path: str) -> Any:
        """Feast's registry, below /api/v1; None: there is no such thing."""
        return self._ask("feast", "GET", f"/api/v1/{path}", params={"project": "lab"})

    def decide(self, package: str, question: Mapping[str, Any]) -> Any:
        """What OPA decides; None: undefined."""
        asked = {"input": question}
        path = f"/v1/data/{package}"
        return self._ask("opa", "POST", path, json=asked, headers=self._token).get("result")

    def predict(self, records: list[Mapping[str, float]]) -> Any:
        """What the model in production answers: predictions and model_version."""
        return self._ask("serving", "POST", "/invocations", json={"dataframe_records": records})

    def _ask(self, name: str, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, self._urls[name].join(path), **more)
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise BackendError(f"{name}: {error}") from error
