"""Takes one ChangeRequest through its life: evidence, answers, decision, effect.

Each step depends on what is in the cluster and in the lab's services, and ends in a record or in
nothing. What cannot be known yet, since a service does not answer, leaves the request as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from practicum.api.change import (
    Action,
    ChangeApproval,
    ChangeRequest,
    DecisionStatus,
    EvidenceStatus,
    ReasonStatus,
    State,
)
from practicum.api.governing import ChangeRule, Changes
from practicum.api.times import format_duration, parse_duration, parse_rfc3339, rfc3339
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.evidence import Evidence, Gatherer, Unfounded, governed
from practicum.governance.executors import Executor, Pending, told
from practicum.governance.judging import Judge, Tally
from practicum.governance.ledger import Kind
from practicum.governance.register import Register, about, person
from practicum.observe import metrics
from practicum.policy import floor
from practicum.policy.decision import Reason
from practicum.policy.floor import Actor, Control, Needed, Standing
from practicum.policy.question import Matter

OPEN: Final = frozenset({State.REQUESTED, State.AWAITING_APPROVAL, State.APPROVED})
_JUDGED_FIRST: Final = frozenset(
    {Action.PROMOTE_MODEL, Action.APPROVE_FEATURES, Action.RELEASE_POLICY}
)
"""Judged by policy before anybody is asked to approve."""
_RETRY: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class Room:
    """What all requests of one lab have in common during a pass."""

    lab: Lab
    changes: Changes
    actors: Mapping[str, Actor]
    """By username."""
    gatherer: Gatherer
    executor: Executor
    judge: Judge

    def subject(self, request: ChangeRequest) -> str:
        """Return what a request would change: of a candidate, the model in production."""
        try:
            return governed(self.changes, request.spec).name
        except Unfounded:
            return request.spec.target.name


class Case:
    """One request and its answers."""

    def __init__(
        self,
        room: Room,
        register: Register,
        clock: Clock,
        request: ChangeRequest,
        answers: Sequence[ChangeApproval],
    ) -> None:
        self._room = room
        self._register = register
        self._clock = clock
        self.request = request
        self._answers = answers

    @property
    def state(self) -> State:
        """Where the request is."""
        return self.request.status.state

    @property
    def _actor(self) -> Actor | None:
        return self._room.actors.get(self.request.spec.requester)

    @property
    def _rule(self) -> ChangeRule | None:
        return self._room.changes.actions.get(self.request.spec.action)

    @property
    def _needed(self) -> Needed:
        rule = self._rule or ChangeRule(approvals=8)
        return Needed(frozenset(rule.requesters), rule.approvals, frozenset(rule.roles))

    def expires(self) -> datetime:
        """Return when an unanswered request expires."""
        born = parse_rfc3339(self.request.metadata["creationTimestamp"])
        return born + parse_duration(self.request.spec.answer_within)

    async def advance(self, busy: str) -> datetime | None:
        """Take the request as far as it gets now.

        Args:
            busy: name of another open request for the same target; empty: there is none.

        Returns:
            when to come back at the latest; None: when something happens.
        """
        if not self.request.status.transitions:
            await self._move(State.REQUESTED, "")
        await self._hear()
        steps = {
            State.REQUESTED: self._examine,
            State.AWAITING_APPROVAL: self._collect,
            State.APPROVED: self._execute,
        }
        try:
            while self.state in OPEN:
                before = self.request.status
                if not await self._is_over(busy):
                    await steps[self.state]()
                if self.request.status == before:
                    return self.expires()
        except Unfounded as error:
            await self._deny(error.reason)
        except Pending as error:
            return await self._wait(str(error), "Pending")
        except ServiceError as error:
            return await self._wait(f"waits, {error.reason}: {error}", error.reason)
        return None

    async def _wait(self, message: str, trouble: str) -> datetime:
        """Say what keeps the request, which is no transition; returns when to look again."""
        status = self.request.status.model_copy(update={"message": message[:1024]})
        self.request = await self._register.show(self.request, status, trouble)
        soon = self._clock() + _RETRY
        # What is approved does not expire: its last moment may be long past.
        return soon if self.state is State.APPROVED else min(soon, self.expires())

    async def _is_over(self, busy: str) -> bool:
        """End a request that is taken back, too late, or one too many; what is approved stays."""
        if self.state is State.APPROVED:
            return False
        if self.request.spec.withdrawn:
            await self._move(State.WITHDRAWN, "taken back by the requester")
        elif self._clock() >= self.expires():
            within = format_duration(parse_duration(self.request.spec.answer_within))
            await self._move(State.EXPIRED, f"not approved within {within}: ask again")
        elif busy and self.state is State.REQUESTED:
            text = f"request {busy} for the same target is still open: wait for it or withdraw it"
            await self._deny(Reason(Control.ONE_AT_A_TIME, text))
        else:
            return False
        return True

    async def _hear(self) -> None:
        """Put every answer on record, whatever it comes to."""
        for answer in self._answers:
            meta, spec = answer.metadata, answer.spec
            actor = self._room.actors.get(spec.approver)
            said = about(self.request, None) | {
                "actor": person(actor) if actor else {"username": spec.approver},
                "answer": meta["name"],
                "verdict": spec.verdict,
                "message": spec.comment,
                "evidence": {"digest": spec.evidence_digest},
            }
            await self._register.note(self._room.lab, Kind.ANSWERED, str(meta["uid"]), **said)

    async def _examine(self) -> None:
        """Judge the request itself, before anybody is asked to approve it."""
        if self._rule is None:
            raise Unfounded(f"spec.action {self.request.spec.action} is not offered by this lab")
        actor = self._actor
        if why := floor.objection(actor, self._needed):
            await self._deny(Reason(Control.REQUESTER, f"spec.requester: {why}"))
            return
        evidence = await self._room.gatherer.gather(self.request.spec)
        kept = self._kept(evidence)
        decided = None
        if actor and self.request.spec.action in _JUDGED_FIRST:
            decided = await self._decide(evidence, actor, [], asking=True)
            if not decided.allow:
                await self._deny(*decided.reasons, evidence=kept, decision=decided)
                return
        await self._move(
            State.AWAITING_APPROVAL,
            self._missing(()),
            evidence=kept,
            decision=decided,
            approvals=f"0/{self._needed.approvals}",
        )

    async def _collect(self) -> None:
        """Weigh the answers; once there are enough, let policy decide."""
        actor, known = self._actor, self.request.status.evidence
        if actor is None or known is None:
            raise Unfounded("spec.requester has no role in this lab any more", Control.REQUESTER)
        tally = Tally(actor, self._answers, self._room.actors, known.digest, self._needed)
        await self._count(tally)
        if tally.weighed.standing is Standing.REJECTED:
            await self._move(State.REJECTED, tally.why_rejected())
        if tally.weighed.standing is not Standing.APPROVED:
            return
        evidence = await self._room.gatherer.gather(self.request.spec)
        if evidence.digest != known.digest:
            text = "the evidence has changed: approvals of the former evidence are void"
            await self._move(State.AWAITING_APPROVAL, text, evidence=self._kept(evidence))
            return
        decided = await self._decide(evidence, actor, tally.approvers(), asking=False)
        if not decided.allow:
            await self._deny(*decided.reasons, decision=decided)
            return
        intended = self._room.executor.intended(self.request, evidence.facts)
        await self._move(
            State.APPROVED, "approved by people and policy", decision=decided, outcome=intended
        )

    async def _execute(self) -> None:
        outcome = await self._room.executor.execute(self.request)
        now = self._clock()
        changed: dict[str, Any] = {"outcome": outcome, "executed_at": rfc3339(now)}
        await self._move(State.EXECUTED, told(outcome), **changed)
        born = parse_rfc3339(self.request.metadata["creationTimestamp"])
        action = self.request.spec.action.value
        metrics.CHANGE_SECONDS.labels(action).observe((now - born).total_seconds())

    async def _count(self, tally: Tally) -> None:
        """Take down how the answers count; shown at once only while others are waited for."""
        weighed = tally.weighed
        waiting = weighed.standing is Standing.WAITING
        update: dict[str, Any] = {
            "answers": tally.shown(),
            "approvals": f"{weighed.count}/{self._needed.approvals}",
        }
        if waiting:
            update["message"] = self._missing(weighed.missing, weighed.count)
        status = self.request.status.model_copy(update=update)
        if waiting:
            self.request = await self._register.show(self.request, status)
        else:
            self.request = self.request.model_copy(update={"status": status})

    def _missing(self, roles: Sequence[str], count: int = 0) -> str:
        needed = self._needed
        missing = sorted(roles or needed.roles)
        who = f", from {' and '.join(missing)}" if missing else ""
        return f"waits for approval: {count} of {needed.approvals}{who}" if needed.approvals else ""

    async def _decide(
        self, evidence: Evidence, actor: Actor, approvers: Sequence[Actor], *, asking: bool
    ) -> DecisionStatus:
        matter = Matter(
            name=self.request.metadata["name"],
            action=self.request.spec.action,
            requester=actor,
            approvers=tuple(approvers),
            facts=evidence.facts,
            digest=evidence.digest,
        )
        return await self._room.judge.decide(matter, asking=asking)

    def _kept(self, evidence: Evidence) -> EvidenceStatus:
        now = rfc3339(self._clock())
        return EvidenceStatus(digest=evidence.digest, gathered_at=now, document=evidence.document)

    async def _deny(
        self,
        *reasons: Reason | ReasonStatus,
        evidence: EvidenceStatus | None = None,
        decision: DecisionStatus | None = None,
    ) -> None:
        decided = decision or DecisionStatus(
            allow=False,
            decided_at=rfc3339(self._clock()),
            reasons=[ReasonStatus(control=r.control, message=r.message) for r in reasons],
        )
        text = "; ".join(f"{one.control}: {one.message}" for one in reasons)
        changed = {"evidence": evidence} if evidence else {}
        await self._move(State.DENIED, text, decision=decided, **changed)

    async def _move(self, state: State, message: str, **changes: Any) -> None:
        before = self.request.status
        update = {
            "state": state,
            "message": message[:1024],
            "expires_at": rfc3339(self.expires()),
            **{key: value for key, value in changes.items() if value is not None},
        }
        status = before.model_copy(update=update)
        lab, actor = self._room.lab, self._actor
        self.request = await self._register.move(
            lab, self.request, actor, status, self._room.subject(self.request)
        )
