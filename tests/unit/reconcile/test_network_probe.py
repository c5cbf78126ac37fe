"""The probe against a cluster that the test plays: what it finds, writes, and leaves behind."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from practicum import errors
from practicum.api.names import PROBE, PROBE_NAMESPACE
from practicum.kube.client import Kube
from practicum.observe import metrics
from practicum.policy.network import Enforcement, Finding
from practicum.reconcile import network_probe
from practicum.reconcile.network_probe import NetworkProbe
from practicum.settings import Settings
from tests import samples

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = Settings(probe_image="registry.example/practicum:1")


class Cluster:
    """Pods that run as soon as they are made, unless there is no node."""

    def __init__(self, *, nodes: bool = True, leftovers: tuple[str, ...] = ()) -> None:
        self.nodes = nodes
        self.pods = {name: self._pod(name, "closed") for name in leftovers}
        self.made: list[Object] = []
        self.written: list[Object] = []
        self.refuse: dict[str, errors.ApiError] = {}

    def _pod(self, name: str, door: str) -> Object:
        ready = {"type": "Ready", "status": "True"}
        running = {"podIP": f"ip-of-{door}", "conditions": [ready]} if self.nodes else {}
        return {"metadata": {"name": name, "labels": {PROBE: door}}, "status": running}

    async def list(self, kind: str, namespace: str, labels: str) -> list[Object]:
        assert (kind, namespace, labels) == ("Pod", PROBE_NAMESPACE, PROBE)
        if error := self.refuse.get("list"):
            raise error
        return list(self.pods.values())

    async def create(self, body: Object) -> Object:
        if error := self.refuse.get(body["kind"]):
            raise error
        if body["kind"] == "Event":
            self.written.append(body)
            return body
        name = f"{body['metadata']['generateName']}{len(self.made)}"
        self.made.append(body)
        self.pods[name] = self._pod(name, body["metadata"]["labels"][PROBE])
        return self.pods[name]

    async def apply(self, body: Object) -> Object:
        if error := self.refuse.get(body["kind"]):
            raise error
        self.written.append(body)
        return body | {"metadata": body["metadata"] | {"uid": samples.UID}}

    async def delete(self, kind: str, namespace: str, name: str) -> bool:
        assert (kind, namespace) == ("Pod", PROBE_NAMESPACE)
        return self.pods.pop(name, None) is not None


def probing(cluster: Cluster, reached: Callable[[str], bool], *, limit: float = 5) -> NetworkProbe:
    async def knock(address: str, port: int, seconds: float) -> bool:
        assert (port, seconds) == (8080, 2)
        return reached(address)

    return NetworkProbe(
        cast(Kube, cluster), SETTINGS, lambda: NOW, knock=knock, limit=timedelta(seconds=limit)
    )


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_probe, "_PAUSE_SECONDS", 0)


@pytest.mark.parametrize(
    ("reached", "verdict"),
    [
        ({"ip-of-open"}, Enforcement.ENFORCED),
        ({"ip-of-open", "ip-of-closed"}, Enforcement.NOT_ENFORCED),
    ],
)
async def test_the_verdict_and_nothing_left(reached: set[str], verdict: Enforcement) -> None:
    cluster = Cluster()
    found = await probing(cluster, reached.__contains__).run()
    assert found.enforcement is verdict
    assert len(cluster.made) == 2
    assert cluster.pods == {}


@pytest.mark.parametrize(("nodes", "words"), [(True, "inside the cluster"), (False, "no node")])
async def test_time_is_bounded(nodes: bool, words: str) -> None:
    cluster = Cluster(nodes=nodes)
    async with asyncio.timeout(3):
        found = await probing(cluster, lambda _: False, limit=0.1).run()
    assert found.enforcement is Enforcement.UNKNOWN
    assert words in found.message
    assert cluster.pods == {}


async def test_what_a_killed_probe_left_is_removed_first() -> None:
    cluster = Cluster(leftovers=("closed-old", "open-old"))
    # Were the old one still there, its address would be taken for the new one's.
    found = await probing(cluster, lambda address: address == "ip-of-open").run()
    assert found.enforcement is Enforcement.ENFORCED
    assert cluster.pods == {}


async def test_a_probe_that_is_cancelled_tidies_up() -> None:
    cluster = Cluster()
    running = asyncio.create_task(probing(cluster, lambda _: False, limit=60).run())
    while len(cluster.pods) < 2:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cluster.pods == {}


@pytest.mark.parametrize("what", ["Pod", "list"])
async def test_a_refusal_is_a_finding(what: str) -> None:
    cluster = Cluster()
    cluster.refuse[what] = errors.Forbidden(403, "Forbidden", "pods is forbidden")
    found = await probing(cluster, lambda _: True).run()
    assert found.enforcement is Enforcement.UNKNOWN
    assert "pods is forbidden" in found.message


@pytest.mark.parametrize(
    ("enforcement", "value", "kind", "reason"),
    [
        (Enforcement.ENFORCED, 1.0, "Normal", "NetworkPolicyEnforced"),
        (Enforcement.NOT_ENFORCED, 0.0, "Warning", "NetworkPolicyNotEnforced"),
        (Enforcement.UNKNOWN, math.nan, "Warning", "NetworkPolicyUnknown"),
    ],
)
async def test_it_is_said_in_a_metric_a_record_and_an_event(
    enforcement: Enforcement, value: float, kind: str, reason: str
) -> None:
    cluster = Cluster()
    await probing(cluster, lambda _: True).tell(Finding(enforcement, "the words"))
    shown = metrics.NETWORK_POLICY._value.get()
    assert shown == value or (math.isnan(shown) and math.isnan(value))
    record, event = cluster.written
    assert record["metadata"]["name"] == "practicum-network-policy"
    assert record["data"] == {
        "enforced": enforcement.value,
        "message": "the words",
        "probedAt": "2026-11-21T12:00:00Z",
    }
    assert (event["type"], event["reason"], event["message"]) == (kind, reason, "the words")
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "practicum-network-policy",
        "namespace": "practicum-system",
        "uid": samples.UID,
    }


@pytest.mark.parametrize("what", ["ConfigMap", "Event"])
async def test_what_cannot_be_written_is_no_error(what: str) -> None:
    cluster = Cluster()
    cluster.refuse[what] = errors.Forbidden(403, "Forbidden", "no")
    await probing(cluster, lambda _: True).tell(Finding(Enforcement.ENFORCED, "the words"))
    assert metrics.NETWORK_POLICY._value.get() == 1


@pytest.mark.parametrize(
    ("fails", "seconds"),
    [
        (None, [86400, 86400]),
        (Enforcement.UNKNOWN, [30, 60, 120, 240, 480, 600, 600]),
        (RuntimeError("odd"), [30, 60]),
    ],
)
async def test_what_was_not_found_is_looked_for_again_soon(
    monkeypatch: pytest.MonkeyPatch, fails: object, seconds: list[float]
) -> None:
    probe = probing(Cluster(), lambda address: address == "ip-of-open")
    pauses: list[float] = []

    async def odd() -> Finding:
        if isinstance(fails, Exception):
            raise fails
        return Finding(Enforcement.UNKNOWN, "x")

    async def sleep(pause: float) -> None:
        if pause:
            pauses.append(pause)
            if len(pauses) == len(seconds):
                raise asyncio.CancelledError

    monkeypatch.setattr(network_probe.asyncio, "sleep", sleep)
    if fails:
        monkeypatch.setattr(probe, "run", odd)
    with pytest.raises(asyncio.CancelledError):
        await probe.keep()
    assert pauses == seconds


async def test_without_an_image_there_is_no_probe() -> None:
    cluster = Cluster()
    await NetworkProbe(cast(Kube, cluster), Settings(), lambda: NOW).keep()
    assert (cluster.made, cluster.written) == ([], [])
