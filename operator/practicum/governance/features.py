"""What is asked of Feast: what feature services consist of, and what their tags say.

Only read: the registry is written by the lab's own Job, ``feast-apply``, which is told of the
approvals that it has to bring there. What is known of the values comes from Feast's monitoring
(https://docs.feast.dev: data quality monitoring): the baseline, and the newest event in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote, urlencode

from practicum.api.canonical import digest
from practicum.errors import ServiceError
from practicum.governance.backends import Backends

STAMP: Final = frozenset({"status", "approved_by", "approval_id", "approved_at", "evidence_digest"})
"""Tags of a feature service that say whether it is approved, and not what it is."""
_MEASURES: Final = ("row_count", "null_rate", "mean", "stddev")


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
    of component feast); what was measured of the values is no part of it.
    """
    tags = {key: value for key, value in facts["tags"].items() if key not in STAMP}
    views = [{key: view[key] for key in view if key != "monitoring"} for view in facts["views"]]
    return digest({**facts, "tags": tags, "views": views}, 64)


class Features:
    """One project of a lab's Feast registry."""

    def __init__(self, backends: Backends, project: str) -> None:
        self._backends = backends
        self.project = project

    async def service(self, name: str) -> dict[str, Any] | None:
        """Return the facts about a feature service and its views; None if one is not there."""
        found = await self._registered("feature_services", name)
        if found is None:
            return None
        views = []
        for one in sorted({part["featureViewName"] for part in found.get("features", [])}):
            view = await self._registered("feature_views", one)
            if view is None:
                return None
            columns = _columns(found, one)
            views.append(_view(view, columns) | {"monitoring": await self._measured(one, columns)})
        return _service(self.project, found) | {"views": views}

    async def _measured(self, view: str, columns: set[str]) -> dict[str, Any] | None:
        """Return the baseline of a view's values; None: nobody measures them."""
        query = urlencode({"project": self.project, "feature_view_name": view})
        answer = await self._backends.feast(f"monitoring/metrics/baseline?{query}")
        # Without a section data_quality_monitoring Feast answers 503.
        if answer.status in (404, 503):
            return None
        if answer.status != 200:
            raise ServiceError("FeastFailed", f"Feast answered {answer.status} for {view}'s values")
        rows = [one for one in answer.body if one["feature_name"] in columns]
        if not rows:
            return None
        return {
            "max_event_timestamp": max(str(one["max_event_timestamp"] or "") for one in rows),
            "features": {one["feature_name"]: {key: one[key] for key in _MEASURES} for one in rows},
        }

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


def _service(project: str, service: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": service["name"],
        "project": project,
        "owner": service.get("owner", ""),
        "description": service.get("description", ""),
        "tags": service.get("tags", {}),
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
