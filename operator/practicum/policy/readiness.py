"""Whether one object of a lab has become what it was applied for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Readiness:
    """A verdict on one object; ``failed`` means that waiting will not help."""

    ready: bool
    reason: str = ""
    message: str = ""
    failed: bool = False


READY: Final = Readiness(True)
BLOCKED: Final = "DeletionBlocked"
"""Reason of a namespace that is being deleted and says what is left in it."""


def assess(body: Object) -> Readiness:
    """Judge an object by its own status; kinds without one are ready by being there."""
    if "deletionTimestamp" in body["metadata"]:
        # Of a namespace that does not go at once its controller writes what is left in it.
        return _said(body) or Readiness(False, "Deleting", "it is being deleted")
    return _BY_KIND.get(body["kind"], _exists)(body)


def _said(body: Object) -> Readiness | None:
    if body["kind"] != "Namespace":
        return None
    said = [
        condition["message"]
        for condition in body.get("status", {}).get("conditions", [])
        if condition["status"] == "True" and condition.get("message")
    ]
    return Readiness(False, BLOCKED, "; ".join(said)) if said else None


def _exists(_: Object) -> Readiness:
    return READY


def _quota(body: Object) -> Readiness:
    """A quota enforces nothing until the controller has taken its hard limits into the status."""
    if body.get("status", {}).get("hard") == body["spec"].get("hard"):
        return READY
    return Readiness(False, "WaitingForQuota", "the quota controller has not counted it yet")


def _scaled(body: Object) -> Readiness:
    meta, spec, status = body["metadata"], body["spec"], body.get("status", {})
    wanted = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        return Readiness(False, "ComponentsStarting", "not observed yet")
    counts = (status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas"))
    if all(count == wanted for count in (counts if wanted else [status.get("replicas", 0)])):
        return READY
    for condition in status.get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return Readiness(False, "ReplicaFailure", condition.get("message", ""))
    ready = status.get("readyReplicas", 0)
    return Readiness(False, "ComponentsStarting", f"{ready} of {wanted} pods ready")


def _job(body: Object) -> Readiness:
    for condition in body.get("status", {}).get("conditions", []):
        if condition["status"] != "True":
            continue
        if condition["type"] == "Complete":
            return READY
        if condition["type"] == "Failed":
            return Readiness(False, "JobFailed", condition.get("message", ""), failed=True)
    if body["spec"].get("suspend"):
        return READY
    return Readiness(False, "ComponentsStarting", "job running")


def _claim(body: Object) -> Readiness:
    # A claim with WaitForFirstConsumer stays Pending until its pod is scheduled; only loss counts.
    if body.get("status", {}).get("phase") == "Lost":
        return Readiness(False, "VolumeLost", "its volume is gone", failed=True)
    return READY


_BY_KIND: Final[Mapping[str, Callable[[Object], Readiness]]] = {
    "ResourceQuota": _quota,
    "Deployment": _scaled,
    "StatefulSet": _scaled,
    "Job": _job,
    "PersistentVolumeClaim": _claim,
}
