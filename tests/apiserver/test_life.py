"""The life of a lab after its birth: longer, shorter, asleep, awake, over."""

import json
from collections.abc import Awaitable, Callable

import pytest

from practicum.api.names import FINALIZER, MANAGED_BY, MANAGER
from practicum.api.times import parse_rfc3339
from practicum.clock import utcnow
from practicum.errors import ApiError, Forbidden
from practicum.kube.client import Kube, Object

from .conftest import (
    LabMaker,
    absent,
    condition,
    eventually,
    namespaces,
    read,
    run_pods,
    until,
)
from .operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")
AsLearner = Callable[[Object], Awaitable[Kube]]


async def edit(kube: Kube, lab: Object, **spec: object) -> None:
    meta = lab["metadata"]
    await kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], {"spec": spec})


async def phase_is(kube: Kube, lab: Object, phase: str, seconds: float = 60) -> None:
    async def holds() -> bool:
        status = (await read(kube, lab)).get("status", {})
        assert status.get("phase") == phase, status.get("phase")
        return True

    await eventually(holds, seconds)


async def leftovers(kube: Kube, lab: Object) -> list[str]:
    """Return everything in the cluster that still bears the lab's uid."""
    uid = lab["metadata"]["uid"]
    selector = f"{MANAGED_BY}={MANAGER},practicum.dev/lab-uid={uid}"
    kinds = ("Namespace", "ServiceAccount", "Role", "RoleBinding", "Secret", "ResourceQuota")
    kinds += ("StatefulSet", "Job", "Pod", "PersistentVolumeClaim", "ConfigMap")
    return [
        f"{kind} {body['metadata']['name']}"
        for kind in kinds
        for body in await kube.list(kind, labels=selector)
    ]


def age(lab: Object) -> int:
    return int((utcnow() - parse_rfc3339(lab["metadata"]["creationTimestamp"])).total_seconds())


async def test_extension_moves_the_end(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab(ttl="1h")
    await until(kube, lab, "CredentialsIssued")
    before = (await read(kube, lab))["status"]["expiresAt"]
    await edit(kube, lab, ttl="3h")

    async def moved() -> bool:
        end = parse_rfc3339((await read(kube, lab))["status"]["expiresAt"])
        return (end - parse_rfc3339(before)).total_seconds() == 2 * 3600

    await eventually(moved)


async def test_shortening_kills_tokens_that_would_outlive_the_lab(
    kube: Kube, make_lab: LabMaker, as_learner: AsLearner
) -> None:
    lab = await make_lab(ttl="8h")
    old, name = await as_learner(lab), lab["metadata"]["name"]
    await old.get("LabEnvironment", "course-a", name)
    await edit(kube, lab, ttl="1h")

    async def old_is_dead() -> bool:
        try:
            await old.get("LabEnvironment", "course-a", name)
        except ApiError as error:
            return error.status == 401
        return False

    await eventually(old_is_dead)

    async def new_ones_work() -> Object:
        return await (await as_learner(lab)).get("LabEnvironment", "course-a", name)

    await eventually(new_ones_work)
    await until(kube, lab, "CredentialsIssued")
    status = (await read(kube, lab))["status"]
    assert status["credentials"]["expiresAt"] < status["expiresAt"]


async def test_expiring_soon_is_said(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab(ttl="1h")
    await until(kube, lab, "Guarded")
    assert (await condition(kube, lab, "ExpiringSoon"))["status"] == "False"
    await edit(kube, lab, ttl=f"{age(lab) + 30}s")
    await until(kube, lab, "ExpiringSoon", seconds=60)


async def closed(kube: Kube, namespace: str) -> bool:
    """Whether the quota that lets nothing in is counted."""
    quota = await kube.get("ResourceQuota", namespace, "compute")
    return bool(quota["status"]["hard"]["pods"] == "0")


async def test_suspension_stops_everything_and_keeps_the_data(
    kube: Kube, make_lab: LabMaker, as_learner: AsLearner
) -> None:
    lab = await make_lab()
    learner, platform = await namespaces(kube, lab)
    client = await as_learner(lab)
    await run_pods(kube, platform)
    await edit(kube, lab, suspended=True)
    await phase_is(kube, lab, "Suspended")
    for workload in await kube.list("StatefulSet", platform):
        assert workload["spec"]["replicas"] == 0
    assert all(job["spec"]["suspend"] for job in await kube.list("Job", platform))
    assert await kube.list("PersistentVolumeClaim", platform)

    await eventually(lambda: closed(kube, learner))
    with pytest.raises(ApiError) as refused:
        await client.list("Pod", learner)
    assert refused.value.status in (401, 403)
    meta = lab["metadata"]
    assert await absent(kube, "Secret", "course-a", f"{meta['name']}-credentials")

    await edit(kube, lab, suspended=False)
    await until(kube, lab, "CredentialsIssued")
    assert await (await as_learner(lab)).list("Pod", learner) == []
    assert (await kube.get("StatefulSet", platform, "mlflow"))["spec"]["replicas"] == 1


async def test_suspension_evicts_the_learners_pods(
    kube: Kube, make_lab: LabMaker, as_learner: AsLearner
) -> None:
    lab = await make_lab()
    learner, _ = await namespaces(kube, lab)
    client = await as_learner(lab)
    await client.create(learner_pod("mine", learner))
    await edit(kube, lab, suspended=True)
    await eventually(lambda: absent(kube, "Pod", learner, "mine"))
    await eventually(lambda: closed(kube, learner))
    with pytest.raises(Forbidden, match="quota"):
        await kube.create(learner_pod("another", learner))


def learner_pod(name: str, namespace: str) -> Object:
    """A pod that Pod Security ``restricted`` and the template's image list let pass."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "main", "image": "python:3.12-slim", "securityContext": security}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }


async def test_expiry_removes_everything_and_keeps_the_record(
    kube: Kube, make_lab: LabMaker, as_learner: AsLearner
) -> None:
    lab = await make_lab(ttl="1h")
    places = await namespaces(kube, lab)
    client = await as_learner(lab)
    await run_pods(kube, places[1])
    await edit(kube, lab, ttl=f"{age(lab) + 12}s")
    await phase_is(kube, lab, "Expired", 90)
    assert await leftovers(kube, lab) == []
    for namespace in places:
        assert await absent(kube, "Namespace", "", namespace)
    with pytest.raises(ApiError) as refused:
        await client.get("LabEnvironment", "course-a", lab["metadata"]["name"])
    assert refused.value.status == 401

    async def released() -> bool:
        return "finalizers" not in (await read(kube, lab))["metadata"]

    await eventually(released)
    assert "credentials" not in (await read(kube, lab))["status"]
    await edit(kube, lab, ttl="8h")
    await phase_is(kube, lab, "Expired")
    assert await leftovers(kube, lab) == []


async def test_deletion_leaves_nothing(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab()
    await until(kube, lab, "CredentialsIssued")
    assert FINALIZER in (await read(kube, lab))["metadata"]["finalizers"]
    assert len(await leftovers(kube, lab)) > 30
    name = lab["metadata"]["name"]
    await kube.delete("LabEnvironment", "course-a", name)
    await eventually(lambda: absent(kube, "LabEnvironment", "course-a", name), 60)
    assert await leftovers(kube, lab) == []


async def test_deletion_at_once_after_creation_leaves_nothing(
    kube: Kube, make_lab: LabMaker
) -> None:
    lab = await make_lab()
    name = lab["metadata"]["name"]
    await kube.delete("LabEnvironment", "course-a", name)
    await eventually(lambda: absent(kube, "LabEnvironment", "course-a", name), 60)

    async def nothing() -> bool:
        return await leftovers(kube, lab) == []

    await eventually(nothing, 60)


async def test_a_kill_in_the_middle_of_provisioning_converges(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess
) -> None:
    labs = [await make_lab() for _ in range(3)]
    await eventually(lambda: kube.list("ResourceQuota", labels=f"{MANAGED_BY}={MANAGER}"))
    operator.kill()
    operator.start()
    for lab in labs:
        await until(kube, lab, "CredentialsIssued")
        learner, platform = await namespaces(kube, lab)
        assert len(await kube.list("StatefulSet", platform)) == 4
        assert await kube.find("RoleBinding", learner, "learner")


async def test_a_lab_that_is_there_is_left_alone_by_a_restart(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess
) -> None:
    lab = await make_lab()
    _, platform = await namespaces(kube, lab)
    await until(kube, lab, "CredentialsIssued")
    name = f"{lab['metadata']['name']}-credentials"

    async def state() -> str:
        workloads = [
            (w["metadata"]["uid"], w["metadata"]["generation"])
            for kind in ("StatefulSet", "Deployment", "Job")
            for w in await kube.list(kind, platform)
        ]
        secret = await kube.get("Secret", "course-a", name)
        return json.dumps([workloads, secret["data"]], sort_keys=True)

    before = await state()
    operator.stop()
    operator.start()
    fresh = await make_lab()
    await until(kube, fresh, "CredentialsIssued")
    assert await state() == before


async def test_a_lab_deleted_while_the_operator_is_down_goes_when_it_is_back(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess
) -> None:
    lab = await make_lab()
    await until(kube, lab, "CredentialsIssued")
    operator.kill()
    name = lab["metadata"]["name"]
    await kube.delete("LabEnvironment", "course-a", name)
    assert not await absent(kube, "LabEnvironment", "course-a", name)
    operator.start()
    await eventually(lambda: absent(kube, "LabEnvironment", "course-a", name), 60)
    assert await leftovers(kube, lab) == []


async def test_an_orphan_namespace_is_swept(kube: Kube) -> None:
    await kube.create(orphan("lab-restored", adopt=True))
    await kube.create(orphan("lab-orphan", adopt=False))
    await eventually(lambda: absent(kube, "Namespace", "", "lab-orphan"), 45)
    assert not await absent(kube, "Namespace", "", "lab-restored")
    await kube.delete("Namespace", "", "lab-restored")


def orphan(name: str, *, adopt: bool) -> Object:
    labels = {MANAGED_BY: MANAGER, "practicum.dev/lab-uid": f"gone-{name}"}
    annotations = {"practicum.dev/adopt": "restored"} if adopt else {}
    meta = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


NO_CHECKS: Object = {"checks": [], "criteria": [], "drills": [], "answers": ""}


async def test_a_template_change_leaves_a_running_lab_alone(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab(course="course-b")
    await until(kube, lab, "CredentialsIssued")
    template = await kube.get("LabTemplate", "practicum-system", "mod-506")
    own: Object = {
        "apiVersion": template["apiVersion"],
        "kind": "LabTemplate",
        "metadata": {"name": "mod-506", "namespace": "course-b"},
        "spec": template["spec"] | NO_CHECKS | {"title": "A course's own"},
    }
    await kube.create(own)
    newer = await make_lab(course="course-b")
    await until(kube, newer, "CredentialsIssued")
    pinned = [(await read(kube, each))["status"]["template"]["revision"] for each in (lab, newer)]
    assert pinned[0] != pinned[1]
    await until(kube, lab, "TemplateCurrent", "False")
    await kube.delete("LabTemplate", "course-b", "mod-506")
