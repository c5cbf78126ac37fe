"""A lab with governed changes on a control plane without nodes, and the people in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION, AUDIT_NAMESPACE
from practicum.governance.audit import Audit
from practicum.governance.chain import Head, verify
from practicum.kube.client import Kube
from tests.apiserver.conftest import eventually, namespaces, read, until
from tests.apiserver.operator_process import ROOT_KEY
from tests.lab_services import Feast, LabServices, Registry
from tests.people import People
from tests.samples import QUOTA

Object = dict[str, Any]
TEMPLATE = "governed"
SERVICES = {"mlflow": 5000, "feast": 8888, "opa": 8181, "serving": 8080}
ROLES = {
    "ds": "data-scientist",
    "mle": "ml-engineer",
    "reviewer-risk": "risk-reviewer",
    "reviewer-ml": "ml-reviewer",
    "oncall": "on-call",
}
REVIEWERS = ["ml-reviewer", "risk-reviewer"]
CHANGES = {
    "models": [
        {
            "name": "fraud",
            "candidates": "fraud-dev",
            "artifact": "model/scorer.json",
            "serving": "serving",
        },
    ],
    "actions": {
        "PromoteModel": {
            "requesters": ["data-scientist", "ml-engineer"],
            "approvals": 2,
            "roles": REVIEWERS,
        },
        "RollbackModel": {"requesters": ["on-call", "ml-engineer"], "approvals": 0},
        "ApproveFeatures": {
            "requesters": ["data-scientist"],
            "approvals": 2,
            "roles": REVIEWERS,
        },
    },
}

APPROVALS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: feature-approvals
data:
  approvals.json: {{ approvals }}
"""
"""Of component feast, whose Job there is no node for."""


def template(namespace: str, changes: Object = CHANGES) -> Object:
    """Return guards on both sides, personas and changes; its services run elsewhere."""
    component = "stack"
    spec = {
        "title": "Governed changes",
        "maxTTL": "72h",
        "sizes": {"standard": {"quota": {"learner": QUOTA, "platform": QUOTA}}},
        "components": [
            {
                "name": component,
                "placement": "platform",
                "manifests": [{"path": "approvals.yaml.j2", "content": APPROVALS}],
            }
        ],
        "services": [
            {"name": name, "component": component, "port": port} for name, port in SERVICES.items()
        ],
        "personas": [{"name": n, "title": n, "role": role} for n, role in ROLES.items()],
        "changes": changes,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "LabTemplate",
        "metadata": {"name": TEMPLATE, "namespace": namespace},
        "spec": LabTemplateSpec.model_validate(spec).wire(),
    }


async def run_services(
    kube: Kube, platform: str, address: str, names: Iterable[str] = tuple(SERVICES)
) -> None:
    """Let a lab's services run at an address, as a kubelet would report it."""
    for name in names:
        await kube.create(_pod(name, platform))
        await locate(kube, platform, name, address)


async def locate(kube: Kube, platform: str, service: str, address: str) -> None:
    """Report where a service's pod is; at an empty address it is nowhere."""
    addresses = {"podIP": address, "podIPs": [{"ip": address}]} if address else {}
    status: Object = {"phase": "Running" if address else "Pending", **addresses}
    if not address:
        status |= {"podIP": None, "podIPs": None}
    path = f"/api/v1/namespaces/{platform}/pods/{service}-0/status"
    await kube.request(
        "PATCH", path, body={"status": status}, content_type="application/merge-patch+json"
    )


def _pod(name: str, namespace: str) -> Object:
    container = {
        "name": "server",
        "image": "busybox:1",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "1m", "memory": "1Mi"},
            "limits": {"cpu": "10m", "memory": "8Mi"},
        },
    }
    security = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-0", "namespace": namespace},
        "spec": {
            "containers": [container],
            "securityContext": security,
            "automountServiceAccountToken": False,
        },
    }


async def log_of(kube: Kube, lab: Object) -> list[Any]:
    """Wait for a lab's first record; returns all, verified against the lab's status."""
    uid = lab["metadata"]["uid"]
    audit = Audit(kube, AUDIT_NAMESPACE, ROOT_KEY.encode)

    async def verified() -> list[Any]:
        # The head first: a record may come between the two reads, and then is one too many.
        head = (await read(kube, lab))["status"]["audit"]
        records = [record async for record in audit.records(uid)]
        verdict = verify(records, Head(head["seq"], head["hash"]), audit.key(uid))
        assert verdict.holds, verdict
        return records

    return list(await eventually(verified))


@dataclass
class Room:
    """One lab, those in it, and its services."""

    kube: Kube
    lab: Object
    people: People
    platform: str
    registry: Registry
    feast: Feast
    services: LabServices
    address: str

    async def reach(self, request: str, state: str, seconds: float = 30) -> Object:
        """Wait for a state; returns the status."""

        return await self.people.reach(request, state, seconds)

    async def controls(self, request: str) -> list[str]:
        """Return what a request is denied for."""
        status = await self.reach(request, "Denied")
        return [one["control"] for one in status["decision"]["reasons"]]

    async def begun(self) -> None:
        """Wait until it is on record where the aliases were."""
        await self.log()

    async def log(self) -> list[Any]:
        """Return the lab's records, verified against its status."""
        return await log_of(self.kube, self.lab)

    async def states(self, request: str) -> list[str]:
        """Return the states that a request went through, as the log has them."""
        return [
            record["state"]
            for record in await self.log()
            if record["type"] == "StateChanged" and record["request"]["name"] == request
        ]


async def enter(
    kube: Kube,
    lab: Object,
    services: LabServices,
    address: str,
    folder: Path,
    names: Iterable[str] = tuple(SERVICES),
) -> Room:
    """Let a lab's services run at an address, and its personas come in.

    The names are those of the services that have no workload of their own in the lab.
    """
    learner, platform = await namespaces(kube, lab)
    await run_services(kube, platform, address, names)
    people = People(kube, lab, learner, folder / f"{learner}.kubeconfig")
    await people.arrive()
    await until(kube, lab, "Ready", seconds=60)
    registry, feast = services.registries[address], services.feasts[address]
    return Room(kube, lab, people, platform, registry, feast, services, address)
