"""Counts requests where nobody can forget one: in the API server's own audit log."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

OPERATOR = "system:serviceaccount:practicum-system:practicum"
POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
"""


class Call(NamedTuple):
    """What one request was."""

    verb: str
    resource: str
    code: int
    """HTTP status of a failure, else 0."""

    def __str__(self) -> str:
        """Return it as a line of a ledger names it."""
        failed = f" ({self.code})" if self.code >= 400 else ""
        return f"{self.verb} {self.resource}{failed}"


@dataclass(frozen=True)
class Counted:
    """Requests of one stretch of time."""

    operator: Counter[Call]
    controllers: Counter[Call]
    """Those of kube-controller-manager, under all its identities."""

    @property
    def total(self) -> int:
        """How many the operator sent."""
        return self.operator.total()


class AuditLog:
    """The log of one API server."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def mark(self) -> int:
        """Return the place where what comes next will be written."""
        return self._path.stat().st_size

    def since(self, mark: int) -> Counted:
        """Count what was begun since a mark; a watch counts once."""
        counted = Counted(Counter(), Counter())
        seen = set()
        for entry in self.entries(mark):
            if entry["auditID"] in seen:
                continue
            seen.add(entry["auditID"])
            user = entry["user"].get("username", "")  # nobody: a token that is void
            if user == OPERATOR:
                counted.operator[_call(entry)] += 1
            elif user.startswith(("system:serviceaccount:kube-system:", "system:kube-controller")):
                counted.controllers[_call(entry)] += 1
        return counted

    def entries(self, mark: int) -> Iterator[dict[str, Any]]:
        """Yield what was written whole since a mark, which may itself lie within a line."""
        with self._path.open("rb") as log:
            if mark:
                log.seek(mark - 1)
                log.readline()
            for line in log:
                if not line.endswith(b"\n"):
                    return  # still being written
                entry = json.loads(line)
                if entry["verb"] == "watch" and entry["stage"] == "ResponseComplete":
                    continue  # its start is what was asked; it may lie before the mark
                yield entry


def _call(entry: dict[str, Any]) -> Call:
    where = entry.get("objectRef") or {}
    names = (where.get("resource"), where.get("subresource"))
    resource = "/".join(name for name in names if name) or entry["requestURI"].partition("?")[0]
    code = entry["responseStatus"].get("code", 0)
    return Call(entry["verb"], resource, code if code >= 400 else 0)
