"""``practicum doctor`` against the real API server: for its administrator, and for a learner."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster.control_plane import ControlPlane
from practicum.api.kinds import KINDS
from practicum.clock import utcnow
from practicum.kube.client import Kube
from practicum.policy.network import Enforcement, Finding
from practicum.reconcile.network_probe import NetworkProbe
from practicum.settings import Settings

from .command import examine, states
from .conftest import LabMaker, credentials

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def admin(control_plane: ControlPlane) -> Path:
    return control_plane.kubeconfig


async def test_the_administrator_is_told_what_is_amiss(admin: Path) -> None:
    """Nothing runs here: no replica, no node and no storage; the rest is as it should be."""
    code, checks = examine(admin)
    assert code == 1
    found = states(checks)
    assert found.pop("NetworkPolicy") in ("ok", "unknown", "fail")
    # What other tests have left: warnings of the probe, and labs that are meant to be stuck.
    assert {found.pop("Operator's health"), found.pop("Labs")} <= {"ok", "warn"}
    assert found.pop("Images") in ("ok", "unknown")
    assert found == {
        "Kubernetes version": "ok",
        "API": "ok",
        "CRDs": "ok",
        "Operator": "fail",
        "Leader": "ok",
        "Operator's rights": "ok",
        "Admission policies": "ok",
        "Root key": "ok",
        "Courses": "ok",
        "StorageClass": "fail",
        "Pod Security": "ok",
        "ResourceQuota": "ok",
        "Capacity": "warn",
        "API groups": "ok",
        "Aggregated APIs": "ok",
        "Resource metrics": "warn",
        "Clock": "ok",
    }
    assert checks["Courses"]["text"] == "2: course-a, course-b"
    assert checks["Operator"]["text"] == "it is scaled to 0"


@pytest.mark.parametrize(
    ("enforcement", "state"),
    [
        (Enforcement.ENFORCED, "ok"),
        (Enforcement.NOT_ENFORCED, "fail"),
        (Enforcement.UNKNOWN, "unknown"),
    ],
)
async def test_the_probes_record_is_read(
    admin: Path, kube: Kube, enforcement: Enforcement, state: str
) -> None:
    await NetworkProbe(kube, Settings(), utcnow).tell(Finding(enforcement, "the words"))
    _, checks = examine(admin)
    assert checks["NetworkPolicy"]["state"] == state


async def test_a_learner_is_told_what_they_may_see(
    kube: Kube, make_lab: LabMaker, tmp_path: Path
) -> None:
    config = (await credentials(kube, await make_lab()))["kubeconfig"]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    code, checks = examine(path)
    found = states(checks)
    assert code == 0
    assert [name for name, state in found.items() if state == "ok"] == [
        "Kubernetes version",
        "API",
        "API groups",
        "Clock",
    ]
    assert found.pop("Resource metrics") == "warn"
    assert set(found.values()) == {"ok", "unknown"}


async def test_two_default_storage_classes_are_noticed(admin: Path, kube: Kube) -> None:
    meta = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    body = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "x/y"}
    for name in ("one", "two"):
        await kube.create(body | {"metadata": {"name": name, **meta}})
    try:
        found = examine(admin)[1]["StorageClass"]
    finally:
        for name in ("one", "two"):
            await kube.delete("StorageClass", "", name)
    assert (found["state"], found["text"]) == ("warn", "several are the default: one, two")


_ENFORCE = "pod-security.kubernetes.io/enforce"


@pytest.mark.parametrize(
    ("path", "wound", "check", "words"),
    [
        (
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/"
            "practicum-learner-pods",
            {"spec": {"validationActions": ["Warn"]}},
            "Admission policies",
            "practicum-learner-pods",
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/practicum-operator",
            {"rules": []},
            "Operator's rights",
            "RBAC does not let it",
        ),
        (
            "/api/v1/namespaces/practicum-probe",
            {"metadata": {"labels": {_ENFORCE: "privileged"}}},
            "Pod Security",
            "a privileged pod was let into",
        ),
    ],
)
async def test_a_wound_is_found(
    admin: Path, kube: Kube, path: str, wound: dict[str, Any], check: str, words: str
) -> None:
    """Each is made, found, and mended again."""
    before = await kube.request("GET", path)
    heal = {part: before[part] for part in wound if part != "metadata"}
    if "metadata" in wound:
        heal["metadata"] = {"labels": before["metadata"]["labels"]}
    await _merge(kube, path, wound)
    try:
        found = examine(admin)[1][check]
    finally:
        await _merge(kube, path, heal)
    assert found["state"] == "fail", found
    assert words in found["text"]


async def test_a_crd_of_an_older_release_is_noticed(admin: Path, kube: Kube) -> None:
    path = KINDS["CustomResourceDefinition"].path("", "attestations.practicum.dev")
    versions = (await kube.request("GET", path))["spec"]["versions"]
    older = copy.deepcopy(versions)
    schema = older[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del schema["properties"]["rubric"]
    await _merge(kube, path, {"spec": {"versions": older}})
    try:
        found = examine(admin)[1]["CRDs"]
    finally:
        await _merge(kube, path, {"spec": {"versions": versions}})
    assert found["state"] == "warn"
    assert found["text"].startswith("older than this command: no attestations .spec.rubric")


async def _merge(kube: Kube, path: str, patch: dict[str, Any]) -> None:
    merge = "application/merge-patch+json"
    await kube.request("PATCH", path, body=patch, content_type=merge)
