"""Who calls, by the table of tokens, and whether they may, by policy. Without an answer: no."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_api.backends import BackendError, Backends
from platform_api.problems import Problem
from platform_api.usage import Meter

ADMIN = "platform-admin"


@dataclass(frozen=True)
class Caller:
    """Somebody with a token."""

    user: str
    tenant: str
    roles: tuple[str, ...]

    def sees(self, tenant: str) -> bool:
        """Whether a list shows them what belongs to a tenant."""
        return tenant in (self.tenant, "shared") or ADMIN in self.roles


@dataclass(frozen=True)
class Resource:
    """What is called for, and whose it is."""

    kind: str
    tenant: str
    labels: Mapping[str, str]


def table(path: Path) -> dict[str, Caller]:
    """Reads callers by token."""
    found = json.loads(path.read_text())
    return {
        token: Caller(one["user"], one["tenant"], tuple(one["roles"]))
        for token, one in found.items()
    }


class Guard:
    """Lets callers in."""

    def __init__(self, tokens: Mapping[str, Caller], backends: Backends, meter: Meter) -> None:
        self._tokens, self._backends, self._meter = tokens, backends, meter

    def known(self, header: str) -> Caller:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or token not in self._tokens:
            raise Problem(401, "UNAUTHENTICATED", "send Authorization: Bearer and a token")
        return self._tokens[token]

    def permit(
        self, caller: Caller, call: tuple[str, str], resource: Resource, purpose: str = ""
    ) -> None:
        """Asks the lab's policy; ``call`` is method and path."""
        question = {
            "actor": {"user": caller.user, "tenant": caller.tenant, "roles": list(caller.roles)},
            "method": call[0],
            "path": call[1].strip("/").split("/"),
            "resource": {
                "type": resource.kind,
                "tenant": resource.tenant,
                "labels": dict(resource.labels),
            },
            "purpose": purpose,
            "recent_calls": self._meter.recent(caller.tenant),
        }
        try:
            said = self._backends.decide("lab/access", question)
        except BackendError as error:
            raise Problem(503, "POLICY_UNAVAILABLE", "nobody can decide on this call") from error
        if not isinstance(said, dict) or said.get("allow") is not True:
            raise refused(said)


def refused(said: Any) -> Problem:
    reasons = said.get("deny") if isinstance(said, dict) else None
    if not reasons:
        return Problem(403, "POLICY_UNDEFINED", "policy says neither yes nor why not")
    first = min(reasons, key=lambda one: (one["control"], one["code"]))
    status = 429 if first["code"] == "RATE_EXCEEDED" else 403
    return Problem(status, first["code"], first["msg"], first["control"])
