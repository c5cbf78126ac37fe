"""Puts what happens in a lab on record: the audit log first, then the status that follows from it.

A transition is committed by its record. Its id is made of the request and of how many transitions
came before, so a repeated attempt finds the record that is there, and what that says holds even if
this attempt would have decided otherwise. The log's head goes into the lab's status before the next
record is written, so the two are never more than one record apart.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import structlog

from practicum import errors
from practicum.api.change import ChangeRequest, ChangeRequestStatus, State
from practicum.api.conditions import Condition, ConditionType
from practicum.api.labenvironment import AuditStatus, GovernedStatus, LabEnvironmentStatus
from practicum.api.names import API_VERSION, GOVERNANCE_MANAGER, LabKey
from practicum.api.times import rfc3339
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.governance.audit import Audit
from practicum.governance.chain import Head, Record, event_id, verify
from practicum.governance.files import Files
from practicum.governance.ledger import Kind, Ledger
from practicum.kube.client import Kube
from practicum.observe import metrics
from practicum.observe.events import event
from practicum.policy.floor import Actor, is_legal
from practicum.reconcile.labs import Labs

log = structlog.get_logger()
_KEPT = ("message", "expiresAt", "approvals", "answers", "decision", "outcome", "executedAt")
"""What a record keeps of a status, besides its state and its evidence."""
_BAD_ENDS = frozenset({State.DENIED, State.EXPIRED})


class AuditBroken(errors.PracticumError):
    """A lab's audit log is not what was written: nothing is decided on the strength of it."""

    reason = "AuditBroken"


class Register:
    """Writes records, heads and statuses."""

    def __init__(
        self,
        kube: Kube,
        audit: Audit,
        labs: Labs,
        files: Files,
        clock: Clock,
        wake: Callable[[LabKey], None] = lambda _: None,
    ) -> None:
        """Choose where to write; ``wake`` has the reconciler look at a lab."""
        self._kube = kube
        self._wake = wake
        self._audit = audit
        self._labs = labs
        self._files = files
        self._clock = clock
        self._ledgers: dict[str, Ledger] = {}
        self._shown: dict[str, LabEnvironmentStatus] = {}
        """By lab, the status of which we wrote our part last."""

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._ledgers.pop(lab_uid, None)
        self._shown.pop(lab_uid, None)
        self._audit.forget(lab_uid)

    async def ledger(self, lab: Lab) -> Ledger:
        """Return what the lab's log says, verified when it is first read.

        Raises:
            AuditBroken: it was altered, or it lacks what the lab's status knows of.
        """
        if (known := self._ledgers.get(lab.uid)) is not None:
            return known
        records = await self._audit.reload(lab.uid)
        status = lab.resource.status.audit
        head = Head(status.seq, status.hash) if status else None
        verdict = verify(records, head, self._audit.key(lab.uid))
        if not verdict.holds:
            raise AuditBroken(f"{verdict.reason}: {verdict.message}")
        ledger = self._ledgers[lab.uid] = Ledger()
        for record in records:
            ledger.take(record)
        return ledger

    async def note(self, lab: Lab, kind: Kind, *identity: str, **said: Any) -> Record:
        """Record what happened, once.

        Args:
            lab: where.
            kind: what.
            identity: what makes it that event and no other, besides its kind.
            said: the rest of the record; what is None is left out.
        """
        ledger = await self.ledger(lab)
        await self._anchor(lab)
        body = {
            "id": event_id(lab.uid, kind, *identity),
            "at": rfc3339(self._clock()),
            "type": kind.value,
            "lab": {"course": lab.course, "name": lab.name},
            **{key: value for key, value in said.items() if value is not None},
        }
        try:
            record = await self._audit.append(lab.uid, body)
        except errors.ApiError:
            self._ledgers.pop(lab.uid, None)
            raise
        ledger.take(record)
        metrics.AUDIT_RECORDS.labels(kind.value).inc()
        await self._anchor(lab)
        return record

    async def move(
        self,
        lab: Lab,
        request: ChangeRequest,
        requester: Actor | None,
        status: ChangeRequestStatus,
    ) -> ChangeRequest:
        """Take a request into another state: record, head, status, Event.

        Returns:
            the request as it now is, which is what the record says.
        """
        before, after = request.status.state, status.state
        if request.status.transitions and not is_legal(before, after):
            raise errors.PracticumError(f"a request does not go from {before} to {after}")
        number = request.status.transitions + 1
        wire = status.wire()
        evidence = wire.get("evidence")
        same = request.status.evidence and evidence == request.status.evidence.wire()
        if evidence and same:
            evidence = {"digest": evidence["digest"]}
        record = await self.note(
            lab,
            Kind.STATE_CHANGED,
            str(request.metadata["uid"]),
            str(number),
            **about(request, requester),
            state=status.state.value,
            evidence=evidence,
            status={key: wire[key] for key in _KEPT if key in wire},
            decision=wire.get("decision"),
            outcome=wire.get("outcome"),
            message=status.message,
        )
        moved = await self.show(request, restored(record, request.status, number))
        metrics.CHANGES.labels(request.spec.action.value, moved.status.state.value).inc()
        await self._tell(moved)
        return moved

    async def show(self, request: ChangeRequest, status: ChangeRequestStatus) -> ChangeRequest:
        """Write a request's status, if it says anything new."""
        generation = int(request.metadata.get("generation", 0))
        status = status.model_copy(update={"observed_generation": generation})
        if status == request.status:
            return request
        meta = {key: request.metadata[key] for key in ("name", "namespace", "uid")}
        body = {"apiVersion": API_VERSION, "kind": "ChangeRequest", "metadata": meta}
        answer = await self._kube.apply({**body, "status": status.wire()}, subresource="status")
        self._files.wrote(answer)
        return request.model_copy(update={"status": status})

    async def _anchor(self, lab: Lab) -> None:
        """Let the lab's status say where its log ends."""
        head = await self._audit.head(lab.uid)
        if head.seq:
            await self._write(lab, audit=AuditStatus(seq=head.seq, hash=head.hash))

    async def declare(self, lab: Lab, kind: ConditionType, found: Condition | None) -> None:
        """Set a condition of a lab that is governance's to write, or take it away."""
        before = self._shown.get(lab.uid, lab.resource.status).conditions
        others = [one for one in before if one.type != kind]
        await self._write(lab, conditions=[*others, found] if found else others)

    async def govern(self, lab: Lab, **update: Any) -> None:
        """Say what approved changes make of a lab's objects; the reconciler brings it about."""
        before = self._shown.get(lab.uid, lab.resource.status).governed or GovernedStatus()
        after = before.model_copy(update=update)
        if after != before:
            await self._write(lab, governed=after if after != GovernedStatus() else None)
            # Our own write is no news to those who follow labs.
            self._wake(LabKey(lab.course, lab.name))

    def condition(self, lab: Lab, kind: ConditionType) -> Condition | None:
        """Return a condition of a lab as it stands."""
        shown = self._shown.get(lab.uid, lab.resource.status).conditions
        return next((one for one in shown if one.type == kind), None)

    async def _write(self, lab: Lab, **update: Any) -> None:
        """Bring governance's part of a lab's status up to date."""
        before = self._shown.get(lab.uid, lab.resource.status)
        after = before.model_copy(update=update)
        if (ours := after.of_governance()) != before.of_governance():
            body = lab.resource.apply_body() | {"status": ours}
            answer = await self._kube.apply(body, subresource="status", manager=GOVERNANCE_MANAGER)
            self._labs.answer(answer)
        self._shown[lab.uid] = after

    async def _tell(self, request: ChangeRequest) -> None:
        state, message = request.status.state, request.status.message
        await self.tell(
            request.metadata,
            (API_VERSION, "ChangeRequest"),
            "Warning" if state in _BAD_ENDS else "Normal",
            state.value,
            message or state.value,
        )

    async def tell(
        self,
        about_: dict[str, Any],
        of: tuple[str, str],
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
    ) -> None:
        """Send one Event; news that cannot be sent must not stop the work."""
        now = self._clock()
        body = event(about_, of=of, kind=kind, reason=reason, message=message, now=now)
        try:
            await self._kube.create(body)
        except errors.Conflict:
            pass
        except errors.ApiError as error:
            log.warning("event not sent", reason=reason, error=str(error))


def about(request: ChangeRequest, actor: Actor | None) -> dict[str, Any]:
    """Return what a record says of the request that it belongs to, and of who acted."""
    meta, spec = request.metadata, request.spec
    return {
        "request": {
            "name": meta["name"],
            "uid": meta["uid"],
            "createdAt": meta["creationTimestamp"],
        },
        "action": spec.action.value,
        "target": spec.target.wire(),
        "reason": spec.reason,
        "actor": person(actor) if actor else {"username": spec.requester},
    }


def person(actor: Actor) -> dict[str, Any]:
    """Return an actor as a record names them."""
    return {
        "username": actor.username,
        "persona": actor.persona,
        "role": actor.role,
        "person": actor.person,
        "simulated": actor.simulated,
    }


def restored(record: Record, before: ChangeRequestStatus, number: int) -> ChangeRequestStatus:
    """Return the status that a record leads to.

    Args:
        record: of a transition.
        before: the status so far, which has the evidence where the record only names it.
        number: of the transition.
    """
    evidence: Mapping[str, Any] | None = record.get("evidence")
    if evidence and "document" not in evidence:
        known = before.evidence and before.evidence.digest == evidence["digest"]
        evidence = before.evidence.wire() if known and before.evidence else None
    body = {
        **record.get("status", {}),
        "state": record["state"],
        "transitions": number,
        "evidence": evidence,
        "conditions": [one.wire() for one in before.conditions],
    }
    return ChangeRequestStatus.model_validate(body)
