"""The pods that look at a lab from within: small, short-lived, and nobody's to enter.

They are labelled as the lab's own, so that nobody else makes, changes or deletes them, and called
so that nobody opens a shell in them (policies of the chart).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from practicum.api import names
from practicum.api.labtemplate import Side
from practicum.desired import pods
from practicum.desired.lab import Lab, Object

CONTAINER: Final = "look"
WORK: Final = "/work"
"""Where a pod finds its files, and may write."""
PROBE: Final = {
    "requests": {"cpu": "10m", "memory": "48Mi"},
    "limits": {"cpu": "500m", "memory": "128Mi"},
}
WORKER: Final = {
    "requests": {"cpu": "100m", "memory": "384Mi"},
    "limits": {"cpu": "2", "memory": "1Gi"},
}


@dataclass(frozen=True)
class CheckPod:
    """What one pod is to do."""

    side: Side
    image: str
    command: list[str]
    seconds: int
    """How long it may run."""
    environment: Mapping[str, str] = field(default_factory=dict)
    config_maps: Mapping[str, str] = field(default_factory=dict)
    """ConfigMap by the folder below /in that it is mounted at."""
    resources: Mapping[str, Any] = field(default_factory=lambda: PROBE)
    theirs: bool = False
    """Whether it runs code of the learner's, who then has to mend it if it comes to no end."""


def labels(lab: Lab) -> dict[str, str]:
    """Return what a lab's check pods are known by."""
    return lab.labels(**{names.CHECK: "pod"})


def manifest(lab: Lab, pod: CheckPod) -> Object:
    """Return one pod; the API server names it."""
    volumes: list[Object] = [
        {"name": "work", "emptyDir": {"sizeLimit": "256Mi"}},
        *(
            {"name": f"in-{number}", "configMap": {"name": name, "optional": True}}
            for number, name in enumerate(pod.config_maps.values())
        ),
    ]
    mounts = [
        {"name": "work", "mountPath": WORK},
        *(
            {"name": f"in-{number}", "mountPath": f"/in/{folder}", "readOnly": True}
            for number, folder in enumerate(pod.config_maps)
        ),
    ]
    fixed = {"HOME": WORK, "TMPDIR": WORK, "PYTHONDONTWRITEBYTECODE": "1"}
    container = {
        "name": CONTAINER,
        "image": pod.image,
        "imagePullPolicy": "IfNotPresent",
        "command": pod.command,
        "workingDir": WORK,
        "env": [{"name": k, "value": v} for k, v in {**fixed, **pod.environment}.items()],
        "resources": dict(pod.resources),
        "volumeMounts": mounts,
    }
    spec = pods.spec(container, seconds=pod.seconds, nodes=lab.settings.node_selector)
    spec["securityContext"] |= {"fsGroup": 1000}
    spec["volumes"] = volumes
    metadata = {
        "generateName": names.CHECK_POD,
        "namespace": lab.namespaces[pod.side],
        "labels": labels(lab),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
