"""A pod that runs one Python script and tells what came of it: how attacks are made from within."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from e2e import proof
from practicum.kube.client import Kube, Object

_SECONDS = 120
# Twice, for the same reason as in reach.
LOOK = """
import json, socket, sys, time
def reached(host, port, seconds=5):
    for _ in range(3):
        try:
            for _ in range(2):
                socket.create_connection((host, port), seconds).close()
                time.sleep(0.2)
            return True
        except OSError:
            time.sleep(1)
    return False
print(json.dumps([reached(host, port) for host, port in json.loads(sys.argv[1])]))
"""
SERVE = "import http.server as h; h.ThreadingHTTPServer(('', 8080), h.BaseHTTPRequestHandler)"
"""Answers at port 8080 once its ``serve_forever`` is called."""


async def run(kube: Kube, namespace: str, image: str, script: str, *arguments: str) -> Any:
    """Run a script that prints one line of JSON; returns what it printed.

    Args:
        kube: as whom the pod is made and its log read.
        namespace: where.
        image: an image with Python in it.
        script: prints JSON, and nothing else, to stdout.
        arguments: its arguments.
    """
    name = f"visitor-{uuid.uuid4().hex[:8]}"
    command = ["python3", "-c", script, *arguments]
    await kube.create(proof.pod(name, namespace, image, command))
    try:
        async with asyncio.timeout(_SECONDS):
            while (phase := await _phase(kube, namespace, name)) not in ("Succeeded", "Failed"):
                await asyncio.sleep(0.5)
        log = f"/api/v1/namespaces/{namespace}/pods/{name}/log"
        if phase == "Failed":
            tail = json.dumps(await _failure(kube, namespace, name))
            raise AssertionError(f"the visitor failed: {tail}")
        return await kube.request("GET", log)
    finally:
        await kube.delete("Pod", namespace, name)


async def _phase(kube: Kube, namespace: str, name: str) -> str:
    return str((await kube.get("Pod", namespace, name))["status"].get("phase"))


async def _failure(kube: Kube, namespace: str, name: str) -> Any:
    return (await kube.get("Pod", namespace, name))["status"].get("containerStatuses")


async def look(
    kube: Kube, namespace: str, image: str, targets: dict[str, tuple[str, int]]
) -> dict[str, bool]:
    """Try to reach some addresses from a pod; returns which were."""
    found = await run(kube, namespace, image, LOOK, json.dumps(list(targets.values())))
    return dict(zip(targets, found, strict=True))


@contextlib.asynccontextmanager
async def listener(
    kube: Kube, namespace: str, image: str, name: str, **labels: str
) -> AsyncIterator[str]:
    """Run a pod that listens at port 8080; yields its address."""
    body: Object = proof.pod(name, namespace, image, ["python3", "-c", f"{SERVE}.serve_forever()"])
    body["metadata"]["labels"] = {"app": name, **labels}
    probe = "import socket; socket.create_connection(('localhost', 8080), 2)"
    body["spec"]["containers"][0]["readinessProbe"] = {
        "exec": {"command": ["python3", "-c", probe]},
        "periodSeconds": 1,
        "timeoutSeconds": 5,
    }
    await kube.create(body)
    try:
        async with asyncio.timeout(_SECONDS):
            while not (address := _address(await kube.get("Pod", namespace, name))):
                await asyncio.sleep(0.5)
        yield address
    finally:
        await kube.delete("Pod", namespace, name)


def _address(pod: Object) -> str:
    """Return the address of a pod that listens."""
    ready = any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in pod["status"].get("conditions", [])
    )
    return str(pod["status"].get("podIP", "")) if ready else ""
