"""The network probe's two pods: the same server twice, and a policy of the chart denies one.

Only if the open one is reached does it mean anything that the closed one is not.
"""

from typing import Any, Final, Literal

from practicum.api import names
from practicum.desired import pods
from practicum.settings import Settings

Object = dict[str, Any]
Door = Literal["open", "closed"]

DOORS: Final[tuple[Door, ...]] = ("open", "closed")
PORT: Final = 8080
_KNOCK: Final = f"import socket; socket.create_connection(('localhost', {PORT}), 2)"
_LIFE_SECONDS: Final = 120
"""An operator that dies leaves pods behind that end by themselves; its next start removes them."""


def pod(door: Door, settings: Settings) -> Object:
    """Return one pod; the API server names it, so that an older one is never in its way."""
    server = {
        "name": "server",
        "image": settings.probe_image,
        "command": ["python", "-m", "http.server", str(PORT), "--directory", "/tmp"],  # noqa: S108
        "ports": [{"containerPort": PORT}],
        # From within the pod, where no policy reaches: ready means that something listens.
        "readinessProbe": {
            "exec": {"command": ["python", "-c", _KNOCK]},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 30,
        },
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "1", "memory": "96Mi"},
        },
    }
    spec = pods.spec(server, seconds=_LIFE_SECONDS, nodes=settings.node_selector)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{door}-",
            "namespace": names.PROBE_NAMESPACE,
            "labels": {names.PROBE: door},
        },
        "spec": spec | {"serviceAccountName": names.PROBE_NAMESPACE},
    }
