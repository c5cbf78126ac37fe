"""The ChangeRequests and ChangeApprovals as last seen, and whom they wake.

Fed by informers and by the answers to our own writes, so that a pass never sees a request older
than its own last write. Bodies are kept as JSON: parsed ones of a whole class would take more
memory than everything else.
"""

import json
from collections.abc import Callable, Set
from typing import Final, NamedTuple

from practicum.api.change import ChangeApproval, ChangeRequest
from practicum.api.names import ChildKey, LabKey, key_of
from practicum.kube.client import Kube, Object
from practicum.kube.informer import Informer

WATCHED: Final = ("ChangeRequest", "ChangeApproval")


class _Filed(NamedTuple):
    version: int
    text: str


class Files:
    """Everything that was asked and answered, by namespace."""

    def __init__(
        self, lab_at: Callable[[str], LabKey | None], wake: Callable[[LabKey], None]
    ) -> None:
        """Choose who says which lab a namespace is, and what wakes one."""
        self._lab_at = lab_at
        self._wake = wake
        self._filed: dict[str, dict[ChildKey, _Filed]] = {}

    def changed(self, body: Object, gone: bool) -> None:
        """Take in a watch event, and wake its lab if that is news."""
        key, now = key_of(body), _filed(body)
        folder = self._filed.setdefault(key.namespace, {})
        was = folder.get(key)
        if gone:
            folder.pop(key, None)
            if not folder:
                del self._filed[key.namespace]
            return
        if was and was.version >= now.version:
            return
        folder[key] = now
        if lab := self._lab_at(key.namespace):
            self._wake(lab)

    def listed(self, kind: str, there: Set[ChildKey], version: int) -> None:
        """Drop what went while nobody was looking."""
        for namespace in list(self._filed):
            folder = self._filed[namespace]
            for key in [one for one in folder if one.kind == kind and one not in there]:
                if folder[key].version <= version:
                    del folder[key]
            if not folder:
                del self._filed[namespace]

    def wrote(self, body: Object) -> None:
        """Take in the answer to a write of ours."""
        key, now = key_of(body), _filed(body)
        folder = self._filed.get(key.namespace, {})
        if (was := folder.get(key)) and was.version < now.version:
            folder[key] = now

    def requests(self, namespace: str) -> list[ChangeRequest]:
        """Return the requests of a namespace, oldest first."""
        folder = self._filed.get(namespace, {})
        found = [
            ChangeRequest.model_validate_json(filed.text, extra="ignore")
            for key, filed in folder.items()
            if key.kind == "ChangeRequest"
        ]
        return sorted(found, key=lambda one: (_born(one), str(one.metadata["uid"])))

    def answers(self, namespace: str, request: str) -> list[ChangeApproval]:
        """Return the answers to a request in the order in which the API server took them."""
        folder = self._filed.get(namespace, {})
        found = [
            (filed.version, ChangeApproval.model_validate_json(filed.text, extra="ignore"))
            for key, filed in folder.items()
            if key.kind == "ChangeApproval"
        ]
        mine = [(_born(one), at, one) for at, one in found if one.spec.request == request]
        return [one for *_, one in sorted(mine, key=lambda entry: entry[:2])]


def informers(kube: Kube, files: Files) -> list[Informer]:
    """Return what follows every request and every answer."""
    return [
        Informer(kube, kind, "", changed=files.changed, listed=files.listed) for kind in WATCHED
    ]


def _born(body: ChangeRequest | ChangeApproval) -> str:
    return str(body.metadata["creationTimestamp"])


def _filed(body: Object) -> _Filed:
    meta = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    text = json.dumps({**body, "metadata": meta}, separators=(",", ":"))
    return _Filed(int(meta["resourceVersion"]), text)
