"""Upgrade, rollback and uninstall with a lab that runs: it notices nothing, and nothing is left.

The last of the journeys by its name: the release that all share goes away here, and is installed
again.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.conftest import COURSE, SETTINGS, manifest, read, watch_until_ready
from e2e.stage import NAMESPACE, RELEASE, ROOT, TEST_COURSES, Stage, install_chart
from e2e.waiting import eventually
from practicum.api.names import CHECK, FINALIZER, LAB_UID

PREVIOUS = "8a85fe6c09917f6319ee1e05345a442c5b1735d1"
"""The version that is upgraded from: what landed before this one."""
LAB = "upton"
TWO = {key: value for key, value in SETTINGS.items() if key != "usage"} | {"replicas": 2}
"""What the chart of either version knows."""
OPERATOR = ("-n", NAMESPACE, f"deployment/{RELEASE}")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout of the previous version, from the history of this one."""
    if os.environ.get("PRACTICUM_KUBECONFIG"):
        pytest.skip("the images of the previous version cannot be brought into a cluster of yours")
    git = ("git", "-C", str(ROOT))
    known = [*git, "cat-file", "-e", f"{PREVIOUS}^{{commit}}"]
    if subprocess.run(known, capture_output=True, check=False).returncode:
        pytest.skip(
            f"the history of this clone lacks {PREVIOUS[:7]}, the version that is upgraded from: "
            "git fetch --unshallow brings it"
        )
    folder = tmp_path_factory.mktemp("previous")
    packed = subprocess.run([*git, "archive", PREVIOUS], check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
    return folder


def load_images(checkout: Path) -> None:
    """Bring a checkout's images into the cluster, and choose them for the next installation."""
    command = [sys.executable, "-m", "e2e.cluster", "images"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    subprocess.run(command, cwd=checkout, env=environment, check=True)


def helm(stage: Stage, *arguments: str) -> str:
    """Run a verb of Helm on the release."""
    verb, *rest = arguments
    return stage.run("helm", *verb.split(), RELEASE, "--namespace", NAMESPACE, *rest)


def revision(stage: Stage) -> str:
    """Return the release's revision."""
    return str(json.loads(helm(stage, "status", "-o", "json"))["version"])


def seen(stage: Stage) -> dict[str, Any]:
    """Return what no upgrade may change of the lab: its pods, their restarts, its status."""
    lab = read(stage, LAB)
    status = lab["status"]
    kept = ("phase", "expiresAt", "template", "namespaces", "services")
    known = {key: status[key] for key in kept}
    known["checks"] = {key: status["checks"][key] for key in ("passed", "total", "points")}
    pods = {}
    for namespace in status["namespaces"]:
        found = json.loads(stage.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
        for pod in found:
            meta = pod["metadata"]
            # What looks from within comes and goes.
            if CHECK in meta.get("labels", {}):
                continue
            containers = pod["status"].get("containerStatuses", [])
            restarts = sum(one["restartCount"] for one in containers)
            pods[f"{namespace}/{meta['name']}"] = (meta["uid"], restarts)
    assert len(pods) > 3, "the lab does not run"
    return {"uid": lab["metadata"]["uid"], "pods": pods, **known}


async def unnoticed(stage: Stage, before: dict[str, Any]) -> None:
    """Assert that the lab is as it was; a starved probe may have degraded it for a moment."""

    async def same() -> bool:
        return seen(stage) == before

    with contextlib.suppress(TimeoutError):
        await eventually(same, 30)
    assert seen(stage) == before


@contextlib.contextmanager
def never_without_an_operator(stage: Stage) -> Iterator[None]:
    """Watch the Deployment meanwhile: one replica at least is available at every moment."""
    path = 'jsonpath={.status.availableReplicas}{"\\n"}'
    command = [str(stage.tools["kubectl"]), "get", *OPERATOR, "--watch", "-o", path]
    with subprocess.Popen(
        command, env=stage.environment, stdout=subprocess.PIPE, text=True
    ) as watch:
        yield
        watch.terminate()
        available = (watch.stdout.read() if watch.stdout else "").splitlines()
    assert len(available) > 1, "nothing was rolled out"
    assert all(int(number or 0) >= 1 for number in available), available


async def works(stage: Stage) -> None:
    """Wait until the operator that leads now has repaired something in the lab."""
    (namespace, *_) = read(stage, LAB)["status"]["namespaces"]
    where = ("limitrange", "defaults", "-n", namespace)
    stage.kubectl("delete", *where)

    async def repaired() -> bool:
        return bool(stage.kubectl("get", *where, "--ignore-not-found"))

    await eventually(repaired, 30)


def alive(stage: Stage) -> list[str]:
    """Return the labs of the whole cluster that are not over."""
    bodies = json.loads(stage.kubectl("get", "labenvironments", "-A", "-o", "json"))["items"]
    metas = [body["metadata"] for body in bodies]
    return [f"{m['namespace']}/{m['name']}" for m in metas if FINALIZER in m.get("finalizers", [])]


@pytest.fixture(scope="module")
def before(stage: Stage, previous: Path) -> Iterator[dict[str, Any]]:
    """The previous version runs, and a lab of its in it is Ready; returns what is seen of it."""
    leave = ("delete", "lab", "--all", "-n")
    for course in TEST_COURSES:
        stage.kubectl(*leave, course, "--wait=false")
    try:
        load_images(previous)  # while they go
        for course in TEST_COURSES:
            stage.kubectl(*leave, course, "--timeout=300s")
        if others := alive(stage):
            pytest.skip(f"the release is uninstalled here, and these labs would end: {others}")
        install_chart(stage, previous / "charts/practicum", **TWO)
    finally:
        load_images(ROOT)
    try:
        stage.kubectl("apply", "-f", "-", stdin=manifest(LAB, size="small"))
        watch_until_ready(stage, LAB, timeout="10m")
        assert "checks: 0/" in stage.practicum("check", LAB, "-n", COURSE).stdout
        watch_until_ready(stage, LAB, timeout="10m")
        yield seen(stage)
    finally:
        with contextlib.suppress(RuntimeError):
            # Helm upgrades no release whose uninstallation was refused.
            helm(stage, "rollback", revision(stage))
        install_chart(stage, **SETTINGS)
        stage.kubectl("delete", "lab", LAB, "-n", COURSE, "--ignore-not-found", "--wait=false")


async def test_a_lab_does_not_notice_an_upgrade(stage: Stage, before: dict[str, Any]) -> None:
    with never_without_an_operator(stage):
        install_chart(stage, **TWO)
    await works(stage)
    checked = stage.practicum("check", LAB, "-n", COURSE)
    assert "checks: 0/" in checked.stdout, checked
    await unnoticed(stage, before)


async def test_a_lab_does_not_notice_a_rollback(stage: Stage, before: dict[str, Any]) -> None:
    ours = int(revision(stage))
    with never_without_an_operator(stage):
        helm(stage, "rollback", str(ours - 1), "--wait", "--timeout", "5m")
    await works(stage)
    await unnoticed(stage, before)
    helm(stage, "rollback", str(ours), "--wait", "--timeout", "5m")


def test_helm_test_examines_the_cluster(stage: Stage, before: dict[str, Any]) -> None:
    assert before
    said = helm(stage, "test", "--logs")
    assert "Operator's rights" in said and "Phase:          Succeeded" in said, said
    assert not stage.kubectl("get", "clusterroles", "practicum-test", "--ignore-not-found")


async def test_uninstall_is_refused_while_a_lab_lives(stage: Stage, before: dict[str, Any]) -> None:
    kept = revision(stage)
    await unnoticed(stage, before)
    with pytest.raises(RuntimeError) as refused:
        helm(stage, "uninstall", "--timeout", "3m")
    said = str(refused.value)
    assert f"lab {COURSE}/{LAB} (Ready" in said, said
    assert "kubectl delete labenvironments --all --all-namespaces --wait" in said
    await works(stage)
    await unnoticed(stage, before)
    helm(stage, "rollback", kept, "--wait")
    install_chart(stage, **TWO, uninstall={"deleteLabs": True})
    await unnoticed(stage, before)


def test_uninstall_leaves_what_it_says_and_nothing_else(
    stage: Stage, before: dict[str, Any]
) -> None:
    bodies = [one for one in yaml.safe_load_all(helm(stage, "get manifest")) if one]
    kept: list[Any] = []
    gone: list[Any] = []
    for body in bodies:
        policy = body["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
        (kept if policy == "keep" else gone).append(body)
    said = helm(stage, "uninstall", "--wait", "--timeout", "6m")
    assert "practicum-root-key" in said, said
    assert alive(stage) == []
    assert not stage.kubectl("get", "namespaces", "-l", LAB_UID, "-o", "name")
    for course in TEST_COURSES:
        assert not stage.kubectl("get", "lab", "-n", course, "-o", "name")
    get = ("get", "-f", "-", "--ignore-not-found", "-o", "name")
    assert len(gone) > 30
    assert not stage.kubectl(*get, stdin=yaml.safe_dump_all(gone))
    names = {one["metadata"]["name"] for one in kept}
    found = stage.kubectl(*get, stdin=yaml.safe_dump_all(kept)).split()
    assert {one.rpartition("/")[2] for one in found} == names
    assert {"practicum-audit", "practicum-root-key", COURSE} <= names
