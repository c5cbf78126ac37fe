"""Kubernetes Events, mostly about a LabEnvironment, as plain objects; who reconciles sends them."""

import uuid
from datetime import datetime
from typing import Any, Literal

from practicum.api.names import API_VERSION, FIELD_MANAGER

_MESSAGE_BYTES = 1000


def event(
    about: dict[str, Any],
    *,
    of: tuple[str, str] = (API_VERSION, "LabEnvironment"),
    kind: Literal["Normal", "Warning"],
    reason: str,
    message: str,
    now: datetime,
) -> dict[str, Any]:
    """Return a core/v1 Event.

    The name is made of what it says, so that a repeated write of the same news is refused by the
    API server rather than shown twice.

    Args:
        about: metadata of the object that it is about.
        of: that object's apiVersion and kind.
        kind: Normal or Warning.
        reason: CamelCase reason.
        message: one sentence.
        now: when it happened.
    """
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = uuid.uuid5(uuid.UUID(about["uid"]), f"{reason}/{message}/{stamp}").hex[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about['name']}.{identity}", "namespace": about["namespace"]},
        "involvedObject": {
            "apiVersion": of[0],
            "kind": of[1],
            "name": about["name"],
            "namespace": about["namespace"],
            "uid": about["uid"],
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
