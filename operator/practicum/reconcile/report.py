"""Writes a lab's status and tells its news: one apply when something changed, Events, metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from practicum import errors
from practicum.api.conditions import Condition, ConditionType, Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import (
    CredentialsStatus,
    LabEnvironmentStatus,
    RestoredStatus,
    ServiceStatus,
    TemplateStatus,
)
from practicum.api.names import LabKey
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.clock import Clock
from practicum.kube.client import Kube, Object
from practicum.observe import metrics
from practicum.observe.events import event
from practicum.policy import verdict
from practicum.policy.verdict import Facts
from practicum.reconcile.labs import Labs

log = structlog.get_logger()
_QUIET = frozenset({ConditionType.EXPIRING_SOON, ConditionType.TEMPLATE_CURRENT})
_LOUD = frozenset({verdict.OVERDUE, verdict.SKEWED})
"""Reasons that are told whatever condition bears them."""
_BEGINS = frozenset({Phase.PENDING, Phase.PROVISIONING})
_ENDS = frozenset({Phase.EXPIRING, Phase.EXPIRED, Phase.TERMINATING})


@dataclass(frozen=True)
class Findings:
    """What goes into the status besides the verdict."""

    expires_at: datetime | None = None
    namespaces: tuple[str, ...] = ()
    services: tuple[ServiceStatus, ...] = ()
    credentials: CredentialsStatus | None = None
    template: TemplateStatus | None = None
    exhibits_at: str | None = None
    restored: RestoredStatus | None = None
    seal: str = ""


class Reporter:
    """Writes statuses and Events."""

    def __init__(self, kube: Kube, labs: Labs, clock: Clock) -> None:
        self._kube = kube
        self._labs = labs
        self.written: list[Callable[[LabKey, str, LabEnvironmentStatus], None]] = []
        """Each is called with a lab's key, its uid and its status, once that is written."""
        self._clock = clock

    async def report(
        self, lab: LabEnvironment, facts: Facts, findings: Findings
    ) -> LabEnvironmentStatus:
        """Write the status if it says anything new, and tell what changed.

        Args:
            lab: the lab as it was read.
            facts: what this pass has found.
            findings: what else goes into the status.

        Returns:
            the status as it now is.
        """
        now, old = self._clock(), lab.status
        generation = int(lab.metadata.get("generation", 0))
        overall = verdict.ready(facts)
        phase = verdict.phase(facts, old.phase)
        stays = phase is old.phase and old.phase_since
        status = LabEnvironmentStatus(
            phase=phase,
            phase_since=old.phase_since if stays else rfc3339(now),
            ready_at=old.ready_at or (rfc3339(now) if phase is Phase.READY else None),
            message=(facts.message or overall.message or facts.accepted.message)[:1024],
            observed_generation=generation,
            expires_at=rfc3339(findings.expires_at) if findings.expires_at else old.expires_at,
            namespaces=list(findings.namespaces),
            services=list(findings.services),
            credentials=findings.credentials,
            template=findings.template or old.template,
            exhibits_at=findings.exhibits_at or old.exhibits_at,
            restored=findings.restored or old.restored,
            seal=findings.seal,
            conditions=verdict.conditions(facts, old.conditions, now, generation),
        )
        if status == old.of_reconciler():
            return old
        body = lab.apply_body() | {"status": status.wire()}
        self._labs.answer(await self._kube.apply(body, subresource="status"))
        status = status.with_others(old)
        key = LabKey(lab.metadata["namespace"], lab.metadata["name"])
        for take in self.written:
            take(key, lab.uid, status)
        await self._tell_changes(lab, status)
        return status

    async def _tell_changes(self, lab: LabEnvironment, new: LabEnvironmentStatus) -> None:
        was = {condition.type: condition for condition in lab.status.conditions}
        news = [one for one in new.conditions if _is_news(one, was.get(one.type))]
        for condition in news:
            self._measure(lab, condition)
        steps = [one for one in news if one.status == "True" and one.type not in _QUIET]
        if steps:
            # Steps that were taken at once are one piece of news, named by the last of them.
            text = "; ".join(step.message or step.type for step in steps)
            await self.tell(lab, "Normal", steps[-1].reason, text)
        ending = new.phase in _ENDS
        for condition in news:
            told = condition in steps or (ending and condition.type in _QUIET)
            if not told and condition.reason != new.phase.value:
                quiet = condition.reason in verdict.PATIENT or (
                    condition.type in _QUIET and condition.reason not in _LOUD
                )
                text = condition.message or f"{condition.type} is {condition.status}"
                await self.tell(lab, "Normal" if quiet else "Warning", condition.reason, text)
        if new.phase is not lab.status.phase:
            log.info("phase", phase=new.phase.value, was=lab.status.phase.value)
            if new.phase is Phase.FAILED and not new.ready_at:
                metrics.PROVISION_FAILURES.inc()
            if new.phase is Phase.SUSPENDED or ending:
                await self.tell(lab, "Normal", new.phase.value, new.message or new.phase.value)

    def _measure(self, lab: LabEnvironment, new: Condition) -> None:
        # A lab that was suspended comes back in its own time.
        if new.status == "True" and lab.status.phase in _BEGINS and not lab.status.ready_at:
            created = parse_rfc3339(lab.metadata["creationTimestamp"])
            seconds = (self._clock() - created).total_seconds()
            metrics.STEP_SECONDS.labels(new.type).observe(seconds)

    async def tell(
        self, lab: LabEnvironment, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Send one Event about a lab."""
        now = self._clock()
        await send(
            self._kube, event(lab.metadata, kind=kind, reason=reason, message=message, now=now)
        )


async def send(kube: Kube, body: Object) -> None:
    """Send one Event; news that cannot be sent must not stop the work."""
    try:
        await kube.create(body)
    except errors.Conflict:
        pass
    except errors.ApiError as error:
        log.warning("event not sent", reason=body["reason"], error=str(error))


def _is_news(new: Condition, old: Condition | None) -> bool:
    if new.reason in _LOUD:
        return old is None or old.reason != new.reason
    if new.type in _QUIET:
        return (old is not None and old.status != new.status) or (
            old is None and new.type == ConditionType.EXPIRING_SOON and new.status == "True"
        )
    if new.status == "True":
        return old is None or old.status != "True"
    changed = old is None or (old.status, old.reason) != (new.status, new.reason)
    return changed and new.reason not in verdict.PATIENT and new.type != ConditionType.READY
