"""Promotions that tenants ask for. The API records and explains; the platform's gate decides.

A request for a change is made in the name of whoever makes it, so the API hands out its name and
the command, and finds out from the registry what became of it.
"""

import secrets
import threading
from typing import Any

from platform_api.callers import Caller
from platform_api.catalog import Catalog
from pydantic import BaseModel, Field

PREFIX = "prm-"


class PromotionRequest(BaseModel):
    """What a caller asks for."""

    model: str = Field(min_length=1, max_length=128)
    version: str = Field(pattern=r"^[0-9]{1,9}$")
    reason: str = Field(min_length=8, max_length=500)


class Promotions:
    """What was asked for since the API runs, and what the registry knows of before."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._lock = catalog, threading.Lock()
        self._asked: dict[str, dict[str, Any]] = {}

    def create(self, caller: Caller, tenant: str, asked: PromotionRequest) -> dict[str, Any]:
        name = PREFIX + secrets.token_hex(4)
        command = (
            f"practicum change request promote {asked.model} --version {asked.version} "
            f"--name {name} --reason '{asked.reason}' --as ds"
        )
        made = {
            "id": name,
            "tenant": tenant,
            "model": asked.model,
            "version": asked.version,
            "reason": asked.reason,
            "requested_by": caller.user,
            "next": command,
        }
        with self._lock:
            self._asked[name] = made
        return self._state(made, {})

    def all(self) -> list[dict[str, Any]]:
        done = self._executed()
        with self._lock:
            asked = dict(self._asked)
        known = {name: self._state(one, done) for name, one in asked.items()}
        return [*known.values(), *(one for name, one in done.items() if name not in known)]

    def one(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self.all() if one["id"] == name), None)

    def _executed(self) -> dict[str, dict[str, Any]]:
        """What the gate carried out, by the request that each version in the registry names."""
        found = {}
        for model in self._catalog.models():
            for version in self._catalog.versions(model["name"]):
                request = version["tags"].get("approval_id", "")
                if request.startswith(PREFIX):
                    found[request] = {
                        "id": request,
                        "tenant": model["tenant"],
                        "model": model["name"],
                        "version": version["version"],
                        "state": "executed",
                        "production_version": version["version"],
                        "approved_by": version["tags"].get("approved_by", ""),
                    }
        return found

    @staticmethod
    def _state(made: dict[str, Any], done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        known = done.get(made["id"])
        if known is None:
            return made | {"state": "requested", "production_version": None, "approved_by": ""}
        return known | made | {"state": "executed"}
