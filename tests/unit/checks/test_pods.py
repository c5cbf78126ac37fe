"""How many pods look from within labs at once, and how many of them in one lab."""

import asyncio
from typing import Any, cast

import pytest

from practicum.checks import pods as module
from practicum.checks.pods import Pods
from practicum.desired.check_pods import CheckPod
from practicum.desired.lab import Lab
from practicum.kube import stream
from practicum.kube.client import Kube
from tests import samples

from .scenes import SETTINGS

Object = dict[str, Any]
WANTED = CheckPod(side="learner", image="example.org/look:1", command=["look"], seconds=1)


class Node:
    """Runs pods until they are told to end, and counts them."""

    def __init__(self) -> None:
        self.running: dict[str, str] = {}
        self.ended: set[str] = set()

    async def create(self, body: Object) -> Object:
        name = f"pod-{len(self.running) + len(self.ended)}"
        self.running[name] = body["metadata"]["labels"]["practicum.dev/lab-uid"]
        return {**body, "metadata": {**body["metadata"], "name": name}}

    async def find(self, _: str, namespace: str, name: str) -> Object:
        phase = "Succeeded" if name in self.ended else "Running"
        return {"metadata": {"namespace": namespace, "name": name}, "status": {"phase": phase}}

    async def delete(self, *_: str) -> None:
        """Nothing is left of it."""

    async def of(self, lab: Lab, most: int) -> bool:
        """Whether so many pods of a lab come to run, and no more."""
        for _ in range(20):
            await asyncio.sleep(0.005)
        return list(self.running.values()).count(lab.uid) == most

    def end(self) -> None:
        self.ended |= self.running.keys()
        self.running.clear()


async def test_one_lab_leaves_room_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def said(*_: Any, **__: Any) -> str:
        return "done"

    monkeypatch.setattr(module, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(stream, "output", said)
    node = Node()
    pods = Pods(cast(Kube, node), 4)
    one = samples.lab(settings=SETTINGS)
    metadata = {**one.resource.metadata, "uid": "another"}
    other = Lab(one.resource.model_copy(update={"metadata": metadata}), one.template, one.settings)
    busy = [asyncio.create_task(pods.run(one, WANTED)) for _ in range(5)]
    assert await node.of(one, 2)
    late = [asyncio.create_task(pods.run(other, WANTED)) for _ in range(3)]
    assert await node.of(other, 2)
    while not all(task.done() for task in (*busy, *late)):
        node.end()
        await asyncio.sleep(0.01)
    assert {task.result() for task in (*busy, *late)} == {"done"}
