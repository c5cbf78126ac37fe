"""SIGKILL after the k-th effect of a governed change: a write to the API server or to a registry.

As in ``test_kills`` the write has taken effect and its answer never arrives. What the log says,
what a request shows and where the aliases are must agree in the end, and everything be there once.
"""

import functools

import pytest

from tests.apiserver.conftest import eventually
from tests.apiserver.operator_process import OperatorProcess
from tests.governed import Room
from tests.lab_services import LabServices

from .conftest import RecordKills, RoomMaker
from .proxy import Proxy
from .trap import SECONDS, agree, each_is_once, leave, play, sweep

SLICE = (2, 20, 49)
"""A head; an answer; in the registry the copied version, its alias, and the alias' way back."""
REVERT = (1, 3)
"""The move is on record; it is undone and nobody knows."""


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


async def all_is_once(room: Room) -> None:
    records = await each_is_once(room)
    forth = ("Requested", "AwaitingApproval", "Approved", "Executed", "RolledBack")
    assert await room.states("forth") == [*forth]
    assert await room.states("back") == [*forth[:-1]]
    kinds = {one["type"] for one in records}
    assert kinds == {"Baseline", "StateChanged", "Answered", "Served"}
    for name in ("forth", "back"):
        request = await room.kube.get("ChangeRequest", room.people.namespace, name)
        agree(request, records, served=True)
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
    record_kills: RecordKills,
) -> None:
    async def step(k: int) -> str:
        room = await make_room()
        where = await play(k, proxy, operator, services, functools.partial(forth_and_back, room))
        await all_is_once(room)
        await leave(room)
        return where

    tried = await sweep(SLICE, step)
    assert set(tried) == {"API server", "registry"}, tried
    record_kills("change", tried)


@pytest.mark.timeout(900)
async def test_a_kill_while_an_alias_is_put_back_leaves_one_record_of_it(
    proxy: Proxy,
    operator: OperatorProcess,
    services: LabServices,
    make_room: RoomMaker,
    record_kills: RecordKills,
) -> None:
    room = await make_room()
    run = next(iter(room.registry.runs))
    room.registry.create("fraud", run, {})

    async def step(k: int) -> str:
        before = len(await room.log())
        where = await play(k, proxy, operator, services, functools.partial(moved, room, before))
        kinds = [one["type"] for one in (await room.log())[before:]]
        assert kinds == ["AliasMoved", "AliasReverted"], (k, kinds)
        assert room.registry.alias("fraud", "champion") == "1"
        return where

    record_kills("alias put back", await sweep(REVERT, step))


async def moved(room: Room, before: int) -> None:
    """Move the alias by hand, always to the same version, and wait until that is undone."""
    room.registry.models["fraud"]["aliases"]["champion"] = "2"

    async def undone() -> bool:
        found = [one["type"] for one in await room.log()][before:]
        assert "AliasReverted" in found, found
        return room.registry.alias("fraud", "champion") == "1"

    await eventually(undone, SECONDS)
