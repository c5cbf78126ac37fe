"""The operator's word on NetworkPolicy, held against a probe that shares nothing with its own."""

import json
from collections.abc import AsyncIterator

import pytest

from e2e import visitor
from e2e.stage import NAMESPACE, RELEASE, Stage, network_policy
from e2e.waiting import eventually
from practicum.api.names import NETWORK_RECORD, PROBE_NAMESPACE
from practicum.kube.client import Kube

PLACE = "e2e-network"


@pytest.fixture
async def admin(stage: Stage) -> AsyncIterator[Kube]:
    """The cluster's administrator, with a namespace for the tests' own probe."""
    async with await Kube.connect(stage.kubeconfig) as kube:
        meta = {"name": PLACE}
        await kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        yield kube
        await kube.delete("Namespace", "", PLACE)


def record(stage: Stage) -> dict[str, str]:
    """Return what the operator has written down, nothing while there is no such thing."""
    shown = stage.kubectl(
        *("-n", NAMESPACE, "get", "configmap", NETWORK_RECORD, "--ignore-not-found", "-o", "json")
    )
    data: dict[str, str] = json.loads(shown)["data"] if shown else {}
    return data


async def truth(stage: Stage, kube: Kube) -> bool:
    """Find out by pods, a policy and a client of the tests' own."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    image = stage.kubectl("-n", NAMESPACE, "get", "deployment", RELEASE, "-o", path)
    await kube.create(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed", "namespace": PLACE},
            "spec": {"podSelector": {"matchLabels": {"app": "shut"}}, "policyTypes": ["Ingress"]},
        }
    )
    async with (
        visitor.listener(kube, PLACE, image, "free") as free,
        visitor.listener(kube, PLACE, image, "shut") as shut,
    ):
        targets = {"free": (free, 8080), "shut": (shut, 8080)}
        # Again, for a network that is late with a new pod's policies.
        for _ in range(3):
            seen = await visitor.look(kube, PLACE, image, targets)
            assert seen["free"], "the probe's own network does not work"
            if not seen["shut"]:
                return True
    return False


async def test_metric_record_event_and_doctor_tell_the_truth(stage: Stage, admin: Kube) -> None:
    # Before the operator's own probe, which has little time for its pods.
    enforced = await truth(stage, admin)
    before = record(stage).get("probedAt", "")
    stage.kubectl("-n", NAMESPACE, "rollout", "restart", f"deployment/{RELEASE}")
    rollout = ("rollout", "status", f"deployment/{RELEASE}", "--timeout=300s")
    stage.kubectl("-n", NAMESPACE, *rollout)

    async def probed() -> dict[str, str]:
        now = record(stage)
        return now if now.get("probedAt", "") > before and now["enforced"] != "unknown" else {}

    found = await eventually(probed, 90)
    assert found["enforced"] == str(enforced).lower(), found
    assert network_policy(stage) == enforced
    reason = "NetworkPolicyEnforced" if enforced else "NetworkPolicyNotEnforced"

    async def told() -> set[str]:
        events = json.loads(stage.kubectl("-n", NAMESPACE, "get", "events", "-o", "json"))
        return {one["type"] for one in events["items"] if one["reason"] == reason}

    assert await eventually(told, 30) == {"Normal" if enforced else "Warning"}
    examined = json.loads(stage.practicum("doctor", "-o", "json").stdout)["checks"]
    states = {check["check"]: check["state"] for check in examined}
    assert states["NetworkPolicy"] == ("ok" if enforced else "fail")


async def test_the_probe_leaves_no_pod_behind(stage: Stage) -> None:
    async def none() -> bool:
        return not stage.kubectl("-n", PROBE_NAMESPACE, "get", "pods", "-o", "name")

    await eventually(none, 60)
