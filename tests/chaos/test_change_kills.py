"""SIGKILL after the k-th effect of a governed change: a write to the API server or to a registry.

As in ``test_kills`` the write has taken effect and its answer never arrives. What the log says,
what a request shows and where the aliases are must agree in the end, and everything be there once.
"""

import asyncio
import functools
import itertools
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from practicum.kube.client import Kube, Object
from tests import governed, lab_services, policy_server
from tests.apiserver.conftest import LabMaker, eventually, tool
from tests.apiserver.operator_process import OperatorProcess
from tests.governed import Room
from tests.lab_services import LabServices

from .proxy import Proxy
from .test_kills import FULL, SECONDS

ADDRESSES = lab_services.addresses(41, 64)
SLICE = (2, 13, 20, 27, 49)
"""A head; an answer; in the registry the copied version, its alias, and the alias' way back."""
REVERT = (1, 3)
"""The move is on record; it is undone and nobody knows."""
GRACE = 0.5
"""Seconds in which the last Events of a stretch are sent."""
KEPT = ("approvals", "answers", "decision", "executedAt", "message", "expiresAt")

_FREE = itertools.cycle(ADDRESSES)


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with policy_server.opa(tool("opa"), ADDRESSES, tmp_path_factory.mktemp("opa") / "opa.log"):
        yield


@pytest.fixture
async def services(opa: None) -> AsyncIterator[LabServices]:
    async with lab_services.playing(ADDRESSES) as running:
        yield running


RoomMaker = Callable[[], Awaitable[Room]]


@pytest.fixture
async def make_room(
    kube: Kube,
    operator: OperatorProcess,
    services: LabServices,
    make_lab: LabMaker,
    tmp_path: Path,
) -> RoomMaker:
    """Makes a lab with a registry of its own, and waits until it is on record what is in there."""
    await kube.apply(governed.template("course-a"))

    async def make() -> Room:
        operator.revive()
        address = next(_FREE)
        services.registries[address] = lab_services.Registry()
        lab = await make_lab(template=governed.TEMPLATE)
        room = await governed.enter(kube, lab, services, address, tmp_path)
        await room.begun()
        return room

    return make


async def leave(room: Room) -> None:
    """Have the lab deleted, so that nobody looks at its registry any more."""
    await room.people.leave()
    meta = room.lab["metadata"]
    await room.kube.delete("LabEnvironment", meta["namespace"], meta["name"])


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
        os.kill(self._pid, signal.SIGKILL)
        self.where = where
        self._loop.call_soon_threadsafe(self.sprung.set)


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
    proxy.watch_writes(lambda _: None)
    services.watch_writes(lambda: None)
    if not trap.sprung.is_set():
        reviving.cancel()
    await asyncio.gather(reviving, return_exceptions=not trap.sprung.is_set())
    return trap.where


async def forth_and_back(room: Room) -> None:
    """Promote by three people, roll back by a fourth, and wait until all has arrived."""
    people = room.people
    await people.ask("ds", "forth", "PromoteModel", {"name": "fraud-dev", "version": "2"})
    await room.reach("forth", "AwaitingApproval", SECONDS)
    await people.answer("reviewer-risk", "forth")
    await people.answer("reviewer-ml", "forth")
    await served(room, "forth")
    await people.ask("oncall", "back", "RollbackModel", {"name": "fraud"})
    await served(room, "back")
    await room.reach("forth", "RolledBack", SECONDS)


async def served(room: Room, request: str) -> None:
    async def there() -> bool:
        status = await room.reach(request, "Executed", SECONDS)
        return bool(status["outcome"].get("servedAt"))

    await eventually(there, SECONDS)


def agree(request: Object, records: list[Any]) -> None:
    """What a request shows is what its records say, each of which is there once."""
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
    assert len(outcomes) == 1
    assert status["outcome"] == outcomes[0]


async def all_is_once(room: Room) -> None:
    records = await room.log()
    assert len({one["id"] for one in records}) == len(records)
    forth = ("Requested", "AwaitingApproval", "Approved", "Executed", "RolledBack")
    assert await room.states("forth") == [*forth]
    assert await room.states("back") == [*forth[:-1]]
    answers = await room.kube.list("ChangeApproval", room.people.namespace)
    heard = [one["answer"] for one in records if one["type"] == "Answered"]
    assert sorted(heard) == sorted(one["metadata"]["name"] for one in answers)
    kinds = {one["type"] for one in records}
    assert kinds == {"Baseline", "StateChanged", "Answered", "Served"}
    for name in ("forth", "back"):
        agree(await room.kube.get("ChangeRequest", room.people.namespace, name), records)
    model = room.registry.models["fraud"]
    assert model["aliases"] == {"champion": "1", "previous": "2"}
    candidate = room.registry.models["fraud-dev"]["versions"]["2"]
    assert [one["run_id"] for one in model["versions"].values()][1:] == [candidate["run_id"]]
    tags = model["versions"]["2"]["tags"]
    assert tags["approved_by"] == "reviewer-ml,reviewer-risk"


@pytest.mark.timeout(3600)
async def test_a_kill_after_any_effect_of_a_change_changes_nothing_in_the_end(
    proxy: Proxy,
    operator: OperatorProcess,
    services: LabServices,
    make_room: RoomMaker,
    record_kills: Callable[[str, list[int]], None],
) -> None:
    tried: dict[str, list[int]] = {}
    for k in range(1, 1000) if FULL else SLICE:
        room = await make_room()
        where = await play(k, proxy, operator, services, functools.partial(forth_and_back, room))
        await all_is_once(room)
        await leave(room)
        if not where:
            break
        tried.setdefault(where, []).append(k)
    assert set(tried) == {"API server", "registry"}, tried
    for where, ks in tried.items():
        record_kills(f"change, {where}", ks)


@pytest.mark.timeout(900)
async def test_a_kill_while_an_alias_is_put_back_leaves_one_record_of_it(
    proxy: Proxy,
    operator: OperatorProcess,
    services: LabServices,
    make_room: RoomMaker,
    record_kills: Callable[[str, list[int]], None],
) -> None:
    room = await make_room()
    run = next(iter(room.registry.runs))
    room.registry.create("fraud", run, {})
    tried: list[int] = []
    for k in range(1, 1000) if FULL else REVERT:
        before = len(await room.log())
        struck = await play(k, proxy, operator, services, functools.partial(moved, room, before))
        kinds = [one["type"] for one in (await room.log())[before:]]
        assert kinds == ["AliasMoved", "AliasReverted"], (k, kinds)
        assert room.registry.alias("fraud", "champion") == "1"
        if not struck:
            break
        tried.append(k)
    assert tried, "never struck"
    record_kills("alias put back", tried)


async def moved(room: Room, before: int) -> None:
    """Move the alias by hand, always to the same version, and wait until that is undone."""
    room.registry.models["fraud"]["aliases"]["champion"] = "2"

    async def undone() -> bool:
        found = [one["type"] for one in await room.log()][before:]
        assert "AliasReverted" in found, found
        return room.registry.alias("fraud", "champion") == "1"

    await eventually(undone, SECONDS)
