"""The claims that a lab stands for, each tried with the learner's own credentials.

The demo prints them, the journeys assert them: one list for both.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from e2e.learner import Learner
from e2e.promotion import Registry, decide, evidence
from practicum.errors import ApiError, Forbidden
from practicum.kube.client import Kube, Object

POD_SECURITY: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True)
class Proof:
    """One claim, what was expected, and what was seen."""

    claim: str
    expected: str
    seen: str
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether the claim is true."""
        return self.seen == self.expected


def pod(name: str, namespace: str, image: str, command: list[str]) -> Object:
    """Return a small pod that Pod Security ``restricted`` lets pass."""
    container = {
        "name": "main",
        "image": image,
        "command": command,
        "securityContext": POD_SECURITY,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }


async def _may(claim: str, attempt: Awaitable[object], *, expected: str) -> Proof:
    try:
        found = await attempt
    except Forbidden as error:
        return Proof(claim, expected, "no", str(error).split(":")[0][:90])
    except ApiError as error:
        return Proof(claim, expected, f"error {error.status}", str(error)[:90])
    count = f"{len(found)} found" if isinstance(found, list) else ""
    return Proof(claim, expected, "yes", count)


async def access(learner: Learner, image: str, other: str) -> AsyncIterator[Proof]:
    """Try what the learner may and may not do in the cluster.

    Args:
        learner: the learner.
        image: an image that the template allows, with ``sleep`` in it.
        other: a namespace of another lab.
    """
    kube, own, platform = learner.kube, learner.namespace, learner.platform
    name = f"mine-{uuid.uuid4().hex[:6]}"
    create = kube.create(pod(name, own, image, ["sleep", "300"]))
    yield await _may("create a pod in my namespace", create, expected="yes")
    yield await _may("list the pods in my namespace", kube.list("Pod", own), expected="yes")
    await kube.delete("Pod", own, name)
    refused: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("read the platform's Secrets", lambda: kube.list("Secret", platform)),
        ("exec into the platform's pods", lambda: _exec(kube, platform, "mlflow-0")),
        ("list all namespaces", lambda: kube.list("Namespace")),
        ("raise my own quota", lambda: _raise_quota(kube, own)),
        ("open my network policies", lambda: kube.delete("NetworkPolicy", own, "deny-all")),
        ("list the pods of another lab", lambda: kube.list("Pod", other)),
        ("read the Secrets of another lab", lambda: kube.list("Secret", other)),
    ]
    yield await _may("see the platform's pods", kube.list("Pod", platform), expected="yes")
    for claim, attempt in refused:
        yield await _may(claim, attempt(), expected="no")


async def _exec(kube: Kube, namespace: str, name: str) -> object:
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/exec"
    return await kube.request("POST", path, query={"command": "id", "stdout": "true"})


async def _raise_quota(kube: Kube, namespace: str) -> object:
    patch = {"spec": {"hard": {"pods": "500"}}}
    return await kube.merge_patch("ResourceQuota", namespace, "compute", patch)


async def services(learner: Learner) -> AsyncIterator[Proof]:
    """Use MLflow, Feast and OPA as the learner."""
    async with (
        learner.service("mlflow") as mlflow,
        learner.service("feast") as feast,
        learner.service("opa") as opa,
    ):
        registry = Registry(mlflow, learner)
        candidates = await registry.candidates()
        champion = await registry.champion()
        yield Proof(
            "MLflow: the registry has 6 candidates and a champion",
            "6, v1",
            f"{len(candidates)}, v{champion['version']}",
        )
        alias = {"name": "fraud", "alias": "champion", "version": "1"}
        moved = await mlflow.call(
            "/api/2.0/mlflow/registered-models/alias",
            body=alias,
            login=learner.login("mlflow", "ds"),
        )
        yield Proof("MLflow: a data scientist moves the champion", "403", str(moved.status))
        anonymous = await mlflow.call("/api/2.0/mlflow/experiments/search?max_results=1")
        yield Proof("MLflow: anybody without a login reads", "401", str(anonymous.status))
        found = await feast.call("/api/v1/feature_services?project=lab")
        names = sorted(service["spec"]["name"] for service in found.body["featureServices"])
        yield Proof(
            "Feast: the registry's feature services", "fraud_v0, fraud_v1", ", ".join(names)
        )
        entity = {"name": "mine", "project": "lab", "join_key": "mine"}
        written = await feast.call("/api/v1/entities", body=entity)
        yield Proof("Feast: its REST API writes to the registry", "405", str(written.status))
        for version in candidates[1:3]:
            decision = await decide(opa, learner, await evidence(registry, feast, version))
            controls = ", ".join(sorted({reason["control"] for reason in decision["deny"]}))
            expected = "allowed" if version["version"] == "2" else "denied by PRM-4"
            seen = "allowed" if decision["allow"] else f"denied by {controls}"
            yield Proof(f"OPA: promote candidate {version['version']}", expected, seen)
        unknown = await opa.call("/v1/data/lab/promotion", body={"input": {}})
        yield Proof("OPA: anybody without a token asks", "401", str(unknown.status))
