"""Runs the Jobs ``feast-apply`` of labs as a kubelet would, on the registries that are played.

For control planes without nodes. What a Job does is its own script's; what it is told is what its
pod mounts when it starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from practicum import errors
from practicum.kube.client import Kube
from tests.lab_services import Feast

Object = dict[str, Any]
_LABEL = "app.kubernetes.io/name=feast-apply"


class FeastKubelet:
    """Runs every such pod once, in whatever lab."""

    def __init__(self, kube: Kube, feasts: Mapping[str, Feast]) -> None:
        """Take the registries by the address of each lab's Feast."""
        self._kube = kube
        self._feasts = feasts
        self._done: set[str] = set()
        self.runs: dict[str, list[list[str]]] = defaultdict(list)
        """By namespace: of every run the requests that it was told of."""

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            for pod in await self._kube.list("Pod", labels=_LABEL):
                meta = pod["metadata"]
                if meta["uid"] not in self._done and "deletionTimestamp" not in meta:
                    await self._run(pod)
            await asyncio.sleep(0.1)

    async def _run(self, pod: Object) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        server = await self._kube.find("Pod", namespace, "feast-0") or {}
        mounted = [one.get("configMap", {}).get("name") for one in pod["spec"]["volumes"]]
        told = await self._kube.find("ConfigMap", namespace, "feature-approvals")
        feast = self._feasts.get(server.get("status", {}).get("podIP", ""))
        if not feast or not told or "feature-approvals" not in mounted:
            return
        approvals = json.loads(told["data"]["approvals.json"])
        feast.apply(approvals)
        self._done.add(pod["metadata"]["uid"])
        self.runs[namespace].append([one["request"] for one in approvals])
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
        with contextlib.suppress(errors.NotFound):  # its Job is made anew already
            await self._kube.request(
                "PATCH",
                path,
                body={"status": {"phase": "Succeeded"}},
                content_type="application/merge-patch+json",
            )
