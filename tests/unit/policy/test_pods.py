"""Pods tell why a component does not start."""

from typing import Any

import pytest

from practicum.policy.pods import cause


def pod(name: str = "mlflow-0", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "lab-a-1-platform"}, "status": status}


def waiting(reason: str, message: str = "why") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return pod(phase="Pending", containerStatuses=[{"name": "server", "state": state}])


NO_NODE = pod(
    phase="Pending",
    conditions=[
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu.",
        }
    ],
)
READY = pod("ok", phase="Running", conditions=[{"type": "Ready", "status": "True"}])


@pytest.mark.parametrize(
    ("pods", "reason", "message"),
    [
        ([], None, ""),
        ([READY], None, ""),
        ([waiting("ContainerCreating")], None, ""),
        ([pod(phase="Pending")], None, ""),
        ([READY, NO_NODE], "PendingCapacity", "Pod mlflow-0: 0/1 nodes are available"),
        ([waiting("CrashLoopBackOff")], "CrashLooping", "Pod mlflow-0: why"),
        ([waiting("ErrImagePull", "no such host")], "ImagePullFailed", "no such host"),
        ([waiting("ContainerCreating"), waiting("ImagePullBackOff")], "ImagePullFailed", "why"),
        ([waiting("CrashLoopBackOff", "")], "CrashLooping", "Pod mlflow-0: CrashLoopBackOff"),
    ],
)
def test_cause(pods: list[dict[str, Any]], reason: str | None, message: str) -> None:
    found = cause(pods)
    if reason is None:
        assert found is None
        return
    assert found and not found.ready and not found.failed
    assert found.reason == reason
    assert message in found.message


def stored() -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "mlflow-data"}}]
    return pod(phase="Pending") | {"spec": {"volumes": [{"name": "tmp"}, *volumes]}}


def claim(phase: str, name: str = "mlflow-data") -> dict[str, Any]:
    meta = {"name": name, "namespace": "lab-a-1-platform"}
    return {"metadata": meta, "spec": {"storageClassName": "fast"}, "status": {"phase": phase}}


def test_a_pod_without_a_word_of_its_own_waits_for_its_volume() -> None:
    found = cause([stored()], [claim("Bound", "other"), claim("Pending")])
    assert found and not found.failed
    assert found.reason == "VolumePending"
    told = "Pod mlflow-0: PersistentVolumeClaim mlflow-data (StorageClass fast) has no volume yet"
    assert found.message == told


@pytest.mark.parametrize("claims", [[], [claim("Bound")], [claim("Pending", "another")]])
def test_a_volume_that_is_there_keeps_nobody(claims: list[dict[str, Any]]) -> None:
    assert cause([stored()], claims) is None


def test_what_the_scheduler_says_goes_before_the_volume() -> None:
    found = cause([NO_NODE | {"spec": stored()["spec"]}], [claim("Pending")])
    assert found and found.reason == "PendingCapacity"
