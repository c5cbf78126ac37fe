"""Releases of policies, with the lab's own OPA: asked for, approved, rolled out, rolled back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from practicum.kube.client import Kube
from tests import lab_services, released
from tests.released import STRICTER, Room

from .conftest import LabMaker, eventually, until
from .operator_process import OperatorProcess

ADDRESSES = lab_services.addresses(65, 74)
_FREE = iter(ADDRESSES)


@pytest.fixture
async def room(
    kube: Kube, operator: OperatorProcess, make_lab: LabMaker, tmp_path: Path
) -> AsyncIterator[Room]:
    address = next(_FREE)
    await kube.apply(released.template("course-a"))
    async with lab_services.playing([address]) as services:
        lab = await make_lab(template=released.TEMPLATE)
        async with released.enter(kube, lab, services, address, tmp_path) as room:
            yield room


async def test_a_revision_is_released_decides_and_is_rolled_back(room: Room) -> None:
    assert await room.promoted_by("before") == "promotion/1"
    await room.write(promotion__rego=STRICTER)
    status = await room.release("stricter", "v2")
    assert status["message"] == "policies moved from template to v2"
    assert status["decision"]["policyRevision"] == "release/1"
    policy = await room.policy()
    assert (policy["revision"], policy["request"]) == ("v2", "stricter")
    assert policy["digest"] == status["outcome"]["digest"]
    bundle = await room.kube.get("ConfigMap", room.platform, policy["configMap"])
    assert bundle["immutable"] is True
    assert room.kubelet.starts == 2
    assert await room.promoted_by("after") == "promotion/2"
    await until(room.kube, room.lab, "Ready")

    await room.write(promotion__rego=STRICTER.replace("promotion/2", "promotion/3"))
    await room.release("third", "v3")
    assert await room.promoted_by("third-after") == "promotion/3"
    await room.release("back", "v2")
    assert (await room.policy())["configMap"] == policy["configMap"]
    assert await room.promoted_by("back-after") == "promotion/2"
    status = await room.release("home", "template")
    assert "digest" not in status["outcome"]
    assert await room.policy() is None
    assert await room.promoted_by("home-after") == "promotion/1"


async def test_what_cannot_be_released_is_refused_with_the_reason(room: Room) -> None:
    await room.ask("nothing", "v1")
    assert "there is no ConfigMap" in (await room.reach("nothing", "Denied"))["message"]
    await room.write(promotion__rego="package lab.promotion\n\nallow := x\n")
    await room.ask("broken", "v1")
    status = await room.reach("broken", "Denied")
    assert status["message"].endswith("promotion.rego:3: var x is unsafe")
    await room.write(promotion__rego="package lab.other\n")
    await room.ask("lacking", "v1")
    assert "lab.promotion is missing" in (await room.reach("lacking", "Denied"))["message"]
    await room.write(release__rego="package lab.release\n\nallow := true\ndeny := set()\n")
    await room.ask("taking-over", "v1")
    assert "the platform's own" in (await room.reach("taking-over", "Denied"))["message"]
    await room.ask("same", "template")
    status = await room.reach("same", "Denied")
    assert [one["control"] for one in status["decision"]["reasons"]] == ["REL-3"]
    assert room.kubelet.starts == 1


async def test_policies_that_changed_after_approval_are_not_released(
    room: Room, operator: OperatorProcess
) -> None:
    await room.write(promotion__rego=STRICTER)
    await room.ask("first", "v2")
    await room.reach("first", "AwaitingApproval")
    await room.write(promotion__rego=STRICTER.replace("promotion/2", "promotion/9"))
    await room.people.answer("reviewer-risk", "first")

    async def void() -> bool:
        status = await room.reach("first", "AwaitingApproval")
        return "the evidence has changed" in str(status)

    await eventually(void)
    assert room.kubelet.starts == 1


async def test_a_kill_while_opa_rolls_changes_nothing(
    room: Room, operator: OperatorProcess
) -> None:
    await room.write(promotion__rego=STRICTER)
    await room.ask("rolls", "v2")
    await room.reach("rolls", "AwaitingApproval")
    room.kubelet.broken = True
    await room.people.answer("reviewer-risk", "rolls")

    async def chosen() -> bool:
        return bool(await room.policy())

    await eventually(chosen)
    operator.kill()
    room.kubelet.broken = False
    operator.start()
    await room.reach("rolls", "Executed", 60)
    assert (await room.policy())["revision"] == "v2"
