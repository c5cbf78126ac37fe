"""Ends a lab: access first, then the namespaces, confirmed gone, then the finalizer.

Idempotent from any point; the namespaces' names follow from the lab's uid, so nothing needs to
be remembered. What blocks a namespace is named, and after a while purged as far as allowed.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from practicum import errors
from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import SIDES
from practicum.api.names import API_VERSION, LAB_UID
from practicum.api.times import parse_rfc3339
from practicum.desired.lab import Lab, namespace_name
from practicum.observe import metrics
from practicum.policy.readiness import Readiness
from practicum.policy.verdict import Facts
from practicum.reconcile.provision import Tools, revoke
from practicum.reconcile.report import Findings

log = structlog.get_logger()

Object = dict[str, Any]

_LISTED: Final = (
    *("Pod", "PersistentVolumeClaim", "ConfigMap", "Secret", "Service"),
    *("Deployment", "StatefulSet", "ReplicaSet", "Job", "CronJob"),
)
"""Kinds whose foreign finalizers may be taken off once their controllers had their time."""

_OWN_FINALIZERS: Final = frozenset(
    {
        "kubernetes.io/pvc-protection",
        "batch.kubernetes.io/job-tracking",
        "foregroundDeletion",
        "orphan",
    }
)
"""Finalizers that Kubernetes takes off by itself."""

_POLL: Final = timedelta(seconds=2)


@dataclass(frozen=True)
class _Blocker:
    kind: str
    namespace: str
    name: str
    finalizers: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name} ({', '.join(self.finalizers)})"


class Teardown:
    """Brings ended labs to nothing."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._blocked: dict[str, datetime] = {}

    async def advance(self, resource: LabEnvironment, lab: Lab | None) -> datetime | None:
        """Take the end of a lab one pass further.

        Args:
            resource: the LabEnvironment, deleted or expired.
            lab: the lab with its template, None when no template was ever found for it.

        Returns:
            when to come back; None when everything is gone and said.
        """
        tools = self._tools
        phase = Phase.TERMINATING if resource.deleting else Phase.EXPIRING
        if lab is not None and resource.status.phase not in (Phase.TERMINATING, Phase.EXPIRING):
            # These phases are only ever written after this.
            await revoke(tools, lab)
        namespaces = [
            namespace_name(resource.metadata["name"], resource.uid, side) for side in SIDES
        ]
        left = [ns for ns in await asyncio.gather(*map(self._live, namespaces)) if ns]
        mine = [ns for ns in left if ns["metadata"].get("labels", {}).get(LAB_UID) == resource.uid]
        if not mine:
            return await self._finish(resource, namespaces)
        blockers = [b for ns in mine for b in await self._blockers(ns)]
        await self._report(resource, phase, namespaces, blockers, mine)
        if blockers and not self._patience_is_over(resource.uid):
            await self._delete_blocked(blockers)
            return tools.clock() + _POLL
        await asyncio.gather(*map(self._purge, blockers))
        await asyncio.gather(*map(self._delete, mine))
        return tools.clock() + _POLL

    async def _live(self, name: str) -> Object | None:
        return await self._tools.kube.find("Namespace", "", name)

    async def _delete(self, namespace: Object) -> None:
        meta = namespace["metadata"]
        if "deletionTimestamp" not in meta:
            await self._tools.kube.delete("Namespace", "", meta["name"], uid=meta["uid"])

    async def _blockers(self, namespace: Object) -> list[_Blocker]:
        """Find what foreign finalizers will hold, while the operator's rights still stand there.

        The rights go with the namespace's content: a namespace already being deleted can only be
        read from its own conditions.
        """
        name = namespace["metadata"]["name"]
        if "deletionTimestamp" in namespace["metadata"]:
            return []
        try:
            lists = await asyncio.gather(*(self._tools.kube.list(kind, name) for kind in _LISTED))
        except errors.Forbidden:
            return []
        return [
            _Blocker(body["kind"], name, body["metadata"]["name"], tuple(sorted(foreign)))
            for bodies in lists
            for body in bodies
            if (foreign := set(body["metadata"].get("finalizers", [])) - _OWN_FINALIZERS)
        ]

    async def _delete_blocked(self, blockers: Iterable[_Blocker]) -> None:
        """Ask for their deletion, so that the finalizers' own controllers can do their part."""
        await asyncio.gather(
            *(self._tools.kube.delete(b.kind, b.namespace, b.name) for b in blockers)
        )

    async def _purge(self, blocker: _Blocker) -> None:
        log.warning("finalizers purged", object=str(blocker))
        try:
            live = await self._tools.kube.get(blocker.kind, blocker.namespace, blocker.name)
            kept = [f for f in live["metadata"].get("finalizers", []) if f in _OWN_FINALIZERS]
            await self._tools.kube.merge_patch(
                blocker.kind,
                blocker.namespace,
                blocker.name,
                {
                    "metadata": {
                        "resourceVersion": live["metadata"]["resourceVersion"],
                        "finalizers": kept,
                    }
                },
            )
        except (errors.NotFound, errors.Conflict):
            return

    def _patience_is_over(self, uid: str) -> bool:
        now = self._tools.clock()
        since = self._blocked.setdefault(uid, now)
        return now - since >= self._tools.settings.stuck_after

    async def _report(
        self,
        resource: LabEnvironment,
        phase: Phase,
        namespaces: list[str],
        blockers: list[_Blocker],
        left: list[Object],
    ) -> None:
        what = [str(blocker) for blocker in blockers[:5]] or self._overdue(left)
        reason = "DeletionBlocked" if what else phase.value
        text = "held by " + "; ".join(what) if what else "access is gone, the namespaces follow"
        if what and resource.uid not in self._blocked:
            self._blocked[resource.uid] = self._tools.clock()
            await self._tools.reporter.tell(resource, "Warning", reason, text)
        metrics.DELETION_BLOCKED.set(len(self._blocked))
        gone = Readiness(False, reason, text)
        facts = Facts(
            ending=phase, message=text, namespaces=gone, credentials=Readiness(False, phase.value)
        )
        await self._tools.reporter.report(resource, facts, Findings(namespaces=tuple(namespaces)))

    def _overdue(self, namespaces: list[Object]) -> list[str]:
        """Name what a namespace itself says is left, once it has taken too long."""
        late = []
        for namespace in namespaces:
            meta = namespace["metadata"]
            since = meta.get("deletionTimestamp")
            patience = self._tools.settings.stuck_after
            if since is None or self._tools.clock() - parse_rfc3339(since) < patience:
                continue
            late += [
                f"{meta['name']}: {condition['message']}"
                for condition in namespace.get("status", {}).get("conditions", [])
                if condition["status"] == "True" and condition.get("message")
            ]
        return late

    async def _finish(self, resource: LabEnvironment, namespaces: list[str]) -> datetime | None:
        tools = self._tools
        if self._blocked.pop(resource.uid, None):
            metrics.DELETION_BLOCKED.set(len(self._blocked))
        retained = [
            volume["metadata"]["name"]
            for volume in await tools.kube.list("PersistentVolume")
            if volume["spec"].get("claimRef", {}).get("namespace") in namespaces
            and volume["spec"].get("persistentVolumeReclaimPolicy") == "Retain"
        ]
        if retained:
            text = f"volumes kept by their reclaim policy Retain: {', '.join(retained[:10])}"
            await tools.reporter.tell(resource, "Warning", "VolumesRetained", text)
        done = Readiness(False, "Expired", "everything of this lab is gone")
        if not resource.deleting:
            facts = Facts(
                ending=Phase.EXPIRED,
                namespaces=done,
                guarded=done,
                components=done,
                credentials=done,
                message="the lab has ended and everything of it is gone",
            )
            await tools.reporter.report(resource, facts, Findings())
        tools.inventory.forget(resource.uid)
        await release(tools, resource)
        return None if resource.deleting else tools.clock() + tools.settings.retain_record


async def release(tools: Tools, resource: LabEnvironment) -> None:
    """Take the finalizer off: an apply without it gives it up."""
    await hold(tools, resource, finalizers=[])


async def hold(tools: Tools, resource: LabEnvironment, finalizers: list[str]) -> None:
    """Apply the lab's finalizers; the uid keeps a re-created lab out of it."""
    meta = resource.metadata
    body = {
        "apiVersion": API_VERSION,
        "kind": "LabEnvironment",
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": resource.uid,
            "finalizers": finalizers,
        },
    }
    try:
        await tools.kube.apply(body)
    except (errors.NotFound, errors.Conflict, errors.Invalid):
        if finalizers:
            raise
