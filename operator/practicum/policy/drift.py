"""Whether an object is still as it was left, and what strangers have put into it.

Server-side apply repairs every field that Practicum owns, but keeps what others add: quota keys,
containers, volumes, environment variables. Those are taken out by a patch computed here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from practicum.api.canonical import digest
from practicum.api.names import GROUP, MANAGED_BY

Object = Mapping[str, Any]

GUARDS: Final = frozenset(
    {"Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "Role", "RoleBinding"}
)
_OURS: Final = (f"{GROUP}/", MANAGED_BY, "app.kubernetes.io/part-of", "pod-security.kubernetes.io/")
_BY_NAME: Final = ("containers", "initContainers", "ephemeralContainers", "volumes", "env")
_STATUS: Final = frozenset({"status", "apiVersion", "kind", "metadata"})


def fingerprint(body: Object) -> str:
    """Digest what a drift would change: everything but the status and the bookkeeping."""
    meta = body["metadata"]
    content = {key: value for key, value in body.items() if key not in _STATUS}
    if body["kind"] == "PersistentVolumeClaim":
        # Which volume it gets is for Kubernetes to say, once and for good.
        content["spec"] = {k: v for k, v in body["spec"].items() if k != "volumeName"}
    return digest(
        [
            content,
            meta.get("labels"),
            {k: v for k, v in (meta.get("annotations") or {}).items() if k.startswith(_OURS)},
            [owner["uid"] for owner in meta.get("ownerReferences", [])],
            "deletionTimestamp" in meta,
        ]
    )


def repairs(desired: Object, live: Object) -> list[dict[str, Any]]:
    """Return the JSON patch that removes what strangers added to an applied object.

    Args:
        desired: what Practicum applied.
        live: what the API server answered to the apply.
    """
    paths = list(_foreign(desired, live))
    if not paths:
        return []
    version = live["metadata"]["resourceVersion"]
    # Later entries of a list first: removing one moves those behind it.
    removals = [{"op": "remove", "path": path} for path in reversed(paths)]
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *removals]


def _foreign(desired: Object, live: Object) -> Iterator[str]:
    yield from _foreign_labels(desired["metadata"], live["metadata"])
    if desired["kind"] in GUARDS and "spec" in desired:
        yield from _extra_keys(desired["spec"], live["spec"], "/spec")
    elif desired["kind"] in ("ConfigMap", "Secret"):
        for field in ("data", "binaryData"):
            yield from _extra_keys(desired.get(field) or {}, live.get(field) or {}, f"/{field}")
    elif desired["kind"] in ("Deployment", "StatefulSet"):
        pod = "/spec/template/spec"
        yield from _strangers(
            desired["spec"]["template"]["spec"], live["spec"]["template"]["spec"], pod
        )


def _foreign_labels(desired: Object, live: Object) -> Iterator[str]:
    for part in ("labels", "annotations"):
        wanted = desired.get(part) or {}
        for key in live.get(part) or {}:
            if key not in wanted and key.startswith(_OURS):
                yield f"/metadata/{part}/{_escape(key)}"


def _extra_keys(desired: Object, live: Object, path: str) -> Iterator[str]:
    for key, value in live.items():
        here = f"{path}/{_escape(key)}"
        if key not in desired:
            yield here
        elif isinstance(value, dict) and isinstance(desired[key], dict):
            yield from _extra_keys(desired[key], value, here)


def _strangers(desired: Object, live: Object, path: str) -> Iterator[str]:
    """Find list entries, known by name, that were never applied."""
    for field in _BY_NAME:
        wanted = {entry["name"]: entry for entry in desired.get(field) or []}
        for index, entry in enumerate(live.get(field) or []):
            here = f"{path}/{field}/{index}"
            if entry["name"] not in wanted:
                yield here
            elif field.endswith("ontainers"):
                yield from _strangers(wanted[entry["name"]], entry, here)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
