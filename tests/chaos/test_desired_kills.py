"""SIGKILL after the k-th write of a change that others bring about: features, and policies.

Such a change takes effect by what the lab's status asks for: the reconciler makes Feast's Job anew,
or OPA's pod, and the request waits for what comes of it. As in ``test_change_kills`` the write has
taken effect and its answer never arrives.
"""

import functools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from practicum.api.names import GROUP
from practicum.kube.client import Kube, Object
from practicum.reconcile.runner import background
from tests import governed, lab_services, released, samples
from tests.apiserver.conftest import LabMaker, eventually, read, until
from tests.apiserver.operator_process import OperatorProcess
from tests.feast_kubelet import FeastKubelet
from tests.governed import Room
from tests.lab_services import LabServices

from .conftest import RecordKills, RoomMaker
from .proxy import Proxy
from .trap import SECONDS, agree, each_is_once, leave, play, settled, sweep

APPROVAL = (14, 20)
"""It is on record and asked for nowhere; the new Job is there, and the old one too."""
RELEASE = (17, 26, 45)
"""The bundle is there, but not chosen; OPA runs it, off the record; OPA is on its way back.

About so: Secrets, which nobody watches, are applied again now and then, and that counts too.
"""
WAY = ("Requested", "AwaitingApproval", "Approved", "Executed")
OWN = lab_services.addresses(65, 68)
"""Of labs with an OPA of their own."""


def with_job(namespace: str) -> Object:
    """Return a lab of governed changes with the Job of component feast, whose server is played."""
    body = governed.template(namespace)
    components = samples.packed("mod-506")["spec"]["components"]
    (feast,) = [one for one in components if one["name"] == "feast"]
    (manifest,) = feast["manifests"]
    parts = [one for one in manifest["content"].split("\n---\n") if "kind: StatefulSet" not in one]
    stack = {
        **feast,
        "name": "stack",
        "manifests": [{**manifest, "content": "\n---\n".join(parts)}],
    }
    some = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}}
    body["metadata"]["name"] = "governed-job"
    body["spec"] |= {"components": [stack], "images": {"feast": "feast:1"}}
    body["spec"]["sizes"]["standard"]["resources"] = {"stack": {"job": some}}
    return body


async def approval(room: Room) -> None:
    """Have features approved by three people, and wait until the registry says so."""
    people = room.people
    await people.ask("ds", "approve", "ApproveFeatures", {"name": "fraud_v2"})
    await room.reach("approve", "AwaitingApproval", SECONDS)
    await people.answer("reviewer-risk", "approve")
    await people.answer("reviewer-ml", "approve")
    await room.reach("approve", "Executed", SECONDS)
    await until(room.kube, room.lab, "Ready", seconds=SECONDS)


async def is_once(room: Room, *names: str) -> list[Any]:
    """Return the records after a look at what all requests have in common."""
    records = await each_is_once(room)
    for name in names:
        assert await room.states(name) == [*WAY]
        request = await room.kube.get("ChangeRequest", room.people.namespace, name)
        agree(request, records)
    return records


async def is_approved(room: Room, jobs: FeastKubelet) -> None:
    records = await is_once(room, "approve")
    assert {one["type"] for one in records} == {"Baseline", "StateChanged", "Answered"}
    request = await room.kube.get("ChangeRequest", room.people.namespace, "approve")
    evidence, outcome = (request["status"][key] for key in ("evidence", "outcome"))
    (given,) = [one["at"] for one in records if one.get("state") == "Approved"]
    entry = {
        "service": "fraud_v2",
        "request": "approve",
        "approvedBy": "reviewer-ml,reviewer-risk",
        "approvedAt": given,
        "evidenceDigest": evidence["digest"],
        "definition": outcome["definition"],
    }
    lab = await read(room.kube, room.lab)
    assert lab["status"]["governed"] == {"features": [entry]}
    told = await room.kube.get("ConfigMap", room.platform, "feature-approvals")
    assert json.loads(told["data"]["approvals.json"]) == [entry]
    assert room.feast.services["fraud_v2"]["tags"]["approval_id"] == "approve"
    assert jobs.runs[room.platform] == [[], ["approve"]]

    async def alone() -> bool:
        there = [one["metadata"]["name"] for one in await room.kube.list("Job", room.platform)]
        assert len(there) == 1, there
        return True

    # The former one goes last, and the request does not wait for that.
    await eventually(alone, SECONDS)


@pytest.fixture
async def jobs(kube: Kube, services: LabServices) -> AsyncIterator[FeastKubelet]:
    kubelet = FeastKubelet(kube, services.feasts)
    async with background(kubelet.run()):
        yield kubelet


@pytest.mark.timeout(3600)
async def test_a_kill_while_features_are_approved_changes_nothing_in_the_end(
    proxy: Proxy,
    operator: OperatorProcess,
    services: LabServices,
    jobs: FeastKubelet,
    make_room: RoomMaker,
    record_kills: RecordKills,
) -> None:
    async def step(k: int) -> str:
        room = await make_room(with_job("course-a"))
        where = await play(k, proxy, operator, services, functools.partial(approval, room))
        await is_approved(room, jobs)
        await leave(room)
        return where

    record_kills("features approved", await sweep(APPROVAL, step))


async def release(room: released.Room) -> None:
    """Have policies released, and the module's own again."""
    await room.write(promotion__rego=released.STRICTER)
    await room.release("forth", "v2", SECONDS)
    await until(room.kube, room.lab, "Ready", seconds=SECONDS)
    assert await room.decides_by() == ("v2", "promotion/2")
    policy = await room.policy()
    bundle = await room.kube.get("ConfigMap", room.platform, policy.pop("configMap"))
    assert bundle["immutable"]
    status = await room.reach("forth", "Executed")
    digest = status["outcome"]["digest"]
    assert policy == {"revision": "v2", "request": "forth", "digest": digest}
    await room.release("back", "template", SECONDS)
    await until(room.kube, room.lab, "Ready", seconds=SECONDS)


async def is_back(room: released.Room) -> None:
    records = await is_once(room, "forth", "back")
    assert {one["type"] for one in records} == {"Baseline", "StateChanged", "Answered"}
    assert await room.policy() is None
    assert await room.decides_by() == ("", "promotion/1")
    assert room.kubelet.starts == 3
    label = f"{GROUP}/policy-bundle"
    (bundle,) = await room.kube.list("ConfigMap", room.platform, label)
    assert bundle["metadata"]["annotations"] == {f"{GROUP}/policy-revision": "v2"}


@pytest.mark.timeout(3600)
async def test_a_kill_while_policies_are_released_changes_nothing_in_the_end(
    kube: Kube,
    proxy: Proxy,
    operator: OperatorProcess,
    make_lab: LabMaker,
    tmp_path: Path,
    record_kills: RecordKills,
) -> None:
    await kube.apply(released.template("course-a"))

    async def step(k: int) -> str:
        operator.revive()
        address = OWN[k % len(OWN)]
        async with lab_services.playing([address]) as services:
            lab = await make_lab(template=released.TEMPLATE)
            async with released.enter(kube, lab, services, address, tmp_path) as room:
                await settled(room)
                stretch = functools.partial(release, room)
                where = await play(k, proxy, operator, services, stretch)
                await is_back(room)
                await leave(room)
        return where

    record_kills("policies released", await sweep(RELEASE, step))
