"""A lab with governed changes on a control plane without nodes, and the people in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION
from practicum.errors import Forbidden
from practicum.kube.client import Kube
from tests.apiserver.conftest import credentials, eventually
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
        {"name": "fraud", "candidates": "fraud-dev", "artifact": "model/scorer.json"},
    ],
    "serving": "serving",
    "actions": {
        "PromoteModel": {
            "requesters": ["data-scientist", "ml-engineer"],
            "approvals": 2,
            "roles": REVIEWERS,
        },
        "RollbackModel": {"requesters": ["on-call", "ml-engineer"], "approvals": 0},
    },
}


def template(namespace: str) -> Object:
    """Return guards on both sides, personas and changes; its services run elsewhere."""
    component = "stack"
    spec = {
        "title": "Governed changes",
        "maxTTL": "72h",
        "sizes": {"standard": {"quota": {"learner": QUOTA, "platform": QUOTA}}},
        "components": [{"name": component, "placement": "platform"}],
        "services": [
            {"name": name, "component": component, "port": port} for name, port in SERVICES.items()
        ],
        "personas": [{"name": n, "title": n, "role": role} for n, role in ROLES.items()],
        "changes": CHANGES,
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


class People:
    """The personas of one lab, each with their own connection."""

    def __init__(self, kube: Kube, lab: Mapping[str, Any], learner: str, config: Path) -> None:
        """Take the lab as it was made, its learner's namespace and a file for its kubeconfig."""
        self.kube = kube
        self.lab = lab
        self.namespace = learner
        self._config = config
        self._connections: dict[str, Kube] = {}

    async def arrive(self) -> None:
        """Take the credentials."""
        found = await credentials(self.kube, dict(self.lab))
        self._config.write_text(yaml.safe_dump(found["kubeconfig"]))

    async def leave(self) -> None:
        """Close the connections."""
        for one in self._connections.values():
            await one.close()

    def username(self, persona: str) -> str:
        """Return what the API server knows a persona as."""
        meta = self.lab["metadata"]
        return f"system:serviceaccount:{meta['namespace']}:{meta['name']}.{persona}"

    async def as_(self, persona: str) -> Kube:
        """Connect as a persona."""
        if persona not in self._connections:
            context = f"{self.lab['metadata']['name']}-{persona}"
            self._connections[persona] = await Kube.connect(self._config, context)
        return self._connections[persona]

    async def ask(
        self, persona: str, name: str, action: str, target: Object, **more: Any
    ) -> Object:
        """Make a ChangeRequest."""
        spec = {
            "action": action,
            "target": target,
            "requester": self.username(persona),
            "reason": "because",
            **more,
        }
        body = {"apiVersion": API_VERSION, "kind": "ChangeRequest", "spec": spec}
        meta = {"name": name, "namespace": self.namespace}
        client = await self.as_(persona)

        async def made() -> Object | None:
            try:
                return await client.create({**body, "metadata": meta})
            except Forbidden as error:
                # The quota controller learns of a kind at its next sync, and forbids it till then.
                if "status unknown for quota" in str(error):
                    return None
                raise

        found: Object = await eventually(made, 60)
        return found

    async def answer(self, persona: str, request: str, verdict: str = "Approve") -> Object:
        """Answer a request, for the evidence that it shows."""
        shown = await self.kube.get("ChangeRequest", self.namespace, request)
        spec = {
            "request": request,
            "verdict": verdict,
            "approver": self.username(persona),
            "evidenceDigest": shown["status"]["evidence"]["digest"],
            "comment": "seen",
        }
        meta = {"generateName": f"{request}-{persona}-", "namespace": self.namespace}
        body = {"apiVersion": API_VERSION, "kind": "ChangeApproval", "spec": spec}
        return await (await self.as_(persona)).create({**body, "metadata": meta})

    async def state(self, request: str) -> str:
        """Return the state that a request is in."""
        found = await self.kube.get("ChangeRequest", self.namespace, request)
        return str(found.get("status", {}).get("state", ""))
