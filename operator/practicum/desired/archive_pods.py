"""What moves a lab's volumes: porters beside them, a keeper beside the shelf, and the way between.

A porter mounts one volume of a lab and nothing else; the keeper connects to porters, nobody
connects to it, and both come to an end by themselves.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from practicum.api import names
from practicum.api.archives import ArchiveRecord, Volume, record_name
from practicum.api.canonical import digest
from practicum.api.labenvironment import LabEnvironment
from practicum.archives import keeper as keepers
from practicum.archives import porter as porters
from practicum.desired import pods
from practicum.desired.lab import Object, derived, labels
from practicum.settings import Settings

SHELF: Final = "practicum-archive"
"""PersistentVolumeClaim of the audit namespace with all archives; the account of keepers too."""
CONTAINER: Final = "archive"
PARTS: Final = f"{names.GROUP}/parts"
"""Annotation of a keeper's first input: how many there are."""
LIFE_SECONDS: Final = 3600
_ARCHIVE: Final = "/archive"
_INPUTS: Final = "/in"
_MESSAGE: Final = "/dev/termination-log"
_INPUT_BYTES: Final = 700 * 1024
_RESOURCES: Final = {
    "requests": {"cpu": "10m", "memory": "48Mi"},
    "limits": {"cpu": "1", "memory": "256Mi"},
}


def shelf(settings: Settings) -> Object:
    """Return the claim of the volume with all archives: made for the first, never changed."""
    spec: Object = {
        "accessModes": [settings.archive_access_mode],
        "resources": {"requests": {"storage": settings.archive_size}},
    }
    if settings.archive_storage_class:
        spec["storageClassName"] = settings.archive_storage_class
    metadata = {"name": SHELF, "namespace": names.AUDIT_NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
    }


def token(uid: str, settings: Settings) -> str:
    """Return what opens the porters of one lab: no password that a template may name."""
    return derived(settings.root_key, f"archive/{uid}", "porters")


def porter(
    lab: LabEnvironment, namespace: str, volume: Volume, settings: Settings, *, writes: bool
) -> Object:
    """Return the pod beside one volume; it knows only the digest of its token."""
    container = _porter("write" if writes else "read", token(lab.uid, settings)) | {
        "volumeMounts": [{"name": "volume", "mountPath": "/volume", "readOnly": not writes}]
    }
    spec = _spec(settings.archive_image, settings.node_selector, container)
    spec["securityContext"] |= {"runAsUser": volume.user, "runAsGroup": volume.group}
    spec["securityContext"] |= {"fsGroup": volume.group}
    claim = {"claimName": volume.claim}
    spec["volumes"] = [{"name": "volume", "persistentVolumeClaim": claim}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": porter_name(volume),
            "namespace": namespace,
            "labels": labels(lab, **{names.ARCHIVE: "porter"}),
        },
        "spec": spec,
    }


def porter_name(volume: Volume) -> str:
    """Return what the pod beside a volume is called."""
    return f"{names.ARCHIVE_POD}{digest(volume.claim, 10)}"


def door(lab: LabEnvironment, namespace: str) -> Object:
    """Return the NetworkPolicy that lets keepers, and nobody else, to the porters of a lab."""
    keeper = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": names.AUDIT_NAMESPACE}
        },
        "podSelector": {"matchLabels": {names.ARCHIVE: "keeper"}},
    }
    way = {"from": [keeper], "ports": [{"protocol": "TCP", "port": porters.PORT}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow-archive", "namespace": namespace, "labels": labels(lab)},
        "spec": {
            "podSelector": {"matchLabels": {names.ARCHIVE: "porter"}},
            "policyTypes": ["Ingress"],
            "ingress": [way],
        },
    }


def inputs(uid: str, captured: bytes, settings: Settings) -> list[Object]:
    """Return the Secrets with the token and what was captured of a lab, the first one last.

    So that all are there once the first one is.
    """
    steps = range(0, max(len(captured), 1), _INPUT_BYTES)
    parts = [captured[start : start + _INPUT_BYTES] for start in steps]
    made = []
    for number, part in enumerate(parts):
        data = {"part": part} | ({} if number else {"token": token(uid, settings).encode()})
        made.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": input_name(uid, number),
                    "namespace": names.AUDIT_NAMESPACE,
                    "labels": {names.ARCHIVE: "input", names.LAB_UID: uid},
                    "annotations": {PARTS: str(len(parts))},
                },
                "type": "Opaque",
                "data": {
                    key: base64.b64encode(value).decode() for key, value in data.items() if value
                },
            }
        )
    return made[::-1]


def input_name(uid: str, number: int) -> str:
    """Return what one of a keeper's inputs is called."""
    return f"{record_name(uid)}-input-{number:03}"


def keeper(uid: str, task: Mapping[str, Any], parts: int, settings: Settings) -> Object:
    """Return the pod beside the shelf.

    Args:
        uid: of the lab; of a pod that only tidies, any other name.
        task: what it is to do, as ``practicum.archives.keeper`` takes it.
        parts: how many inputs there are.
        settings: the operator's.
    """
    secret = {"name": input_name(uid, 0), "key": "token", "optional": True}
    reads = task["do"] == "restore"
    sources = [
        {
            "secret": {
                "name": input_name(uid, number),
                "optional": True,
                "items": [{"key": "part", "path": f"part-{number:03}"}],
            }
        }
        for number in range(parts)
    ]
    container = {
        "command": ["python", "-m", "practicum.archives.keeper", _ARCHIVE, _INPUTS, _MESSAGE],
        "env": [
            {"name": keepers.TASK, "value": json.dumps(task, sort_keys=True)},
            {"name": keepers.TOKEN, "valueFrom": {"secretKeyRef": secret}},
        ],
        "terminationMessagePath": _MESSAGE,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "shelf", "mountPath": _ARCHIVE, "readOnly": reads},
            {"name": "inputs", "mountPath": _INPUTS, "readOnly": True},
        ],
    }
    spec = _spec(settings.archive_image, settings.node_selector, container)
    claim = {"claimName": SHELF}
    spec["serviceAccountName"] = SHELF
    spec["volumes"] = [
        {"name": "shelf", "persistentVolumeClaim": claim},
        {"name": "inputs", "projected": {"sources": sources}},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": record_name(uid),
            "namespace": names.AUDIT_NAMESPACE,
            "labels": {names.ARCHIVE: "keeper", names.LAB_UID: uid},
        },
        "spec": spec,
    }


def reader(record: ArchiveRecord, token: str, image: str, nodes: Mapping[str, str]) -> Object:
    """Return the pod that hands one archive out, to whoever made it and may reach its port.

    Args:
        record: which archive.
        token: what opens the pod; only its digest is in it.
        image: the operator's.
        nodes: labels of the nodes that it may run on.
    """
    container = _porter("read", token) | {
        "volumeMounts": [
            {"name": "volume", "mountPath": "/volume", "subPath": record.path, "readOnly": True}
        ]
    }
    spec = _spec(image, nodes, container) | {"serviceAccountName": SHELF}
    spec["volumes"] = [{"name": "volume", "persistentVolumeClaim": {"claimName": SHELF}}]
    meta = {
        "generateName": f"{names.ARCHIVE_PREFIX}get-",
        "namespace": names.AUDIT_NAMESPACE,
        "labels": {names.ARCHIVE: "reader", names.LAB_UID: record.uid},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def _porter(mode: str, token: str) -> Object:
    return {
        "command": ["python", "-m", "practicum.archives.porter", mode, "/volume"],
        "env": [
            {"name": porters.TOKEN_DIGEST, "value": hashlib.sha256(token.encode()).hexdigest()}
        ],
        "ports": [{"containerPort": porters.PORT}],
        "readinessProbe": {
            "tcpSocket": {"port": porters.PORT},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
        },
    }


def _spec(image: str, nodes: Mapping[str, str], container: Object) -> Object:
    whole = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": _RESOURCES,
        **container,
    }
    spec = pods.spec(whole, seconds=LIFE_SECONDS, nodes=nodes)
    spec["securityContext"] |= {"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"}
    return spec
