"""Brings desired objects into the cluster: apply what is not fresh, repair, replace, prune."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import structlog

from practicum import errors
from practicum.api.names import LAB_UID, ChildKey, key_of
from practicum.kube.client import Kube
from practicum.observe import metrics
from practicum.policy import drift
from practicum.reconcile.inventory import UNWATCHED, Inventory
from practicum.reconcile.runner import together

Object = dict[str, Any]

_REPLACED = frozenset({"Job", "RoleBinding"})
"""Kinds with immutable fields that carry no data: deleted and made again."""
_PARALLEL = 32
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Pauses while a RoleBinding reaches the API server's authorizer, or others are charged first."""

log = structlog.get_logger()


class Applier:
    """Writes objects of labs, remembering each in the inventory."""

    def __init__(self, kube: Kube, inventory: Inventory) -> None:
        self._kube = kube
        self._inventory = inventory
        self._places = asyncio.Semaphore(_PARALLEL)

    async def apply(self, wave: Iterable[Object]) -> None:
        """Apply one wave side by side; raises the first error after all have been tried."""
        due = [body for body in wave if not self._inventory.fresh(body)]
        await together(*map(self._place, due))

    async def apply_to(self, live: Object, desired: Object) -> None:
        """Apply an object to what was just read, and to nothing that it became since.

        Raises:
            Conflict: somebody changed it in between.
        """
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        await self._place(desired, {**desired, "metadata": {**desired["metadata"], **version}})

    async def _place(self, desired: Object, sent: Object | None = None) -> None:
        async with self._places:
            uid, key = desired["metadata"]["labels"][LAB_UID], key_of(desired)
            known, lost = self._inventory.get(uid, key), self._inventory.lost(uid, key)
            live = await self._patiently(sent or desired)
            if operations := drift.repairs(desired, live):
                meta = desired["metadata"]
                live = await self._kube.json_patch(
                    desired["kind"], meta.get("namespace", ""), meta["name"], operations
                )
            metrics.APPLIES.labels(desired["kind"]).inc()
            if lost or (known and not known.applied and known.version != _version(live)):
                metrics.DRIFT_REPAIRS.labels(desired["kind"]).inc()
                log.info("drift repaired", object=str(key))
            self._inventory.applied(desired, live)

    async def _patiently(self, desired: Object) -> Object:
        for pause in _PAUSES:
            try:
                return await self._apply_or_replace(desired)
            except errors.Forbidden as error:
                # A quota or an admission policy says why; only RBAC says "cannot".
                if " cannot " not in str(error):
                    raise
            except errors.Conflict as error:
                # Many objects at once are charged to one quota: the API server gives up at times.
                if "resourcequotas" not in str(error):
                    raise
            await asyncio.sleep(pause)
        return await self._apply_or_replace(desired)

    async def _apply_or_replace(self, desired: Object) -> Object:
        try:
            return await self._kube.apply(desired)
        except errors.Invalid:
            if desired["kind"] not in _REPLACED:
                raise
        meta = desired["metadata"]
        await self._kube.delete(desired["kind"], meta["namespace"], meta["name"])
        return await self._kube.apply(desired)

    async def prune(self, lab_uid: str, keep: Iterable[Object]) -> None:
        """Delete what carries the lab's labels and is no longer wanted; PVCs are kept."""
        kept = {key_of(body) for body in keep}
        gone = [
            key
            for key in self._inventory.keys(lab_uid)
            if key not in kept
            and key.kind not in UNWATCHED | {"Namespace", "PersistentVolumeClaim"}
        ]
        await self.delete(lab_uid, gone)

    async def delete(self, lab_uid: str, keys: Sequence[ChildKey]) -> None:
        """Delete objects side by side; those already gone are fine."""
        await together(*(self._kube.delete(*key) for key in keys))
        for key in keys:
            self._inventory.drop(lab_uid, key)


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])
