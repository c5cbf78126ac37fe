"""One pass over the governed changes of a lab: its requests, then its aliases, then its traffic.

Beside the reconciler and never in its way: a lab's services may take seconds to answer, its end
must not wait for them. Level-triggered all the same: what a pass does follows from the audit log,
the requests and the services as they are.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from practicum.api.change import Action, ChangeRequest, State
from practicum.api.conditions import ConditionType, Phase
from practicum.api.governing import Changes
from practicum.api.names import API_VERSION, AUDIT_NAMESPACE, LabKey
from practicum.desired.lab import Lab
from practicum.errors import InvalidLab, ServiceError
from practicum.governance.aliases import Aliases
from practicum.governance.audit import Audit
from practicum.governance.backends import Backends
from practicum.governance.cases import OPEN, Case, Room
from practicum.governance.drafts import Drafts
from practicum.governance.evidence import Gatherer, Unfounded, target_of
from practicum.governance.executors import Executor
from practicum.governance.files import Files
from practicum.governance.http import Services
from practicum.governance.judging import Judge
from practicum.governance.ledger import MODEL_ACTIONS
from practicum.governance.people import actors
from practicum.governance.policies import Policies
from practicum.governance.register import AuditBroken, Register
from practicum.governance.releases import Press, Releases
from practicum.governance.traffic import Traffic
from practicum.governance.vetting import Vetter
from practicum.observe import metrics
from practicum.policy import expiry
from practicum.reconcile.tools import Tools

log = structlog.get_logger()
_HOLD: Final = timedelta(minutes=1)


class Governor:
    """Decides what becomes of every request of a lab."""

    def __init__(
        self,
        tools: Tools,
        services: Services,
        files: Files,
        drafts: Drafts,
        vetter: Vetter,
        governed: Callable[[LabKey], None],
    ) -> None:
        """Wire it up; `governed` is called with a lab once other things should hold in it."""
        settings = tools.settings
        self.audit = Audit(tools.kube, AUDIT_NAMESPACE, lambda: settings.root_key)
        self._tools = tools
        self._services = services
        self._files = files
        self._register = Register(tools.kube, self.audit, tools.labs, files, tools.clock)
        self._register.shown.governed = governed
        self._aliases = Aliases(self._register, settings, tools.clock)
        self._traffic = Traffic(self._register, tools.clock)
        self._policies = Policies(tools.kube, self._register, drafts, vetter, tools.clock)
        self._press = Press(tools.kube, self._register, drafts, self._policies, tools.clock)
        self._uids: dict[LabKey, str] = {}

    def concerns(self, key: LabKey, phase: Phase) -> bool:
        """Whether a lab in a phase is worth a pass: it lives, or there is something to forget."""
        return phase.runs or key in self._uids

    async def reconcile(self, key: LabKey) -> datetime | None:
        """Take one lab's changes one pass further.

        Returns:
            when to come back at the latest; None when nothing is left to do.
        """
        resource = self._tools.labs.get(key)
        uid = resource.uid if resource else ""
        if (known := self._uids.get(key)) and known != uid:
            self._forget(known)
            del self._uids[key]
        if resource is None or not resource.in_use:
            return None
        try:
            pinned = await self._tools.templates.pin(resource)
        except InvalidLab:
            return None
        if (changes := pinned.spec.changes) is None:
            return None
        self._uids[key] = uid
        lab = Lab(resource, pinned.spec, self._tools.settings)
        try:
            return await self._govern(lab, changes)
        except AuditBroken as error:
            return await self._halt(lab, error)

    def _forget(self, uid: str) -> None:
        self._register.forget(uid)
        self._aliases.forget(uid)
        self._policies.forget(uid)

    async def _govern(self, lab: Lab, changes: Changes) -> datetime | None:
        clock = self._tools.clock
        began = clock()
        drafted = await self._policies.watch(lab)
        ledger = await self._register.ledger(lab)
        await self._register.shown.unsay(lab, ConditionType.AUDIT_INTACT)
        await self._register.project(lab)
        backends = Backends(self._tools.kube, self._services, lab)
        due = await self._aliases.found(lab, changes, backends)
        if due is not None:
            return expiry.next_wake(began, due, drafted)
        people = actors(lab)
        releases = Releases(self._press, lab, changes, ledger, backends)
        room = Room(
            lab=lab,
            changes=changes,
            actors=people,
            gatherer=Gatherer(backends, changes, ledger, releases),
            executor=Executor(backends, changes, ledger, releases, clock),
            judge=Judge(backends, changes, people, clock),
        )
        requests = self._files.requests(lab.namespaces["learner"])
        dues = [drafted, *[await self._advance(room, one) for one in requests]]
        for one in requests:
            if undone := ledger.rolled_back.get(str(one.metadata["uid"])):
                await self._mark_undone(room, one, undone)
        now = self._files.requests(lab.namespaces["learner"])
        if not any(_releases(one) for one in now):
            await releases.settle()
        if not any(_moves(one) for one in now):
            dues.append(await self._aliases.watch(lab, changes, backends))
        executed = [one for one in now if one.status.state is State.EXECUTED]
        dues.append(await self._traffic.watch(lab, changes, backends, executed))
        # By the time at which the pass began: what came due during it must not be missed.
        return expiry.next_wake(began, *dues)

    async def _advance(self, room: Room, request: ChangeRequest) -> datetime | None:
        if request.status.state not in OPEN:
            return None
        name = request.metadata["name"]
        answers = self._files.answers(request.metadata["namespace"], name)
        case = Case(room, self._register, self._tools.clock, request, answers)
        try:
            return await case.advance(self._busy(room.changes, request))
        except ServiceError as error:
            log.info("change waits", request=name, reason=error.reason, error=str(error))
            return self._tools.clock() + _HOLD

    async def _mark_undone(self, room: Room, request: ChangeRequest, by: str) -> None:
        """Say of an executed request that a rollback, perhaps of this very pass, has undone it."""
        if request.status.state is not State.EXECUTED:
            return
        update = {"state": State.ROLLED_BACK, "message": f"rolled back by request {by}"}
        actor = room.actors.get(request.spec.requester)
        after = request.status.model_copy(update=update)
        await self._register.move(room.lab, request, actor, after, room.subject(request))

    def _busy(self, changes: Changes, request: ChangeRequest) -> str:
        """Return what keeps a request from its target; only a new one is held against others."""
        if request.status.state is not State.REQUESTED:
            return ""
        return occupant(changes, request, self._files.requests(request.metadata["namespace"]))

    async def _halt(self, lab: Lab, error: AuditBroken) -> datetime:
        """Decide nothing on the strength of a log that is not as it was written, and say so."""
        metrics.AUDIT_BROKEN.inc()
        log.error("audit log broken: no change is decided", lab=lab.name, error=str(error))
        of = (API_VERSION, "LabEnvironment")
        text = f"no change is decided: {error}"
        await self._register.shown.say(
            lab, ConditionType.AUDIT_INTACT, error.reason, text, holds=False
        )
        await self._register.tell(lab.resource.metadata, of, "Warning", error.reason, text)
        return self._tools.clock() + 10 * _HOLD


def occupant(changes: Changes, new: ChangeRequest, requests: Sequence[ChangeRequest]) -> str:
    """Return the open request that keeps a new one from its target; empty: there is none.

    Args:
        changes: what the lab governs.
        new: not examined yet; anything else keeps its place.
        requests: of the lab as they now are, oldest first.
    """
    if new.status.state is not State.REQUESTED:
        return ""
    mine, older = _target(changes, new), True
    for other in requests:
        if other.metadata["uid"] == new.metadata["uid"]:
            older = False
            continue
        # Of one second nobody knows who was first: what was examined already must not be joined.
        first = older or other.status.state is not State.REQUESTED
        if first and other.status.state in OPEN and _target(changes, other) == mine:
            return str(other.metadata["name"])
    return ""


def _target(changes: Changes, request: ChangeRequest) -> str:
    try:
        return target_of(changes, request.spec)
    except Unfounded:
        return f"unknown/{request.metadata['uid']}"


def _releases(request: ChangeRequest) -> bool:
    """Whether policies are on their way by this request."""
    approved = request.status.state is State.APPROVED
    return approved and request.spec.action is Action.RELEASE_POLICY


def _moves(request: ChangeRequest) -> bool:
    """Whether an alias may be on its way by this request."""
    return request.status.state is State.APPROVED and request.spec.action in MODEL_ACTIONS
