"""Who asked for their checks: learners by a ConfigMap of their namespace, staff by an annotation.

A request is a text that was not answered yet; the status of the lab says which one was last.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Final

from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import ChecksStatus
from practicum.api.names import (
    CHECK_REQUEST,
    CHECK_REQUESTED,
    DRILL,
    NAMESPACE_PREFIX,
    ChildKey,
    LabKey,
)
from practicum.kube.client import Kube, Object
from practicum.kube.informer import Informer

IGNORED: Final = "ignored"
"""What field ``needs`` of a request says, for checks to be looked at regardless of their needs."""
_LONGEST: Final = 64
_MOST: Final = 48


@dataclass(frozen=True)
class Request:
    """What somebody asks for."""

    text: str
    """Tells this request from others; shown in the lab's status once it is answered."""
    field: str
    """The status' field that shows it."""
    only: frozenset[str] = frozenset()
    """Ids of checks; none: all."""
    drill: str = ""
    """Drill to start; then nothing is looked at."""
    regardless: bool = False
    """Whether checks are looked at, once, before those that they need have passed."""


class Requests:
    """Learners' requests as last seen, by namespace."""

    def __init__(
        self, lab_at: Callable[[str], LabKey | None], wake: Callable[[LabKey], None]
    ) -> None:
        """Choose who says which lab a namespace is, and what wakes one."""
        self._lab_at = lab_at
        self._wake = wake
        self._requests: dict[str, tuple[int, Request]] = {}

    def changed(self, body: Object, gone: bool) -> None:
        """Take in a watch event, and wake its lab."""
        meta = body["metadata"]
        namespace, version = meta["namespace"], int(meta["resourceVersion"])
        if not namespace.startswith(NAMESPACE_PREFIX):
            return
        if gone:
            self._requests.pop(namespace, None)
            return
        was = self._requests.get(namespace)
        if was and was[0] >= version:
            return
        self._requests[namespace] = version, _read(body.get("data") or {}, "request")
        if lab := self._lab_at(namespace):
            self._wake(lab)

    def listed(self, _: str, there: Set[ChildKey], version: int) -> None:
        """Drop what went while nobody was looking."""
        namespaces = {key.namespace for key in there}
        for namespace, (seen, _request) in list(self._requests.items()):
            if namespace not in namespaces and seen <= version:
                del self._requests[namespace]

    def open(self, lab: LabEnvironment, namespace: str) -> Request | None:
        """Return a request that was not answered yet, the staff's before the learner's."""
        known = lab.status.checks or ChecksStatus()
        notes = lab.metadata.get("annotations") or {}
        said = {"requested": notes.get(CHECK_REQUESTED, ""), "drill": notes.get(DRILL, "")}
        staff = _read(said, "staff_request")
        if staff.text and staff.text != known.staff_request:
            return staff
        _, learner = self._requests.get(namespace, (0, None))
        return learner if learner and learner.text not in ("", known.request) else None


def _read(data: Mapping[str, str], field: str) -> Request:
    text = str(data.get("requested", ""))[:_LONGEST]
    only = [one.strip() for one in str(data.get("checks", "")).split(",") if one.strip()]
    drill, regardless = str(data.get("drill", "")), data.get("needs") == IGNORED
    return Request(text, field, frozenset(only[:_MOST]), drill[:_LONGEST], regardless)


def informer(kube: Kube, requests: Requests) -> Informer:
    """Return what follows every learner's requests, and no other ConfigMap."""
    only = f"metadata.name={CHECK_REQUEST}"
    return Informer(
        kube, "ConfigMap", "", fields=only, changed=requests.changed, listed=requests.listed
    )
