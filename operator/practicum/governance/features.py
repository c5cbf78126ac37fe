"""What is asked of Feast: what feature services consist of, and what their tags say.

Only read: the registry is written by the lab's own Job, ``feast-apply``, which is told of the
approvals that it has to bring there.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from practicum.api.canonical import digest
from practicum.errors import ServiceError
from practicum.governance.backends import Backends

STAMP: Final = frozenset({"status", "approved_by", "approval_id", "approved_at", "evidence_digest"})
"""Tags of a feature service that say whether it is approved, and not what it is."""


@contextmanager
def sensible() -> Iterator[None]:
    """Take an answer in which something is missing for a failure of who gave it.

    Raises:
        ServiceError: for whatever is wrong with it.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        text = f"a service answered with something unexpected: {error!r}"
        raise ServiceError("Malformed", text) from error


def definition(facts: Mapping[str, Any]) -> str:
    """Return the digest of what a feature service consists of, which an approval does not change.

    The lab's Job computes the same from the definitions that it applies (``files/approvals.py``
    of component feast).
    """
    tags = {key: value for key, value in facts["tags"].items() if key not in STAMP}
    return digest({**facts, "tags": tags}, 64)


class Features:
    """One project of a lab's Feast registry."""

    def __init__(self, backends: Backends, project: str) -> None:
        self._backends = backends
        self.project = project

    async def tags(self, service: str) -> dict[str, str] | None:
        """Return the tags of a feature service; None: there is none of that name."""
        found = await self._registered("feature_services", service)
        return None if found is None else dict(found.get("tags", {}))

    async def service(self, name: str) -> dict[str, Any] | None:
        """Return the facts about a feature service and its views; None if one is not there."""
        found = await self._registered("feature_services", name)
        if found is None:
            return None
        names = sorted({part["featureViewName"] for part in found.get("features", [])})
        views = [await self._registered("feature_views", one) for one in names]
        there = [one for one in views if one is not None]
        return _facts(self.project, found, there) if len(there) == len(names) else None

    async def _registered(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """Return the spec of an object in the registry."""
        project = quote(self.project, safe="")
        answer = await self._backends.feast(f"{kind}/{quote(name, safe='')}?project={project}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ServiceError("FeastFailed", f"Feast answered {answer.status} for {name}")
        spec: Mapping[str, Any] = answer.body["spec"]
        return spec


def _facts(
    project: str, service: Mapping[str, Any], views: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "name": service["name"],
        "project": project,
        "owner": service.get("owner", ""),
        "description": service.get("description", ""),
        "tags": service.get("tags", {}),
        "views": [_view(one, _columns(service, one["name"])) for one in views],
    }


def _view(view: Mapping[str, Any], used: set[str]) -> dict[str, Any]:
    return {
        "name": view["name"],
        "owner": view.get("owner", ""),
        "description": view.get("description", ""),
        "ttl_seconds": float(view.get("ttl", "0s").removesuffix("s")),
        "tags": view.get("tags", {}),
        "entities": view.get("entities", []),
        "source": _source(view.get("batchSource", {})),
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


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says where values come from, without what the registry adds."""
    return {key: source[key] for key in source if key not in ("meta", "dataSourceClassType")}


def _columns(service: Mapping[str, Any], view: str) -> set[str]:
    parts: Sequence[Mapping[str, Any]] = service.get("features", [])
    return {
        column["name"]
        for part in parts
        if part["featureViewName"] == view
        for column in part.get("featureColumns", [])
    }
