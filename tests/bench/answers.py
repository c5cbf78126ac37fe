"""Approves requests as the reviewers of their labs, and notes when each got where."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Set
from dataclasses import dataclass, field

from practicum.kube.client import Kube, Object
from practicum.kube.stream import watch
from practicum.reconcile.runner import background
from tests.governed import Room

PATIENCE = 120.0
Key = tuple[str, str]
"""Namespace and name of a request."""


def key_of(room: Room, model: str) -> Key:
    """Return the request for a model, which has the model's name."""
    return (room.people.namespace, model)


@dataclass
class Seen:
    """When each request was first seen in which state, and the evidence that it shows."""

    at: dict[str, dict[Key, float]] = field(default_factory=dict)
    digests: dict[Key, str] = field(default_factory=dict)

    def take(self, body: Object) -> None:
        """Take in a request."""
        meta, status = body["metadata"], body.get("status", {})
        key = (meta["namespace"], meta["name"])
        self.at.setdefault(status.get("state", ""), {}).setdefault(key, time.monotonic())
        if evidence := status.get("evidence"):
            self.digests[key] = evidence["digest"]

    async def all(self, state: str, keys: Set[Key]) -> dict[Key, float]:
        """Wait until requests have come to a state; returns when each did."""
        deadline = time.monotonic() + PATIENCE
        while not keys <= self.at.get(state, {}).keys():
            counts = {name: len(found) for name, found in self.at.items()}
            assert time.monotonic() < deadline, counts
            await asyncio.sleep(0.01)
        return {key: self.at[state][key] for key in keys}


class Reviewers:
    """Those of all labs: two approve, one after the other, and the second is what counts."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._approved: dict[Key, float] = {}

    async def approve(self, room: Room, model: str) -> None:
        """Approve a request, unless that is done."""
        key = key_of(room, model)
        if key in self._approved:
            return
        digest = self._seen.digests[key]
        await room.people.answer("reviewer-risk", model, digest=digest)
        self._approved[key] = time.monotonic()
        await room.people.answer("reviewer-ml", model, digest=digest)

    async def seconds(self, keys: Set[Key]) -> list[float]:
        """Return how long each took from the last approval's being sent to Executed."""
        executed = await self._seen.all("Executed", keys)
        return [executed[key] - self._approved[key] for key in keys]

    async def span(self, keys: Set[Key]) -> float:
        """Return the seconds from the first last approval until all were executed."""
        executed = await self._seen.all("Executed", keys)
        return max(executed.values()) - min(self._approved[key] for key in keys)


@contextlib.asynccontextmanager
async def following(admin: Kube, seen: Seen) -> AsyncIterator[None]:
    """Follow every request in the background."""

    async def follow() -> None:
        async for event in watch(admin, "ChangeRequest", ""):
            if event.type in ("ADDED", "MODIFIED"):
                seen.take(event.object)

    async with background(follow()):
        await asyncio.sleep(1)
        yield
