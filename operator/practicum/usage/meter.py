"""Meters every lab at once: what it asks for and uses, what that costs, and who is at work in it.

One listing of quotas and one of the metrics API tell of all labs, however many there are; then one
write for each. What was metered is in the lab's own status, so that whoever runs next goes on from
there. A lab in which nothing happens is warned, and then suspended.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from practicum import errors
from practicum.api.conditions import METERED, ConditionType, Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.labtemplate import PLATFORM
from practicum.api.names import LAB_UID, MANAGED_BY, MANAGER, USAGE_MANAGER
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.api.usage import Peak, Requests, UsageRow
from practicum.desired.lab import namespace_name
from practicum.kube.client import Object
from practicum.observe import metrics
from practicum.policy import activity, usage
from practicum.reconcile.drain import counted
from practicum.reconcile.inventory import UNWATCHED
from practicum.reconcile.runner import together
from practicum.reconcile.tools import Tools
from practicum.usage.books import Books
from practicum.usage.spending import Spending

log = structlog.get_logger()
_PARALLEL: Final = 8


@dataclass
class _Look:
    """What was read for all labs at one moment, by lab uid."""

    quotas: Mapping[str, list[Object]] = field(default_factory=dict)
    pods: Mapping[str, list[Object]] | None = None
    """What the metrics API says, by namespace; None: nothing measures here."""


class Meter:
    """Meters labs."""

    def __init__(self, tools: Tools, books: Books, spending: Spending) -> None:
        self._tools = tools
        self._books = books
        self._spending = spending
        self._places = asyncio.Semaphore(_PARALLEL)
        self._closed: dict[str, UsageRow] = {}
        self._began = False

    async def run(self) -> None:
        """Take one look at every lab, then add up what courses have cost.

        The first turn only adds up: a restart alone is no reason to write all statuses anew.
        """
        kube = self._tools.kube
        bodies, quotas, pods = await asyncio.gather(
            kube.list("LabEnvironment"),
            kube.list("ResourceQuota", labels=f"{MANAGED_BY}={MANAGER}"),
            self._measured(),
        )
        look = _Look(_by_label(quotas), pods)
        labs = [LabEnvironment.model_validate(body, extra="ignore") for body in bodies]
        statuses = [lab.status for lab in labs]
        if self._began:
            statuses = await together(*(self._meter(lab, look) for lab in labs))
        self._began = True
        live = [
            usage.row(lab, status.usage, None)
            for lab, status in zip(labs, statuses, strict=True)
            if status.usage
        ]
        kept = await self._books.rows()
        waits = {lab.uid for lab in labs} - {row.uid for row in kept}
        self._closed = {uid: row for uid, row in self._closed.items() if uid in waits}
        self._spending.take_in([*kept, *live])

    async def close(self, lab: LabEnvironment) -> None:
        """Enter a lab that ends into its course's books; again is as good as once.

        Raises:
            ApiError: they could not be written for now.
        """
        before = lab.status.usage
        if before is None:
            return
        row = self._closed.get(lab.uid)
        if row is None:
            end, rates = self._end(lab), self._tools.settings.rate_card
            total = usage.accrued(before, end, Requests(), None, rates)
            row = self._closed[lab.uid] = usage.row(lab, total, rfc3339(end))
        await self._books.enter(row)
        if not lab.deleting:
            status = lab.status.model_copy(update={"usage": row.usage})
            await self._write(lab, status)

    def _end(self, lab: LabEnvironment) -> datetime:
        """Return when a lab ended; who was away meanwhile has not used it for longer."""
        now = self._tools.clock()
        said = lab.metadata.get("deletionTimestamp") or lab.status.expires_at
        return min(now, parse_rfc3339(said)) if said else now

    async def _measured(self) -> Mapping[str, list[Object]] | None:
        try:
            pods = await self._tools.kube.list("PodMetrics")
        except errors.ApiError as error:
            log.debug("nothing measures pods here", error=str(error))
            return None
        found: dict[str, list[Object]] = defaultdict(list)
        for pod in pods:
            found[pod["metadata"]["namespace"]].append(pod)
        return found

    async def _meter(self, lab: LabEnvironment, look: _Look) -> LabEnvironmentStatus:
        """Meter one lab; what goes wrong with it keeps no other from being metered.

        Returns:
            its status as far as it is metered.
        """
        async with self._places:
            try:
                return await self._look_at(lab, look)
            except errors.ApiError as error:
                meta = lab.metadata
                course, name = meta["namespace"], meta["name"]
                log.warning("a lab is not metered", course=course, lab=name, error=str(error))
                return lab.status

    async def _look_at(self, lab: LabEnvironment, look: _Look) -> LabEnvironmentStatus:
        if not _metered(lab) or lab.uid in self._closed:
            return lab.status
        quotas = look.quotas.get(lab.uid, [])
        now, status = self._tools.clock(), lab.status
        total = usage.accrued(
            status.usage or usage.begun(now),
            now,
            usage.requests_of(quotas),
            self._peak(lab, look),
            self._tools.settings.rate_card,
        )
        status = status.model_copy(update={"usage": total})
        suspend = False
        if status.ready_at:
            status, suspend = self._activity(lab, status, quotas, look)
        await self._write(lab, status)
        await self._tell(lab, status)
        if suspend:
            await self._suspend(lab)
        return status

    def _peak(self, lab: LabEnvironment, look: _Look) -> Peak | None:
        if look.pods is None:
            return None
        return usage.measured(
            pod for name in lab.status.namespaces for pod in look.pods.get(name, [])
        )

    def _activity(
        self, lab: LabEnvironment, status: LabEnvironmentStatus, quotas: list[Object], look: _Look
    ) -> tuple[LabEnvironmentStatus, bool]:
        now, settings = self._tools.clock(), self._tools.settings
        platform = namespace_name(lab.metadata["name"], lab.uid, PLATFORM)
        own = [one for one in quotas if one["metadata"]["namespace"] != platform]
        marks = activity.marks(
            ready_at=status.ready_at or "",
            given=lab.spec.learner is not None,
            suspended=lab.spec.suspended,
            objects=activity.objects_mark(own, self._ours(lab, own)) if own else "",
            checks=status.checks.request if status.checks else "",
            changes=status.audit.seq if status.audit else 0,
            busy_at=rfc3339(now) if self._busy(lab, look) else "",
        )
        seen = activity.seen(status.activity, marks, now)
        before = status.condition(ConditionType.IDLE)
        policy = activity.policy_of(lab.spec.idle, settings.idle_after, settings.idle_warning)
        policy = policy if lab.spec.learner else None  # nobody's: nobody is away
        idle = activity.idleness(policy, seen, lab.spec.suspended, now, before)
        if idle.suspend and not lab.in_use:
            idle = activity.Idleness(before)  # it cannot be suspended for that now
        conditions = [one for one in status.conditions if one.type not in METERED]
        conditions += [idle.condition] if idle.condition else []
        told = activity.asleep(seen) if idle.suspend else seen
        update = {"activity": told, "conditions": conditions}
        return status.model_copy(update=update), idle.suspend

    def _ours(self, lab: LabEnvironment, quotas: list[Object]) -> Counter[str]:
        """Return how many objects of a lab's own quotas count where its learner makes some."""
        places = {quota["metadata"]["namespace"] for quota in quotas}
        found = Counter(
            counted(key.kind)
            for key in self._tools.inventory.keys(lab.uid)
            # What no watch reports is forgotten from time to time, to be looked at anew.
            if key.namespace in places and key.kind not in UNWATCHED
        )
        # The report of checks is the lab's, and yet nobody looks after it.
        found[counted("ConfigMap")] += lab.status.checks is not None
        return found

    def _busy(self, lab: LabEnvironment, look: _Look) -> bool:
        """Whether pods that are not the lab's own take more than an idle shell does."""
        theirs = [
            pod
            for name in lab.status.namespaces
            for pod in (look.pods or {}).get(name, [])
            if pod["metadata"].get("labels", {}).get(MANAGED_BY) != MANAGER
        ]
        return usage.measured(theirs).cpu_millicores > activity.BUSY_MILLICORES

    async def _write(self, lab: LabEnvironment, status: LabEnvironmentStatus) -> None:
        body = lab.apply_body() | {"status": status.of_meter()}
        try:
            answer = await self._tools.kube.apply(body, subresource="status", manager=USAGE_MANAGER)
        except (errors.NotFound, errors.Conflict):
            return  # it went meanwhile, or another came by its name
        self._tools.labs.answer(answer)

    async def _tell(self, lab: LabEnvironment, status: LabEnvironmentStatus) -> None:
        was, now = (one.condition(ConditionType.IDLE) for one in (lab.status, status))
        if now and now.status == "True" and (was is None or was.reason != now.reason):
            await self._tools.reporter.tell(lab, "Normal", now.reason, now.message)

    async def _suspend(self, lab: LabEnvironment) -> None:
        body = lab.apply_body() | {"spec": {"suspended": True}}
        await self._tools.kube.apply(body, manager=USAGE_MANAGER)
        metrics.IDLE_SUSPENSIONS.inc()


def _metered(lab: LabEnvironment) -> bool:
    """Whether a lab has anything to meter: it has begun, and is not over."""
    ending = lab.status.phase in (Phase.EXPIRING, Phase.EXPIRED, Phase.TERMINATING)
    return lab.status.template is not None and not ending and not lab.deleting


def _by_label(quotas: list[Object]) -> Mapping[str, list[Object]]:
    found: dict[str, list[Object]] = defaultdict(list)
    for quota in quotas:
        if uid := quota["metadata"].get("labels", {}).get(LAB_UID):
            found[uid].append(quota)
    return found
