"""Pods that look from within, as the API server lets them in; there is no node to run them."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from practicum.kube.client import Kube, Object

from .checked import PLAN, Pupil, pupils, states
from .conftest import LabMaker, eventually
from .operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")
JOB = {
    "id": "code",
    "job": {"repositories": ["repo"], "command": ["python3", "-m", "pytest"], "deadline": "60s"},
}
IMAGES = {"images": {"workbench": "busybox:1"}}


@pytest.fixture
async def pupil(kube: Kube, make_lab: LabMaker, tmp_path: Path) -> AsyncIterator[Pupil]:
    async with pupils(kube, make_lab, tmp_path) as make:
        made = await make(JOB, {"id": "plan", **PLAN}, changes=IMAGES)
        await made.write("repo", tests__test_a__py="def test_a(): ...")
        yield made


async def looking(pupil: Pupil, *, but: str = "") -> Object:
    """Wait for a pod that looks, other than one that is known."""

    async def there() -> Object | None:
        found = await pupil.kube.list("Pod", pupil.space, "practicum.dev/check=pod")
        return next((one for one in found if one["metadata"]["uid"] != but), None)

    return dict(await eventually(there))


async def end(pupil: Pupil, pod: Object, **status: Any) -> None:
    """Say what a kubelet would."""
    path = f"/api/v1/namespaces/{pupil.space}/pods/{pod['metadata']['name']}/status"
    await pupil.kube.request(
        "PATCH", path, body={"status": status}, content_type="application/merge-patch+json"
    )


async def gone(pupil: Pupil, pod: Object) -> bool:
    found = await pupil.kube.find("Pod", pupil.space, pod["metadata"]["name"])
    return found is None or found["metadata"]["uid"] != pod["metadata"]["uid"]


async def test_a_pod_is_let_in_does_its_work_and_goes(pupil: Pupil) -> None:
    asked = asyncio.create_task(pupil.ask())
    pod = await looking(pupil)
    assert pod["metadata"]["name"].startswith("practicum-check-")
    assert pod["metadata"]["labels"]["practicum.dev/lab-uid"] == pupil.lab["metadata"]["uid"]
    assert pod["spec"]["containers"][0]["image"] == "busybox:1"
    assert not [one for one in pod["spec"]["volumes"] if "projected" in one], "no token"
    # It is counted by the quota of what ends.
    jobs = await pupil.kube.get("ResourceQuota", pupil.space, "jobs")
    assert jobs["status"]["used"]["pods"] == "1"
    await end(pupil, pod, phase="Failed", reason="DeadlineExceeded")
    status = await asked
    assert states(status) == {"code": "fail", "plan": "fail"}
    assert "took more than 105 s" in status["results"][0]["message"]
    assert await gone(pupil, pod)


async def test_a_pod_that_somebody_deletes_tells_nothing(pupil: Pupil) -> None:
    asked = asyncio.create_task(pupil.ask("code"))
    pod = await looking(pupil)
    await pupil.kube.delete("Pod", pupil.space, pod["metadata"]["name"])
    status = await asked
    assert status["results"][0]["message"] == "the pod that looked from within was deleted"
    assert status["results"][0]["state"] == "error"


async def test_where_the_learners_pods_take_the_room_it_is_theirs_to_make(pupil: Pupil) -> None:
    patch = {"spec": {"hard": {"pods": "0"}}}
    meta = {"name": "none", "namespace": pupil.space}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, **patch}
    await pupil.kube.create(quota)

    async def counted() -> bool:
        found = await pupil.kube.get("ResourceQuota", pupil.space, "none")
        return bool(found["status"].get("hard"))

    await eventually(counted)
    status = await pupil.ask("code")
    assert status["results"][0]["state"] == "fail"
    assert "no pod could be made to look from within: " in status["results"][0]["message"]


async def test_what_a_killed_operator_left_behind_goes_at_the_next_look(
    pupil: Pupil, operator: OperatorProcess
) -> None:
    asked = asyncio.create_task(pupil.ask("code"))
    left = await looking(pupil)
    operator.kill()
    operator.start()
    fresh = await looking(pupil, but=left["metadata"]["uid"])
    assert await gone(pupil, left)
    await end(pupil, fresh, phase="Failed", reason="DeadlineExceeded")
    status = await asked
    assert status["results"][0]["state"] == "fail"
    assert await gone(pupil, fresh)


async def test_nobody_is_looked_at_more_often_than_they_may_ask(pupil: Pupil) -> None:
    await pupil.ask("plan")
    began = time.monotonic()
    for _ in range(3):
        await pupil.ask("plan")
    # It began later than the pause, for the answer had to be noticed.
    assert time.monotonic() - began >= 2, "check_pause of the tests is a second"


async def test_costly_checks_wait_until_somebody_asks(pupil: Pupil) -> None:
    status = await pupil.looked()
    assert states(status) == {"code": "pending", "plan": "fail"}
    assert not await pupil.kube.list("Pod", pupil.space)
