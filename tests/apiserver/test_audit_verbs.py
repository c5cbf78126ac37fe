"""``practicum audit`` on a real API server: logs of labs that are there, and that are gone."""

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.control_plane import ControlPlane
from practicum.api.names import AUDIT_NAMESPACE
from practicum.governance import audit
from practicum.governance.audit import Audit
from practicum.kube.client import Kube, Object

from .command import practicum
from .conftest import LabMaker, absent, access, bind, eventually, lab_body

ROOT = b"root key"
COUNT = 40
"""Of records; two a segment are more segments than a page of the list holds."""


@dataclass(frozen=True)
class Scene:
    """A lab, and one of the same name that was there before it; both have a log."""

    live: Object
    gone: str
    """The uid of the latter."""
    head: str

    @property
    def name(self) -> str:
        return str(self.live["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.live["metadata"]["uid"])


async def written(kube: Kube, lab: Object, count: int) -> Audit:
    log = Audit(kube, AUDIT_NAMESPACE, lambda: ROOT)
    meta = lab["metadata"]
    for number in range(count):
        event = {
            "id": f"event-{number}",
            "at": f"2026-11-21T12:00:{number:02}Z",
            "type": "AliasMoved",
            "lab": {"course": meta["namespace"], "name": meta["name"]},
            "outcome": {"name": "fraud"},
        }
        await log.append(meta["uid"], event)
    return log


async def anchored(kube: Kube, lab: Object, log: Audit) -> str:
    """Write where the log ends into the lab's status; returns it as ``--head`` has it."""
    meta, head = lab["metadata"], await log.head(lab["metadata"]["uid"])
    await kube.request(
        "PATCH",
        f"/apis/practicum.dev/v1alpha1/namespaces/course-a/labenvironments/{meta['name']}/status",
        body={"status": {"audit": {"seq": head.seq, "hash": head.hash}}},
        content_type="application/merge-patch+json",
    )
    return f"{head.seq}:{head.hash}"


@pytest.fixture
async def scene(kube: Kube, make_lab: LabMaker, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(audit, "SEGMENT_RECORDS", 2)
    first = await make_lab()
    name, uid = first["metadata"]["name"], first["metadata"]["uid"]
    log = await written(kube, first, COUNT)
    head = await anchored(kube, first, log)
    await kube.delete("LabEnvironment", "course-a", name)
    await eventually(lambda: absent(kube, "LabEnvironment", "course-a", name))
    # The fixture of the first one deletes what has its name.
    second = await kube.create(lab_body(name))
    await anchored(kube, second, await written(kube, second, 3))
    return Scene(second, uid, head)


@pytest.fixture
async def auditor(kube: Kube, control_plane: ControlPlane, tmp_path: Path) -> Path:
    """Somebody who may read the logs, and nothing else."""
    await bind(kube, AUDIT_NAMESPACE, "auditor-of-tests", "practicum-auditor")
    return access(control_plane, tmp_path, AUDIT_NAMESPACE, "auditor-of-tests")


def listed(kubeconfig: Path, scene: Scene, *words: str) -> dict[str, Any]:
    done = practicum(kubeconfig, "audit", "list", "-o", "json", *words)
    assert done.returncode == 0, done.stderr
    return {one["uid"]: one for one in json.loads(done.stdout) if one["lab"] == scene.name}


async def test_logs_are_listed_with_what_became_of_their_labs(
    control_plane: ControlPlane, scene: Scene, auditor: Path
) -> None:
    found = listed(control_plane.kubeconfig, scene)
    assert {uid: (one["records"], one["state"]) for uid, one in found.items()} == {
        scene.gone: (COUNT, "gone"),
        scene.uid: (3, "live"),
    }
    old = found[scene.gone]
    assert (old["course"], old["first"]) == ("course-a", "2026-11-21T12:00:00Z")
    assert old["last"] == f"2026-11-21T12:00:{COUNT - 1}Z"
    assert listed(control_plane.kubeconfig, scene, "-n", "course-b") == {}
    assert listed(control_plane.kubeconfig, scene, "-A") == found
    # The chart's right to read logs is enough to list them; labs of courses are no part of it.
    assert {one["state"] for one in listed(auditor, scene).values()} == {"unknown"}


def test_who_may_read_no_logs_is_told_so(control_plane: ControlPlane, tmp_path: Path) -> None:
    kubeconfig = access(control_plane, tmp_path, "course-a", "default")
    told = practicum(kubeconfig, "audit", "list")
    assert told.returncode == 4
    assert "you may not read the audit logs in namespace practicum-audit" in told.stderr


@pytest.fixture
async def root_key(kube: Kube) -> str:
    """A Secret with the key of these logs; the operator's own writes none of them."""
    meta = {"name": "root-key-of-tests", "namespace": "practicum-system"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
    await kube.apply({**body, "data": {"root-key": base64.b64encode(ROOT).decode()}})
    return meta["name"]


async def test_the_log_of_a_lab_that_is_gone_is_read_by_uid(
    control_plane: ControlPlane, scene: Scene, auditor: Path, root_key: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    words = ("audit", "key", "--uid", scene.gone, "--secret", root_key)
    key.write_text(practicum(control_plane.kubeconfig, *words).stdout)
    for kubeconfig in (control_plane.kubeconfig, auditor):
        shown = practicum(kubeconfig, "audit", "show", "--uid", scene.gone, "-o", "json")
        assert len(json.loads(shown.stdout)) == COUNT
        verify = ("audit", "verify", "--uid", scene.gone)
        open_ended = practicum(kubeconfig, *verify)
        assert open_ended.stdout == f"the chain holds: {COUNT} records\n", open_ended
        assert "without --head nobody can tell" in open_ended.stderr
        whole = practicum(kubeconfig, *verify, "--head", scene.head, "--key-file", str(key))
        assert (whole.returncode, whole.stderr) == (0, "")
    report = practicum(auditor, "report", "lifecycle", "--uid", scene.gone, "-o", "json")
    assert json.loads(report.stdout)["models"][0]["moves"] == COUNT


async def test_the_key_of_a_log_takes_the_root_key(
    control_plane: ControlPlane, scene: Scene, auditor: Path, root_key: str
) -> None:
    words = ("audit", "key", scene.name, "--secret", root_key)
    one = practicum(control_plane.kubeconfig, *words, "-o", "json")
    assert json.loads(one.stdout)["uid"] == scene.uid
    refused = practicum(auditor, "audit", "key", "--uid", scene.gone)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "you may not read Secret practicum-root-key" in refused.stderr
    lost = practicum(control_plane.kubeconfig, *words[:3], "--secret", "another")
    assert lost.returncode == 3
    assert "rootKey.existingSecret" in lost.stderr


async def test_a_log_that_lost_its_end_needs_the_head(
    kube: Kube, control_plane: ControlPlane, scene: Scene
) -> None:
    for uid, segment in ((scene.gone, COUNT // 2), (scene.uid, 2)):
        await kube.delete("ConfigMap", AUDIT_NAMESPACE, f"audit-{uid}-{segment:06}")
    verify = ("audit", "verify", "-o", "json", "--uid")
    open_ended, whole, live = await asyncio.gather(
        asyncio.to_thread(practicum, control_plane.kubeconfig, *verify, scene.gone),
        asyncio.to_thread(
            practicum, control_plane.kubeconfig, *verify, scene.gone, "--head", scene.head
        ),
        asyncio.to_thread(practicum, control_plane.kubeconfig, *verify, scene.uid),
    )
    assert (open_ended.returncode, json.loads(open_ended.stdout)["anchored"]) == (0, False)
    for cut in (whole, live):
        assert (cut.returncode, json.loads(cut.stdout)["reason"]) == (1, "Truncated")


async def test_a_name_whose_lab_is_gone_leads_to_the_newest_log(
    kube: Kube, control_plane: ControlPlane, scene: Scene
) -> None:
    await kube.delete("LabEnvironment", "course-a", scene.name)
    await eventually(lambda: absent(kube, "LabEnvironment", "course-a", scene.name))
    told = practicum(control_plane.kubeconfig, "audit", "show", scene.name)
    assert told.returncode == 3
    # That of the first lab was written to last.
    assert f"use --uid {scene.gone}" in told.stderr
    assert practicum(control_plane.kubeconfig, "audit", "show", "--uid", scene.gone).returncode == 0


async def test_a_selector_is_no_uid(control_plane: ControlPlane, scene: Scene) -> None:
    told = practicum(control_plane.kubeconfig, "audit", "show", "--uid", f"{scene.gone},other")
    assert told.returncode == 2
    assert "is not the uid of a lab; see: practicum audit list -A" in told.stderr
    nobody = practicum(control_plane.kubeconfig, "audit", "show", "--uid", "nobodys")
    assert nobody.returncode == 3
