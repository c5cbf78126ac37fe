"""Empties a lab's namespaces before they are deleted.

A namespace that still holds pods or finalizers is retried by its controller only every eight
seconds and more; an empty one goes at once. And once a namespace is being deleted the operator's
own rights in it go too: what holds it must be seen, named and let go before.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.desired.guards import OBJECTS_QUOTA
from practicum.kube.client import Kube
from practicum.reconcile.runner import together

log = structlog.get_logger()

Object = dict[str, Any]

_MAKERS: Final = ("CronJob", "Deployment", "StatefulSet", "Job")
"""Kinds that make pods: deleted first, or the pods come back."""

_HOLDERS: Final = ("Pod", "PersistentVolumeClaim")
_OTHERS: Final = ("ReplicaSet", "ConfigMap", "Secret", "Service")
_LISTED: Final = (*_MAKERS, *_HOLDERS, *_OTHERS)
"""Kinds that are looked at; their foreign finalizers may be purged, those of others never."""

_KUBERNETES: Final = frozenset(
    {
        "kubernetes.io/pvc-protection",
        "batch.kubernetes.io/job-tracking",
        "foregroundDeletion",
        "orphan",
    }
)
"""Finalizers that Kubernetes takes off by itself."""


@dataclass(frozen=True)
class Held:
    """An object that keeps its namespace from going at once."""

    kind: str
    namespace: str
    name: str
    finalizers: tuple[str, ...]

    @property
    def foreign(self) -> tuple[str, ...]:
        """Finalizers that are not Kubernetes' own: these need somebody else."""
        return tuple(name for name in self.finalizers if name not in _KUBERNETES)

    def __str__(self) -> str:
        why = ", ".join(self.foreign or self.finalizers) or "it does not end"
        return f"{self.kind} {self.namespace}/{self.name} ({why})"


class Drain:
    """Finds and deletes what holds namespaces."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def held(self, namespaces: Iterable[str]) -> list[Held]:
        """Return what holds namespaces that are not being deleted yet."""
        found = await asyncio.gather(*(self._held_in(name) for name in namespaces))
        return [one for per_namespace in found for one in per_namespace]

    async def _held_in(self, namespace: str) -> list[Held]:
        try:
            kinds = await self._kinds_in(namespace)
            lists = await asyncio.gather(*(self._kube.list(kind, namespace) for kind in kinds))
        except errors.Forbidden:
            # Killed between claiming it and binding itself there: nothing of ours is in it.
            return []
        return [
            Held(body["kind"], namespace, body["metadata"]["name"], _finalizers(body))
            for bodies in lists
            for body in bodies
            if body["kind"] in _HOLDERS
            or body["kind"] in _MAKERS
            or body["metadata"].get("finalizers")
        ]

    async def _kinds_in(self, namespace: str) -> list[str]:
        """Return the kinds of which there may be objects.

        The quota has counted them since before anything could be made, and is charged before a
        creation succeeds: where it says zero there is none.
        """
        quota = await self._kube.find("ResourceQuota", namespace, OBJECTS_QUOTA)
        used = (quota or {}).get("status", {}).get("used", {})
        return [kind for kind in _LISTED if used.get(counted(kind)) != "0"]

    async def delete(self, held: Iterable[Held]) -> None:
        """Delete what holds, makers of pods first."""
        collections = {(one.kind, one.namespace) for one in held}
        for kinds in (_MAKERS, (*_HOLDERS, *_OTHERS)):
            await together(
                *(
                    self._kube.delete_all(kind, namespace)
                    for kind, namespace in collections
                    if kind in kinds and kind not in _OTHERS
                ),
                *(
                    self._kube.delete(one.kind, one.namespace, one.name)
                    for one in held
                    if one.kind in kinds and one.kind in _OTHERS
                ),
            )

    async def purge(self, held: Iterable[Held]) -> None:
        """Take the foreign finalizers off: their controllers had their time."""
        await together(*(self._let_go(one) for one in held if one.foreign))

    async def _let_go(self, one: Held) -> None:
        log.warning("finalizers purged", object=str(one))
        try:
            live = await self._kube.get(one.kind, one.namespace, one.name)
            meta = live["metadata"]
            kept = [name for name in meta.get("finalizers", []) if name in _KUBERNETES]
            patch = {"resourceVersion": meta["resourceVersion"], "finalizers": kept}
            await self._kube.merge_patch(one.kind, one.namespace, one.name, {"metadata": patch})
        except (errors.NotFound, errors.Conflict):
            return


def _finalizers(body: Object) -> tuple[str, ...]:
    return tuple(sorted(body["metadata"].get("finalizers", [])))


def counted(kind: str) -> str:
    """Return by what name a quota counts a kind."""
    if kind == "PersistentVolumeClaim":
        return "persistentvolumeclaims"
    group, _, version = KINDS[kind].api_version.partition("/")
    return f"count/{KINDS[kind].plural}" + (f".{group}" if version else "")
