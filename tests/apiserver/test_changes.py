"""Governed changes on a real API server with real policies: who asks, who answers, what happens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from practicum.api.names import AUDIT_NAMESPACE
from practicum.kube.client import Kube, Object
from tests import governed, lab_services
from tests.governed import Room
from tests.lab_services import LabServices

from .conftest import LabMaker, condition, eventually, read
from .operator_process import OperatorProcess
from .rooms import RoomMaker, rooms, services_at

ADDRESSES = lab_services.addresses(1, 30)
CANDIDATE = {"name": "fraud-dev", "version": "2"}


opa, services = services_at(ADDRESSES)
_FREE = iter(ADDRESSES)


@pytest.fixture
async def make_room(
    kube: Kube,
    operator: OperatorProcess,
    services: LabServices,
    make_lab: LabMaker,
    tmp_path: Path,
) -> AsyncIterator[RoomMaker]:
    async with rooms(kube, services, make_lab, tmp_path, _FREE) as make:
        yield make


@pytest.fixture
async def room(make_room: RoomMaker) -> Room:
    return await make_room()


async def promote(room: Room, name: str = "promote-2", version: str = "2") -> Object:
    target = {"name": "fraud-dev", "version": version}
    await room.people.ask("ds", name, "PromoteModel", target)
    await room.reach(name, "AwaitingApproval")
    await room.people.answer("reviewer-risk", name)
    await room.people.answer("reviewer-ml", name)
    return await room.reach(name, "Executed")


async def test_two_people_of_two_roles_promote_a_model(room: Room) -> None:
    await room.people.ask("ds", "promote-2", "PromoteModel", CANDIDATE)
    status = await room.reach("promote-2", "AwaitingApproval")
    assert status["message"] == "waits for approval: 0 of 2, from ml-reviewer and risk-reviewer"
    assert room.registry.alias("fraud", "champion") == "1"
    await room.people.answer("reviewer-risk", "promote-2")

    async def one_of_two() -> bool:
        status = await room.reach("promote-2", "AwaitingApproval")
        return bool(status["approvals"] == "1/2")

    await eventually(one_of_two)
    assert room.registry.writes == []
    await room.people.answer("reviewer-ml", "promote-2")
    status = await room.reach("promote-2", "Executed")
    assert room.registry.alias("fraud", "champion") == "2"
    assert room.registry.alias("fraud", "previous") == "1"
    tags = room.registry.models["fraud"]["versions"]["2"]["tags"]
    assert tags["approved_by"] == "reviewer-ml,reviewer-risk"
    assert (status["outcome"]["before"], status["outcome"]["after"]) == ("1", "2")
    assert status["decision"]["allow"]
    assert status["decision"]["policyRevision"] == "promotion/1"
    assert await room.states("promote-2") == [
        *("Requested", "AwaitingApproval", "Approved", "Executed")
    ]
    kinds = [record["type"] for record in await room.log()]
    assert kinds[0] == "Baseline"
    assert kinds.count("Answered") == 2

    async def served() -> bool:
        return bool((await room.reach("promote-2", "Executed"))["outcome"].get("servedAt"))

    await eventually(served)


@pytest.mark.parametrize(
    ("version", "control"), [("3", "PRM-4"), ("4", "PRM-7"), ("5", "PRM-6"), ("6", "PRM-5")]
)
async def test_a_trap_is_refused_by_its_control(room: Room, version: str, control: str) -> None:
    target = {"name": "fraud-dev", "version": version}
    await room.people.ask("ds", "trap", "PromoteModel", target)
    assert await room.controls("trap") == [control]
    assert room.registry.writes == []


@pytest.mark.parametrize(
    ("persona", "action", "target", "control", "said"),
    [
        ("ds", "PromoteModel", {"name": "fraud-dev", "version": "99"}, "FLR-3", "no such version"),
        ("ds", "PromoteModel", {"name": "nobody", "version": "1"}, "FLR-3", "it has fraud-dev"),
        (
            "ds",
            "PromoteModel",
            {"name": "fraud-dev", "version": "2", "alias": "x"},
            "FLR-3",
            "alias champion",
        ),
        ("oncall", "PromoteModel", CANDIDATE, "FLR-1", "data-scientist, ml-engineer may"),
        ("oncall", "RollbackModel", {"name": "fraud"}, "FLR-3", "no previous version"),
        ("oncall", "RollbackModel", {"name": "fraud", "version": "1"}, "FLR-3", "already"),
        ("ds", "RollbackModel", {"name": "fraud", "version": "1"}, "FLR-1", "on-call"),
        ("ds", "ReleasePolicy", {"name": "promotion"}, "FLR-3", "not offered"),
    ],
)
async def test_the_floor_refuses(
    room: Room, persona: str, action: str, target: Object, control: str, said: str
) -> None:
    await room.people.ask(persona, "floored", action, target)
    assert await room.controls("floored") == [control]
    assert said in (await room.reach("floored", "Denied"))["message"]
    assert room.registry.writes == []


async def test_a_second_open_request_for_the_target_is_refused(room: Room) -> None:
    await room.people.ask("ds", "first", "PromoteModel", CANDIDATE)
    await room.reach("first", "AwaitingApproval")
    await room.people.ask("mle", "second", "PromoteModel", CANDIDATE)
    assert await room.controls("second") == ["FLR-2"]
    await room.people.ask("oncall", "third", "RollbackModel", {"name": "fraud", "version": "1"})
    assert await room.controls("third") == ["FLR-2"]
    await room.reach("first", "AwaitingApproval")


async def test_a_rollback_goes_back_and_says_what_it_undid(room: Room) -> None:
    await promote(room)
    await room.people.ask("oncall", "back", "RollbackModel", {"name": "fraud"})
    await room.reach("back", "Executed")
    assert room.registry.alias("fraud", "champion") == "1"
    assert room.registry.alias("fraud", "previous") == "2"
    undone = await room.reach("promote-2", "RolledBack")
    assert undone["message"] == "rolled back by request back"
    again = {"name": "fraud", "version": "2"}
    await room.people.ask("mle", "forth", "RollbackModel", again)
    await room.reach("forth", "Executed")
    assert room.registry.alias("fraud", "champion") == "2"


async def test_a_rollback_never_goes_where_nobody_approved(room: Room) -> None:
    await room.begun()
    room.registry.create("fraud", next(iter(room.registry.runs)), {"approved_by": "reviewer-ml"})
    await room.people.ask("oncall", "forward", "RollbackModel", {"name": "fraud", "version": "2"})
    assert await room.controls("forward") == ["FLR-4"]


async def test_approvals_are_void_once_the_evidence_changes(room: Room) -> None:
    await room.people.ask("ds", "moving", "PromoteModel", CANDIDATE)
    before = (await room.reach("moving", "AwaitingApproval"))["evidence"]["digest"]
    await room.people.answer("reviewer-risk", "moving")
    room.registry.models["fraud-dev"]["versions"]["2"]["tags"]["note"] = "changed"
    await room.people.answer("reviewer-ml", "moving")

    async def anew() -> Object | None:
        status = await room.reach("moving", "AwaitingApproval")
        return status if status["evidence"]["digest"] != before else None

    await eventually(anew)

    async def void() -> bool:
        answers = (await room.reach("moving", "AwaitingApproval"))["answers"]
        return [one["counts"] for one in answers] == [False, False]

    await eventually(void)
    assert room.registry.alias("fraud", "champion") == "1"
    await room.people.answer("reviewer-risk", "moving")
    await room.people.answer("reviewer-ml", "moving")
    await room.reach("moving", "Executed")


async def test_one_rejection_is_enough(room: Room) -> None:
    await room.people.ask("ds", "unloved", "PromoteModel", CANDIDATE)
    await room.reach("unloved", "AwaitingApproval")
    await room.people.answer("reviewer-risk", "unloved", "Reject")
    status = await room.reach("unloved", "Rejected")
    assert status["message"].endswith("reviewer-risk: seen")


async def test_a_request_is_taken_back_or_expires(room: Room) -> None:
    await room.people.ask("ds", "back-off", "PromoteModel", CANDIDATE)
    await room.reach("back-off", "AwaitingApproval")
    ds = await room.people.as_("ds")
    patch = {"spec": {"withdrawn": True}}
    await ds.merge_patch("ChangeRequest", room.people.namespace, "back-off", patch)
    await room.reach("back-off", "Withdrawn")
    await room.people.ask("ds", "late", "PromoteModel", CANDIDATE, answerWithin="1m")
    status = await room.reach("late", "AwaitingApproval")
    assert status["expiresAt"]
    await room.reach("late", "Expired", seconds=75)


async def test_without_policy_nothing_is_allowed_and_with_it_again(room: Room) -> None:
    await governed.locate(room.kube, room.platform, "opa", "")
    await room.people.ask("ds", "blind", "PromoteModel", CANDIDATE)
    assert await room.controls("blind") == ["OPA"]
    await governed.locate(room.kube, room.platform, "opa", room.address)
    await promote(room)


async def test_a_registry_that_is_away_only_delays(room: Room) -> None:
    await room.people.ask("ds", "first", "PromoteModel", CANDIDATE)
    await room.reach("first", "AwaitingApproval")
    room.services.down.add(room.address)
    await room.people.answer("reviewer-risk", "first")
    await room.people.answer("reviewer-ml", "first")

    async def waits() -> bool:
        status = await room.reach("first", "AwaitingApproval")
        return "MLflow answered 503" in status["message"]

    await eventually(waits)
    room.services.down.discard(room.address)
    await room.reach("first", "Executed")


async def test_what_others_move_is_recorded_and_put_back(room: Room) -> None:
    await room.begun()
    room.registry.create("fraud", next(iter(room.registry.runs)), {})
    room.registry.models["fraud"]["aliases"]["champion"] = "2"

    async def back() -> bool:
        return room.registry.alias("fraud", "champion") == "1"

    await eventually(back)

    async def told() -> bool:
        return [one["type"] for one in await room.log()][-2:] == ["AliasMoved", "AliasReverted"]

    await eventually(told)
    room.registry.models["fraud"]["aliases"]["champion"] = "2"
    await eventually(back)

    async def twice() -> bool:
        return [one["type"] for one in await room.log()].count("AliasReverted") == 2

    await eventually(twice)


async def test_a_log_that_was_shortened_stops_every_change(
    room: Room, operator: OperatorProcess, kube: Kube
) -> None:
    await promote(room)
    uid = room.lab["metadata"]["uid"]
    operator.stop()
    name = f"audit-{uid}-000001"
    segment = await kube.get("ConfigMap", AUDIT_NAMESPACE, name)
    last = sorted(segment["data"])[-2:]
    await kube.merge_patch("ConfigMap", AUDIT_NAMESPACE, name, {"data": dict.fromkeys(last)})
    operator.start()
    await room.people.ask("oncall", "back", "RollbackModel", {"name": "fraud"})

    async def told() -> bool:
        events = await kube.list("Event", "course-a")
        mine = [one for one in events if one["involvedObject"]["uid"] == uid]
        return any("Truncated" in one["message"] for one in mine if one["reason"] == "AuditBroken")

    await eventually(told)
    assert (await condition(kube, room.lab, "AuditIntact"))["reason"] == "AuditBroken"
    assert await room.people.state("back") == ""
    assert room.registry.alias("fraud", "champion") == "2"
    operator.stop()
    restored = {key: segment["data"][key] for key in last}
    await kube.merge_patch("ConfigMap", AUDIT_NAMESPACE, name, {"data": restored})
    operator.start()
    await room.reach("back", "Executed")
    found = (await read(kube, room.lab))["status"]["conditions"]
    assert "AuditIntact" not in [one["type"] for one in found]
