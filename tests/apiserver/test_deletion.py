"""What keeps a lab from going is named, in status, Event and metric, and cleared where allowed."""

from collections.abc import AsyncIterator, Callable

import pytest

from practicum.api.names import FINALIZER
from practicum.kube.client import Kube, Object

from .conftest import LabMaker, absent, eventually, namespaces, open_course, read, until
from .operator_process import OperatorProcess
from .test_life import learner_pod

COURSE = "course-a"


async def delete(kube: Kube, lab: Object) -> None:
    await kube.delete("LabEnvironment", COURSE, lab["metadata"]["name"])


async def named(kube: Kube, lab: Object, operator: OperatorProcess, what: str) -> None:
    """Wait until status, Event and metric say what blocks."""

    async def said() -> bool:
        message = (await read(kube, lab))["status"]["message"]
        assert what in message, message
        uid = lab["metadata"]["uid"]
        told = [
            event
            for event in await kube.list("Event", COURSE)
            if event["reason"] == "DeletionBlocked" and event["involvedObject"]["uid"] == uid
        ]
        assert any(what in event["message"] for event in told), told
        return operator.metric("practicum_deletion_blocked_labs") > 0

    await eventually(said, 30)


async def gone(kube: Kube, lab: Object, operator: OperatorProcess) -> None:
    name = lab["metadata"]["name"]
    await eventually(lambda: absent(kube, "LabEnvironment", COURSE, name), 90)

    async def no_longer_counted() -> bool:
        return operator.metric("practicum_deletion_blocked_labs") == 0

    await eventually(no_longer_counted)


@pytest.fixture
async def dead_api(kube: Kube) -> AsyncIterator[None]:
    """An aggregated API whose server is not there: discovery, and with it deletion, fails."""
    path = "/apis/apiregistration.k8s.io/v1/apiservices"
    name = "v1.dead.example.org"
    spec = {
        "group": "dead.example.org",
        "version": "v1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 10,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "default", "name": "nobody", "port": 443},
    }
    meta = {"name": name}
    head = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
    await kube.request("POST", path, body={**head, "metadata": meta, "spec": spec})
    yield
    await kube.request("DELETE", f"{path}/{name}")


async def test_a_foreign_finalizer_is_named_and_then_purged(
    kube: Kube, make_lab: LabMaker, operator_with: Callable[..., OperatorProcess]
) -> None:
    operator = operator_with(stuck_after="15s")
    lab = await make_lab()
    learner, _ = await namespaces(kube, lab)
    meta = {"name": "stuck", "namespace": learner, "finalizers": ["example.org/never"]}
    await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    await delete(kube, lab)
    await named(kube, lab, operator, f"ConfigMap {learner}/stuck (example.org/never)")
    await gone(kube, lab, operator)
    assert await absent(kube, "Namespace", "", learner)


async def test_a_claim_in_use_is_named_until_its_pod_is_gone(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess
) -> None:
    lab = await make_lab()
    learner, _ = await namespaces(kube, lab)
    pod = learner_pod("user", learner)
    pod["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    claim: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": learner},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    await kube.create(claim)
    await kube.create(pod)
    await bind(kube, pod, "a-node-that-does-not-answer")
    await delete(kube, lab)
    in_use = f"PersistentVolumeClaim {learner}/data (kubernetes.io/pvc-protection)"
    await named(kube, lab, operator, in_use)
    await named(kube, lab, operator, f"Pod {learner}/user (it does not end)")
    path = f"/api/v1/namespaces/{learner}/pods/user"
    await kube.request("DELETE", path, body={"gracePeriodSeconds": 0})
    await gone(kube, lab, operator)


async def bind(kube: Kube, pod: Object, node: str) -> None:
    """Give a pod to a node, as the scheduler does."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding"
    body = {"metadata": {"name": meta["name"]}, "target": {"kind": "Node", "name": node}}
    await kube.request("POST", path, body={"apiVersion": "v1", "kind": "Binding", **body})


async def test_a_namespace_stuck_on_a_dead_api_is_named(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess, dead_api: None
) -> None:
    lab = await make_lab()
    await until(kube, lab, "CredentialsIssued")
    await delete(kube, lab)
    await named(kube, lab, operator, "dead.example.org/v1")
    assert FINALIZER in (await read(kube, lab))["metadata"]["finalizers"]


async def test_a_course_that_is_deleted_takes_its_labs_along(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess
) -> None:
    """What binds the operator there goes first; the labs end all the same, and nothing stays."""
    course = "course-deleted"
    await open_course(kube, course)
    labs = [await make_lab(course=course) for _ in range(2)]
    for lab in labs:
        await until(kube, lab, "CredentialsIssued")
    places = [name for lab in labs for name in await namespaces(kube, lab)]
    await kube.delete("Namespace", "", course)
    await eventually(lambda: absent(kube, "Namespace", "", course), 90)
    for name in places:
        assert await absent(kube, "Namespace", "", name)
