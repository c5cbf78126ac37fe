"""Why pods do not run, from what the cluster says of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from practicum.policy.readiness import Readiness

Object = dict[str, Any]

CAUSES: Final[Mapping[str, str]] = {
    "CrashLoopBackOff": "CrashLooping",
    "ImagePullBackOff": "ImagePullFailed",
    "ErrImagePull": "ImagePullFailed",
    "InvalidImageName": "ImagePullFailed",
    "Unschedulable": "PendingCapacity",
    "VolumePending": "VolumePending",
}
"""What a pod's own words mean for its lab: reasons of a condition."""
NO_ROOM: Final = "exceeded quota"
"""What the API server says where a quota leaves no room for another pod."""


@dataclass(frozen=True)
class PodTrouble:
    """One container that is not as it should be."""

    namespace: str
    pod: str
    container: str
    reason: str
    message: str
    previous: bool = False
    log: str = ""

    @property
    def where(self) -> str:
        """Name the object as people do."""
        return f"Pod {self.namespace}/{self.pod}"

    @property
    def told(self) -> str:
        """Say which pod and why, in the cluster's words where it has any."""
        return f"Pod {self.pod}: {self.message or self.reason}"


def worst_pod(pods: Sequence[PodTrouble]) -> PodTrouble:
    """Return the pod that explains most: one that fails before one that merely starts."""
    return min(pods, key=lambda pod: (pod.reason not in CAUSES, not pod.message))


def troubles(pods: Iterable[Object], claims: Iterable[Object] = ()) -> list[PodTrouble]:
    """Return what is wrong with each pod that is neither ready nor done.

    Args:
        pods: Pods as the API server gives them.
        claims: PersistentVolumeClaims of their namespaces; one that stays Pending keeps its pod
            from a node, of which the pod itself says nothing.
    """
    unbound = {
        (one["metadata"]["namespace"], one["metadata"]["name"]): one
        for one in claims
        if one.get("status", {}).get("phase") == "Pending"
    }
    found: list[PodTrouble] = []
    for pod in pods:
        status = pod.get("status", {})
        if status.get("phase") == "Succeeded" or is_ready(pod):
            continue
        containers = [
            *status.get("initContainerStatuses", []),
            *status.get("containerStatuses", []),
        ]
        of_pod = [one for one in (_container(pod, each) for each in containers) if one]
        found += of_pod or [_unscheduled(pod, unbound)]
    return found


def why(pod: Object, otherwise: str) -> str:
    """Return what is the matter with one pod; `otherwise` where nothing says so."""
    found = troubles([pod])
    return worst_pod(found).told if found else otherwise


def has_ended(pod: Mapping[str, Any]) -> bool:
    """Whether nothing of a pod runs any more, nor will."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod's own condition says that it is ready."""
    return any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in pod.get("status", {}).get("conditions", [])
    )


def _container(pod: Object, status: Object) -> PodTrouble | None:
    """Return why a container does not run, or nothing when it does or has done its work."""
    meta, state = pod["metadata"], status.get("state", {})
    place = (meta["namespace"], meta["name"], status["name"])
    last = status.get("lastState", {}).get("terminated", {})
    if waiting := state.get("waiting"):
        reason = waiting.get("reason", "Waiting")
        message = waiting.get("message") or _ended(last)
        return PodTrouble(*place, reason, message, previous=bool(last))
    if (ended := state.get("terminated")) and ended.get("exitCode"):
        return PodTrouble(*place, ended.get("reason", "Error"), _ended(ended))
    if "running" in state and not status.get("ready") and "restartCount" in status:
        return PodTrouble(*place, "NotReady", "it runs but its readiness probe does not pass yet")
    return None


def _ended(state: Mapping[str, Any]) -> str:
    if not state:
        return ""
    text = f"ended with exit code {state.get('exitCode')}"
    reason, message = state.get("reason"), state.get("message")
    return ": ".join(part for part in (f"{text} ({reason})" if reason else text, message) if part)


def _unscheduled(pod: Object, unbound: Mapping[tuple[str, str], Object]) -> PodTrouble:
    meta, status = pod["metadata"], pod.get("status", {})
    for one in status.get("conditions", []):
        if one["status"] == "False" and one.get("message"):
            reason = one.get("reason") or one["type"]
            return PodTrouble(meta["namespace"], meta["name"], "", reason, one["message"])
    for volume in pod.get("spec", {}).get("volumes", []):
        claim = volume.get("persistentVolumeClaim", {}).get("claimName", "")
        if waited := unbound.get((meta["namespace"], claim)):
            of_class = waited["spec"].get("storageClassName") or "none"
            text = f"PersistentVolumeClaim {claim} (StorageClass {of_class}) has no volume yet"
            return PodTrouble(meta["namespace"], meta["name"], "", "VolumePending", text)
    phase = status.get("phase", "Pending")
    text = status.get("message") or "no node has taken it yet"
    return PodTrouble(meta["namespace"], meta["name"], "", status.get("reason") or phase, text)


def cause(pods: Iterable[Object], claims: Iterable[Object] = ()) -> Readiness | None:
    """Return why components do not start, where their pods or their volumes say so themselves."""
    found = troubles(pods, claims)
    if not found or (reason := CAUSES.get((worst := worst_pod(found)).reason)) is None:
        return None
    return Readiness(False, reason, worst.told)
