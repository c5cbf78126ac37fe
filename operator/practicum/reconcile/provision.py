"""Takes a living lab one pass further: namespaces, guards, then components and access.

Every pass starts from what is there. Whatever cannot be known yet (has the quota controller
counted, is MLflow up) is left to the next pass, which a watch event brings.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from practicum import errors
from practicum.api import names
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import CredentialsStatus, ServiceStatus, TemplateStatus
from practicum.api.labtemplate import PLATFORM
from practicum.api.names import key_of
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.desired import access
from practicum.desired.components import Rendered
from practicum.desired.lab import Lab, Object
from practicum.desired.plan import Plan, plan
from practicum.errors import InvalidLab
from practicum.policy import expiry, pods, verdict
from practicum.policy.readiness import READY, Readiness
from practicum.policy.verdict import Facts
from practicum.reconcile import revocation
from practicum.reconcile.claim import Claims
from practicum.reconcile.credentials import Outcome
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.report import Findings
from practicum.reconcile.restore import Restorer
from practicum.reconcile.runner import together
from practicum.reconcile.templates import Pinned
from practicum.reconcile.tools import Tools

_SLOW: Final = timedelta(seconds=20)
"""A component that is not up by then is asked why."""
_SOON: Final = timedelta(seconds=2)


class Provisioner:
    """Brings living labs to Ready and keeps them there."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._claims = Claims(tools.kube, tools.inventory, tools.applier)
        self._waiting: dict[str, datetime] = {}
        self._restorer = Restorer(tools)
        self._passed: set[str] = set()
        self._exhibited: dict[str, str] = {}
        """When labs got what is the learner's own, until their status says so."""

    async def advance(
        self,
        resource: LabEnvironment,
        pinned: Pinned,
        rendered: Iterable[Rendered],
        end: datetime,
        facts: Facts,
    ) -> datetime | None:
        """Take a lab as far as it can get now.

        Args:
            resource: the LabEnvironment as just read.
            pinned: its template's frozen revision.
            rendered: the revision's objects for this lab's size and parameters.
            end: when it expires.
            facts: what is already known (acceptance, expiry).

        Returns:
            when to come back at the latest.
        """
        tools = self._tools
        lab = Lab(resource, pinned.spec, tools.settings)
        if moment := await self._restorer.begin(resource, pinned, end, facts):
            return moment
        wanted = plan(lab, rendered)
        findings = Findings(
            expires_at=end,
            namespaces=tuple(lab.namespaces.values()),
            template=TemplateStatus(name=resource.spec.template, revision=pinned.revision),
        )
        if lab.uid not in self._passed:
            await self._recall(lab, wanted)
            self._passed.add(lab.uid)
        facts, outcome = await self._steps(lab, wanted, end, facts)
        if (moment := self._soon(resource, facts)) is not None:
            return moment
        findings = replace(
            findings,
            services=_services(lab, tools.inventory, wanted.workloads),
            namespaces=findings.namespaces
            if facts.namespaces.ready
            else tuple(resource.status.namespaces),
            credentials=_credentials(lab, outcome),
            exhibits_at=self._exhibited.get(lab.uid),
            restored=self._restorer.said(resource, self._exhibited.get(lab.uid)),
            seal=self._seal(wanted, outcome) if facts.components.ready else "",
        )
        await tools.reporter.report(resource, facts, findings)
        return expiry.next_wake(
            tools.clock(),
            None if facts.components.ready or lab.suspended else tools.clock() + _SLOW,
            outcome.due if outcome else None,
            self._restorer.due(lab.uid),
        )

    async def _recall(self, lab: Lab, wanted: Plan) -> None:
        """Start where an earlier process stopped, if everything is as it left it."""
        status = lab.resource.status
        if not status.seal or not status.credentials or not status.credentials.issued_at:
            return
        basis = await self._tools.credentials.basis(lab)
        bodies = [*wanted.namespaces, *wanted.everything()]
        if basis and self._tools.inventory.unseal(status.seal, bodies, basis):
            self._tools.credentials.recall(lab, basis)

    def _seal(self, wanted: Plan, outcome: Outcome | None) -> str:
        if outcome is None or outcome.issued is None:
            return ""
        bodies = [*wanted.namespaces, *wanted.everything()]
        return self._tools.inventory.seal(bodies, outcome.issued.basis)

    def _soon(self, resource: LabEnvironment, facts: Facts) -> datetime | None:
        """Return until when a new lab that only waits for its quotas says nothing of it.

        The quota controller takes some milliseconds: not worth a write and an Event.
        """
        if facts.guarded.reason != "WaitingForQuota" or resource.status.conditions:
            self._waiting.pop(resource.uid, None)
            return None
        now = self._tools.clock()
        until = self._waiting.setdefault(resource.uid, now) + _SOON
        return until if now < until else None

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._waiting.pop(lab_uid, None)
        self._exhibited.pop(lab_uid, None)
        self._restorer.forget(lab_uid)
        self._passed.discard(lab_uid)

    async def _steps(
        self, lab: Lab, wanted: Plan, end: datetime, facts: Facts
    ) -> tuple[Facts, Outcome | None]:
        applier = self._tools.applier
        try:
            await self._claims.claim(wanted.namespaces, lab.resource.status.namespaces)
        except InvalidLab as error:
            lost = Readiness(False, error.reason, str(error), failed=True)
            return replace(facts, namespaces=lost), None
        facts = replace(facts, namespaces=READY)
        if not wanted.identities:
            # Nobody is to get in: that waits for nothing.
            await revocation.revoke(self._tools, lab.resource)
        await applier.apply(wanted.operator_bindings)
        # An account without a binding and a token is nobody: it may come beside the guards. The
        # API server takes a tenth of a second for the Role, to see whether we may give it.
        await together(applier.apply(wanted.guards), applier.apply(wanted.identities))
        guarded = self._summary(lab, wanted.guards)
        facts = replace(facts, guarded=guarded)
        # What runs is stopped whatever else; a new lab is guarded before anything is in it.
        stops = lab.suspended and lab.resource.status.exhibits_at
        if not guarded.ready and not stops:
            return facts, None
        if self._restorer.is_due(lab):
            restored = await self._restorer.advance(lab, wanted)
            if not restored.ready:
                return replace(facts, components=restored), None
            # What the learner had is there: what it began as is not made again. The status says
            # so before anything runs: on a volume in use nothing may be brought back.
            self._exhibited[lab.uid] = rfc3339(self._tools.clock())
            done = Readiness(False, "Restoring", "everything is back and starts now")
            return replace(facts, components=done), None
        await self._exhibit(lab, wanted)
        outcome, components = await together(
            self._access(lab, wanted, end), self._components(lab, wanted)
        )
        components = await self._explained(lab, components)
        await applier.prune(lab.uid, wanted.everything())
        return replace(facts, components=components, credentials=outcome.readiness), outcome

    async def _exhibit(self, lab: Lab, wanted: Plan) -> None:
        """Make what becomes the learner's own, once: whatever becomes of it then is theirs."""
        if lab.resource.status.exhibits_at or lab.uid in self._exhibited:
            return
        for body in wanted.exhibits:
            with suppress(errors.Conflict):
                await self._tools.kube.create(body)
        self._exhibited[lab.uid] = rfc3339(self._tools.clock())

    async def _components(self, lab: Lab, wanted: Plan) -> Readiness:
        await self._tools.applier.apply(wanted.configs)
        await self._tools.applier.apply(wanted.workloads)
        if lab.suspended:
            await self._evict(lab)
        return self._summary(lab, [*wanted.configs, *wanted.workloads])

    async def _explained(self, lab: Lab, components: Readiness) -> Readiness:
        """Let pods say what keeps components, once starting takes longer than it should."""
        since = lab.resource.status.phase_since
        if components.ready or components.failed or lab.suspended or not since:
            return components
        if self._tools.clock() - parse_rfc3339(since) < _SLOW:
            return components
        kube = self._tools.kube
        placed = {one.placement for one in lab.template.components}
        for side in sorted(placed, key=lambda side: side != PLATFORM):
            namespace = lab.namespaces[side]
            named = await kube.list("Pod", namespace, f"{names.MANAGED_BY}={names.MANAGER}")
            claims = await kube.list("PersistentVolumeClaim", namespace)
            if cause := pods.cause(named, claims):
                return cause
        return components

    async def _evict(self, lab: Lab) -> None:
        """End the learner's pods; the quota, once it is counted at 0, lets none come back."""
        for namespace in (lab.namespaces[side] for side in lab.sides if side != PLATFORM):
            if await self._tools.kube.list("Pod", namespace):
                await self._tools.kube.delete_all("Pod", namespace)

    async def _access(self, lab: Lab, wanted: Plan, end: datetime) -> Outcome:
        if not wanted.identities:
            return Outcome(_nobodys(lab))
        tools = self._tools
        outcome: Outcome
        _, outcome = await together(
            tools.applier.apply(wanted.bindings), tools.credentials.issue(lab, end)
        )
        return outcome

    def _summary(self, lab: Lab, bodies: list[Object]) -> Readiness:
        verdicts = []
        for body in bodies:
            key = key_of(body)
            seen = self._tools.inventory.get(lab.uid, key)
            verdicts.append((key, seen.readiness if seen else verdict.WAITING))
        return verdict.summary(verdicts)


def _nobodys(lab: Lab) -> Readiness:
    """Say why nobody gets into the lab."""
    if lab.suspended:
        return Readiness(False, "Suspended", "access is revoked while suspended")
    if lab.resource.spec.learner is None:
        return Readiness(False, "NoLearner", "spec.learner is not set")
    return Readiness(False, "AccessRevoked", "access is revoked: spec.accessRevoked is true")


def _credentials(lab: Lab, outcome: Outcome | None) -> CredentialsStatus | None:
    if outcome and outcome.issued:
        return CredentialsStatus(
            secret_ref=lab.credentials_name,
            issued_at=rfc3339(outcome.issued.minted),
            expires_at=rfc3339(outcome.issued.expires),
            rotation=outcome.issued.rotation,
        )
    if outcome and outcome.readiness.ready:
        return lab.resource.status.credentials
    return None


def _services(lab: Lab, inventory: Inventory, workloads: list[Object]) -> tuple[ServiceStatus, ...]:
    """Report each service by the workload behind it, once that is as desired."""
    versions = {component.name: component.version for component in lab.template.components}
    ready = set()
    for body in workloads:
        seen = inventory.get(lab.uid, key_of(body))
        halted = lab.suspended or body["metadata"]["labels"][names.COMPONENT] == lab.outage
        if seen and seen.readiness.ready and inventory.fresh(body) and not halted:
            ready.add(body["metadata"]["name"])
    services = lab.template.services
    workloads_of = {one.name: one.workload or one.name for one in services}
    pods_of = {one.name: one.pod if one.workload else None for one in services}
    return tuple(
        ServiceStatus(
            name=service["name"],
            url=service["url"],
            ready=workloads_of[service["name"]] in ready,
            version=versions[service["component"]],
            pod=pods_of[service["name"]],
        )
        for service in access.services(lab)
    )
