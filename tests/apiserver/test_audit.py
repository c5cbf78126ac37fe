"""The audit log on a real API server: gap-free and once only, whoever writes and whoever dies."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from practicum.api.names import AUDIT_LOG, AUDIT_NAMESPACE, LAB_UID
from practicum.clock import utcnow
from practicum.errors import ApiError
from practicum.governance import audit
from practicum.governance.audit import Audit
from practicum.governance.chain import Head, verify
from practicum.governance.retention import Retention
from practicum.kube.client import Kube, Object

from .conftest import LabMaker

NAMESPACE = "audit-of-tests"
ROOT = b"root key"


def event(number: int) -> dict[str, Any]:
    return {"id": f"event-{number}", "type": "Requested", "data": {"n": number}}


def log_of(kube: Kube) -> Audit:
    return Audit(kube, NAMESPACE, lambda: ROOT)


async def records(log: Audit, uid: str) -> list[Any]:
    return [record async for record in log.records(uid)]


async def holds(log: Audit, uid: str, count: int) -> None:
    found = await records(log, uid)
    verdict = verify(found, await log.head(uid), log.key(uid))
    assert verdict.holds, verdict
    assert len(found) == count


@pytest.fixture
async def namespace(kube: Kube) -> AsyncIterator[None]:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    await kube.apply(body)
    yield
    await kube.delete_all("ConfigMap", NAMESPACE)


@pytest.mark.usefixtures("namespace")
async def test_events_become_a_chain_and_a_repeated_one_is_no_second(kube: Kube) -> None:
    log = log_of(kube)
    first = [await log.append("a", event(n)) for n in range(5)]
    again = await log.append("a", event(2))
    assert again == first[2]
    await holds(log, "a", 5)
    assert await records(log, "b") == []
    assert await log.head("b") == Head(0, "0" * 64)


@pytest.mark.usefixtures("namespace")
async def test_another_process_goes_on_where_the_first_stopped(kube: Kube) -> None:
    await log_of(kube).append("a", event(1))
    other = log_of(kube)
    assert (await other.append("a", event(1)))["seq"] == 1
    assert (await other.append("a", event(2)))["seq"] == 2
    await holds(other, "a", 2)


@pytest.mark.usefixtures("namespace")
async def test_two_writers_leave_no_gap(kube: Kube) -> None:
    one, two = log_of(kube), log_of(kube)
    for n in range(10):
        await asyncio.gather(one.append("a", event(2 * n)), two.append("a", event(2 * n + 1)))
    await holds(log_of(kube), "a", 20)


@pytest.mark.usefixtures("namespace")
async def test_segments_follow_one_another(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SEGMENT_RECORDS", 3)
    log = log_of(kube)
    for n in range(8):
        await log.append("a", event(n))
    segments = await kube.list("ConfigMap", NAMESPACE, AUDIT_LOG)
    assert sorted(len(body["data"]) for body in segments) == [2, 3, 3]
    await holds(log_of(kube), "a", 8)


@pytest.mark.usefixtures("namespace")
async def test_an_answer_that_never_came_is_no_second_record(
    kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(kube)
    await log.append("a", event(1))
    patched = kube.json_patch

    async def lost(*args: Any) -> Object:
        await patched(*args)
        raise ApiError(0, "Unreachable", "the connection broke")

    monkeypatch.setattr(kube, "json_patch", lost)
    with pytest.raises(ApiError):
        await log.append("a", event(2))
    monkeypatch.setattr(kube, "json_patch", patched)
    assert (await log.append("a", event(2)))["seq"] == 2
    await holds(log, "a", 2)


@pytest.mark.usefixtures("namespace")
async def test_what_is_changed_in_the_cluster_is_found(kube: Kube) -> None:
    log = log_of(kube)
    for n in range(4):
        await log.append("a", event(n))
    head = await log.head("a")
    (segment,) = await kube.list("ConfigMap", NAMESPACE, AUDIT_LOG)
    altered = json.loads(segment["data"]["00000002"]) | {"type": "Invented"}
    name = segment["metadata"]["name"]
    await kube.merge_patch(
        "ConfigMap", NAMESPACE, name, {"data": {"00000002": json.dumps(altered)}}
    )
    verdict = verify(await records(log, "a"), head, log.key("a"))
    assert (verdict.reason, verdict.records) == ("RecordAltered", 1)


async def test_a_log_is_kept_for_its_time_and_while_its_lab_is_there(
    kube: Kube, make_lab: LabMaker
) -> None:
    lab = await make_lab()
    there, old, young = lab["metadata"]["uid"], "gone-long-ago", "gone-lately"
    log = Audit(kube, AUDIT_NAMESPACE, lambda: ROOT)
    for uid, at in ((there, "2020-01-01"), (old, "2020-01-01"), (young, f"{utcnow():%Y-%m-%d}")):
        for number in range(3):
            await log.append(uid, {**event(number), "at": f"{at}T00:00:0{number}Z"})
    retention = Retention(kube, timedelta(days=365), utcnow)
    assert await retention.run() == 1
    left = await kube.list("ConfigMap", AUDIT_NAMESPACE, AUDIT_LOG)
    assert {there, young} <= {one["metadata"]["labels"][LAB_UID] for one in left}
    assert old not in {one["metadata"]["labels"][LAB_UID] for one in left}
    assert await retention.run() == 0
