"""Ends a lab: access first, then the namespaces, confirmed gone, then the finalizer.

Idempotent from any point; the namespaces' names follow from the lab's uid, so nothing needs to
be remembered. What blocks a namespace is named, and after a while purged as far as allowed.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from practicum import errors
from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import SIDES
from practicum.api.names import LAB_UID, ChildKey
from practicum.api.times import parse_rfc3339
from practicum.desired.lab import namespace_name
from practicum.observe import metrics
from practicum.policy.readiness import Readiness
from practicum.policy.verdict import Facts
from practicum.reconcile import revocation
from practicum.reconcile.drain import Drain, Held
from practicum.reconcile.report import Findings
from practicum.reconcile.shared import Shared
from practicum.reconcile.tools import Tools

Object = dict[str, Any]

_POLL: Final = timedelta(seconds=0.5)
_RARE_POLL: Final = timedelta(seconds=3)
"""For what the watch, which says when a namespace is gone, says nothing of."""
_LAST_RESORT: Final = 30
"""So many times its patience later a namespace is deleted with whatever is still in it."""


class Teardown:
    """Brings ended labs to nothing."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._drain = Drain(tools.kube)
        self._volumes = Shared(tools.kube.list)
        self._since: dict[str, datetime] = {}
        self._blocked: set[str] = set()

    async def advance(self, resource: LabEnvironment) -> datetime | None:
        """Take the end of a lab one pass further.

        Args:
            resource: the LabEnvironment, deleted or expired.

        Returns:
            when to come back; None when everything is gone and said.
        """
        tools = self._tools
        phase = Phase.TERMINATING if resource.deleting else Phase.EXPIRING
        if resource.status.phase not in (Phase.TERMINATING, Phase.EXPIRING):
            # These phases are only ever written after this. Where many labs end at once, each
            # loses its bindings before any of them is taken further.
            if await revocation.revoke_bindings(tools, resource):
                return tools.clock()
            await revocation.revoke(tools, resource)
        namespaces = [
            namespace_name(resource.metadata["name"], resource.uid, side) for side in SIDES
        ]
        lasts = self._lasts(resource.uid)
        patient = lasts < tools.settings.stuck_after
        mine = await self._mine(resource, namespaces, believe=patient)
        if not mine:
            return await self._finish(resource, namespaces)
        staying = [name for name, going in mine.items() if not going]
        held = await self._drain.held(staying)
        foreign = [one for one in held if one.foreign]
        await self._report(resource, phase, namespaces, foreign if patient else held, mine)
        if held:
            await self._drain.delete(held)
        if not patient:
            await self._drain.purge(foreign)
        # While an object stands in the way, its namespace could not go either; it only could no
        # longer be asked what stands there.
        given_up = lasts >= _LAST_RESORT * tools.settings.stuck_after
        occupied = set() if given_up else {one.namespace for one in held}
        free = [name for name in staying if name not in occupied]
        await asyncio.gather(*(self._delete(resource, name) for name in free))
        return tools.clock() + (_POLL if held and patient else _RARE_POLL)

    async def _mine(
        self, resource: LabEnvironment, names: list[str], *, believe: bool
    ) -> dict[str, bool]:
        """Return which namespaces are left, and whether each is going already.

        The watch tells, for as long as it is believed; that nothing is left it never is, before
        it has been asked.
        """
        seen = {
            name: self._tools.inventory.get(resource.uid, ChildKey("Namespace", "", name))
            for name in names
        }
        known = {name: not one.readiness.ready for name, one in seen.items() if one}
        if known and believe:
            return known
        found = await asyncio.gather(
            *(self._tools.kube.find("Namespace", "", name) for name in names)
        )
        return {
            body["metadata"]["name"]: "deletionTimestamp" in body["metadata"]
            for body in found
            if body and body["metadata"].get("labels", {}).get(LAB_UID) == resource.uid
        }

    async def _delete(self, resource: LabEnvironment, name: str) -> None:
        seen = self._tools.inventory.get(resource.uid, ChildKey("Namespace", "", name))
        await self._tools.kube.delete("Namespace", "", name, uid=seen.uid if seen else "")

    def _lasts(self, uid: str) -> timedelta:
        now = self._tools.clock()
        return now - self._since.setdefault(uid, now)

    async def _report(
        self,
        resource: LabEnvironment,
        phase: Phase,
        namespaces: list[str],
        blockers: list[Held],
        left: Iterable[str],
    ) -> None:
        what = [str(blocker) for blocker in blockers[:5]] or await self._overdue(resource, left)
        reason = "DeletionBlocked" if what else phase.value
        text = "held by " + "; ".join(what) if what else "access is gone, the namespaces follow"
        if what and resource.uid not in self._blocked:
            self._blocked.add(resource.uid)
            await self._tools.reporter.tell(resource, "Warning", reason, text)
        metrics.DELETION_BLOCKED.set(len(self._blocked))
        gone = Readiness(False, reason, text)
        facts = Facts(
            ending=phase, message=text, namespaces=gone, credentials=Readiness(False, phase.value)
        )
        await self._tools.reporter.report(resource, facts, Findings(namespaces=tuple(namespaces)))

    async def _overdue(self, resource: LabEnvironment, names: Iterable[str]) -> list[str]:
        """Name what a namespace itself says is left, once it has taken too long."""
        patience = self._tools.settings.stuck_after
        if self._tools.clock() - self._since.get(resource.uid, self._tools.clock()) < patience:
            return []
        late = []
        for name in names:
            namespace = await self._tools.kube.find("Namespace", "", name)
            meta = namespace["metadata"] if namespace else {}
            since = meta.get("deletionTimestamp")
            if namespace is None or since is None:
                continue
            if self._tools.clock() - parse_rfc3339(since) < patience:
                continue
            late += [
                f"{meta['name']}: {condition['message']}"
                for condition in namespace.get("status", {}).get("conditions", [])
                if condition["status"] == "True" and condition.get("message")
            ]
        return late

    async def _finish(self, resource: LabEnvironment, namespaces: list[str]) -> datetime | None:
        tools = self._tools
        self._measure(resource)
        retained = [
            volume["metadata"]["name"]
            for volume in await self._volumes("PersistentVolume")
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

    def _measure(self, resource: LabEnvironment) -> None:
        self._blocked.discard(resource.uid)
        metrics.DELETION_BLOCKED.set(len(self._blocked))
        if since := self._since.pop(resource.uid, None):
            seconds = (self._tools.clock() - since).total_seconds()
            metrics.DELETE_SECONDS.observe(seconds)


async def release(tools: Tools, resource: LabEnvironment) -> None:
    """Take the finalizer off: an apply without it gives it up."""
    try:
        await hold(tools, resource, finalizers=[])
    except (errors.NotFound, errors.Conflict, errors.Invalid):
        # Gone, or another lab of the same name has come: both are fine, and nothing else is.
        meta = resource.metadata
        live = await tools.kube.find("LabEnvironment", meta["namespace"], meta["name"])
        if live and live["metadata"]["uid"] == resource.uid:
            raise


async def hold(tools: Tools, resource: LabEnvironment, finalizers: list[str]) -> None:
    """Apply the lab's finalizers; the uid keeps a re-created lab out of it."""
    body = resource.apply_body()
    body["metadata"]["finalizers"] = finalizers
    tools.labs.answer(await tools.kube.apply(body))
