"""What the sweeps share: every k, the kill after a k-th effect, and what holds of changes then.

An effect is a write to the API server or to a lab's registry. It has happened, and its answer
never arrives.
"""

import asyncio
import functools
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from practicum.kube.client import Object
from tests.apiserver.conftest import absent, eventually
from tests.apiserver.operator_process import OperatorProcess
from tests.governed import Room
from tests.lab_services import LabServices

from .proxy import Proxy

FULL = os.environ.get("PRACTICUM_CHAOS") == "full"
SECONDS = 90
GRACE = 0.5
"""Seconds in which the last Events of a stretch are sent."""
KEPT = ("approvals", "answers", "decision", "executedAt", "message", "expiresAt")


class Trap:
    """Counts effects wherever they are, and kills the operator after the k-th."""

    def __init__(self, k: int, operator: OperatorProcess) -> None:
        self.sprung = asyncio.Event()
        self.where = ""
        self._k, self._count = k, 0
        self._pid = operator.pid
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()

    def strike(self, where: str) -> None:
        with self._lock:
            self._count += 1
            if self._count != self._k:
                return
            self.where = where
        os.kill(self._pid, signal.SIGKILL)
        self._loop.call_soon_threadsafe(self.sprung.set)

    def disarm(self) -> str:
        """Kill nobody any more: a late effect must not end the operator of what is tried next.

        Returns:
            Where it struck, if it did.
        """
        with self._lock:
            self._k = 0
            return self.where


async def sweep(some: Sequence[int], step: Callable[[int], Awaitable[str]]) -> dict[str, list[int]]:
    """Take a step for every k, or for some, until a stretch is through before its k-th effect.

    Args:
        some: which k are tried unless all are to be.
        step: goes through the stretch, judges what came of it and returns where the kill struck.

    Returns:
        The k that were tried, by where they struck.
    """
    tried: dict[str, list[int]] = {}
    for k in range(1, 1000) if FULL else some:
        if not (where := await step(k)):
            break
        tried.setdefault(where, []).append(k)
    assert tried, "never struck"
    return tried


async def play(
    k: int,
    proxy: Proxy,
    operator: OperatorProcess,
    services: LabServices,
    stretch: Callable[[], Awaitable[None]],
) -> str:
    """Go through a stretch with a kill after k effects; returns where it struck, if it did."""
    trap = Trap(k, operator)

    async def revive() -> None:
        await trap.sprung.wait()
        await asyncio.to_thread(operator.kill)
        await asyncio.to_thread(operator.start)

    proxy.watch_writes(lambda _: trap.strike("API server"))
    services.watch_writes(lambda: trap.strike("registry"))
    reviving = asyncio.create_task(revive())
    await stretch()
    await asyncio.sleep(GRACE)
    where = trap.disarm()
    if not where:
        reviving.cancel()
    await asyncio.gather(reviving, return_exceptions=not where)
    return where


async def settled(room: Room) -> None:
    """Wait until it is on record what is in a room, and anything may be asked for there.

    The quota controller takes half a minute for a new kind: too long for a stretch.
    """
    await room.begun()
    target = {"name": "rehearsal"}
    await room.people.ask("ds", "rehearsal", "ApproveFeatures", target, {"dryRun": "All"})


async def leave(room: Room) -> None:
    """Have the lab deleted and gone: its end would count as effects of what is tried next."""
    await room.people.leave()
    meta = room.lab["metadata"]
    await room.kube.delete("LabEnvironment", meta["namespace"], meta["name"])
    there = functools.partial(absent, room.kube, "LabEnvironment", meta["namespace"], meta["name"])
    await eventually(there, SECONDS)


async def each_is_once(room: Room) -> list[Any]:
    """Return the records: none is there twice, nor is an Event, and every answer was heard."""
    records, namespace = await room.log(), room.people.namespace
    assert len({one["id"] for one in records}) == len(records)
    answers = await room.kube.list("ChangeApproval", namespace)
    heard = [one["answer"] for one in records if one["type"] == "Answered"]
    assert sorted(heard) == sorted(one["metadata"]["name"] for one in answers)
    told = [one for one in await room.kube.list("Event", namespace) if _is_of_a_request(one)]
    news = [(one["involvedObject"]["name"], one["reason"]) for one in told]
    assert len(set(news)) == len(news), news
    return records


def _is_of_a_request(event: Object) -> bool:
    return bool(event["involvedObject"]["kind"] == "ChangeRequest")


def agree(request: Object, records: list[Any], *, served: bool = False) -> None:
    """What a request shows is what its records say, each of which is there once.

    Of what is served there is a record of its own, which has the last word on the outcome.
    """
    mine = [
        one for one in records if one.get("request", {}).get("name") == request["metadata"]["name"]
    ]
    moves = [one for one in mine if one["type"] == "StateChanged"]
    status, last = request["status"], moves[-1]
    assert status["state"] == last["state"]
    assert status["transitions"] == len(moves)
    assert status["evidence"]["digest"] == last["evidence"]["digest"]
    for name in KEPT:
        assert status.get(name) == last["status"].get(name), name
    outcomes = [one["outcome"] for one in mine if one["type"] == "Served"]
    assert len(outcomes) == int(served)
    assert status["outcome"] == [last["outcome"], *outcomes][-1]
