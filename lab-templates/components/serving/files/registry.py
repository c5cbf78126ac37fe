"""What the registry says: the version that an alias names, and that version's scorer.

Plain REST with the standard library: importing the MLflow client takes more memory than all the
rest of this server.
"""

import base64
import http.client
import json
import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

MAX_ANSWER = 1 << 20
TIMEOUT = 5


class RegistryError(Exception):
    """MLflow is away, or what it answered is no model that can be served."""


class InputError(Exception):
    """A record lacks what the scorer needs; the message names the field."""


@dataclass(frozen=True)
class Scorer:
    """A linear scorer: the sigmoid of an intercept plus weighted fields."""

    intercept: float
    weights: Mapping[str, float]

    @classmethod
    def parse(cls, raw: bytes) -> "Scorer":
        try:
            document = json.loads(raw)
            weights = {str(name): number(value) for name, value in document["weights"].items()}
            return cls(number(document["intercept"]), weights)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise RegistryError(f"the artifact is no linear scorer: {error!r}") from None

    def predict(self, record: Any, where: str) -> float:
        """Returns the probability for one record, whose place in the request is ``where``."""
        if not isinstance(record, dict):
            raise InputError(f"{where} must be an object with a number per field")
        score = self.intercept
        for name, weight in self.weights.items():
            if name not in record:
                raise InputError(f"{where} lacks the field {name!r}")
            try:
                score += weight * number(record[name])
            except ValueError:
                raise InputError(f"{where}: the field {name!r} must be a finite number") from None
        if math.isnan(score):
            raise InputError(f"{where}: the fields {', '.join(self.weights)} are too large")
        return sigmoid(score)


def number(value: Any) -> float:
    """Returns a finite number; true and "1" are none.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{type(value).__name__} is not a number")
    try:
        result = float(value)
    except OverflowError as error:
        raise ValueError("the number is too large") from error
    if not math.isfinite(result):
        raise ValueError("the number is not finite")
    return result


def sigmoid(score: float) -> float:
    # Of the two equal forms the one whose exponent is never positive: the other overflows.
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    return math.exp(score) / (1 + math.exp(score))


@dataclass(frozen=True)
class Version:
    """A model version as its alias named it."""

    number: str
    run_id: str


@dataclass(frozen=True)
class Registry:
    """MLflow as one user, who needs to read and nothing else."""

    address: str
    user: str
    password_file: Path

    def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        target = f"/api/2.0/{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            # A connection per request, since the server closes an idle one.
            with closing(http.client.HTTPConnection(self.address, timeout=TIMEOUT)) as connection:
                connection.request("GET", target, headers={"Authorization": self.login()})
                response = connection.getresponse()
                raw = response.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            raise RegistryError(f"MLflow at {self.address} cannot be reached: {error}") from None
        if response.status != 200:
            raise RegistryError(f"MLflow answered {response.status} to GET /api/2.0/{path}")
        if len(raw) > MAX_ANSWER:
            raise RegistryError(f"GET /api/2.0/{path} answers more than {MAX_ANSWER} bytes")
        return raw

    def login(self) -> str:
        # Read each time: a mounted Secret changes while the process runs.
        login = f"{self.user}:{self.password_file.read_text().strip()}"
        return "Basic " + base64.b64encode(login.encode()).decode()

    def named(self, model: str, alias: str) -> Version:
        """Returns the version that an alias names now."""
        raw = self.get("mlflow/registered-models/alias", {"name": model, "alias": alias})
        found = _part(raw, "model_version")
        if not found.get("version") or not found.get("run_id"):
            raise RegistryError(f"the alias {alias} of {model} names no version with a run")
        return Version(str(found["version"]), str(found["run_id"]))

    def scorer(self, version: Version, artifact: str) -> Scorer:
        """Returns what a version computes."""
        run = _part(self.get("mlflow/runs/get", {"run_id": version.run_id}), "run")
        experiment = run.get("info", {}).get("experiment_id")
        if not experiment:
            raise RegistryError(f"the run {version.run_id} names no experiment")
        path = f"{experiment}/{version.run_id}/artifacts/{artifact}"
        return Scorer.parse(self.get(f"mlflow-artifacts/artifacts/{quote(path)}"))


def _part(raw: bytes, key: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)[key]
    except (ValueError, LookupError, TypeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RegistryError(f"MLflow's answer has no {key}")
    return found
