"""What of a lab is archived, by whom its volumes can be read, and what comes back. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from practicum.api import names
from practicum.api.archives import Volume

Object = dict[str, Any]

CAPTURED: Final = (
    *("ConfigMap", "Service", "PersistentVolumeClaim"),
    *("ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding"),
    *("Deployment", "StatefulSet", "CronJob", "ChangeRequest", "ChangeApproval"),
)
"""Kinds of learners' objects that are archived, in the order of their return: no Secrets."""
RESTORED: Final = frozenset(CAPTURED) - {"PersistentVolumeClaim", "ChangeRequest", "ChangeApproval"}
"""What is made anew: volumes come back by themselves, requests were other people's to sign."""
SCALED: Final = ("Deployment", "StatefulSet")
MAKERS: Final = (*SCALED, "CronJob", "Job")
"""Kinds that make pods."""
_KUBERNETES: Final = frozenset({"kube-root-ca.crt"})
_SERVERS: Final = (
    *("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"),
    *("ownerReferences", "selfLink", "deletionTimestamp", "finalizers", "namespace"),
)
_GIVEN: Final = {
    "Service": ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"),
    "PersistentVolumeClaim": ("volumeName",),
}
"""Fields of a spec that the cluster filled in."""
_FIRST: Final = 15
"""Seconds."""
_LONGEST: Final = timedelta(minutes=15)


def backoff(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row, at least one."""
    return min(timedelta(seconds=_FIRST * 2 ** min(failures - 1, 16)), _LONGEST)


def learners(body: Mapping[str, Any]) -> bool:
    """Whether an object is the learner's own work: neither ours nor made by a controller."""
    meta = body["metadata"]
    ours = meta.get("labels", {}).get(names.MANAGED_BY) == names.MANAGER
    return not (ours or meta.get("ownerReferences") or meta["name"] in _KUBERNETES)


def quiet(body: Object) -> Object | None:
    """Return the patch by which a workload makes no more pods, or None where it makes none.

    How many it had stays with it, for the archive.
    """
    spec = body["spec"]
    if body["kind"] in SCALED:
        if not (replicas := spec.get("replicas", 1)):
            return None
        kept = {"annotations": {names.REPLICAS: str(replicas)}}
        return {"metadata": kept, "spec": {"replicas": 0}}
    said = body.get("status", {}).get("conditions", [])
    over = any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in said)
    return None if spec.get("suspend") or over else {"spec": {"suspend": True}}


def portable(body: Object, side: str) -> Object:
    """Return an object as it can be made again elsewhere; ``side`` says where it was."""
    meta = body["metadata"]
    kept = {key: value for key, value in meta.items() if key not in _SERVERS}
    notes = {
        key: value
        for key, value in meta.get("annotations", {}).items()
        if not key.startswith((f"{names.GROUP}/", "kubectl.kubernetes.io/", "pv.kubernetes.io/"))
        and "storage-provisioner" not in key
        and key != "volume.kubernetes.io/selected-node"
    }
    kept |= {"annotations": notes}
    made = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    made |= {"side": side, "metadata": {key: value for key, value in kept.items() if value}}
    if body["kind"] in _GIVEN:
        given = _GIVEN[body["kind"]]
        made["spec"] = {key: value for key, value in body["spec"].items() if key not in given}
    if body["kind"] in SCALED and names.REPLICAS in meta.get("annotations", {}):
        replicas = int(meta["annotations"][names.REPLICAS])
        made["spec"] = {**body["spec"], "replicas": replicas}
    return made


def volumes(claims: Iterable[Object], workloads: Iterable[Object], side: str) -> list[Volume]:
    """Return the volumes of one namespace that hold anything, and who can read each.

    Args:
        claims: its PersistentVolumeClaims; one that was never bound holds nothing.
        workloads: what makes pods there: whoever wrote a volume can read it.
        side: the side that the namespace is.
    """
    made = list(workloads)
    return [
        Volume(
            side=side,
            claim=claim["metadata"]["name"],
            **_reader(claim["metadata"]["name"], made),
            spec=portable(claim, side)["spec"] if learners(claim) else None,
        )
        for claim in claims
        if claim.get("status", {}).get("phase") == "Bound"
    ]


def _reader(claim: str, workloads: Iterable[Object]) -> dict[str, int]:
    for body in workloads:
        spec = body["spec"]
        job = spec["jobTemplate"]["spec"] if body["kind"] == "CronJob" else spec
        pod = job["template"]["spec"]
        mounted = {
            volume.get("persistentVolumeClaim", {}).get("claimName")
            for volume in pod.get("volumes", [])
        }
        own = spec.get("volumeClaimTemplates", [])
        prefixes = [f"{one['metadata']['name']}-{body['metadata']['name']}-" for one in own]
        numbered = re.sub(r"[0-9]+$", "", claim)
        if claim in mounted or numbered in prefixes:
            return _identity(pod)
    return {}


def _identity(pod: Mapping[str, Any]) -> dict[str, int]:
    said = {**pod["containers"][0].get("securityContext", {}), **pod.get("securityContext", {})}
    user = said.get("runAsUser")
    group = said.get("fsGroup") or said.get("runAsGroup")
    found = {"user": user, "group": group}
    return {key: int(value) for key, value in found.items() if value}


@dataclass(frozen=True)
class Move:
    """From where to where a lab's objects go."""

    lab: tuple[str, str]
    """Names of the labs, which their accounts begin with."""
    namespace: tuple[str, str]
    """Names of the learners' namespaces, which those of all other sides begin with."""
    uid: tuple[str, str]
    """Of the labs: by it network policies know the namespaces of one."""


def transplanted(objects: str, move: Move) -> list[Object]:
    """Return a lab's objects as they are in another lab, in the order in which to make them.

    The namespaces' names and the uid are the new lab's, wherever they stand, and so are the names
    of its accounts.

    Raises:
        ValueError: it is not what `portable` made, as JSON.
    """
    bodies = json.loads(objects.replace(*move.namespace).replace(*move.uid))
    if not isinstance(bodies, list) or not all(isinstance(one, dict) for one in bodies):
        raise ValueError("objects.json is not a list of objects")
    kept = [_moved(one, *move.lab) for one in bodies if one.get("kind") in RESTORED]
    return sorted(kept, key=lambda one: CAPTURED.index(one["kind"]))


def _moved(body: Object, old: str, new: str) -> Object:
    if body["kind"] != "RoleBinding":
        return body
    subjects = [
        {**one, "name": new + one["name"].removeprefix(old)}
        if one["kind"] == "ServiceAccount" and one["name"].startswith(f"{old}.")
        else one
        for one in body.get("subjects", [])
    ]
    return {**body, "subjects": subjects}
