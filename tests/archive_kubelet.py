"""Runs the pods of archives as a kubelet would: their own programs, on folders of this machine.

For control planes without nodes. Every porter gets an address of its own on the loopback.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from practicum.api.names import ARCHIVE, AUDIT_NAMESPACE
from practicum.archives import keeper, porter
from practicum.clock import utcnow
from practicum.errors import ApiError
from practicum.kube.client import Kube, Object

_ADDRESSES: Iterator[str] = (f"127.9.{n // 250}.{n % 250 + 1}" for n in itertools.count())


class ArchiveKubelet:
    """Follows the pods of archives until it is cancelled.

    Args:
        kube: an administrator's.
        folder: where shelf and volumes are.
        nodes: whether there are nodes, for whose scheduler pods wait before they start.
    """

    def __init__(self, kube: Kube, folder: Path, *, nodes: bool = False) -> None:
        self._kube = kube
        self._nodes = nodes
        self.shelf = folder / "shelf"
        self.log = folder / "keeper.log"
        """What the last keeper printed, as container runtimes write it."""
        self.volumes = folder / "volumes"
        """One folder per namespace and claim."""
        self.failing: dict[str, str] | None = None
        """What keepers say instead of working."""
        self.kept = 0
        """How many keepers have worked."""
        self._folder = folder
        self._servers: dict[str, Any] = {}

    def volume(self, namespace: str, claim: str) -> Path:
        """Return the folder that stands for a claim."""
        folder = self.volumes / namespace / claim
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def run(self) -> None:
        """Follow for ever."""
        try:
            while True:
                there = await self._kube.list("Pod", "", ARCHIVE)
                for pod in there:
                    if self._waits(pod):
                        with suppress(ApiError):  # it was deleted meanwhile
                            await self._start(pod)
                await self._stop(self._servers.keys() - {pod["metadata"]["uid"] for pod in there})
                await asyncio.sleep(0.1)
        finally:
            await self._stop(list(self._servers))

    def _waits(self, pod: Object) -> bool:
        new = pod["status"]["phase"] == "Pending" and not pod["status"].get("podIP")
        return new and (not self._nodes or bool(pod["spec"].get("nodeName")))

    async def _stop(self, uids: Iterable[str]) -> None:
        for server in [self._servers.pop(uid) for uid in uids]:
            await asyncio.to_thread(server.shutdown)
            server.server_close()

    async def _start(self, pod: Object) -> None:
        (container,) = pod["spec"]["containers"]
        variables = {one["name"]: one.get("value", "") for one in container["env"]}
        if pod["metadata"]["labels"][ARCHIVE] == "porter":
            await self._porter(pod, container, variables)
        else:
            await self._keeper(pod, variables)

    async def _porter(self, pod: Object, container: Object, variables: dict[str, str]) -> None:
        meta, address = pod["metadata"], next(_ADDRESSES)
        claim = pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
        server = porter.serve(
            self.volume(meta["namespace"], claim),
            writes="write" in container["command"],
            token_digest=variables[porter.TOKEN_DIGEST],
            at=(address, porter.PORT),
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._servers[meta["uid"]] = server
        ready = {"type": "Ready", "status": "True"}
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        await self._say(pod, {**status, "conditions": [ready]})

    async def _keeper(self, pod: Object, variables: dict[str, str]) -> None:
        inputs = self._folder / "in" / pod["metadata"]["uid"]
        inputs.mkdir(parents=True, exist_ok=True)
        token = ""
        for source in pod["spec"]["volumes"][1]["projected"]["sources"]:
            secret = await self._kube.find("Secret", AUDIT_NAMESPACE, source["secret"]["name"])
            data = {k: base64.b64decode(v) for k, v in (secret or {}).get("data", {}).items()}
            token = token or data.get("token", b"").decode()
            if "part" in data:
                (inputs / source["secret"]["items"][0]["path"]).write_bytes(data["part"])
        said: dict[str, Any] = dict(self.failing or {})
        if not said:
            said = await self._work(variables[keeper.TASK], token, inputs)
            self.kept += "error" not in said
        ended = {"exitCode": int("error" in said), "message": json.dumps(said)}
        container = {"name": "archive", "image": "i", "imageID": "", "ready": False}
        container |= {"restartCount": 0, "state": {"terminated": ended}}
        phase = "Failed" if "error" in said else "Succeeded"
        await self._say(pod, {"phase": phase, "containerStatuses": [container]})

    async def _work(self, task: str, token: str, inputs: Path) -> dict[str, Any]:
        """Run the program of a keeper to its end; returns its last word."""
        self.shelf.mkdir(parents=True, exist_ok=True)
        message = inputs / "termination-log"
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", keeper.__name__, self.shelf, inputs, message),
            env={**os.environ, keeper.TASK: task, keeper.TOKEN: token},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await program.communicate()
        stamp = f"{utcnow():%Y-%m-%dT%H:%M:%S.%fZ}"
        lines = [f"{stamp} stdout F {line}\n" for line in printed.decode().splitlines()]
        self.log.write_text("".join(lines))
        said: dict[str, Any] = json.loads(message.read_text())
        return said

    async def _say(self, pod: Object, status: Object) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
        await self._kube.request(
            "PATCH", path, body={"status": status}, content_type="application/merge-patch+json"
        )
