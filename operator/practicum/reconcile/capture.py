"""Captures what of a lab is not on its volumes: its object, what learners wrote, its audit log."""

import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LEARNER, PLATFORM
from practicum.api.names import CHECK_REPORT
from practicum.archives.keeper import OBJECTS
from practicum.kube.client import Object
from practicum.policy import archiving
from practicum.reconcile.tools import Tools

Log = tuple[str, str]
"""An audit log as JSONL, and what its verification came to: empty where it holds."""
Logs = Callable[[LabEnvironment], Awaitable[Log]]
"""Reads and verifies the audit log of a lab."""


async def capture(
    tools: Tools, lab: LabEnvironment, places: Mapping[str, str], logs: Logs
) -> bytes:
    """Return everything as one packed JSON document, as ``archives.keeper`` takes it.

    Args:
        tools: what a pass works with.
        lab: the lab, which has ended.
        places: its namespaces by side.
        logs: reads its audit log.
    """
    log, broken = await logs(lab)
    body = {"metadata": _named(lab), "spec": lab.spec.wire(), "status": lab.status.wire()}
    files = {"lab.json": _json(body), OBJECTS: _json(await _objects(tools, places))}
    files["audit.jsonl"] = log
    if LEARNER in places and (report := await _data(tools, places[LEARNER], CHECK_REPORT)):
        files["check-report.json"] = _json(report)
    if revision := await _revision(tools, lab):
        files["template.json"] = _json(revision)
    about = {
        "lab": lab.metadata["name"],
        "course": lab.metadata["namespace"],
        "uid": lab.uid,
        "audit": broken or "holds",
    }
    return gzip.compress(json.dumps({"about": about, "files": files}).encode(), mtime=0)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _named(lab: LabEnvironment) -> Object:
    kept = ("name", "namespace", "uid", "creationTimestamp", "labels", "annotations")
    return {key: lab.metadata[key] for key in kept if key in lab.metadata}


async def _objects(tools: Tools, places: Mapping[str, str]) -> list[Object]:
    return [
        archiving.portable(body, side)
        for side, namespace in places.items()
        if side != PLATFORM
        for kind in archiving.CAPTURED
        for body in await tools.kube.list(kind, namespace)
        if archiving.learners(body)
    ]


async def _data(tools: Tools, namespace: str, name: str) -> dict[str, str]:
    found = await tools.kube.find("ConfigMap", namespace, name)
    return dict((found or {}).get("data", {}))


async def _revision(tools: Tools, lab: LabEnvironment) -> Object | None:
    """Return the frozen template, if it is still there: an archive is of use without it too."""
    if lab.status.template is None:
        return None
    system, name = tools.settings.system_namespace, lab.status.template.revision
    found = await tools.kube.find("ControllerRevision", system, name)
    return {"revision": name, **found["data"]} if found else None
