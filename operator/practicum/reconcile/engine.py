"""One pass over one lab: read it, see where it is in its life, take it one step on.

Level-triggered and idempotent: a pass depends on what is in the cluster, never on what an earlier
pass meant to do, so a kill between any two requests converges on the next start.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from practicum import errors
from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import FINALIZER, LabKey
from practicum.api.times import parse_duration, parse_rfc3339
from practicum.errors import InvalidLab
from practicum.observe import metrics
from practicum.policy import acceptance, expiry, verdict
from practicum.policy.readiness import READY, Readiness
from practicum.policy.verdict import Facts
from practicum.reconcile.inventory import UNWATCHED
from practicum.reconcile.provision import Provisioner
from practicum.reconcile.report import Findings
from practicum.reconcile.teardown import Teardown, hold, release
from practicum.reconcile.templates import Pinned
from practicum.reconcile.tools import Tools

log = structlog.get_logger()

_SKEW = timedelta(seconds=60)
_LATER = timedelta(seconds=30)


class Engine:
    """Decides what a lab needs now and has it done."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._provisioner = Provisioner(tools)
        self._teardown = Teardown(tools)
        self._phases: dict[LabKey, tuple[str, Phase]] = {}
        for phase in Phase:
            metrics.LABS.labels(phase.value).set(0)
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
        self._count(key, lab)
        try:
            if lab.status.phase is Phase.EXPIRED and not lab.deleting:
                return await self._retire(lab)
            return await self._live_or_end(lab)
        except errors.ApiError:
            # Perhaps because the lab is not what we take it for: the next pass starts from truth.
            await self._look_again(key, lab.uid)
            raise

    async def _look_again(self, key: LabKey, uid: str) -> None:
        body = await self._tools.kube.find("LabEnvironment", *key)
        if body is None:
            self._tools.labs.drop(key, uid)
        else:
            self._tools.labs.event(body, deleted=False)

    def _forget(self, key: LabKey) -> None:
        uid, phase = self._phases.pop(key, ("", None))
        self._tools.inventory.forget(uid)
        self._tools.credentials.forget(uid)
        self._tools.templates.forget(uid)
        self._provisioner.forget(uid)
        self._checks.pop(uid, None)
        if phase:
            metrics.LABS.labels(phase.value).dec()

    def _count(self, key: LabKey, lab: LabEnvironment) -> None:
        _, before = self._phases.get(key, ("", None))
        self._phases[key] = (lab.uid, lab.status.phase)
        if before is not lab.status.phase:
            metrics.LABS.labels(lab.status.phase.value).inc()
            if before:
                metrics.LABS.labels(before.value).dec()

    async def _live_or_end(self, lab: LabEnvironment) -> datetime | None:
        try:
            pinned = await self._tools.templates.pin(lab)
        except InvalidLab as error:
            return await self._without_template(lab, error)
        end, accepted = self._end(lab, pinned)
        now = self._tools.clock()
        if lab.deleting or lab.status.phase is Phase.EXPIRING or now >= end:
            if not lab.deleting and self._skewed():
                return now + _LATER
            return await self._teardown.advance(lab)
        return await self._live(lab, pinned, end, accepted)

    def _end(self, lab: LabEnvironment, pinned: Pinned) -> tuple[datetime, Readiness]:
        """Return when the lab ends; an unacceptable ttl leaves the end where it was."""
        created = parse_rfc3339(lab.metadata["creationTimestamp"])
        try:
            acceptance.check_ttl(lab.spec, pinned.spec)
        except InvalidLab as error:
            longest = expiry.expires_at(created, parse_duration(pinned.spec.max_ttl))
            before = lab.status.expires_at
            return (
                parse_rfc3339(before) if before else longest,
                Readiness(False, error.reason, str(error)),
            )
        return expiry.expires_at(created, parse_duration(lab.spec.ttl)), READY

    async def _live(
        self, lab: LabEnvironment, pinned: Pinned, end: datetime, accepted: Readiness
    ) -> datetime | None:
        tools = self._tools
        self._distrust(lab)
        facts = Facts(
            accepted=accepted,
            suspended=lab.spec.suspended,
            expiring_soon=end - tools.clock() <= tools.settings.expiring_soon,
            template_current=pinned.current,
        )
        try:
            if not accepted.ready and lab.status.template is None:
                raise InvalidLab(accepted.reason, accepted.message)
            rendered = await tools.templates.render(lab, pinned)
            if FINALIZER not in lab.metadata.get("finalizers", []):
                await self._take(lab)
            moment = await self._provisioner.advance(lab, pinned, rendered, end, facts)
            return expiry.next_wake(tools.clock(), moment, self._checks[lab.uid])
        except (InvalidLab, errors.TemplateError) as error:
            refused = Readiness(False, error.reason, str(error), failed=True)
            await self._refuse(lab, replace(facts, accepted=refused), end)
            return expiry.next_wake(tools.clock(), tools.clock() + tools.settings.resync, end)

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

    async def _without_template(self, lab: LabEnvironment, error: InvalidLab) -> datetime | None:
        created = parse_rfc3339(lab.metadata["creationTimestamp"])
        end = expiry.expires_at(created, parse_duration(lab.spec.ttl))
        now = self._tools.clock()
        if lab.deleting or now >= end:
            return await self._teardown.advance(lab)
        refused = Readiness(False, error.reason, str(error), failed=True)
        await self._refuse(lab, Facts(accepted=refused), end)
        return expiry.next_wake(now, now + self._tools.settings.resync, end)

    def _skewed(self) -> bool:
        """Whether our clock and the API server's differ too much for an irreversible act."""
        skew = self._tools.kube.skew
        metrics.CLOCK_SKEW.set(skew.total_seconds())
        if abs(skew) <= _SKEW:
            return False
        log.error("clock skew: expiry waits", reason="ClockSkew", seconds=skew.total_seconds())
        return True

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
        await tools.kube.delete("LabEnvironment", *_key(lab), uid=lab.uid)
        return None


def _key(lab: LabEnvironment) -> LabKey:
    return LabKey(lab.metadata["namespace"], lab.metadata["name"])
