"""The LabEnvironments as last seen, so that a pass over one begins without a request.

Fed by the watch and by the answers to our own writes: what we wrote ourselves is no news, and a
pass never sees a lab older than its own last write. Bodies are kept as JSON, without what nobody
reads, because a thousand parsed ones take more memory than everything else.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import LabKey
from practicum.desired.lab import namespace_name

Object = Mapping[str, Any]


class _Known(NamedTuple):
    uid: str
    version: int
    essence: tuple[Any, ...]
    text: str
    labels: Mapping[str, str]
    told: bool = True
    """Whether the watch has brought it, or it is our own write: else it is news yet."""


class Labs:
    """Every LabEnvironment that is there, by course and name."""

    def __init__(self) -> None:
        self._known: dict[LabKey, _Known] = {}
        self._places: dict[str, LabKey] = {}

    def event(self, body: Object, *, deleted: bool) -> bool:
        """Take in a watch event; returns whether the lab should have a look."""
        key, now = _key(body), _known(body)
        was = self._known.get(key)
        if deleted:
            self.drop(key, now.uid)
            return True
        if was and was.version >= now.version:
            self._known[key] = was._replace(told=True)
            return not was.told
        self._take(key, was, now)
        return True

    def look(self, body: Object) -> None:
        """Take in a lab as somebody read it: the watch has yet to bring it, as news to all."""
        key, now = _key(body), _known(body)
        was = self._known.get(key)
        if was is None or was.version < now.version:
            self._take(key, was, now._replace(told=False))

    def _take(self, key: LabKey, was: _Known | None, now: _Known) -> None:
        self._known[key] = now
        if was and was.uid != now.uid:
            self._places.pop(namespace_name(key.name, was.uid, "learner"), None)
        self._places[namespace_name(key.name, now.uid, "learner")] = key

    def answer(self, body: Object) -> None:
        """Take in the answer to a write of ours.

        If somebody else's edit came in with it, the lab is kept as it was: the watch will bring
        that edit, and it must be news then.
        """
        key, now = _key(body), _known(body)
        was = self._known.get(key)
        if was and was.uid == now.uid and was.version < now.version and was.essence == now.essence:
            self._known[key] = now._replace(told=was.told)

    def get(self, key: LabKey) -> LabEnvironment | None:
        """Return a lab as it is now known."""
        known = self._known.get(key)
        return LabEnvironment.model_validate_json(known.text, extra="ignore") if known else None

    def drop(self, key: LabKey, uid: str) -> None:
        """Forget a lab that is not there any more."""
        if (was := self._known.get(key)) and was.uid == uid:
            del self._known[key]
            self._places.pop(namespace_name(key.name, uid, "learner"), None)

    def at(self, namespace: str) -> LabKey | None:
        """Return the lab whose learner's namespace this is."""
        return self._places.get(namespace)

    def labelled(self, namespace: str, label: str, value: str) -> dict[LabKey, int]:
        """Return the labs of a course that bear a label, and the version of each."""
        return {
            key: known.version
            for key, known in self._known.items()
            if key.namespace == namespace and known.labels.get(label) == value
        }

    def label(self, key: LabKey, label: str) -> str:
        """Return a lab's label, or nothing."""
        known = self._known.get(key)
        return known.labels.get(label, "") if known else ""

    def body(self, key: LabKey) -> dict[str, Any]:
        """Return a lab that is known as plain JSON: quicker read than as a model."""
        body: dict[str, Any] = json.loads(self._known[key].text)
        return body

    def lacking(self, template: str) -> list[LabKey]:
        """Return the labs that ask for a template and are on no revision of it yet."""
        found = []
        for key, known in self._known.items():
            if f'"{template}"' in known.text:
                body = json.loads(known.text)
                if body["spec"]["template"] == template and "template" not in body["status"]:
                    found.append(key)
        return found

    def __contains__(self, key: LabKey) -> bool:
        """Whether a lab is known."""
        return key in self._known

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def uids(self) -> dict[LabKey, str]:
        """Return the uid of every lab that is known."""
        return {key: known.uid for key, known in self._known.items()}


def _key(body: Object) -> LabKey:
    return LabKey(body["metadata"]["namespace"], body["metadata"]["name"])


def _known(body: Object) -> _Known:
    meta = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    kept = {"metadata": meta, "spec": body["spec"], "status": body.get("status", {})}
    essence = (
        meta.get("generation"),
        meta.get("deletionTimestamp"),
        meta.get("labels"),
        meta.get("annotations"),
    )
    text = json.dumps(kept, separators=(",", ":"))
    labels = meta.get("labels") or {}
    return _Known(meta["uid"], int(meta["resourceVersion"]), essence, text, labels)
