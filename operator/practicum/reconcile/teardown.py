"""Ends a lab: access first, then the namespaces, confirmed gone, then the finalizer.

Idempotent from any point; the namespaces' names follow from the lab's uid, so nothing needs to
be remembered. What blocks a namespace is named, and after a while purged as far as allowed.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from practicum import errors
from practicum.api.conditions import ConditionType, Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LEARNER, PLATFORM
from practicum.api.names import LAB_UID, ChildKey
from practicum.api.times import parse_rfc3339
from practicum.desired.lab import namespace_name
from practicum.observe import metrics
from practicum.policy.readiness import BLOCKED, Readiness
from practicum.policy.verdict import Facts
from practicum.reconcile import revocation
from practicum.reconcile.archive import Archiver
from practicum.reconcile.capture import Logs
from practicum.reconcile.drain import Drain, Held
from practicum.reconcile.inventory import Seen
from practicum.reconcile.report import Findings
from practicum.reconcile.runner import together
from practicum.reconcile.shared import Shared
from practicum.reconcile.tools import Tools

Object = dict[str, Any]

_ENDING: Final = (Phase.TERMINATING, Phase.EXPIRING)
_POLL: Final = timedelta(seconds=0.5)
_RARE_POLL: Final = timedelta(seconds=3)
"""For what the watch, which says when a namespace is gone, says nothing of."""
_DOUBT: Final = timedelta(seconds=30)
"""So long the watch is believed about namespaces that go."""
_LAST_RESORT: Final = 30
"""So many times its patience later a namespace is deleted with whatever is still in it."""


@dataclass
class _Progress:
    """How far the end of one lab is."""

    since: datetime
    asked: datetime
    """When the API server, and not the watch, last said which namespaces are left."""
    going: dict[str, datetime] = field(default_factory=dict)
    """Since when each namespace is being deleted."""
    measured: set[str] = field(default_factory=set)
    """What the histogram has been told."""


class Teardown:
    """Brings ended labs to nothing."""

    def __init__(self, tools: Tools, logs: Logs) -> None:
        """Wire it up; ``logs`` reads the audit log of a lab for its archive."""
        self._tools = tools
        self._archiver = Archiver(tools, logs)
        self._drain = Drain(tools.kube)
        self._volumes = Shared(tools.kube.list)
        self._progress: dict[str, _Progress] = {}
        self._blocked: set[str] = set()
        self._lasted = {step: metrics.DELETE_SECONDS.labels(step) for step in ("revoked", "gone")}

    async def advance(self, resource: LabEnvironment) -> datetime | None:
        """Take the end of a lab one pass further.

        Args:
            resource: the LabEnvironment, deleted or expired.

        Returns:
            when to come back; None when everything is gone and said.
        """
        tools = self._tools
        phase = Phase.TERMINATING if resource.deleting else Phase.EXPIRING
        if resource.status.phase not in _ENDING:
            # These phases are only ever written after this. Where many labs end at once, nobody
            # gets into any of them before the rest is done.
            if await revocation.lock_out(tools, resource):
                self._of(resource.uid)
                return tools.clock()
            await revocation.revoke(tools, resource)
            self._measure(resource, "revoked")
        namespaces = self._namespaces(resource)
        progress = self._of(resource.uid)
        lasts = tools.clock() - progress.since
        patient = lasts < tools.settings.stuck_after
        mine = await self._mine(resource, namespaces, progress)
        if not mine:
            return await self._finish(resource, namespaces)
        staying = [name for name, going in mine.items() if not going]
        archived = await self._archiver.advance(resource, staying)
        if archived.due:
            await self._report_archive(resource, phase, namespaces, archived.readiness)
            # Deleting has not begun: patience is for that.
            progress.since = tools.clock()
            return archived.due
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
        await together(*(self._delete(resource, name) for name in free))
        return tools.clock() + (_POLL if held and patient else _RARE_POLL)

    def has_begun(self, resource: LabEnvironment) -> bool:
        """Whether nobody gets into the lab any more."""
        return resource.status.phase in _ENDING or resource.uid in self._progress

    def forget(self, uid: str) -> None:
        """Forget a lab that goes on after all."""
        self._progress.pop(uid, None)
        self._archiver.forget(uid)

    def _namespaces(self, resource: LabEnvironment) -> list[str]:
        """Return what the lab's namespaces are called: tenants' too, without asking the template.

        Those of its own and of the platform follow from its uid, all others are in its status, or
        in what the watch knows: one that was made and never said.
        """
        name, uid = resource.metadata["name"], resource.uid
        seen = [key.name for key in self._tools.inventory.keys(uid) if key.kind == "Namespace"]
        own = [namespace_name(name, uid, side) for side in (LEARNER, PLATFORM)]
        return list(dict.fromkeys([*own, *resource.status.namespaces, *seen]))

    async def _mine(
        self, resource: LabEnvironment, names: list[str], progress: _Progress
    ) -> dict[str, bool]:
        """Return which namespaces are left, and whether each is going already.

        The watch tells, for as long as it is believed; that nothing is left it never is, before
        the API server has been asked.
        """
        now = self._tools.clock()
        known = self._known(resource.uid, names)
        if not known or now - progress.asked >= _DOUBT:
            progress.asked = now
            await asyncio.gather(*(self._look(resource.uid, name) for name in names))
            known = self._known(resource.uid, names)
        for name in (name for name, going in known.items() if going):
            progress.going.setdefault(name, now)
        return known

    def _known(self, uid: str, names: list[str]) -> dict[str, bool]:
        seen = {name: self._seen(uid, name) for name in names}
        return {name: not one.readiness.ready for name, one in seen.items() if one}

    def _seen(self, uid: str, name: str) -> Seen | None:
        return self._tools.inventory.get(uid, ChildKey("Namespace", "", name))

    async def _look(self, uid: str, name: str) -> None:
        inventory = self._tools.inventory
        body = await self._tools.kube.find("Namespace", "", name)
        if body is None:
            inventory.drop(uid, ChildKey("Namespace", "", name))
        elif body["metadata"].get("labels", {}).get(LAB_UID) == uid:
            inventory.event(body, deleted=False)

    async def _delete(self, resource: LabEnvironment, name: str) -> None:
        seen = self._seen(resource.uid, name)
        await self._tools.kube.delete("Namespace", "", name, uid=seen.uid if seen else "")

    def _of(self, uid: str) -> _Progress:
        now = self._tools.clock()
        return self._progress.setdefault(uid, _Progress(since=now, asked=now))

    async def _report(
        self,
        resource: LabEnvironment,
        phase: Phase,
        namespaces: list[str],
        blockers: list[Held],
        left: Iterable[str],
    ) -> None:
        what = [str(blocker) for blocker in blockers[:5]] or self._overdue(resource.uid, left)
        reason = BLOCKED if what else phase.value
        text = "held by " + "; ".join(what) if what else "access is gone, the namespaces follow"
        if what and resource.uid not in self._blocked:
            self._blocked.add(resource.uid)
            await self._tools.reporter.tell(resource, "Warning", reason, text)
        metrics.DELETION_BLOCKED.set(len(self._blocked))
        gone = Readiness(False, reason, text)
        facts = Facts(
            ending=phase,
            message=text,
            namespaces=gone,
            credentials=Readiness(False, phase.value),
            archived=self._archiver.outcome(resource.uid),
        )
        await self._tools.reporter.report(resource, facts, Findings(namespaces=tuple(namespaces)))

    async def _report_archive(
        self, resource: LabEnvironment, phase: Phase, namespaces: list[str], archived: Readiness
    ) -> None:
        text = f"archiving: {archived.message}"
        waits = Readiness(False, phase.value, text)
        facts = Facts(
            ending=phase, message=text, namespaces=waits, credentials=waits, archived=archived
        )
        await self._tools.reporter.report(resource, facts, Findings(namespaces=tuple(namespaces)))

    def _overdue(self, uid: str, names: Iterable[str]) -> list[str]:
        """Return what namespaces themselves say is left, once they have taken too long."""
        now, going = self._tools.clock(), self._of(uid).going
        patience = self._tools.settings.stuck_after
        late = [name for name in names if now - going.get(name, now) >= patience]
        seen = {name: self._seen(uid, name) for name in late}
        return [
            f"{name}: {one.readiness.message}"
            for name, one in seen.items()
            if one and one.readiness.reason == BLOCKED
        ]

    async def _finish(self, resource: LabEnvironment, namespaces: list[str]) -> datetime | None:
        tools = self._tools
        self._blocked.discard(resource.uid)
        metrics.DELETION_BLOCKED.set(len(self._blocked))
        self._measure(resource, "gone")
        retained = [
            volume["metadata"]["name"]
            for volume in await self._volumes("PersistentVolume")
            if volume["spec"].get("claimRef", {}).get("namespace") in namespaces
            and volume["spec"].get("persistentVolumeReclaimPolicy") == "Retain"
        ]
        if retained:
            text = f"volumes kept by their reclaim policy Retain: {', '.join(retained[:10])}"
            await tools.reporter.tell(resource, "Warning", "VolumesRetained", text)
        # Before the phase says that nothing is left to do.
        for say in tools.last_words:
            await say(resource)
        done = Readiness(False, "Expired", "everything of this lab is gone")
        if not resource.deleting:
            facts = Facts(
                ending=Phase.EXPIRED,
                namespaces=done,
                guarded=done,
                components=done,
                credentials=done,
                message="the lab has ended and everything of it is gone",
                archived=self._archiver.outcome(resource.uid) or _archived(resource),
            )
            await tools.reporter.report(resource, facts, Findings())
        tools.inventory.forget(resource.uid)
        await release(tools, resource)
        self.forget(resource.uid)
        return None if resource.deleting else tools.clock() + tools.settings.retain_record

    def _measure(self, resource: LabEnvironment, step: str) -> None:
        """Measure a step once, from the lab's end, whoever led when that was."""
        measured = self._of(resource.uid).measured
        if step not in measured:
            measured.add(step)
            now = self._tools.clock()
            # An end that an edit has brought forward is not in the status yet: it is now.
            ended = resource.metadata.get("deletionTimestamp") or resource.status.expires_at
            since = min(now, parse_rfc3339(ended)) if ended else now
            self._lasted[step].observe((now - since).total_seconds())


def _archived(resource: LabEnvironment) -> Readiness | None:
    """Return what became of the archive, as an earlier process said it."""
    one = resource.status.condition(ConditionType.ARCHIVED)
    return Readiness(one.status == "True", one.reason, one.message) if one else None


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
