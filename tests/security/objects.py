"""What people put into a lab: plain objects that pass, to be bent one field at a time."""

import copy
from typing import Any

from practicum.api.kinds import KINDS

Object = dict[str, Any]

IMAGE = "busybox:1.36"
"""On mod-506's list."""
LISTED_NOWHERE = "evil.example/miner:1"
OURS = {"app.kubernetes.io/managed-by": "practicum", "practicum.dev/lab-uid": "forged"}


def at(kind: str, namespace: str = "{learner}", name: str = "", subresource: str = "") -> str:
    """Return a kind's path; the braces are filled with the lab's own names by the test."""
    return KINDS[kind].path(namespace, name, subresource)


def raw(group: str, plural: str, namespace: str = "{learner}", name: str = "") -> str:
    """Return the path of a kind that Practicum itself has no business with."""
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{place}/{plural}" + (f"/{name}" if name else "")


def thing(kind: str, name: str = "mine", meta: Object | None = None, **body: Any) -> Object:
    """Return any object."""
    metadata = {"name": name, **(meta or {})}
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **body}


def container(name: str = "main", **fields: Any) -> Object:
    """Return a container that Pod Security ``restricted`` lets pass."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {"name": name, "image": IMAGE, "securityContext": security, **fields}


def pod(meta: Object | None = None, **spec: Any) -> Object:
    """Return a pod; ``spec`` adds or replaces fields of its spec."""
    return thing("Pod", meta=meta, spec={"containers": [container()], **spec})


def secured(**fields: Any) -> Object:
    """Return a pod whose container's securityContext is bent."""
    bent = container()
    bent["securityContext"] = bent["securityContext"] | fields
    return pod(containers=[bent])


WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")


def workload(kind: str, meta: Object | None = None, **spec: Any) -> Object:
    """Return a workload whose pods have this metadata and spec."""
    labels = {"app": "mine", **(meta or {}).get("labels", {})}
    template: Object = {
        "metadata": {**(meta or {}), "labels": labels},
        "spec": {"containers": [container()], **spec},
    }
    if kind in ("Job", "CronJob"):
        template["spec"]["restartPolicy"] = "Never"
        jobs: Object = {"template": template}
        whole = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": jobs}}
        return thing(kind, spec=jobs if kind == "Job" else whole)
    body: Object = {"selector": {"matchLabels": {"app": "mine"}}, "template": template}
    if kind == "StatefulSet":
        body["serviceName"] = "mine"
    return thing(kind, spec=body)


def claim(meta: Object | None = None, **spec: Any) -> Object:
    """Return a volume claim; ``spec`` adds or replaces fields of its spec."""
    room = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return thing("PersistentVolumeClaim", meta=meta, spec=room | spec)


def with_claim(meta: Object | None = None, **spec: Any) -> Object:
    """Return a StatefulSet with such a volume claim."""
    body = workload("StatefulSet")
    template = {
        key: value for key, value in claim(meta, **spec).items() if key in ("metadata", "spec")
    }
    body["spec"]["volumeClaimTemplates"] = [template]
    return body


def with_ephemeral(meta: Object | None = None, **spec: Any) -> Object:
    """Return a pod with an ephemeral volume of such a claim."""
    inline = {"metadata": meta or {}, "spec": claim(**spec)["spec"]}
    return pod(volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": inline}}])


def service(**spec: Any) -> Object:
    """Return a Service."""
    return thing("Service", spec={"selector": {"app": "mine"}, "ports": [{"port": 80}], **spec})


def binding(role: str, subject: Object, labels: Object = OURS) -> Object:
    """Return a RoleBinding of a ClusterRole."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    meta = {"labels": labels}
    return thing("RoleBinding", "tried", meta, roleRef=reference, subjects=[subject])


def filled(body: object, names: dict[str, str]) -> object:
    """Return a copy with ``{learner}`` and the like replaced in every string."""
    match body:
        case str():
            return body.format(**names) if "{" in body else body
        case list():
            return [filled(item, names) for item in body]
        case dict():
            return {key: filled(value, names) for key, value in body.items()}
        case _:
            return copy.copy(body)
