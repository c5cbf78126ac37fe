"""Tables of what the API server says of objects, and what that means."""

from typing import Any

import pytest

from practicum.policy.readiness import Readiness, assess

Object = dict[str, Any]


def body(kind: str, spec: Object, status: Object | None = None, generation: int = 1) -> Object:
    made: Object = {"kind": kind, "metadata": {"name": "x", "generation": generation}}
    made["spec"] = spec
    return made if status is None else made | {"status": status}


def counts(number: int, ready: int | None = None, observed: int = 1, **more: Any) -> Object:
    return {
        "observedGeneration": observed,
        "replicas": number,
        "updatedReplicas": number,
        "readyReplicas": number if ready is None else ready,
        **more,
    }


def condition(kind: str, status: str = "True", message: str = "why") -> Object:
    return {"conditions": [{"type": kind, "status": status, "message": message}]}


SCALED = [
    ({"replicas": 1}, counts(1), 1, ""),
    ({}, counts(1), 1, ""),
    ({"replicas": 3}, counts(3), 1, ""),
    ({"replicas": 0}, {"observedGeneration": 1}, 1, ""),
    ({"replicas": 0}, {"observedGeneration": 1, "replicas": 0}, 1, ""),
    ({"replicas": 0}, counts(1), 1, "1 of 0 pods ready"),
    ({"replicas": 1}, None, 1, "not observed yet"),
    ({"replicas": 1}, counts(1, observed=1), 2, "not observed yet"),
    ({"replicas": 2}, counts(2, ready=1), 1, "1 of 2 pods ready"),
    ({"replicas": 1}, {"observedGeneration": 1}, 1, "0 of 1 pods ready"),
    ({"replicas": 1}, counts(2, ready=2) | {"updatedReplicas": 1}, 1, "2 of 1 pods ready"),
    ({"replicas": 1}, counts(1) | {"updatedReplicas": 0}, 1, "1 of 1 pods ready"),
]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize(("spec", "status", "generation", "waiting"), SCALED)
def test_scaled(
    kind: str, spec: Object, status: Object | None, generation: int, waiting: str
) -> None:
    verdict = assess(body(kind, spec, status, generation))
    assert verdict.ready is (waiting == "")
    assert verdict.message == waiting
    assert not verdict.failed


def test_a_quota_in_the_way_is_named() -> None:
    status = counts(0) | condition("ReplicaFailure", message="exceeded quota: compute")
    verdict = assess(body("Deployment", {"replicas": 1}, status))
    assert verdict == Readiness(False, "ReplicaFailure", "exceeded quota: compute")


@pytest.mark.parametrize(
    ("spec", "status", "ready", "reason", "failed"),
    [
        ({}, None, False, "ComponentsStarting", False),
        ({}, {"active": 1}, False, "ComponentsStarting", False),
        ({}, condition("Complete"), True, "", False),
        ({}, condition("Complete", "False"), False, "ComponentsStarting", False),
        ({}, condition("SuccessCriteriaMet"), False, "ComponentsStarting", False),
        ({}, condition("Failed"), False, "JobFailed", True),
        ({}, condition("FailureTarget"), False, "ComponentsStarting", False),
        ({"suspend": True}, condition("Suspended"), True, "", False),
        ({"suspend": True}, condition("Failed"), False, "JobFailed", True),
        ({"suspend": False}, None, False, "ComponentsStarting", False),
    ],
)
def test_jobs(spec: Object, status: Object | None, ready: bool, reason: str, failed: bool) -> None:
    verdict = assess(body("Job", spec, status))
    assert (verdict.ready, verdict.reason, verdict.failed) == (ready, reason, failed)
    assert not failed or verdict.message == "why"


@pytest.mark.parametrize(
    ("hard", "counted", "ready"),
    [
        ({"pods": "1"}, {"pods": "1"}, True),
        ({"pods": "1"}, None, False),
        ({"pods": "1"}, {}, False),
        ({"pods": "1"}, {"pods": "2"}, False),
        ({"pods": "1", "cpu": "2"}, {"pods": "1"}, False),
    ],
)
def test_quotas_guard_only_once_counted(hard: Object, counted: Object | None, ready: bool) -> None:
    status = None if counted is None else {"hard": counted}
    assert assess(body("ResourceQuota", {"hard": hard}, status)).ready is ready


@pytest.mark.parametrize(
    ("phase", "ready", "failed"),
    [("Pending", True, False), ("Bound", True, False), ("Lost", False, True)],
)
def test_claims(phase: str, ready: bool, failed: bool) -> None:
    verdict = assess(body("PersistentVolumeClaim", {}, {"phase": phase}))
    assert (verdict.ready, verdict.failed) == (ready, failed)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "Service", "Role", "Namespace"])
def test_what_has_no_status_is_ready_by_being_there(kind: str) -> None:
    assert assess({"kind": kind, "metadata": {"name": "x"}}).ready


@pytest.mark.parametrize("kind", ["ConfigMap", "Deployment", "Job", "Namespace"])
def test_what_is_being_deleted_is_not_ready(kind: str) -> None:
    made = body(kind, {}, counts(1))
    made["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    verdict = assess(made)
    assert (verdict.ready, verdict.reason) == (False, "Deleting")


def remains(status: str, message: str) -> dict[str, str]:
    return {"type": "SomethingRemains", "status": status, "message": message}


@pytest.mark.parametrize(
    ("conditions", "reason", "message"),
    [
        ([remains("False", "all gone")], "Deleting", "it is being deleted"),
        ([remains("True", "")], "Deleting", "it is being deleted"),
        ([remains("True", "a pod"), remains("False", "x")], "DeletionBlocked", "a pod"),
        (
            [remains("True", "a pod"), remains("True", "a finalizer")],
            "DeletionBlocked",
            "a pod; a finalizer",
        ),
    ],
)
def test_a_namespace_says_what_is_left_in_it(
    conditions: list[dict[str, str]], reason: str, message: str
) -> None:
    made = body("Namespace", {}, {"conditions": conditions})
    assert assess(made).ready
    made["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    verdict = assess(made)
    assert (verdict.reason, verdict.message) == (reason, message)
