"""Decides why a lab is not ready, from what was gathered about it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from practicum.api.conditions import ConditionType, Phase
from practicum.cli import labview
from practicum.cli.remedies import remedy

Object = dict[str, Any]

_COMPONENT_REASONS = frozenset(
    ("ComponentsStarting", "JobFailed", "CrashLooping", "ImagePullFailed", "ReplicaFailure")
)
_OF_TEMPLATE = frozenset(("TemplateNotFound", "TemplateInvalid"))
_UNSEEN = "the operator has not seen the last edit yet"
_NAMED = re.compile(r"^(?:held by )?([A-Z][A-Za-z]+ [a-z0-9][-./a-z0-9]*)(?:: | \()")
_WAITING = {
    "CrashLoopBackOff": "CrashLooping",
    "ImagePullBackOff": "ImagePullFailed",
    "ErrImagePull": "ImagePullFailed",
    "InvalidImageName": "ImagePullFailed",
}


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


@dataclass(frozen=True)
class Diagnosis:
    """The first thing that keeps a lab from being ready."""

    ready: bool
    condition: str
    reason: str
    message: str
    object: str
    remedy: str

    def data(self) -> dict[str, Any]:
        """Return it for ``-o json``."""
        return asdict(self)


def diagnose(lab: Object, pods: Sequence[PodTrouble] = ()) -> Diagnosis:
    """Return the first failing condition, its cause, its object and the remedy."""
    name = lab["metadata"]["name"]
    condition = first_failing(lab)
    if condition is None:
        return Diagnosis(True, ConditionType.READY, "Ready", "the lab is ready", "", "")
    reason, message = condition["reason"], condition.get("message", "")
    involved = _involved(lab, reason, message)
    if reason in _COMPONENT_REASONS and pods:
        worst = worst_pod(pods)
        if worst.reason in _WAITING or not _NAMED.match(message):
            involved = worst.where
        reason = _WAITING.get(worst.reason, reason)
    return Diagnosis(False, condition["type"], reason, message, involved, remedy(reason, name))


def first_failing(lab: Object) -> Object | None:
    """Return the first condition that does not hold, in the order of a lab's life."""
    by_phase = {Phase.EXPIRED: "Expired", Phase.SUSPENDED: "Suspended"}
    if "deletionTimestamp" in lab["metadata"]:
        blocked = [one for one in labview.conditions(lab) if one["reason"] == "DeletionBlocked"]
        return blocked[0] if blocked else _made_up(Phase.TERMINATING, lab)
    failing = [
        one
        for one in labview.conditions(lab)
        if one["type"] not in labview.NOTICES and not labview.holds(one)
    ]
    phase = labview.phase(lab)
    if phase == Phase.READY and not any(one["type"] == ConditionType.READY for one in failing):
        # A spare lab is ready although nobody holds credentials for it.
        return None if labview.observed(lab) else _made_up("NotObserved", lab, _UNSEEN)
    if reason := by_phase.get(Phase(phase)):
        told = [one for one in failing if one["reason"] == reason]
        return told[0] if told else _made_up(reason, lab)
    if failing:
        return failing[0]
    return _made_up("NotObserved" if phase == Phase.PENDING else phase, lab)


def _made_up(reason: str, lab: Object, message: str = "") -> Object:
    """Return a condition for a state that the status tells by its phase only."""
    text = message or lab.get("status", {}).get("message") or f"the lab is {labview.phase(lab)}"
    return {"type": ConditionType.READY, "status": "False", "reason": reason, "message": text}


def _involved(lab: Object, reason: str, message: str) -> str:
    if named := _NAMED.match(message):
        return named[1]
    if reason in _OF_TEMPLATE:
        return f"LabTemplate {lab['spec']['template']}"
    meta = lab["metadata"]
    return f"LabEnvironment {meta['namespace']}/{meta['name']}"


def worst_pod(pods: Sequence[PodTrouble]) -> PodTrouble:
    """Return the pod that explains most: one that fails before one that merely starts."""
    return min(pods, key=lambda pod: (pod.reason not in _WAITING, not pod.message))


def troubles(pods: Iterable[Object]) -> list[PodTrouble]:
    """Return what is wrong with each pod that is neither ready nor done."""
    found: list[PodTrouble] = []
    for pod in pods:
        status = pod.get("status", {})
        if status.get("phase") == "Succeeded" or _is_ready(status):
            continue
        containers = [
            *status.get("initContainerStatuses", []),
            *status.get("containerStatuses", []),
        ]
        of_pod = [one for one in (_container(pod, each) for each in containers) if one]
        found += of_pod or [_unscheduled(pod)]
    return found


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", [])
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


def _unscheduled(pod: Object) -> PodTrouble:
    meta, status = pod["metadata"], pod.get("status", {})
    for one in status.get("conditions", []):
        if one["status"] == "False" and one.get("message"):
            reason = one.get("reason") or one["type"]
            return PodTrouble(meta["namespace"], meta["name"], "", reason, one["message"])
    phase = status.get("phase", "Pending")
    text = status.get("message") or "no node has taken it yet"
    return PodTrouble(meta["namespace"], meta["name"], "", status.get("reason") or phase, text)


def last_events(events: Iterable[Object], *, most: int) -> list[Object]:
    """Return the newest Events, oldest first."""
    return sorted(events, key=event_time)[-most:]


def event_time(event: Object) -> str:
    """Return when an Event was last seen; Kubernetes has had three fields for it."""
    series = event.get("series") or {}
    moment = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(moment or event["metadata"].get("creationTimestamp", ""))
