"""Puts what happens in a lab on record: the audit log first, then the status that follows from it.

A transition is committed by its record. Its id is made of the request and of how many transitions
came before, so a repeated attempt finds the record that is there, and what that says holds even if
this attempt would have decided otherwise. The log's head goes into the lab's status before the next
record is written, so the two are never more than one record apart. With the head goes what the log
says should be so, for those who bring it about: both are one field manager's, who drops what it
does not repeat.
"""

from collections.abc import Mapping
from typing import Any, Literal

from practicum import errors
from practicum.api.change import ChangeRequest, ChangeRequestStatus, State
from practicum.api.labstatus import AuditStatus, GovernedStatus
from practicum.api.names import API_VERSION
from practicum.api.times import rfc3339
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.governance.audit import Audit
from practicum.governance.chain import Head, Record, event_id, verify
from practicum.governance.files import Files
from practicum.governance.ledger import Kind, Ledger
from practicum.governance.shown import Shown
from practicum.kube.client import Kube
from practicum.observe import metrics
from practicum.observe.events import event
from practicum.policy.floor import Actor, is_legal
from practicum.policy.progress import conditions
from practicum.reconcile.labs import Labs
from practicum.reconcile.report import send

_KEPT = ("message", "expiresAt", "approvals", "answers", "decision", "outcome", "executedAt")
"""What a record keeps of a status, besides its state and its evidence."""
_BAD_ENDS = frozenset({State.DENIED, State.EXPIRED})


class AuditBroken(errors.PracticumError):
    """A lab's audit log is not what was written: nothing is decided on the strength of it."""

    reason = "AuditBroken"


class Register:
    """Writes records, heads and statuses."""

    def __init__(self, kube: Kube, audit: Audit, labs: Labs, files: Files, clock: Clock) -> None:
        """Wire it up."""
        self._kube = kube
        self._audit = audit
        self._files = files
        self._clock = clock
        self._ledgers: dict[str, Ledger] = {}
        self.shown = Shown(kube, labs, clock)

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._ledgers.pop(lab_uid, None)
        self.shown.forget(lab_uid)
        self._audit.forget(lab_uid)

    async def ledger(self, lab: Lab) -> Ledger:
        """Return what the lab's log says, verified when it is first read.

        Raises:
            AuditBroken: it was altered, or it lacks what the lab's status knows of.
        """
        if (known := self._ledgers.get(lab.uid)) is not None:
            return known
        records = await self._audit.reload(lab.uid)
        head = self._expected(lab)
        verdict = verify(records, head, self._audit.key(lab.uid))
        if not verdict.holds:
            raise AuditBroken(f"{verdict.reason}: {verdict.message}")
        ledger = self._ledgers[lab.uid] = Ledger()
        for record in records:
            ledger.take(record)
        return ledger

    async def project(self, lab: Lab) -> None:
        """Have the lab's status say what its log says, if that write was lost or undone."""
        ledger = await self.ledger(lab)
        governed = self.shown.governing(lab, ledger.governed())
        if lab.resource.status.governed != governed:
            self.shown.doubt(lab)
            await self._anchor(lab, governed)

    def _expected(self, lab: Lab) -> Head | None:
        """Return where the log should end.

        The lab may be known as it was before our own last writes, while a watch is broken: the
        records that came since would look like somebody else's.
        """
        both = (lab.resource.status.audit, self.shown.of(lab).audit)
        last = max((one for one in both if one), key=lambda one: one.seq, default=None)
        return Head(last.seq, last.hash) if last else None

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
        if record["seq"] > ledger.seq:
            metrics.AUDIT_RECORDS.labels(kind.value).inc()
        ledger.take(record)
        await self._anchor(lab)
        return record

    async def move(
        self,
        lab: Lab,
        request: ChangeRequest,
        requester: Actor | None,
        status: ChangeRequestStatus,
        subject: str,
    ) -> ChangeRequest:
        """Take a request into another state: record, head, status, Event.

        Args:
            lab: where.
            request: as it is.
            requester: who asked for it.
            status: as it should be.
            subject: what it would change, for analytics.

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
            subject=subject,
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

    async def show(
        self, request: ChangeRequest, status: ChangeRequestStatus, trouble: str = ""
    ) -> ChangeRequest:
        """Write a request's status, if it says anything new.

        Args:
            request: as it is.
            status: as it should be, but for its conditions.
            trouble: CamelCase reason why a service keeps it.
        """
        generation = int(request.metadata.get("generation", 0))
        update = {
            "observed_generation": generation,
            "conditions": conditions(status, self._clock(), generation, trouble),
        }
        status = status.model_copy(update=update)
        if status == request.status:
            return request
        meta = {key: request.metadata[key] for key in ("name", "namespace", "uid")}
        body = {"apiVersion": API_VERSION, "kind": "ChangeRequest", "metadata": meta}
        answer = await self._kube.apply({**body, "status": status.wire()}, subresource="status")
        self._files.wrote(answer)
        return request.model_copy(update={"status": status})

    async def _anchor(self, lab: Lab, governed: GovernedStatus | None = None) -> None:
        """Let the lab's status say where its log ends, and what follows from it."""
        head, ledger = await self._audit.head(lab.uid), await self.ledger(lab)
        if head.seq:
            governed = governed or self.shown.governing(lab, ledger.governed())
            audit = AuditStatus(seq=head.seq, hash=head.hash)
            await self.shown.write(lab, audit=audit, governed=governed)

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
        """Send one Event about a request, or about its lab."""
        now = self._clock()
        await send(
            self._kube, event(about_, of=of, kind=kind, reason=reason, message=message, now=now)
        )


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
