"""Patience and room: every phase has an end, and who finds no room waits in a queue."""

import asyncio
from collections.abc import Callable

import pytest

from practicum.kube.client import Kube, Object

from .conftest import LabMaker, condition, eventually, namespaces, read, run_pods, told, until
from .operator_process import OperatorProcess
from .test_life import age

OperatorWith = Callable[..., OperatorProcess]


async def phase_is(kube: Kube, lab: Object, phase: str, seconds: float = 40) -> Object:
    async def holds() -> Object:
        status: Object = (await read(kube, lab)).get("status", {})
        assert status.get("phase") == phase, (status.get("phase"), status.get("message"))
        return status

    found: Object = await eventually(holds, seconds)
    return found


async def test_a_start_that_takes_too_long_has_failed_explains_itself_and_is_still_tried(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(start_timeout="10s", failed_timeout="1h")
    lab = await make_lab()
    await phase_is(kube, lab, "Failed")
    assert (await condition(kube, lab, "Ready"))["reason"] == "ProgressDeadlineExceeded"

    async def explained() -> bool:
        # What a pod waits for is said once it has waited for long.
        said = (await read(kube, lab))["status"]["message"]
        return any(reason in said for reason in ("ComponentsStarting", "VolumePending"))

    await eventually(explained)
    await told(kube, lab, "ProgressDeadlineExceeded")
    _, platform = await namespaces(kube, lab)

    async def ready() -> bool:
        await run_pods(kube, platform)
        return bool((await read(kube, lab))["status"]["phase"] == "Ready")

    await eventually(ready, 60)


async def test_a_failed_lab_that_never_was_ready_is_ended(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(start_timeout="2s", failed_timeout="3s")
    lab = await make_lab()
    await phase_is(kube, lab, "Expired", 60)
    await told(kube, lab, "FailedTooLong")
    uid = lab["metadata"]["uid"]
    assert not await kube.list("Namespace", labels=f"practicum.dev/lab-uid={uid}")


async def test_a_suspended_lab_is_ended_after_its_time(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(suspended_timeout="3s")
    lab = await make_lab(suspended=True)
    await phase_is(kube, lab, "Expired", 60)
    await told(kube, lab, "SuspendedTooLong")


async def test_labs_beyond_the_limit_wait_their_turn(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(course_limits='{"course-a": 1}')
    first = await make_lab()
    await until(kube, first, "Guarded")
    second = await make_lab()
    waiting = await phase_is(kube, second, "Pending")
    assert "place 1 in the queue" in waiting["message"]
    assert (await condition(kube, second, "Accepted"))["reason"] == "PendingCapacity"
    assert not waiting["namespaces"], "a lab in the queue has nothing yet"
    elsewhere = await make_lab(course="course-b")
    await until(kube, elsewhere, "Guarded")
    meta = first["metadata"]
    await kube.delete("LabEnvironment", meta["namespace"], meta["name"])
    await until(kube, second, "Guarded", seconds=60)


async def test_pods_that_find_no_node_hold_new_labs_back(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with()
    first = await make_lab()
    _, platform = await namespaces(kube, first)
    full = "0/1 nodes are available: 1 Insufficient cpu."

    async def named() -> bool:
        await unschedulable(kube, platform, full)
        found = await condition(kube, first, "ComponentsReady")
        assert found["reason"] == "PendingCapacity", found
        assert full in found["message"]
        return True

    await eventually(named, 60)
    second = await make_lab()
    waiting = await phase_is(kube, second, "Pending")
    assert "pods of 1 labs wait for a node; place 1 in the queue" in waiting["message"]

    async def room() -> bool:
        await run_pods(kube, platform)
        return bool((await condition(kube, second, "Guarded"))["status"] == "True")

    await eventually(room, 60)


async def unschedulable(kube: Kube, namespace: str, message: str) -> None:
    """Write what the scheduler would of every pod."""
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    for pod in await kube.list("Pod", namespace):
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
        status = {"phase": "Pending", "conditions": [refused | {"message": message}]}
        patch = "application/merge-patch+json"
        await kube.request("PATCH", path, body={"status": status}, content_type=patch)


@pytest.mark.parametrize("hours", [1, -1])
async def test_clocks_that_disagree_end_nothing(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith, hours: int
) -> None:
    lab = await make_lab(ttl="15s")
    operator_with(module="tests.apiserver.skewed", test_skew=str(hours * 3600))
    doubt = await until(kube, lab, "ExpiringSoon", "Unknown", 60)
    assert doubt["reason"] == "ClockSkew"
    await told(kube, lab, "ClockSkew")
    await until(kube, lab, "Guarded")
    await asyncio.sleep(max(0, 16 - age(lab)))
    uid = lab["metadata"]["uid"]
    found = await kube.list("Namespace", labels=f"practicum.dev/lab-uid={uid}")
    assert len(found) == 2
    assert all("deletionTimestamp" not in one["metadata"] for one in found)


async def test_a_token_minted_by_a_slow_clock_does_not_outlive_the_lab(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(module="tests.apiserver.skewed", test_skew="-3600")
    lab = await make_lab(ttl="1h")
    await until(kube, lab, "CredentialsIssued")
    status = (await read(kube, lab))["status"]
    assert status["credentials"]["expiresAt"] < status["expiresAt"]
