"""Journeys on a real cluster: instructors apply, learners work, labs end, nothing is left."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from e2e import proof, reach, visitor
from e2e import stage as stages
from e2e.conftest import COURSE, SETTINGS, manifest, read, ready
from e2e.learner import Learner
from e2e.promotion import Registry, decide, evidence
from e2e.stage import Stage
from e2e.waiting import eventually
from practicum.api.names import AUDIT_NAMESPACE
from practicum.api.times import parse_rfc3339
from practicum.clock import utcnow
from practicum.errors import ApiError
from practicum.kube.client import Kube


def image_of(stage: Stage, namespace: str, workload: str) -> str:
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    return stage.kubectl("-n", namespace, "get", "statefulset", workload, "-o", path)


def pods_of(stage: Stage, namespace: str) -> dict[str, Any]:
    found = json.loads(stage.kubectl("-n", namespace, "get", "pods", "-o", "json"))
    return {pod["metadata"]["name"]: pod for pod in found["items"]}


async def test_two_labs_are_ready_side_by_side(stage: Stage, labs: tuple[str, str]) -> None:
    for name in labs:
        status = await ready(stage, name)
        assert all(service["ready"] for service in status["services"])
        platform = status["namespaces"][1]
        for pod, body in pods_of(stage, platform).items():
            restarts = [c["restartCount"] for c in body["status"]["containerStatuses"]]
            if restarts != [0]:
                said = stage.kubectl("-n", platform, "logs", pod, "--previous", "--tail=20")
                pytest.fail(f"{pod} was restarted; it had said:\n{said}")


async def test_the_learner_may_do_what_is_promised(
    stage: Stage, ada: Learner, bob: Learner
) -> None:
    image = image_of(stage, ada.platform, "mlflow")
    found = [one async for one in proof.access(ada, image, bob.namespace)]
    assert [one for one in found if not one.holds] == []
    assert len(found) == 10


async def test_no_lab_reaches_another_nor_what_is_around_it(
    stage: Stage, ada: Learner, bob: Learner
) -> None:
    image = image_of(stage, ada.platform, "mlflow")
    async with reach.open_doors(image, ada, bob):
        for own, other in ((ada, bob), (bob, ada)):
            found = [one async for one in reach.network(stage, own, other)]
            assert [one for one in found if not one.holds] == []
            assert len(found) == 15


async def test_the_learner_uses_every_component(ada: Learner) -> None:
    found = [one async for one in proof.services(ada)]
    assert [one for one in found if not one.holds] == []
    assert len(found) == 8


async def test_every_candidate_is_judged_by_its_trap(ada: Learner) -> None:
    verdicts = {}
    async with (
        ada.service("mlflow") as mlflow,
        ada.service("feast") as feast,
        ada.service("opa") as opa,
    ):
        registry = Registry(mlflow, ada)
        for version in await registry.candidates():
            question = await evidence(registry, feast, version)
            decision = await decide(opa, ada, question)
            verdicts[version["version"]] = sorted(r["control"] for r in decision["deny"])
            assert decision["allow"] == (verdicts[version["version"]] == [])
    assert [verdicts[number] for number in "23456"] == [
        [],
        ["PRM-4"],
        ["PRM-7"],
        ["PRM-6"],
        ["PRM-5"],
    ]


async def test_a_pod_of_the_learner_reaches_the_services_by_name(
    stage: Stage, ada: Learner
) -> None:
    endpoints = await ada.kube.get("ConfigMap", ada.namespace, "lab-endpoints")
    url = endpoints["data"]["mlflow.url"].rstrip("/")
    script = "import json, urllib.request as u; "
    script += f"print(json.dumps(u.urlopen('{url}/health', timeout=20).read().decode()))"
    image = image_of(stage, ada.platform, "mlflow")
    assert await visitor.run(ada.kube, ada.namespace, image, script) == "OK"


async def test_logins_of_one_lab_do_not_open_another(ada: Learner, bob: Learner) -> None:
    async with bob.service("mlflow") as mlflow, bob.service("opa") as opa:
        path = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=fraud"
        assert (await mlflow.call(path, login=bob.login("mlflow", "ds"))).status == 200
        assert (await mlflow.call(path, login=ada.login("mlflow", "ds"))).status == 401
        matrix = "/v1/data/lab/approval_matrix"
        assert (await opa.call(matrix, login=bob.login("opa", "learner"))).status == 200
        assert (await opa.call(matrix, login=ada.login("opa", "learner"))).status == 401


def test_the_renewing_context_works_with_plain_kubectl(
    stage: Stage, labs: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "kubeconfig"
    written = stage.practicum("credentials", labs[0], "-n", COURSE, "--write", str(path))
    assert written.returncode == 0, written.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    command = [str(stage.tools["kubectl"]), "--kubeconfig", str(path), "get", "pods"]
    listed = subprocess.run(
        command, env=stage.environment, capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0, listed.stderr


async def test_an_upgrade_of_the_operator_restarts_nobody(
    stage: Stage, labs: tuple[str, str]
) -> None:
    platform = read(stage, labs[0])["status"]["namespaces"][1]
    before = {name: pod["metadata"]["uid"] for name, pod in pods_of(stage, platform).items()}
    stages.install_chart(stage, **SETTINGS, logLevel="debug")
    await asyncio.sleep(5)
    after = {name: pod["metadata"]["uid"] for name, pod in pods_of(stage, platform).items()}
    assert before == after
    await ready(stage, labs[0])


async def test_a_lab_sleeps_and_wakes_with_its_data(
    stage: Stage, labs: tuple[str, str], ada: Learner
) -> None:
    async with ada.service("mlflow") as mlflow:
        tag = {"name": "fraud-dev", "version": "2", "key": "review", "value": "kept"}
        login = ada.login("mlflow", "reviewer-ml")
        path = "/api/2.0/mlflow/model-versions/set-tag"
        assert (await mlflow.call(path, body=tag, login=login)).status == 200
    assert stage.practicum("suspend", labs[0], "-n", COURSE).returncode == 0

    async def asleep() -> bool:
        quiet = read(stage, labs[0])["status"]["phase"] == "Suspended"
        running = [p for p in pods_of(stage, ada.platform).values() if _runs(p)]
        return quiet and not running

    await eventually(asleep, 90)
    resumed = stage.practicum("resume", labs[0], "-n", COURSE, "--wait")
    assert resumed.returncode == 0, resumed.stderr
    status = read(stage, labs[0])["status"]
    assert status["phase"] == "Ready"


def _runs(pod: dict[str, Any]) -> bool:
    return bool(pod["status"]["phase"] in ("Pending", "Running"))


async def test_the_data_is_there_after_the_sleep(ada: Learner) -> None:
    async with ada.service("mlflow") as mlflow:
        candidates = await Registry(mlflow, ada).candidates()
    tags = {tag["key"]: tag["value"] for tag in candidates[1]["tags"]}
    assert tags["review"] == "kept"


async def leftovers(kube: Kube, uid: str, namespaces: list[str]) -> list[str]:
    """Return what in the whole cluster still belongs to a lab, volumes included.

    Its audit log is kept: it is the record of the lab, and no part of it.
    """
    selector = f"practicum.dev/lab-uid={uid}"
    kinds = ("Namespace", "ServiceAccount", "Role", "RoleBinding", "Secret", "Pod", "ConfigMap")
    found = [
        f"{kind} {body['metadata']['name']}"
        for kind in kinds
        for body in await kube.list(kind, labels=selector)
        if body["metadata"].get("namespace") != AUDIT_NAMESPACE
    ]
    volumes = [
        f"PersistentVolume {body['metadata']['name']}"
        for body in await kube.list("PersistentVolume")
        if body["spec"].get("claimRef", {}).get("namespace") in namespaces
    ]
    return found + volumes


async def test_expiry_really_removes_everything(
    stage: Stage, labs: tuple[str, str], ada: Learner
) -> None:
    lab = read(stage, labs[0])
    age = (utcnow() - parse_rfc3339(lab["metadata"]["creationTimestamp"])).total_seconds()
    patch = {"spec": {"ttl": f"{int(age) + 12}s"}}
    stage.kubectl(
        *("patch", "lab", labs[0], "-n", COURSE, "--type", "merge", "-p", json.dumps(patch))
    )

    async def expired() -> bool:
        return bool(read(stage, labs[0])["status"]["phase"] == "Expired")

    await eventually(expired, 150)
    async with await Kube.connect(stage.kubeconfig) as kube:
        uid, places = lab["metadata"]["uid"], lab["status"]["namespaces"]

        async def nothing() -> bool:
            return await leftovers(kube, uid, places) == []

        # Volumes are deleted by their provisioner, in its own time.
        await eventually(nothing, 60)
    with pytest.raises(ApiError) as refused:
        await ada.kube.list("Pod", ada.namespace)
    assert refused.value.status == 401


async def test_a_lab_deleted_while_the_operator_is_down_goes_when_it_is_back(
    stage: Stage, labs: tuple[str, str]
) -> None:
    lab = read(stage, labs[1])
    operator = ("-n", stages.NAMESPACE, "scale", "deployment", stages.RELEASE, "--replicas")
    stage.kubectl(*operator, "0")
    where = ("-n", stages.NAMESPACE, "--for=delete", "pod", "--timeout=180s")
    stage.kubectl("wait", *where, "-l", "app.kubernetes.io/name=practicum")
    stage.kubectl("delete", "lab", labs[1], "-n", COURSE, "--wait=false")
    await asyncio.sleep(3)
    assert "deletionTimestamp" in read(stage, labs[1])["metadata"]
    stage.kubectl(*operator, "1")
    stage.kubectl("wait", "lab", labs[1], "-n", COURSE, "--for=delete", "--timeout=450s")
    async with await Kube.connect(stage.kubeconfig) as kube:
        uid, places = lab["metadata"]["uid"], lab["status"]["namespaces"]

        async def nothing() -> bool:
            return await leftovers(kube, uid, places) == []

        await eventually(nothing, 60)


async def test_a_bad_lab_is_explained(stage: Stage) -> None:
    stage.kubectl("apply", "-f", "-", stdin=manifest("bad", size="gigantic"))

    async def explained() -> bool:
        told = stage.practicum("explain", "bad", "-n", COURSE)
        assert told.returncode == 1, told
        return "SizeUnknown" in told.stdout and "spec.size" in told.stdout

    await eventually(explained, 30)
    stage.kubectl("delete", "lab", "bad", "-n", COURSE)
