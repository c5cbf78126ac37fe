"""Decides why a lab is not ready, from what was gathered about it. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from practicum.api.conditions import ConditionType, Phase
from practicum.api.names import AUDIT_NAMESPACE, CHECK_REPORT, POLICIES
from practicum.cli import labview
from practicum.cli.remedies import remedy
from practicum.policy.pods import CAUSES, PodTrouble, worst_pod

Object = dict[str, Any]

_COMPONENT_REASONS = frozenset(
    (
        *("ComponentsStarting", "JobFailed", "CrashLooping", "ImagePullFailed", "ReplicaFailure"),
        *("PendingCapacity", "ProgressDeadlineExceeded", "VolumePending"),
    )
)
_OF_TEMPLATE = frozenset(("TemplateNotFound", "TemplateInvalid"))
_UNSEEN = "the operator has not seen the last edit yet"
_NAMED = re.compile(r"^(?:held by )?([A-Z][A-Za-z]+ [a-z0-9][-./a-z0-9]*)(?:: | \()")


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
        if worst.reason in CAUSES:
            reason, message, involved = CAUSES[worst.reason], worst.told, worst.where
        elif not _NAMED.match(message):
            involved = worst.where
    return Diagnosis(False, condition["type"], reason, message, involved, remedy(reason, name))


def notices(lab: Object) -> list[Diagnosis]:
    """Return what somebody should mend although the lab is ready with it."""
    meta, spaces = lab["metadata"], lab.get("status", {}).get("namespaces") or [""]
    places: dict[str, str] = {
        ConditionType.POLICY_LOADED: f"ConfigMap {spaces[0]}/{POLICIES}",
        ConditionType.AUDIT_INTACT: f"ConfigMap {AUDIT_NAMESPACE}/audit-{meta['uid']}-*",
        ConditionType.CHECKS_WORK: f"ConfigMap {spaces[0]}/{CHECK_REPORT}",
        ConditionType.IDLE: f"LabEnvironment {meta['namespace']}/{meta['name']}",
        ConditionType.CREDENTIALS_ISSUED: f"LabEnvironment {meta['namespace']}/{meta['name']}",
    }
    return [
        Diagnosis(
            ready=True,
            condition=one["type"],
            reason=one["reason"],
            message=one.get("message", ""),
            object=places[one["type"]],
            remedy=remedy(one["reason"], meta["name"]),
        )
        for one in labview.conditions(lab)
        if one["type"] in places and not labview.holds(one)
        # Other reasons are those of a lab that is not ready.
        if one["type"] != ConditionType.CREDENTIALS_ISSUED or one["reason"] == "AccessRevoked"
    ]


def first_failing(lab: Object) -> Object | None:
    """Return the first condition that does not hold, in the order of a lab's life."""
    phase = labview.phase(lab)
    if phase in (Phase.EXPIRING, Phase.TERMINATING):
        for one in labview.conditions(lab):
            if one["type"] == ConditionType.ARCHIVED and not labview.holds(one):
                return one
    by_phase = {Phase.EXPIRED: "Expired", Phase.SUSPENDED: "Suspended"}
    if "deletionTimestamp" in lab["metadata"]:
        blocked = [one for one in labview.conditions(lab) if one["reason"] == "DeletionBlocked"]
        return blocked[0] if blocked else _made_up(Phase.TERMINATING, lab)
    failing = [
        one
        for one in labview.conditions(lab)
        if one["type"] not in labview.NOTICES and not labview.holds(one)
    ]
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


def last_events(events: Iterable[Object], *, most: int) -> list[Object]:
    """Return the newest Events, oldest first."""
    return sorted(events, key=event_time)[-most:]


def event_time(event: Object) -> str:
    """Return when an Event was last seen; Kubernetes has had three fields for it."""
    series = event.get("series") or {}
    moment = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(moment or event["metadata"].get("creationTimestamp", ""))
