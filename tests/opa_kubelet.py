"""Runs a lab's OPA as a kubelet would: the pod's own command on the pod's own volumes.

For control planes without nodes. The program is the real one; its addresses and folders are
moved to where a test may have them.
"""

from __future__ import annotations

import asyncio
import base64
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from practicum.errors import ApiError
from practicum.kube.client import Kube
from tests.governed import locate

Object = dict[str, Any]
POD = "opa-0"


class OpaKubelet:
    """Follows one pod; a new one, whatever made it, is a new process."""

    def __init__(self, kube: Kube, namespace: str, address: str, opa: Path, folder: Path) -> None:
        self._kube = kube
        self._namespace = namespace
        self._address = address
        self._opa = opa
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._uid = ""
        self.broken = False
        """While true, no container starts."""
        self.starts = 0

    async def run(self) -> None:
        """Follow for ever."""
        try:
            while True:
                pod = await self._kube.find("Pod", self._namespace, POD)
                if pod is None or pod["metadata"]["uid"] != self._uid:
                    self._stop()
                if pod and not self._process and not self.broken:
                    try:
                        await self._start(pod)
                    except ApiError:  # it, or what it mounts, was replaced meanwhile
                        self._stop()
                await asyncio.sleep(0.1)
        finally:
            self._stop()

    async def _start(self, pod: Object) -> None:
        self._uid, root = pod["metadata"]["uid"], Path(tempfile.mkdtemp(dir=self._folder))
        (container,) = pod["spec"]["containers"]
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        for mount in container["volumeMounts"]:
            await self._mount(volumes[mount["name"]], root / mount["mountPath"].lstrip("/"), root)
        environment = {one["name"]: await self._value(one) for one in container["env"]}
        command = [self._moved(word, root) for word in container["command"]]
        self._process = self._launched([str(self._opa), *command[1:]], environment)
        self.starts += 1
        probe = container["readinessProbe"]["httpGet"]["path"]
        while not await asyncio.to_thread(self._is_ready, probe):
            assert self._process.poll() is None, (self._folder / "opa.log").read_text()[-2000:]
            await asyncio.sleep(0.05)
        await locate(self._kube, self._namespace, "opa", self._address)
        ready = {"type": "Ready", "status": "True"}
        await self._kube.request(
            "PATCH",
            f"/api/v1/namespaces/{self._namespace}/pods/{POD}/status",
            body={"status": {"conditions": [ready]}},
            content_type="application/merge-patch+json",
        )

    def _launched(self, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self._folder / "opa.log").open("ab") as log:
            return subprocess.Popen(command, env=env, stdout=log, stderr=log)

    def _is_ready(self, path: str) -> bool:
        with suppress(OSError), urlopen(f"http://{self._address}:8282{path}", timeout=1) as answer:
            return bool(answer.status == 200)
        return False

    async def _mount(self, volume: Object, where: Path, root: Path) -> None:
        """Lay a volume out with the links that a kubelet makes."""
        real = where / "..2026"
        real.mkdir(parents=True)
        (where / "..data").symlink_to(real.name)
        for name, raw in (await self._contents(volume)).items():
            text = raw.replace(b"file:///", f"file://{root}/".encode())
            (real / name).write_bytes(text if name == "config.yaml" else raw)
            (where / name).symlink_to(f"..data/{name}")

    async def _contents(self, volume: Object) -> dict[str, bytes]:
        if "secret" in volume:
            body = await self._kube.get("Secret", self._namespace, volume["secret"]["secretName"])
            return {key: base64.b64decode(value) for key, value in body["data"].items()}
        if "configMap" in volume:
            body = await self._kube.get("ConfigMap", self._namespace, volume["configMap"]["name"])
            packed = body.get("binaryData", {}).items()
            return {key: text.encode() for key, text in body.get("data", {}).items()} | {
                key: base64.b64decode(value) for key, value in packed
            }
        return {}

    async def _value(self, variable: Object) -> str:
        if "value" in variable:
            return str(variable["value"])
        reference = variable["valueFrom"]["secretKeyRef"]
        body = await self._kube.get("Secret", self._namespace, reference["name"])
        return base64.b64decode(body["data"][reference["key"]]).decode()

    def _moved(self, word: str, root: Path) -> str:
        word = word.replace("0.0.0.0", self._address)
        for folder in ("/policies", "/system", "/config/config.yaml"):
            if word == folder or word.endswith(f"={folder}"):
                return word.removesuffix(folder) + str(root) + folder
        return word

    def _stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
