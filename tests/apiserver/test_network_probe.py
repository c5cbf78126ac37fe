"""The network probe with the operator's own rights; the test is kubelet and network plugin."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from practicum.api.names import NETWORK_RECORD, PROBE, PROBE_NAMESPACE
from practicum.clock import utcnow
from practicum.errors import Forbidden
from practicum.kube.client import Kube, Object
from practicum.policy.network import Enforcement
from practicum.reconcile.network_probe import NetworkProbe
from practicum.settings import Settings

from .conftest import eventually
from .operator_process import OperatorProcess

SETTINGS = Settings(probe_image="registry.example/practicum:1")
SYSTEM = "practicum-system"


def loopback() -> str:
    """Return an address of this machine that is most likely nobody's."""
    return "127." + ".".join(str(random.randint(2, 250)) for _ in range(3))


Runs = Callable[..., Awaitable[None]]


@pytest.fixture
async def kubelet(kube: Kube) -> AsyncIterator[Runs]:
    """Makes the probe's pods Ready at addresses of this machine; listens for the doors named."""
    servers: list[asyncio.Server] = []

    async def run(*listening: str) -> None:
        pods = await eventually(lambda: _both(kube))
        for pod in pods:
            door, address = pod["metadata"]["labels"][PROBE], loopback()
            if door in listening:
                servers.append(await asyncio.start_server(_nothing, address, 8080))
            ready = {"type": "Ready", "status": "True"}
            status = {"phase": "Running", "podIP": address, "conditions": [ready]}
            path = f"/api/v1/namespaces/{PROBE_NAMESPACE}/pods/{pod['metadata']['name']}/status"
            await kube.request(
                "PATCH",
                path,
                body={"status": status | {"podIPs": [{"ip": address}]}},
                content_type="application/merge-patch+json",
            )

    yield run
    for server in servers:
        server.close()


async def _nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _both(kube: Kube) -> list[Object]:
    pods = await kube.list("Pod", PROBE_NAMESPACE)
    return pods if len(pods) == 2 else []


@pytest.fixture
async def theirs(operator_kubeconfig: Path) -> AsyncIterator[Kube]:
    """The operator's own account."""
    async with await Kube.connect(operator_kubeconfig) as client:
        yield client


@pytest.mark.parametrize(
    ("listening", "verdict", "reason"),
    [
        (("open",), Enforcement.ENFORCED, "NetworkPolicyEnforced"),
        (("open", "closed"), Enforcement.NOT_ENFORCED, "NetworkPolicyNotEnforced"),
    ],
)
async def test_found_recorded_and_tidied(
    kube: Kube,
    theirs: Kube,
    kubelet: Runs,
    listening: tuple[str, ...],
    verdict: Enforcement,
    reason: str,
) -> None:
    probe = NetworkProbe(theirs, SETTINGS, utcnow)
    running = asyncio.create_task(probe.run())
    await kubelet(*listening)
    found = await running
    assert (found.enforcement, found.reason) == (verdict, reason)
    assert await kube.list("Pod", PROBE_NAMESPACE) == []
    await probe.tell(found)
    record = await kube.get("ConfigMap", SYSTEM, NETWORK_RECORD)
    assert record["data"]["enforced"] == verdict.value
    events = [e for e in await kube.list("Event", SYSTEM) if e["reason"] == reason]
    assert {e["involvedObject"]["uid"] for e in events} == {record["metadata"]["uid"]}


async def test_without_a_node_nothing_is_known(kube: Kube, theirs: Kube) -> None:
    found = await NetworkProbe(theirs, SETTINGS, utcnow, limit=timedelta(seconds=2)).run()
    assert found.enforcement is Enforcement.UNKNOWN
    assert "did not run in time" in found.message
    assert await kube.list("Pod", PROBE_NAMESPACE) == []


async def test_the_policy_of_the_chart_closes_one_of_the_two(kube: Kube) -> None:
    policies = await kube.list("NetworkPolicy", PROBE_NAMESPACE)
    assert [one["spec"] for one in policies] == [
        {"podSelector": {"matchLabels": {PROBE: "closed"}}, "policyTypes": ["Ingress"]}
    ]


async def test_the_operator_makes_no_other_pods_beside_its_root_key(theirs: Kube) -> None:
    """Whoever may make pods in a namespace may read its Secrets."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": SYSTEM}}
    with pytest.raises(Forbidden, match="cannot create resource"):
        await theirs.create(body | {"spec": {"containers": [{"name": "x", "image": "x"}]}})


async def test_its_one_config_map_is_no_way_to_another(theirs: Kube) -> None:
    for name, words in (("other", "outside labs the operator writes"), (NETWORK_RECORD, "")):
        meta = {"name": name, "namespace": SYSTEM}
        body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        if words:
            with pytest.raises(Forbidden, match=words):
                await theirs.apply(body)
        else:
            await theirs.apply(body)


async def test_an_operator_probes_at_its_start_and_clears_up_after_a_kill(
    kube: Kube,
    kubelet: Runs,
    running_operator: OperatorProcess,
    operator_kubeconfig: Path,
    tmp_path: Path,
) -> None:
    running_operator.stop()
    process = OperatorProcess(
        *(operator_kubeconfig, tmp_path),
        probe_image="registry.example/practicum:1",
        probe_interval="5s",
    )
    try:
        process.start()
        left = await eventually(lambda: _both(kube))
        assert math.isnan(process.metric("practicum_network_policy_enforced "))
        process.kill()
        process.start()
        old = {pod["metadata"]["uid"] for pod in left}

        async def only_new() -> bool:
            return old.isdisjoint(pod["metadata"]["uid"] for pod in await _both(kube) or left)

        await eventually(only_new, 40)
        await kubelet("open")

        async def known() -> bool:
            return process.metric("practicum_network_policy_enforced ") == 1

        await eventually(known)
        assert '"reason": "NetworkPolicyEnforced"' in process.log
    finally:
        process.stop()
    assert await kube.list("Pod", PROBE_NAMESPACE) == []
