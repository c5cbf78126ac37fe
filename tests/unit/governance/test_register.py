"""The lab's status follows its log, whatever write was lost: its head, and what should be so."""

from datetime import UTC, datetime
from typing import Any

import pytest

from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.names import GOVERNANCE_MANAGER, LabKey
from practicum.errors import ApiError
from practicum.governance.audit import Audit
from practicum.governance.ledger import Kind
from practicum.governance.register import Register
from tests import samples
from tests.unit.governance.test_ledger import DEFINITION, EVIDENCE, answer

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Keys = list[LabKey]
ADA = LabKey("course-a", "ada")
APPROVED = {
    "action": "ApproveFeatures",
    "request": {"name": "first", "uid": "u"},
    "state": "Approved",
    "evidence": {"digest": EVIDENCE},
    "status": {"answers": [answer("risk")]},
    "outcome": {"name": "fraud_v2", "definition": DEFINITION},
}


class Cluster:
    """The audit log's segments, and the lab's status as the API server keeps it."""

    def __init__(self) -> None:
        self.segments: dict[str, Object] = {}
        self.status: Object = {}
        self.writes = 0
        self.failing = False
        self.version = 1

    async def list(self, kind: str, namespace: str, labels: str) -> list[Object]:
        return list(self.segments.values())

    async def create(self, body: Object) -> Object:
        return self._keep(body)

    async def json_patch(self, kind: str, namespace: str, name: str, patch: Any) -> Object:
        test, add = patch
        body = self.segments[name]
        assert body["metadata"]["resourceVersion"] == test["value"]
        body["data"][add["path"].removeprefix("/data/")] = add["value"]
        return self._keep(body)

    def _keep(self, body: Object) -> Object:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.segments[body["metadata"]["name"]] = body
        return body

    async def apply(self, body: Object, *, subresource: str, manager: str) -> Object:
        assert (body["kind"], subresource) == ("LabEnvironment", "status")
        assert manager == GOVERNANCE_MANAGER
        if self.failing:
            raise ApiError(500, "InternalError", "killed")
        self.writes += 1
        self.status = body["status"]
        return body

    def lab(self) -> Any:
        """Return the lab as it would be read now."""
        status = LabEnvironmentStatus.model_validate(self.status)
        lab = samples.lab()
        return type(lab)(
            lab.resource.model_copy(update={"status": status}), lab.template, lab.settings
        )

    def register(self, woken: Keys) -> Register:
        """Return a register as of a process that has just started."""
        kube: Any = self
        labs: Any = type("Labs", (), {"answer": lambda self, body: None})()
        files: Any = None
        audit = Audit(kube, "audit", lambda: b"key")
        register = Register(kube, audit, labs, files, lambda: NOW)
        register.shown.governed = woken.append
        return register


async def test_one_write_says_both_and_wakes_who_brings_it_about() -> None:
    cluster, woken = Cluster(), Keys()
    register = cluster.register(woken)
    await register.note(cluster.lab(), Kind.BASELINE, outcome=_baseline())
    assert woken == []
    await register.note(cluster.lab(), Kind.STATE_CHANGED, "1", **APPROVED)
    assert cluster.status["audit"]["seq"] == 2
    assert [one["request"] for one in cluster.status["governed"]["features"]] == ["first"]
    assert woken == [ADA]
    # Whatever is recorded next leaves it there: one field manager owns both.
    await register.note(cluster.lab(), Kind.SERVED, "x")
    assert cluster.status["governed"]["features"]
    assert woken == [ADA]
    await register.note(cluster.lab(), Kind.STATE_CHANGED, "2", **APPROVED | {"state": "Denied"})
    assert "governed" not in cluster.status
    assert woken == [ADA, ADA]


async def test_a_write_that_a_kill_prevented_is_made_up_for() -> None:
    cluster, woken = Cluster(), Keys()
    register = cluster.register(woken)
    await register.note(cluster.lab(), Kind.BASELINE, outcome=_baseline())
    cluster.failing = True
    with pytest.raises(ApiError):
        await register.note(cluster.lab(), Kind.STATE_CHANGED, "1", **APPROVED)
    assert "governed" not in cluster.status
    cluster.failing = False
    register = cluster.register(woken)
    await register.project(cluster.lab())
    assert cluster.status["audit"]["seq"] == 2
    assert cluster.status["governed"]["features"]
    assert woken == [ADA]
    written = cluster.writes
    await register.project(cluster.lab())
    assert (cluster.writes, woken) == (written, [ADA])


async def test_what_somebody_else_made_of_it_is_put_right() -> None:
    cluster, woken = Cluster(), Keys()
    register = cluster.register(woken)
    await register.note(cluster.lab(), Kind.STATE_CHANGED, "1", **APPROVED)
    cluster.status["governed"] = {"features": []}
    await register.project(cluster.lab())
    assert [one["request"] for one in cluster.status["governed"]["features"]] == ["first"]


def _baseline() -> Object:
    return {"name": "fraud", "alias": "champion", "after": "1"}
