"""Says in the registry which feature services are approved, as long as they are what was approved.

An approval names the digest of a definition. Both sides compute it from the same facts: the one
that approves from the registry's REST API, this one from the definitions that are to be applied.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

STAMP = ("status", "approved_by", "approval_id", "approved_at", "evidence_digest")

Spec = dict[str, Any]


def stamp(approval: Spec) -> dict[str, str]:
    """The tags that an approval gives to its feature service."""
    return {
        "status": "approved",
        "approved_by": approval["approvedBy"],
        "approval_id": approval["request"],
        "approved_at": approval["approvedAt"],
        "evidence_digest": approval["evidenceDigest"],
    }


def definition(project: str, service: Spec, views: dict[str, Spec]) -> str:
    """The digest of what a service consists of; KeyError: one of its views is not there."""
    names = sorted({part["featureViewName"] for part in service.get("features", [])})
    facts = {
        "name": service["name"],
        "project": project,
        "owner": service.get("owner", ""),
        "description": service.get("description", ""),
        "tags": {key: tag for key, tag in service.get("tags", {}).items() if key not in STAMP},
        "views": [_view(views[name], _columns(service, name)) for name in names],
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def mark(
    services: list[Any],
    views: list[Any],
    approvals: list[Spec],
    project: str,
    spec: Callable[[Any], Spec],
) -> None:
    """Put the stamps on Feast's own objects before they are applied; `spec` says what one is.

    A service without a valid approval keeps the tags of its definition, so whatever stamp the
    registry still has goes with the next apply, and none is ever missing in between.
    """
    known = {view.name: spec(view) for view in views}
    there = {service.name: service for service in services}
    for approval in approvals:
        name, request = approval["service"], approval["request"]
        if name not in there:
            print(f"feast: {name}, approved by request {request}, is not defined any more")
            continue
        try:
            now = definition(project, spec(there[name]), known)
        except KeyError as error:
            now = f"one without view {error}"
        if now == approval["definition"]:
            there[name].tags = {**there[name].tags, **stamp(approval)}
            print(f"feast: {name} is approved by request {request}")
        else:
            print(
                f"feast: {name} is not what request {request} approved: its definition has "
                f"digest {now}, not {approval['definition']}; ask for approval of it as it is"
            )


def marking(parse: Callable[[Path], Any], approvals: Path) -> Callable[[Path], Any]:
    """What `feast apply` reads a repository with, and the stamps: none is missing in between."""

    def parse_and_mark(root: Path) -> Any:
        found = parse(root)
        views = [
            *(*found.feature_views, *found.stream_feature_views),
            *(*found.on_demand_feature_views, *found.label_views),
        ]
        mark(found.feature_services, views, json.loads(approvals.read_text()), "lab", said_of)
        return found

    return parse_and_mark


def said_of(thing: Any) -> Spec:
    """What the REST API says of one of Feast's objects."""
    from google.protobuf.json_format import MessageToDict

    return dict(MessageToDict(thing.to_proto())["spec"])


def _view(view: Spec, used: set[str]) -> Spec:
    return {
        "name": view["name"],
        "owner": view.get("owner", ""),
        "description": view.get("description", ""),
        "ttl_seconds": float(view.get("ttl", "0s").removesuffix("s")),
        "tags": view.get("tags", {}),
        "entities": view.get("entities", []),
        "source": {
            key: value
            for key, value in view.get("batchSource", {}).items()
            if key not in ("meta", "dataSourceClassType")
        },
        "fields": [
            {
                "name": one["name"],
                "type": one.get("valueType", ""),
                "description": one.get("description", ""),
                "tags": one.get("tags", {}),
            }
            for one in view.get("features", [])
            if one["name"] in used
        ],
    }


def _columns(service: Spec, view: str) -> set[str]:
    return {
        column["name"]
        for part in service.get("features", [])
        if part["featureViewName"] == view
        for column in part.get("featureColumns", [])
    }
