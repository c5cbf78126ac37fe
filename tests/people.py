"""The personas of a lab, as those who ask for changes and answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from practicum.api.names import API_VERSION
from practicum.errors import Forbidden
from practicum.kube.client import Kube
from tests.apiserver.conftest import credentials, eventually

Object = dict[str, Any]


class People:
    """The personas of one lab, each with their own connection."""

    def __init__(self, kube: Kube, lab: Mapping[str, Any], learner: str, config: Path) -> None:
        """Take the lab as it was made, its learner's namespace and a file for its kubeconfig."""
        self.kube = kube
        self.lab = lab
        self.namespace = learner
        self.config = config
        self._connections: dict[str, Kube] = {}

    async def arrive(self) -> None:
        """Take the credentials."""
        found = await credentials(self.kube, dict(self.lab))
        self.config.write_text(yaml.safe_dump(found["kubeconfig"]))

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
            self._connections[persona] = await Kube.connect(self.config, context)
        return self._connections[persona]

    async def ask(
        self,
        persona: str,
        name: str,
        action: str,
        target: Object,
        query: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Object:
        """Make a ChangeRequest."""
        spec = {
            "action": action,
            "target": target,
            "requester": self.username(persona),
            "reason": "because",
            **more,
        }
        meta = {"name": name, "namespace": self.namespace}
        body = {"apiVersion": API_VERSION, "kind": "ChangeRequest", "metadata": meta, "spec": spec}
        path = f"/apis/{API_VERSION}/namespaces/{self.namespace}/changerequests"
        client = await self.as_(persona)

        async def made() -> Object | None:
            try:
                return await client.request("POST", path, query=query, body=body, repeat=False)
            except Forbidden as error:
                # The quota controller learns of a kind at its next sync, and forbids it till then.
                if "status unknown for quota" in str(error):
                    return None
                raise

        found: Object = await eventually(made, 60)
        return found

    async def answer(
        self, persona: str, request: str, verdict: str = "Approve", digest: str = ""
    ) -> Object:
        """Answer a request, for the evidence that it shows or that is known to be shown."""
        if not digest:
            shown = await self.kube.get("ChangeRequest", self.namespace, request)
            digest = shown["status"]["evidence"]["digest"]
        spec = {
            "request": request,
            "verdict": verdict,
            "approver": self.username(persona),
            "evidenceDigest": digest,
            "comment": "seen",
        }
        meta = {"generateName": f"{request}-{persona}-", "namespace": self.namespace}
        body = {"apiVersion": API_VERSION, "kind": "ChangeApproval", "spec": spec}
        return await (await self.as_(persona)).create({**body, "metadata": meta})

    async def state(self, request: str) -> str:
        """Return the state that a request is in."""
        found = await self.kube.get("ChangeRequest", self.namespace, request)
        return str(found.get("status", {}).get("state", ""))

    async def reach(self, request: str, state: str, seconds: float) -> Object:
        """Wait until a request is in a state; returns its status."""

        async def there() -> Object | None:
            found = await self.kube.get("ChangeRequest", self.namespace, request)
            status = found.get("status", {})
            assert status.get("state") == state, (status.get("state"), status.get("message"))
            return status

        found: Object = await eventually(there, seconds)
        return found
