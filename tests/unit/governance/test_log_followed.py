"""The log is trusted as far as its head says, and the newest head that is known counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from practicum.api.labstatus import AuditStatus
from practicum.desired.lab import Lab
from practicum.errors import ApiError
from practicum.governance.audit import Audit
from practicum.governance.files import Files
from practicum.governance.ledger import Kind
from practicum.governance.register import AuditBroken, Register
from practicum.kube.client import Kube
from practicum.reconcile.labs import Labs
from tests.samples import UID, lab

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Object = dict[str, Any]


class Cluster:
    """One segment of a log, and as much of an API server as that takes."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}
        self.fails = False

    async def list(self, *_: str) -> list[Object]:
        meta = {"name": f"audit-{UID}-000001", "resourceVersion": str(len(self.data))}
        return [{"metadata": meta, "data": dict(self.data)}] if self.data else []

    async def create(self, body: Object) -> Object:
        return self._take(body["data"])

    async def json_patch(self, kind: str, namespace: str, name: str, steps: list[Object]) -> Object:
        if self.fails:
            raise ApiError(500, "InternalError", "away")
        return self._take({steps[1]["path"].rpartition("/")[2]: steps[1]["value"]})

    async def apply(self, body: Object, **_: Any) -> Object:
        known = {**lab().resource.metadata, "resourceVersion": "1"}
        return {**body, "metadata": known, "spec": {}}

    def _take(self, data: Mapping[str, str]) -> Object:
        self.data |= data
        return {"metadata": {"resourceVersion": str(len(self.data))}}


def register(cluster: Cluster) -> Register:
    kube = cast(Kube, cluster)
    audit = Audit(kube, "practicum-audit", lambda: b"root key")
    files = Files(lambda _: None, lambda _: None)
    return Register(kube, audit, Labs(), files, lambda: NOW)


async def lagging(made: Register) -> Lab:
    """Have three records written; returns the lab as it was known after the first."""
    first = await made.note(lab(), Kind.ANSWERED, "1")
    resource = lab().resource
    status = resource.status.model_copy(
        update={"audit": AuditStatus(seq=first["seq"], hash=first["hash"])}
    )
    known = Lab(resource.model_copy(update={"status": status}), lab().template, lab().settings)
    for number in ("2", "3"):
        await made.note(known, Kind.ANSWERED, number)
    return known


async def fail(cluster: Cluster, made: Register, known: Lab) -> None:
    """Let a write fail, so that the log has to be read anew."""
    cluster.fails = True
    with pytest.raises(ApiError):
        await made.note(known, Kind.ANSWERED, "4")
    cluster.fails = False


async def test_a_lab_as_it_was_before_our_own_writes_does_not_make_the_log_look_forged() -> None:
    cluster = Cluster()
    made = register(cluster)
    known = await lagging(made)
    await fail(cluster, made, known)
    assert (await made.note(known, Kind.ANSWERED, "4"))["seq"] == 4


async def test_what_we_wrote_ourselves_has_to_be_there_whatever_the_lab_says() -> None:
    cluster = Cluster()
    made = register(cluster)
    known = await lagging(made)
    await fail(cluster, made, known)
    del cluster.data["00000003"]
    with pytest.raises(AuditBroken, match="Truncated"):
        await made.ledger(known)
