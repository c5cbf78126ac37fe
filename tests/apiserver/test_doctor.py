"""``practicum doctor`` against the real API server: for its administrator, and for a learner."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster.control_plane import ControlPlane
from practicum.clock import utcnow
from practicum.kube.client import Kube
from practicum.policy.network import Enforcement, Finding
from practicum.reconcile.network_probe import NetworkProbe
from practicum.settings import Settings

from .conftest import LabMaker, credentials
from .operator_process import ROOT

pytestmark = pytest.mark.usefixtures("operator")


def examine(kubeconfig: Path) -> tuple[int, dict[str, dict[str, str]]]:
    """Run the command; returns its exit code and the checks by name."""
    done = subprocess.run(
        [sys.executable, "-m", "practicum.cli", "doctor", "-o", "json"],
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {check["check"]: check for check in checks}


def states(checks: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: check["state"] for name, check in checks.items()}


@pytest.fixture
def admin(control_plane: ControlPlane) -> Iterator[Path]:
    return control_plane.kubeconfig


async def test_the_administrator_is_told_what_is_amiss(admin: Path) -> None:
    """Nothing runs here: no replica, and no storage; all the rest is as it should be."""
    code, checks = examine(admin)
    assert code == 1
    found = states(checks)
    assert found.pop("NetworkPolicy") in ("ok", "unknown", "fail")
    assert found == {
        "Kubernetes version": "ok",
        "API": "ok",
        "Operator": "fail",
        "Leader": "ok",
        "Operator's rights": "ok",
        "Admission policies": "ok",
        "StorageClass": "fail",
        "Pod Security": "ok",
        "Clock": "ok",
    }
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
        "Clock",
    ]
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


async def _merge(kube: Kube, path: str, patch: dict[str, Any]) -> None:
    merge = "application/merge-patch+json"
    await kube.request("PATCH", path, body=patch, content_type=merge)
