"""Kubernetes Events about a LabEnvironment, as plain objects; whoever reconciles sends them."""

import uuid
from datetime import datetime
from typing import Any, Literal

from practicum.api.names import API_VERSION, FIELD_MANAGER

_MESSAGE_BYTES = 1000


def event(
    lab: dict[str, Any],
    *,
    kind: Literal["Normal", "Warning"],
    reason: str,
    message: str,
    now: datetime,
) -> dict[str, Any]:
    """Return a core/v1 Event about a LabEnvironment.

    The name is made of what it says, so that a repeated write of the same news is refused by the
    API server rather than shown twice.

    Args:
        lab: the LabEnvironment's metadata.
        kind: Normal or Warning.
        reason: CamelCase reason.
        message: one sentence.
        now: when it happened.
    """
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = uuid.uuid5(uuid.UUID(lab["uid"]), f"{reason}/{message}/{stamp}").hex[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{lab['name']}.{identity}", "namespace": lab["namespace"]},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "LabEnvironment",
            "name": lab["name"],
            "namespace": lab["namespace"],
            "uid": lab["uid"],
        },
        "type": kind,
        "reason": reason,
        "message": message[:_MESSAGE_BYTES],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": f"{FIELD_MANAGER}.dev/operator",
    }
