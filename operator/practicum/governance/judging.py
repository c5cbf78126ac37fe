"""How answers count, and what the lab's policy says to a request."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from practicum.api.canonical import digest
from practicum.api.change import (
    Action,
    AnswerStatus,
    ChangeApproval,
    DecisionStatus,
    ReasonStatus,
)
from practicum.api.governing import Changes
from practicum.api.times import rfc3339
from practicum.clock import Clock
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.policy import decision as decisions
from practicum.policy.decision import Decision
from practicum.policy.floor import Actor, Answer, Needed, weigh
from practicum.policy.question import Matter, question

PACKAGES: Final = {
    Action.APPROVE_FEATURES: "lab/features",
    Action.RELEASE_POLICY: "lab/release",
}
"""Packages that decide on what is no model."""
_SHOWN: Final = 32


class Tally:
    """All answers to one request, weighed against the evidence as it is known."""

    def __init__(
        self,
        requester: Actor,
        answers: Sequence[ChangeApproval],
        actors: Mapping[str, Actor],
        evidence: str,
        needed: Needed,
    ) -> None:
        self._answers = answers
        self._actors = actors
        self._weighable = [
            Answer(
                name=one.metadata["name"],
                actor=actors.get(one.spec.approver),
                approves=one.spec.verdict == "Approve",
                evidence=one.spec.evidence_digest,
            )
            for one in answers
        ]
        self.weighed = weigh(requester, self._weighable, evidence, needed)

    def approvers(self) -> list[Actor]:
        """Return those whose approval counts."""
        void = self.weighed.void
        return [
            one.actor
            for one in self._weighable
            if one.actor and one.approves and one.name not in void
        ]

    def shown(self) -> list[AnswerStatus]:
        """Return the answers as a status shows them, the newest at most."""
        shown = []
        for one in self._answers[-_SHOWN:]:
            name, actor = one.metadata["name"], self._actors.get(one.spec.approver)
            shown.append(
                AnswerStatus(
                    name=name,
                    approver=one.spec.approver,
                    persona=actor.persona if actor else "",
                    role=actor.role if actor else "",
                    verdict=one.spec.verdict,
                    counts=name not in self.weighed.void,
                    message=self.weighed.void.get(name, "")[:256],
                )
            )
        return shown

    def why_rejected(self) -> str:
        """Return who is against it, and why."""
        against = [
            f"{one.spec.approver}: {one.spec.comment or 'no comment'}"
            for one in self._answers
            if one.spec.verdict == "Reject" and one.metadata["name"] not in self.weighed.void
        ]
        return "rejected by " + "; ".join(against)


class Judge:
    """Asks the policy of one lab."""

    def __init__(
        self, backends: Backends, changes: Changes, actors: Mapping[str, Actor], clock: Clock
    ) -> None:
        self._backends = backends
        self._changes = changes
        self._actors = actors
        self._clock = clock

    async def decide(self, matter: Matter, *, asking: bool) -> DecisionStatus:
        """Return what policy says now; that it cannot be asked is a no.

        Args:
            matter: the request with its evidence and its approvals.
            asking: before anybody is asked to approve.
        """
        now = self._clock()
        asked = question(matter, self._actors.values(), now, asking=asking)
        policy = PACKAGES.get(matter.action, self._changes.policy)
        decided = await self._ask(policy, asked)
        return DecisionStatus(
            allow=decided.allow,
            decision_id=decided.decision_id,
            policy_revision=decided.policy_revision,
            input_digest=digest(asked, 64),
            decided_at=rfc3339(now),
            reasons=[ReasonStatus(control=r.control, message=r.message) for r in decided.reasons],
        )

    async def _ask(self, policy: str, asked: Any) -> Decision:
        try:
            answer = await self._backends.opa(policy, asked)
        except ServiceError as error:
            return decisions.refused(f"OPA could not be asked: {error}")
        if answer.status != 200:
            return decisions.refused(f"OPA answered {answer.status}")
        return decisions.interpret(answer.body)
