"""Follows what labs are made of, by lean informers; a lab wakes when one of its objects changes.

kopf makes a task, a queue and several deep copies for each object that it watches; a lab has
twenty and more, and needs nothing of it.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence, Set
from typing import Final

from practicum.api.names import COURSE, LAB, LAB_UID, MANAGED_BY, MANAGER, ChildKey, LabKey
from practicum.kube.client import Kube, Object
from practicum.kube.informer import Informer
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.labs import Labs
from practicum.reconcile.runner import Runner, background

WATCHED: Final = (
    *("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy"),
    *("ServiceAccount", "Role", "RoleBinding"),
    *("ConfigMap", "Service", "PersistentVolumeClaim"),
    *("Deployment", "StatefulSet", "Job", "CronJob"),
)
"""The kinds whose drift is seen at once. No Secrets: who may watch them may read them all."""


class Children:
    """Takes in what the informers see."""

    def __init__(self, runner: Runner, inventory: Inventory, labs: Labs) -> None:
        self._runner = runner
        self._inventory = inventory
        self._labs = labs

    def changed(self, body: Object, gone: bool) -> None:
        """Take in what became of a lab's object, and wake the lab if that is news to it."""
        labels = body["metadata"].get("labels", {})
        if LAB_UID not in labels or LAB not in labels or COURSE not in labels:
            return
        key = LabKey(labels[COURSE], labels[LAB])
        # A lab that is not known yet wakes by itself once it is: after a start, for all of them.
        if self._inventory.event(body, deleted=gone) and key in self._labs:
            self._runner.wake(key)

    def listed(self, kind: str, there: Set[ChildKey], version: int) -> None:
        """Wake the labs whose objects went while nobody was looking."""
        losers = self._inventory.listed(kind, there, version)
        for key, uid in self._labs.uids().items():
            if uid in losers:
                self._runner.wake(key)

    def compare(self) -> Callable[[set[str]], None]:
        """Remember which labs are known; what this returns wakes those that a listing lacks.

        A watch that was away may have missed a lab's end.
        """
        known = self._labs.uids()

        def found_only(uids: set[str]) -> None:
            for key, uid in known.items():
                if uid not in uids:
                    self._labs.drop(key, uid)
                    self._runner.wake(key)

        return found_only


def informers(kube: Kube, children: Children) -> list[Informer]:
    """Return what follows everything that labs are made of."""
    return [
        Informer(
            kube,
            kind,
            f"{MANAGED_BY}={MANAGER}",
            changed=children.changed,
            listed=children.listed,
        )
        for kind in WATCHED
    ]


@contextlib.asynccontextmanager
async def followed(informers: Sequence[Informer], runner: Runner) -> AsyncIterator[None]:
    """Follow in the background; passes begin once everything that is there has been seen."""
    runner.hold()

    async def open_when_synced() -> None:
        for informer in informers:
            await informer.synced.wait()
        runner.release()

    async with background(*(informer.run() for informer in informers), open_when_synced()):
        yield
