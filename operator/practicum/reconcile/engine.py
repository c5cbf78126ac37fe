"""One pass over one lab: read it, see where it is in its life, take it one step on.

Level-triggered and idempotent: a pass depends on what is in the cluster, never on what an earlier
pass meant to do, so a kill between any two requests converges on the next start.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from practicum import errors
from practicum.api.conditions import ConditionType, Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.names import FINALIZER, LabKey
from practicum.api.times import parse_rfc3339
from practicum.errors import InvalidLab
from practicum.observe import metrics
from practicum.policy import expiry, verdict
from practicum.policy.readiness import Readiness
from practicum.policy.verdict import Facts
from practicum.reconcile.capacity import QUEUE_LOOK, Capacity
from practicum.reconcile.capture import Logs
from practicum.reconcile.inventory import UNWATCHED
from practicum.reconcile.provision import Provisioner
from practicum.reconcile.report import Findings
from practicum.reconcile.teardown import Teardown, hold, release
from practicum.reconcile.templates import NONE, Pinned
from practicum.reconcile.times import Times, since
from practicum.reconcile.tools import Tools

log = structlog.get_logger()

_LATER = timedelta(seconds=30)


class Engine:
    """Decides what a lab needs now and has it done."""

    def __init__(self, tools: Tools, logs: Logs) -> None:
        """Wire it up; ``logs`` reads the audit log of a lab for its archive."""
        self._tools = tools
        self._provisioner = Provisioner(tools)
        self._teardown = Teardown(tools, logs)
        tools.reporter.written.append(self._count)
        self._times = Times(tools.kube, tools.settings, tools.clock)
        self._capacity = Capacity(tools.kube, tools.settings, tools.clock)
        self._counted: dict[LabKey, tuple[str, Phase, str]] = {}
        """Each lab's uid, and the labels under which it is counted."""
        for phase in Phase:
            metrics.LABS.labels(phase.value, NONE).set(0)
        # What is there from the start is not missed when it first counts.
        metrics.STEP_SECONDS.labels(ConditionType.READY)
        self._checks: dict[str, datetime] = {}
        """When each lab's Secrets, which no watch reports, are looked at next."""

    async def reconcile(self, key: LabKey) -> datetime | None:
        """Take one lab one pass further.

        Returns:
            when to come back at the latest; None when nothing is left to do.
        """
        lab = self._tools.labs.get(key)
        if lab is None:
            self._forget(key)
            return None
        self._count(key, lab.uid, lab.status)
        try:
            if lab.status.phase is Phase.EXPIRED and not lab.deleting:
                return await self._retire(lab)
            return await self._live_or_end(lab)
        except errors.ApiError:
            # Perhaps because the lab is not what we take it for: the next pass starts from truth.
            await self._look_again(key, lab.uid)
            raise

    def can_wait(self, key: LabKey) -> bool:
        """Whether nobody gets into a lab any more, so that others may go first."""
        lab = self._tools.labs.get(key)
        return lab is not None and self._teardown.has_begun(lab)

    async def _is_current(self, lab: LabEnvironment) -> bool:
        """Whether a lab that seems over is as it is known: a watch may be behind, an end is final.

        The answer's Date also tells how far our clock is off, whatever happened before.
        """
        if lab.status.phase is Phase.EXPIRING:
            return True
        await self._look_again(_key(lab), lab.uid)
        known = self._tools.labs.get(_key(lab))
        same = known and known.metadata["resourceVersion"] == lab.metadata["resourceVersion"]
        return bool(same)

    async def _look_again(self, key: LabKey, uid: str) -> None:
        body = await self._tools.kube.find("LabEnvironment", *key)
        if body is None:
            self._tools.labs.drop(key, uid)
        else:
            self._tools.labs.look(body)

    def _forget(self, key: LabKey) -> None:
        uid, *counted = self._counted.pop(key, ("",))
        self._tools.inventory.forget(uid)
        self._tools.credentials.gone(uid)
        self._tools.templates.forget(uid)
        self._provisioner.forget(uid)
        self._teardown.forget(uid)
        self._capacity.forget(uid)
        self._checks.pop(uid, None)
        if counted:
            metrics.LABS.labels(*counted).dec()

    def _count(self, key: LabKey, uid: str, status: LabEnvironmentStatus) -> None:
        """Keep count of a lab as it is now, be that read or written by ourselves."""
        self._capacity.note(uid, status)
        template = self._tools.templates.shared(key.namespace, status.template)
        _, *before = self._counted.get(key, ("",))
        now = (status.phase, template)
        self._counted[key] = (uid, *now)
        if before != [*now]:
            metrics.LABS.labels(*now).inc()
            if before:
                metrics.LABS.labels(*before).dec()

    async def _live_or_end(self, lab: LabEnvironment) -> datetime | None:
        began = self._tools.clock()
        try:
            pinned = await self._tools.templates.pin(lab)
        except InvalidLab as error:
            end = self._times.wished_end(lab)
            live = partial(self._without_template, lab, error, end)
        else:
            end, accepted = self._times.end(lab, pinned.spec)
            live = partial(self._live, lab, pinned, end, accepted)
        over = self._times.over(lab, end)
        if over and not lab.deleting and not await self._is_current(lab):
            return self._tools.clock()
        if lab.deleting or (over and not self._times.skewed()):
            return await self._end_it(lab, end)
        if lab.status.phase is Phase.EXPIRING:
            return self._tools.clock() + _LATER
        self._teardown.forget(lab.uid)
        due = await live(in_doubt=over)
        # By the time at which the pass began: an end that came during it must not be missed.
        soon = end - self._tools.settings.expiring_soon
        return expiry.next_wake(began, due, soon, end)

    def _facts(self, lab: LabEnvironment, pinned: Pinned, end: datetime) -> Facts:
        status, settings, now = lab.status, self._tools.settings, self._tools.clock()
        return Facts(
            suspended=lab.spec.suspended,
            expiring_soon=end - now <= settings.expiring_soon,
            template_current=pinned.current,
            overdue=verdict.overdue(
                status.phase, since(lab), status.conditions, now, settings.start_timeout
            ),
        )

    async def _end_it(self, lab: LabEnvironment, end: datetime) -> datetime | None:
        gave_up = self._times.given_up_at(lab)
        if not lab.deleting and gave_up and gave_up < end:
            text = f"ended before its time: {lab.status.phase.value} since {lab.status.phase_since}"
            await self._tools.reporter.tell(
                lab, "Warning", f"{lab.status.phase.value}TooLong", text
            )
        return await self._teardown.advance(lab)

    async def _live(
        self,
        lab: LabEnvironment,
        pinned: Pinned,
        end: datetime,
        accepted: Readiness,
        *,
        in_doubt: bool,
    ) -> datetime | None:
        tools = self._tools
        self._distrust(lab)
        if accepted.ready:
            accepted = await self._admit(lab)
        facts = self._facts(lab, pinned, min(end, self._times.given_up_at(lab) or end))
        facts = replace(facts, accepted=accepted, clock_skew=in_doubt)
        try:
            if accepted.reason in verdict.HELD:
                await self._refuse(lab, facts, end)
                return tools.clock() + QUEUE_LOOK
            if not accepted.ready and lab.status.template is None:
                raise InvalidLab(accepted.reason, accepted.message)
            rendered = await tools.templates.render(lab, pinned)
            if FINALIZER not in lab.metadata.get("finalizers", []):
                await self._take(lab)
            due = await self._provisioner.advance(lab, pinned, rendered, end, facts)
            now, doubt_ends = tools.clock(), tools.clock() + _LATER if in_doubt else None
            patience = self._times.patience_ends(lab)
            return expiry.next_wake(now, due, patience, doubt_ends, self._checks[lab.uid])
        except (InvalidLab, errors.TemplateError) as error:
            refused = Readiness(False, error.reason, str(error), failed=True)
            await self._refuse(lab, replace(facts, accepted=refused), end)
            resync = tools.clock() + tools.settings.resync
            return expiry.next_wake(tools.clock(), resync, self._times.given_up_at(lab))

    async def _admit(self, lab: LabEnvironment) -> Readiness:
        """Return whether a lab may begin; one that has begun may go on."""
        if lab.status.template is None:
            for gate in self._tools.gates:
                if not (held := gate(lab)).ready:
                    return held
        return await self._capacity.admit(lab)

    async def _take(self, lab: LabEnvironment) -> None:
        """Put the finalizer on before anything exists that it must outlive."""
        try:
            await hold(self._tools, lab, [FINALIZER])
        except errors.Forbidden as error:
            course = lab.metadata["namespace"]
            raise InvalidLab(
                "CourseNotEnabled",
                f"namespace {course} is not opted in as a course: add it to the chart's value "
                f"courses ({error})",
            ) from error

    async def _refuse(self, lab: LabEnvironment, facts: Facts, end: datetime) -> None:
        """Say what is wrong; what exists already stays as it is."""
        status = lab.status
        await self._tools.reporter.report(
            lab,
            verdict.recall(facts, status.conditions),
            Findings(
                expires_at=end,
                namespaces=tuple(status.namespaces),
                services=tuple(status.services),
                credentials=status.credentials,
            ),
        )

    async def _without_template(
        self, lab: LabEnvironment, error: InvalidLab, end: datetime, *, in_doubt: bool
    ) -> datetime | None:
        now = self._tools.clock()
        refused = Readiness(False, error.reason, str(error), failed=True)
        await self._refuse(lab, Facts(accepted=refused, clock_skew=in_doubt), end)
        resync = now + self._tools.settings.resync
        return expiry.next_wake(now, resync, self._times.given_up_at(lab))

    def _distrust(self, lab: LabEnvironment) -> None:
        """Every so often, look again at what no watch reports: Secrets."""
        now = self._tools.clock()
        due = self._checks.setdefault(lab.uid, now + self._tools.pause(lab.uid))
        if now >= due:
            self._tools.inventory.distrust(lab.uid, UNWATCHED)
            self._tools.credentials.forget(lab.uid)
            self._checks[lab.uid] = now + self._tools.pause(lab.uid)

    async def _retire(self, lab: LabEnvironment) -> datetime | None:
        """Keep the record of an ended lab for a while, then delete it."""
        tools = self._tools
        if FINALIZER in lab.metadata.get("finalizers", []):
            await release(tools, lab)
        ended = max(
            (parse_rfc3339(c.last_transition_time) for c in lab.status.conditions),
            default=parse_rfc3339(lab.metadata["creationTimestamp"]),
        )
        due = ended + tools.settings.retain_record
        if tools.clock() < due:
            return due
        if self._times.skewed():
            return tools.clock() + _LATER
        await tools.kube.delete("LabEnvironment", *_key(lab), uid=lab.uid)
        return None


def _key(lab: LabEnvironment) -> LabKey:
    return LabKey(lab.metadata["namespace"], lab.metadata["name"])
