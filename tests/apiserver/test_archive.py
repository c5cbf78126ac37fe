"""A lab that ends with an archive: nothing is deleted before it is there, failures are told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.control_plane import ControlPlane
from practicum.api.archives import ArchiveRecord
from practicum.api.names import AUDIT_NAMESPACE, RESTORE_FROM, SKIP_ARCHIVE
from practicum.api.times import rfc3339
from practicum.archives import shelf
from practicum.clock import utcnow
from practicum.desired import archive_pods
from practicum.kube.client import Kube, Object
from practicum.reconcile.runner import background
from practicum.reconcile.shelves import Shelves
from practicum.settings import Settings
from practicum.wiring import tools_for
from tests.archive_kubelet import ArchiveKubelet

from .command import practicum
from .conftest import (
    LabMaker,
    absent,
    access,
    eventually,
    lab_body,
    namespaces,
    open_course,
    read,
    told,
    until,
)
from .operator_process import OperatorProcess
from .test_life import learner_pod

COURSE = "course-a"


@pytest.fixture
async def kubelet(kube: Kube, tmp_path: Path) -> AsyncIterator[ArchiveKubelet]:
    """Runs what archives are made by."""
    one = ArchiveKubelet(kube, tmp_path)
    async with background(one.run()):
        yield one


@dataclass
class Work:
    """A lab in which somebody has worked."""

    body: Object
    learner: str
    platform: str

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])


Worker = Callable[..., Awaitable[Work]]


@pytest.fixture
async def work(kube: Kube, make_lab: LabMaker, kubelet: ArchiveKubelet) -> AsyncIterator[Worker]:
    """Makes labs with a database, a note, a Deployment and a running pod in them."""
    volumes: list[str] = []

    async def make(**spec: Any) -> Work:
        lab = await make_lab(onExpiry="Archive", **spec)
        learner, platform = await namespaces(kube, lab)
        await until(kube, lab, "CredentialsIssued")
        note = {"name": "notes", "namespace": learner}
        await kube.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": note, "data": {"a.md": "# Mine"}}
        )
        await kube.create(learner_pod("user", learner))
        await kube.create(deployment(learner))
        volume = f"pv-{lab['metadata']['name']}"
        await kube.create(bound(volume, platform, "postgres"))
        volumes.append(volume)
        (kubelet.volume(platform, "postgres") / "base").write_text("rows")

        async def has_volume() -> bool:
            claim = await kube.get("PersistentVolumeClaim", platform, "postgres")
            return bool(claim["status"]["phase"] == "Bound")

        await eventually(has_volume)
        return Work(lab, learner, platform)

    yield make
    for volume in volumes:
        await kube.delete("PersistentVolume", "", volume)


def bound(name: str, namespace: str, claim: str) -> Object:
    """Return a volume that is there for one claim."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": namespace, "name": claim},
        "hostPath": {"path": "/nowhere"},
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": spec,
    }


def deployment(namespace: str) -> Object:
    pod = learner_pod("web", namespace)
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "web", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


async def gone(kube: Kube, work: Work, seconds: float = 90) -> None:
    await eventually(lambda: absent(kube, "LabEnvironment", COURSE, work.name), seconds)
    assert await absent(kube, "Namespace", "", work.learner)
    assert await absent(kube, "Namespace", "", work.platform)


async def leftovers(kube: Kube, work: Work) -> list[str]:
    """Return what archiving left behind besides its record."""
    selector = f"practicum.dev/archive!=record,practicum.dev/lab-uid={work.uid}"
    return [
        body["metadata"]["name"]
        for kind in ("Pod", "Secret")
        for body in await kube.list(kind, AUDIT_NAMESPACE, selector)
    ]


async def record(kube: Kube, work: Work) -> ArchiveRecord:
    return ArchiveRecord.read(await kube.get("ConfigMap", AUDIT_NAMESPACE, f"archive-{work.uid}"))


async def test_a_lab_is_archived_and_only_then_deleted(
    kube: Kube, work: Worker, kubelet: ArchiveKubelet, operator: OperatorProcess
) -> None:
    lab = await work()
    await kube.delete("LabEnvironment", COURSE, lab.name)
    await gone(kube, lab)
    made = await record(kube, lab)
    assert [volume.name for volume in made.volumes] == ["platform/postgres"]
    assert (made.volumes[0].user, made.volumes[0].group) == (70, 70)
    folder = kubelet.shelf / made.path
    assert shelf.verify(folder, made.manifest).size == made.size
    objects = {(o["kind"], o["metadata"]["name"]): o for o in _json(folder / "objects.json")}
    assert objects["ConfigMap", "notes"]["data"] == {"a.md": "# Mine"}
    assert objects["Deployment", "web"]["spec"]["replicas"] == 2
    assert (folder / "documents/learner/notes/a.md").read_text() == "# Mine"
    assert _json(folder / "lab.json")["spec"]["template"] == "mod-506"
    assert _json(folder / "template.json")["spec"]["title"]
    assert {kind for kind, _ in objects} == {"ConfigMap", "Deployment"}
    assert await leftovers(kube, lab) == []
    assert operator.metric('practicum_archives_total{result="made"}') >= 1


def _json(file: Path) -> Any:
    return json.loads(file.read_text())


async def test_a_failed_archive_keeps_the_data_says_why_and_is_tried_again(
    kube: Kube, work: Worker, kubelet: ArchiveKubelet, operator: OperatorProcess
) -> None:
    lab = await work()
    text = "the archive volume is full: enlarge the claim practicum-archive"
    kubelet.failing = {"error": "ArchiveFull", "message": text}
    await kube.delete("LabEnvironment", COURSE, lab.name)
    said = await until(kube, lab.body, "Archived", "False", 60, reason="ArchiveFull")
    assert text in said["message"]
    assert "the data is kept, the next attempt is at" in said["message"]
    assert text in (await told(kube, lab.body, "ArchiveFull"))["message"]
    assert operator.metric("practicum_archives_failing_labs ") == 1
    for namespace in (lab.learner, lab.platform):
        assert "deletionTimestamp" not in (await kube.get("Namespace", "", namespace))["metadata"]
        for kind in ("Deployment", "StatefulSet"):
            scaled = [one["spec"]["replicas"] for one in await kube.list(kind, namespace)]
            assert set(scaled) <= {0}, kind
    assert await leftovers(kube, lab) == []
    kubelet.failing = None
    await gone(kube, lab)
    made = await record(kube, lab)
    objects = _json(kubelet.shelf / made.path / "objects.json")
    assert [o["spec"]["replicas"] for o in objects if o["kind"] == "Deployment"] == [2]
    assert operator.metric("practicum_archives_failing_labs ") == 0


async def test_an_operator_killed_at_every_turn_makes_one_archive(
    kube: Kube, work: Worker, kubelet: ArchiveKubelet, operator: OperatorProcess
) -> None:
    lab = await work()
    await kube.delete("LabEnvironment", COURSE, lab.name)
    waits = [
        lambda: pods(kube, lab.platform, "porter"),
        lambda: pods(kube, AUDIT_NAMESPACE, "keeper"),
        lambda: kube.find("ConfigMap", AUDIT_NAMESPACE, f"archive-{lab.uid}"),
    ]
    for wait in waits:
        await eventually(wait, 60)
        operator.kill()
        operator.revive()
    await gone(kube, lab)
    assert kubelet.kept == 1
    assert await leftovers(kube, lab) == []
    shelf.verify(kubelet.shelf / (await record(kube, lab)).path)


async def pods(kube: Kube, namespace: str, kind: str) -> list[Object]:
    return await kube.list("Pod", namespace, f"practicum.dev/archive={kind}")


async def test_who_asks_for_no_archive_gets_none(
    kube: Kube, work: Worker, kubelet: ArchiveKubelet, operator: OperatorProcess
) -> None:
    lab = await work()
    notes = {"metadata": {"annotations": {SKIP_ARCHIVE: "true"}}}
    await kube.merge_patch("LabEnvironment", COURSE, lab.name, notes)
    await kube.delete("LabEnvironment", COURSE, lab.name)
    await gone(kube, lab)
    assert kubelet.kept == 0
    assert await absent(kube, "ConfigMap", AUDIT_NAMESPACE, f"archive-{lab.uid}")


async def test_a_suspended_lab_is_archived_too(
    kube: Kube, work: Worker, kubelet: ArchiveKubelet, operator: OperatorProcess
) -> None:
    """Its quotas have room for no pod, and its learner has a volume."""
    lab = await work()
    meta = {"name": "mine", "namespace": lab.learner}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}
    volume = f"pv-mine-{lab.name}"
    await kube.create(bound(volume, lab.learner, "mine"))
    await kube.create(claim)
    (kubelet.volume(lab.learner, "mine") / "notes").write_text("mine")
    patch = {"spec": {"suspended": True}}
    await kube.merge_patch("LabEnvironment", COURSE, lab.name, patch)

    async def closed() -> bool:
        quota = await kube.get("ResourceQuota", lab.learner, "jobs")
        found = await kube.get("PersistentVolumeClaim", lab.learner, "mine")
        bound_too = found["status"]["phase"] == "Bound"
        return bound_too and quota["status"].get("hard", {}).get("pods") == "0"

    await eventually(closed)
    await kube.delete("LabEnvironment", COURSE, lab.name)
    await gone(kube, lab)
    made = await record(kube, lab)
    assert "learner/mine" in [one.name for one in made.volumes]
    await kube.delete("PersistentVolume", "", volume)


@pytest.fixture
async def tutor(kube: Kube, control_plane: ControlPlane, tmp_path: Path) -> Path:
    """An instructor's kubeconfig: who may edit the course, and nothing elsewhere."""
    meta = {"name": "tutor", "namespace": COURSE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    subject = {"kind": "ServiceAccount", **meta}
    await kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta}
    await kube.apply({**head, "roleRef": role, "subjects": [subject]})
    return access(control_plane, tmp_path, COURSE, "tutor")


async def test_an_expired_lab_says_where_its_archive_is(
    kube: Kube, work: Worker, operator: OperatorProcess, control_plane: ControlPlane, tutor: Path
) -> None:
    lab = await work()
    await kube.merge_patch("LabEnvironment", COURSE, lab.name, {"spec": {"ttl": "10s"}})

    async def expired() -> bool:
        return bool((await read(kube, lab.body))["status"]["phase"] == "Expired")

    await eventually(expired, 90)
    said = await until(kube, lab.body, "Archived")
    made = await record(kube, lab)
    assert made.manifest in said["message"]
    assert await absent(kube, "Namespace", "", lab.learner)
    # The platform team sees the record; an instructor what the course itself says.
    for config, size in ((control_plane.kubeconfig, made.size), (tutor, None)):
        listed = await asyncio.to_thread(practicum, config, "archive", "list", "-o", "json")
        assert listed.returncode == 0, listed.stderr
        (found,) = (one for one in json.loads(listed.stdout) if one["archive"] == lab.uid)
        assert (found["lab"], found["template"], found["size"]) == (lab.name, "mod-506", size)
    taken = await asyncio.to_thread(practicum, tutor, "archive", "restore", lab.name)
    assert taken.returncode == 5, taken
    assert "give another --name" in taken.stderr
    copied = await asyncio.to_thread(
        practicum, tutor, "archive", "get", lab.uid, "--to", str(tutor.parent / "copy")
    )
    assert copied.returncode == 4, copied
    assert "practicum-archivist" in copied.stderr
    missing = await asyncio.to_thread(practicum, tutor, "archive", "restore", "never-was")
    assert missing.returncode == 3, missing
    words = ("archive", "restore", lab.name, "--name", f"{lab.name}-back", "--ttl", "2h")
    back = await asyncio.to_thread(practicum, tutor, *words)
    assert back.returncode == 0, back.stderr
    body = await kube.get("LabEnvironment", COURSE, f"{lab.name}-back")
    assert body["metadata"]["annotations"] == {RESTORE_FROM: lab.uid}
    assert (body["spec"]["ttl"], body["spec"]["onExpiry"]) == ("2h", "Archive")
    await kube.delete("LabEnvironment", COURSE, f"{lab.name}-back")


async def test_without_a_volume_for_archives_a_lab_stays_and_says_so(
    kube: Kube, work: Worker, operator_with: Callable[..., OperatorProcess]
) -> None:
    operator_with()
    lab = await work()
    await kube.delete("LabEnvironment", COURSE, lab.name)
    said = await until(kube, lab.body, "Archived", "False", 60, reason="ArchiveNotEnabled")
    assert "archive.enabled" in said["message"]
    assert not await absent(kube, "Namespace", "", lab.platform)
    notes = {"metadata": {"annotations": {SKIP_ARCHIVE: "true"}}}
    await kube.merge_patch("LabEnvironment", COURSE, lab.name, notes)
    await gone(kube, lab)


async def test_a_course_that_goes_waits_for_archives_only_so_long(
    kube: Kube, work: Worker, kubelet: ArchiveKubelet, operator_with: Callable[..., OperatorProcess]
) -> None:
    course = "course-archived"
    await open_course(kube, course)
    operator = operator_with(archive_image="example.org/practicum", archive_patience="10s")
    lab = await work(course=course)
    kubelet.failing = {"error": "ArchiveFull", "message": "full"}
    await kube.delete("Namespace", "", course)

    async def let_go() -> bool:
        assert operator.metric('practicum_archives_total{result="abandoned"}') == 1
        return await absent(kube, "Namespace", "", lab.platform)

    await eventually(let_go, 90)
    await eventually(lambda: absent(kube, "Namespace", "", course), 90)


async def test_only_archives_of_the_course_and_the_template_come_back(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess
) -> None:
    uids = {"course-b": "00000000-other", COURSE: "00000000-here"}
    for course, uid in uids.items():
        await kube.create(a_record(uid, course, "mod-501").config_map())
    asked = [
        (uids["course-b"], "ArchiveNotFound", "this course has no archive 00000000-other"),
        ("never-was", "ArchiveNotFound", "this course has no archive never-was"),
        (uids[COURSE], "ArchiveNotFitting", "is of a lab of template 'mod-501'"),
    ]
    for number, (uid, reason, text) in enumerate(asked):
        body = lab_body(f"back-{number}")
        body["metadata"]["annotations"] = {RESTORE_FROM: uid}
        lab = await kube.create(body)
        said = await until(kube, lab, "Accepted", "False", reason=reason)
        assert text in said["message"]
        assert (await read(kube, lab))["status"]["namespaces"] == []
        await kube.delete("LabEnvironment", COURSE, body["metadata"]["name"])
    for uid in uids.values():
        await kube.delete("ConfigMap", AUDIT_NAMESPACE, f"archive-{uid}")


def a_record(uid: str, course: str, template: str, made_at: str = "2026-11-21T12:00:00Z") -> Any:
    return ArchiveRecord(
        uid=uid,
        origin=uid,
        lab="ada",
        course=course,
        template=template,
        revision=f"{template}-1",
        spec={"template": template},
        made_at=made_at,
        manifest="0" * 64,
        files=0,
        size=0,
    )


async def test_archives_are_removed_when_their_time_is_over(
    kube: Kube, kubelet: ArchiveKubelet, operator_kubeconfig: Path
) -> None:
    old = a_record("00000000-old", COURSE, "mod-506", "2020-01-01T00:00:00Z")
    new = a_record("00000000-new", COURSE, "mod-506", rfc3339(utcnow()))
    for one in (old, new):
        await kube.create(one.config_map())
        (kubelet.shelf / one.path).mkdir(parents=True)
    async with await Kube.connect(operator_kubeconfig) as ours:
        settings = Settings(root_key=b"k", archive_image="example.org/practicum")
        shelves = Shelves(tools_for(ours, settings))

        async def removed() -> bool:
            await shelves.run()
            return await absent(kube, "ConfigMap", AUDIT_NAMESPACE, "archive-00000000-old")

        await eventually(removed)
        await shelves.run()
    assert not (kubelet.shelf / old.path).exists()
    assert (kubelet.shelf / new.path).exists()
    assert await pods(kube, AUDIT_NAMESPACE, "keeper") == []
    await kube.delete("ConfigMap", AUDIT_NAMESPACE, "archive-00000000-new")


async def test_what_nobody_waits_for_takes_no_place(kube: Kube, operator_kubeconfig: Path) -> None:
    settings = Settings(root_key=b"k", archive_image="example.org/practicum")
    task = {"do": "restore", "path": "course-a/ada-00000000-gone"}
    (secret,) = archive_pods.inputs("00000000-gone", b"", settings)
    old = a_record("00000000-gone", COURSE, "mod-506", rfc3339(utcnow()))
    async with await Kube.connect(operator_kubeconfig) as ours:
        await ours.create(secret)
        await ours.create(archive_pods.keeper("00000000-gone", task, 1, settings))
        reader = await kube.create(archive_pods.reader(old, "t", "example.org/practicum", {}))
        shelves = Shelves(tools_for(ours, settings))
        await shelves.run()
        left = await kube.list("Pod", AUDIT_NAMESPACE) + await kube.list("Secret", AUDIT_NAMESPACE)
        assert [one["metadata"]["name"] for one in left] == [reader["metadata"]["name"]]
        await say_phase(kube, reader, "Failed")
        await shelves.run()
    assert await kube.list("Pod", AUDIT_NAMESPACE) == []


async def say_phase(kube: Kube, pod: Object, phase: str) -> None:
    path = f"/api/v1/namespaces/{AUDIT_NAMESPACE}/pods/{pod['metadata']['name']}/status"
    body = {"status": {"phase": phase}}
    await kube.request("PATCH", path, body=body, content_type="application/merge-patch+json")


async def test_a_lab_that_comes_back_waits_for_its_volumes(
    kube: Kube, work: Worker, kubelet: ArchiveKubelet, operator: OperatorProcess
) -> None:
    """Volumes are filled before anything runs; a log, by which the objects come, takes a node."""
    lab = await work()
    await kube.delete("LabEnvironment", COURSE, lab.name)
    await gone(kube, lab)
    body = lab_body(f"{lab.name}-back")
    body["metadata"]["annotations"] = {RESTORE_FROM: lab.uid}
    back = await kube.create(body)
    _, platform = await namespaces(kube, back)

    async def filled() -> bool:
        file = kubelet.volume(platform, "postgres") / "base"
        return file.exists() and file.read_text() == "rows"

    await eventually(filled, 60)
    assert await kube.list("Deployment", platform) == []
    assert await kube.list("StatefulSet", platform) == []
    restored = (await read(kube, back))["status"]["restored"]
    assert (restored["archive"], restored["origin"]) == (lab.uid, lab.uid)
    assert "at" not in restored
    await kube.delete("LabEnvironment", COURSE, body["metadata"]["name"])
