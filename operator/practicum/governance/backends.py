"""Where a lab's services are and how the operator is known to them.

A service's address is that of its pod, looked up for each pass: an address that was kept could
belong to somebody else's pod by the time a password is sent to it.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.http import Answer, Services
from practicum.kube.client import Kube

MLFLOW_ADMIN: Final = "mlflow/admin"
OPA_LOGIN: Final = "opa/token/operator"
"""Purposes from which the components derive the operator's password and token."""


class Backends:
    """The services of one lab, for one pass."""

    def __init__(self, kube: Kube, services: Services, lab: Lab) -> None:
        self._kube = kube
        self._services = services
        self._lab = lab
        self._found: dict[str, tuple[str, str]] = {}

    async def mlflow(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask MLflow as its administrator; ``path`` is below ``/api/2.0``."""
        return await self.ask("mlflow", method, f"/api/2.0/{path}", body, self._admin())

    async def artifact(self, path: str) -> Answer:
        """Read a run's artifact as bytes."""
        path = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
        return await self.ask("mlflow", "GET", path, headers=self._admin(), parse=False)

    async def feast(self, path: str) -> Answer:
        """Ask Feast's registry; ``path`` is below ``/api/v1``."""
        return await self.ask("feast", "GET", f"/api/v1/{path}")

    async def opa(self, path: str, question: Any) -> Answer:
        """Ask OPA for a decision, with its rules' labels and the revision of its policies."""
        token = {"Authorization": f"Bearer {self._lab.password(OPA_LOGIN)}"}
        return await self.ask(
            *("opa", "POST", f"/v1/data/{path}?rule_labels=true&provenance=true"),
            {"input": question},
            token,
        )

    async def version_served(self, service: str) -> str:
        """Return the model version that a serving target answers with; empty: none yet."""
        answer = await self.ask(service, "GET", "/version")
        body = answer.body if isinstance(answer.body, dict) else {}
        return str(body.get("version", "")) if answer.status == 200 else ""

    def _admin(self) -> dict[str, str]:
        login = f"admin:{self._lab.password(MLFLOW_ADMIN)}".encode()
        return {"Authorization": "Basic " + base64.b64encode(login).decode()}

    async def ask(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        parse: bool = True,
    ) -> Answer:
        """Ask a service of the lab's template; ``path`` is below the root of its port.

        Raises:
            ServiceError: it does not run, or there is no answer that may be read.
        """
        if method != "GET" and not self._kube.fence():
            raise ServiceError("NotLeader", f"{service}: the lease is not held any more")
        if service not in self._found:
            self._found[service] = await self._locate(service)
        root, host = self._found[service]
        # MLflow answers to its names alone.
        named = {"Host": host, **(headers or {})}
        return await self._services.call(method, root + path, body=body, headers=named, parse=parse)

    async def _locate(self, service: str) -> tuple[str, str]:
        """Return the address of a service's pod as the start of a URL, and the service's name."""
        known = {one.name: one for one in self._lab.template.services}
        if service not in known:
            raise ServiceError("NoService", f"the lab's template has no service {service}")
        placement = {one.name: one.placement for one in self._lab.template.components}
        namespace = self._lab.namespaces[placement[known[service].component]]
        pod = await self._kube.find("Pod", namespace, known[service].pod)
        address = ((pod or {}).get("status") or {}).get("podIP")
        if not address:
            text = f"{service} does not run: pod {known[service].pod} is not up"
            raise ServiceError("NotRunning", text)
        host = f"[{address}]" if ":" in address else address
        port = known[service].port
        return f"http://{host}:{port}", f"{service}.{namespace}.svc:{port}"
