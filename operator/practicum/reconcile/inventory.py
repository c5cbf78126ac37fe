"""What is known of every lab's objects: digests and verdicts, never bodies.

Filled by watch events and by the answers to our own writes, so that a steady lab costs no
requests, and a foreign change is told from our own and from a mere change of status.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from sys import intern
from typing import Any

from practicum.api.canonical import digest
from practicum.api.names import LAB_UID, ChildKey, key_of
from practicum.policy.drift import fingerprint
from practicum.policy.readiness import READY, Readiness, assess

Object = Mapping[str, Any]

UNWATCHED = frozenset({"Secret"})
"""Kinds of which no change is reported: who may watch Secrets may read them all."""

_REMEMBERED = 4096
"""Deleted objects whose late answers are recognised: more than are ever under way."""

_TOGETHER = frozenset({"ResourceQuota"})
"""Kinds of which one alone being ready lets nothing go on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as last seen."""

    uid: str
    version: int
    fingerprint: str
    applied: str
    """Digest of what was last applied; empty once the object has drifted from it."""
    readiness: Readiness


class Inventory:
    """Everything seen, by lab uid."""

    def __init__(self) -> None:
        self._labs: defaultdict[str, dict[ChildKey, Seen]] = defaultdict(dict)
        self._owner: dict[ChildKey, str] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._lost: defaultdict[str, set[ChildKey]] = defaultdict(set)

    def event(self, body: Object, *, deleted: bool) -> bool:
        """Take in a watch event; returns whether the lab should have a look.

        Events older than what is known are ignored: resourceVersions grow, and our own writes'
        answers run ahead of the watch.
        """
        meta = body["metadata"]
        if any(owner.get("controller") for owner in meta.get("ownerReferences", [])):
            return False
        if not deleted and meta["uid"] in self._gone:
            return False  # overtaken by the news of its end
        uid, key = intern(meta["labels"][LAB_UID]), _shared(key_of(body))
        if self._owner.get(key, uid) != uid:
            # Somebody relabelled it: its lab must find it changed.
            self.drop(self._owner[key], key)
        was = self.get(uid, key)
        if deleted:
            self._bury(meta["uid"])
            if was and was.uid == meta["uid"]:
                self._lose(uid, key)
            return True
        if was and was.uid == meta["uid"] and int(meta["resourceVersion"]) <= was.version:
            return False
        now = self._seen(body, applied=was.applied if was else "")
        if was and was.fingerprint != now.fingerprint:
            now = self._seen(body, applied="")
        self._labs[uid][key] = now
        self._owner[key] = uid
        return was is None or not now.applied or self._is_step(uid, key, was, now)

    def _bury(self, uid: str) -> None:
        self._gone[uid] = None
        while len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)

    def _is_step(self, uid: str, key: ChildKey, was: Seen, now: Seen) -> bool:
        """Whether readiness changed so that the lab can go on: the last of its quotas says so."""
        if was.readiness == now.readiness:
            return False
        return not (
            key.kind in _TOGETHER
            and now.readiness.ready
            and any(
                other.kind == key.kind and not seen.readiness.ready
                for other, seen in self._labs[uid].items()
            )
        )

    def listed(self, kind: str, there: Set[ChildKey], version: int) -> set[str]:
        """Take in a complete listing: drop what it lacks; returns the labs that lost something."""
        lost = [
            key
            for key, uid in self._owner.items()
            if key.kind == kind and key not in there and self._labs[uid][key].version <= version
        ]
        owners = {self._owner[key] for key in lost}
        for key in lost:
            self._lose(self._owner[key], key)
        return owners

    def _lose(self, uid: str, key: ChildKey) -> None:
        self.drop(uid, key)
        self._lost[uid].add(key)

    def lost(self, lab_uid: str, key: ChildKey) -> bool:
        """Whether an object is gone that was there, and that we did not delete."""
        return key in self._lost.get(lab_uid, ())

    def applied(self, desired: Object, live: Object) -> None:
        """Take in the answer to a write of ours; the watch may have overtaken it."""
        if live["metadata"]["uid"] in self._gone:
            return  # deleted before its answer was read: it has to be written again
        uid, key = desired["metadata"]["labels"][LAB_UID], key_of(desired)
        self._lost[uid].discard(key)
        now, was = self._seen(live, applied=digest(desired)), self.get(uid, key)
        if was and was.uid == now.uid and was.version > now.version:
            same = was.fingerprint == now.fingerprint
            now = replace(was, applied=now.applied if same else "")
        self._labs[uid][key] = now
        self._owner[key] = uid

    def fresh(self, desired: Object) -> bool:
        """Whether the object stands exactly as it was applied, with nothing to add."""
        was = self.get(desired["metadata"]["labels"][LAB_UID], key_of(desired))
        return was is not None and was.applied == digest(desired)

    def seal(self, desired: Iterable[Object], *more: str) -> str:
        """Digest how objects are and should be; empty if one is not there or is not as applied."""
        bodies = list(desired)
        return self._digest(bodies, more) if all(map(self.fresh, bodies)) else ""

    def unseal(self, seal: str, desired: Iterable[Object], *more: str) -> bool:
        """Believe the seal of an earlier process, if all is still as it was then.

        What nobody watches is believed too, until it is looked at in its turn.
        """
        bodies = list(desired)
        if seal != self._digest(bodies, more):
            return False
        for body in bodies:
            uid, key = body["metadata"]["labels"][LAB_UID], key_of(body)
            was = self.get(uid, key) or Seen("", 0, "", "", READY)
            self._labs[uid][key] = replace(was, applied=digest(body))
            self._owner[key] = uid
        return True

    def _digest(self, desired: Iterable[Object], more: Iterable[str]) -> str:
        parts: list[Any] = []
        for body in desired:
            key = key_of(body)
            seen = self.get(body["metadata"]["labels"][LAB_UID], key)
            watched = seen and key.kind not in UNWATCHED
            parts.append([*key, seen.fingerprint if seen and watched else "", digest(body)])
        return digest([sorted(parts), *more], 32)

    def get(self, lab_uid: str, key: ChildKey) -> Seen | None:
        """Return what is known of one object."""
        return self._labs.get(lab_uid, {}).get(key)

    def drop(self, lab_uid: str, key: ChildKey) -> None:
        """Forget one object, so that it is written again."""
        self._labs.get(lab_uid, {}).pop(key, None)
        self._lost[lab_uid].discard(key)
        self._owner.pop(key, None)

    def keys(self, lab_uid: str) -> Iterator[ChildKey]:
        """Return the keys of all objects seen of a lab."""
        return iter(tuple(self._labs.get(lab_uid, {})))

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._lost.pop(lab_uid, None)
        for key in self._labs.pop(lab_uid, {}):
            self._owner.pop(key, None)

    def distrust(self, lab_uid: str, kinds: frozenset[str]) -> None:
        """Forget the objects of kinds that nobody watches: they are written again."""
        for key in [key for key in self.keys(lab_uid) if key.kind in kinds]:
            self.drop(lab_uid, key)

    @staticmethod
    def _seen(body: Object, *, applied: str) -> Seen:
        meta = body["metadata"]
        return Seen(
            uid=meta["uid"],
            version=int(meta["resourceVersion"]),
            fingerprint=fingerprint(body),
            applied=applied,
            readiness=assess(body),
        )


def _shared(key: ChildKey) -> ChildKey:
    """Return an equal key whose parts are kept once, not once for each object of a lab."""
    return ChildKey(*map(intern, key))
