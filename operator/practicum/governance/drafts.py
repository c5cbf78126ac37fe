"""The policies that learners write, as last seen in their namespaces.

A draft is a ConfigMap of one name; an informer follows those alone, wherever they are. Bodies are
kept as JSON, and of annotations only ours: nothing else of them is read.
"""

import json
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Final

from practicum.api.names import NAMESPACE_PREFIX, POLICIES, POLICY_STATUS, ChildKey, LabKey
from practicum.kube.client import Kube, Object
from practicum.kube.informer import Informer

_MOST: Final = 64 * 1024
"""Characters of a draft that are kept; an admission policy allows a learner as many bytes."""


@dataclass(frozen=True)
class Draft:
    """One learner's policies."""

    uid: str
    version: int
    """resourceVersion."""
    files: str
    """JSON: text by name."""
    status: str
    """What its annotation says of it."""

    problem: str = ""
    """Why its files were not kept; empty: they were."""

    @property
    def said(self) -> tuple[str, ...]:
        """Return all that matters of it, our own word first."""
        return self.status, self.files, self.problem

    @property
    def texts(self) -> dict[str, str]:
        """Return the files by name."""
        texts: dict[str, str] = json.loads(self.files)
        return texts


class Drafts:
    """Every learner's policies, by namespace."""

    def __init__(
        self, lab_at: Callable[[str], LabKey | None], wake: Callable[[LabKey], None]
    ) -> None:
        """Choose who says which lab a namespace is, and what wakes one."""
        self._lab_at = lab_at
        self._wake = wake
        self._drafts: dict[str, Draft] = {}

    def changed(self, body: Object, gone: bool) -> None:
        """Take in a watch event, and wake its lab if that is news."""
        namespace = body["metadata"]["namespace"]
        if not namespace.startswith(NAMESPACE_PREFIX):
            return
        now, was = _draft(body), self._drafts.get(namespace)
        if gone:
            self._drafts.pop(namespace, None)
        elif was and was.uid == now.uid and was.version >= now.version:
            return
        else:
            self._drafts[namespace] = now
        if gone or not was or was.said != now.said:
            self._tell(namespace)

    def listed(self, _: str, there: Set[ChildKey], version: int) -> None:
        """Drop what went while nobody was looking."""
        namespaces = {key.namespace for key in there}
        for namespace, draft in list(self._drafts.items()):
            if namespace not in namespaces and draft.version <= version:
                del self._drafts[namespace]
                self._tell(namespace)

    def wrote(self, body: Object) -> None:
        """Take in the answer to a write of ours, which is no news."""
        namespace, now = body["metadata"]["namespace"], _draft(body)
        was = self._drafts.get(namespace)
        if was and (was.uid, was.files) == (now.uid, now.files) and was.version < now.version:
            self._drafts[namespace] = now

    def at(self, namespace: str) -> Draft | None:
        """Return the policies that are in a namespace."""
        return self._drafts.get(namespace)

    def _tell(self, namespace: str) -> None:
        if lab := self._lab_at(namespace):
            self._wake(lab)


def informer(kube: Kube, drafts: Drafts) -> Informer:
    """Return what follows every learner's policies, and no other ConfigMap."""
    only = f"metadata.name={POLICIES}"
    return Informer(
        kube, "ConfigMap", "", fields=only, changed=drafts.changed, listed=drafts.listed
    )


def _draft(body: Object) -> Draft:
    meta = body["metadata"]
    texts, problem = body.get("data", {}), ""
    if body.get("binaryData"):
        texts, problem = {}, "binaryData: policies are text, so put them into data"
    if sum(map(len, texts.values())) > _MOST:
        texts, problem = {}, f"data: more than {_MOST} bytes"
    files = json.dumps(texts, sort_keys=True, separators=(",", ":"))
    status = (meta.get("annotations") or {}).get(POLICY_STATUS, "")
    return Draft(meta["uid"], int(meta["resourceVersion"]), files, status, problem)
