"""Feature services are approved by people, and Feast's registry comes to say so."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from practicum.api.names import GOVERNANCE_MANAGER
from practicum.kube.client import Kube, Object
from tests import lab_services
from tests.governed import Room
from tests.lab_services import LabServices

from .conftest import LabMaker, eventually, namespaces, read
from .operator_process import OperatorProcess
from .rooms import rooms, services_at

ADDRESSES = lab_services.addresses(31, 40)
DRAFT = {"name": "fraud_v2"}
opa, services = services_at(ADDRESSES)
_FREE = iter(ADDRESSES)


@pytest.fixture
async def room(
    kube: Kube,
    operator: OperatorProcess,
    services: LabServices,
    make_lab: LabMaker,
    tmp_path: Path,
) -> AsyncIterator[Room]:
    async with rooms(kube, services, make_lab, tmp_path, _FREE) as make:
        yield await make()


async def told(room: Room) -> list[Object]:
    """Return the approvals as Feast's Job is told them."""
    found = await room.kube.get("ConfigMap", room.platform, "feature-approvals")
    approvals: list[Object] = json.loads(found["data"]["approvals.json"])
    return approvals


async def job(room: Room, *requests: str) -> None:
    """Do what the Job does, once it is told of these requests and no others."""

    async def known() -> bool:
        there = [one["request"] for one in await told(room)]
        assert there == list(requests), there
        return True

    await eventually(known)
    room.feast.apply(await told(room))


async def approve(room: Room, name: str) -> Object:
    """Ask, and answer twice."""
    await room.people.ask("ds", name, "ApproveFeatures", DRAFT)
    await room.reach(name, "AwaitingApproval")
    await room.people.answer("reviewer-risk", name)
    await room.people.answer("reviewer-ml", name)
    return await room.reach(name, "Approved")


async def governed(room: Room) -> list[Object]:
    status = (await read(room.kube, room.lab))["status"]
    features: list[Object] = status.get("governed", {}).get("features", [])
    return features


async def test_a_model_may_be_built_on_features_once_they_are_approved(room: Room) -> None:
    candidate = room.registry.models["fraud-dev"]["versions"]["2"]
    candidate["tags"]["feast.feature_service"] = "fraud_v2"
    target = {"name": "fraud-dev", "version": "2"}
    await room.people.ask("ds", "too-early", "PromoteModel", target)
    assert await room.controls("too-early") == ["PRM-7"]

    status = await approve(room, "approve-v2")
    (entry,) = await governed(room)
    assert (entry["service"], entry["request"]) == ("fraud_v2", "approve-v2")
    assert entry["approvedBy"] == "reviewer-ml,reviewer-risk"
    assert entry["evidenceDigest"] == status["evidence"]["digest"]

    async def waits() -> bool:
        return "feast-apply" in (await room.reach("approve-v2", "Approved"))["message"]

    await eventually(waits)
    await job(room, "approve-v2")
    done = await room.reach("approve-v2", "Executed")
    assert done["outcome"] == {
        **{"name": "fraud_v2", "alias": "", "before": "draft", "after": "approved"},
        "definition": entry["definition"],
    }
    tags = room.feast.services["fraud_v2"]["tags"]
    assert (tags["status"], tags["approval_id"]) == ("approved", "approve-v2")
    assert tags["approved_at"] == entry["approvedAt"]
    assert await room.states("approve-v2") == [
        *("Requested", "AwaitingApproval", "Approved", "Executed")
    ]

    await room.people.ask("ds", "in-time", "PromoteModel", target)
    await room.reach("in-time", "AwaitingApproval")


async def test_what_exposes_people_or_is_half_missing_is_refused(room: Room) -> None:
    await room.people.ask("ds", "exposed", "ApproveFeatures", {"name": "fraud_v0"})
    assert await room.controls("exposed") == ["FGV-2", "FGV-5"]
    await room.people.ask("ds", "unknown", "ApproveFeatures", {"name": "fraud_v9"})
    assert await room.controls("unknown") == ["FLR-3"]
    assert await governed(room) == []


async def test_what_has_changed_since_is_not_approved(room: Room) -> None:
    await approve(room, "approve-v2")
    room.feast.views["application_behaviour"]["description"] = "something else"
    await job(room, "approve-v2")
    status = await room.reach("approve-v2", "Denied")
    assert [one["control"] for one in status["decision"]["reasons"]] == ["FLR-5"]
    assert room.feast.services["fraud_v2"]["tags"]["status"] == "draft"
    await job(room)
    assert await governed(room) == []

    await approve(room, "as-it-is")
    await job(room, "as-it-is")
    await room.reach("as-it-is", "Executed")


async def test_a_later_approval_replaces_an_earlier_one(room: Room) -> None:
    for name in ("first", "second"):
        await approve(room, name)
        await job(room, name)
        await room.reach(name, "Executed")
        assert room.feast.services["fraud_v2"]["tags"]["approval_id"] == name


async def test_an_approval_outlives_kills_and_a_lost_status(
    room: Room, operator: OperatorProcess
) -> None:
    await approve(room, "approve-v2")
    operator.kill()
    meta, status = room.lab["metadata"], (await read(room.kube, room.lab))["status"]
    head = {key: meta[key] for key in ("name", "namespace")}
    body = {key: room.lab[key] for key in ("apiVersion", "kind")} | {"metadata": head}
    # As if the write that followed the record had never been made.
    body["status"] = {"audit": status["audit"]}
    await room.kube.apply(body, subresource="status", manager=GOVERNANCE_MANAGER)
    assert await governed(room) == []
    operator.revive()

    async def back() -> bool:
        return [one["request"] for one in await governed(room)] == ["approve-v2"]

    await eventually(back)
    await job(room, "approve-v2")
    operator.kill()
    operator.revive()
    await room.reach("approve-v2", "Executed")
    assert await room.states("approve-v2") == [
        *("Requested", "AwaitingApproval", "Approved", "Executed")
    ]
    assert (await read(room.kube, room.lab))["status"]["audit"]["seq"] == len(await room.log())


async def test_an_approval_makes_the_job_anew(
    kube: Kube, operator: OperatorProcess, make_lab: LabMaker
) -> None:
    lab = await make_lab()
    _, platform = await namespaces(kube, lab)

    async def jobs() -> list[str]:
        found = await kube.list("Job", platform)
        names = [one["metadata"]["name"] for one in found if "deletionTimestamp" not in one]
        return [name for name in names if name.startswith("feast-apply-")]

    (before,) = await eventually(jobs)
    head = {key: lab["metadata"][key] for key in ("name", "namespace")}
    entry = {"service": "fraud_v1", "request": "first", "approvedBy": "ml", "approvedAt": "now"}
    digests = {"evidenceDigest": "e" * 64, "definition": "d" * 64}
    status = {"governed": {"features": [entry | digests]}}
    body = {key: lab[key] for key in ("apiVersion", "kind")} | {"metadata": head}
    await kube.apply(body | {"status": status}, subresource="status", manager=GOVERNANCE_MANAGER)

    async def anew() -> bool:
        there = await jobs()
        return len(there) == 1 and there != [before]

    await eventually(anew)
    found = await kube.get("ConfigMap", platform, "feature-approvals")
    assert json.loads(found["data"]["approvals.json"]) == [entry | digests]
