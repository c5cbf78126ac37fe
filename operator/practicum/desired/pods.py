"""What all pods of the operator's own have in common: restricted, short-lived, nobody's account."""

from collections.abc import Mapping

from practicum.desired.lab import Object


def spec(container: Object, *, seconds: int, nodes: Mapping[str, str]) -> Object:
    """Return the spec of a pod that comes to an end by itself.

    Args:
        container: its only one.
        seconds: how long it may run.
        nodes: labels of the nodes that it may run on.
    """
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "activeDeadlineSeconds": seconds,
        "terminationGracePeriodSeconds": 1,
        "nodeSelector": dict(nodes),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                **container,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
