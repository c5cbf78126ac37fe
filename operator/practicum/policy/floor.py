"""The floor under governed changes: what holds whatever a learner's own policy says.

People are compared, not names: whoever plays several personas is one person. Where nobody else
plays a persona the learner simulates it; between simulated personas the persona counts, or a lab
of one could never show separation of duties, and every verdict says that it was simulated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from practicum.api.change import State


class Control(StrEnum):
    """Controls of the floor, as they stand beside those of a lab's own policy."""

    REQUESTER = "FLR-1"
    """Only certain roles ask for an action."""
    ONE_AT_A_TIME = "FLR-2"
    """One open request per target."""
    TARGET = "FLR-3"
    """The target exists."""
    FORMERLY_APPROVED = "FLR-4"
    """A rollback goes to a version that was approved before."""
    EXECUTION = "FLR-5"
    """What was approved can still be done."""


@dataclass(frozen=True)
class Actor:
    """Somebody who asks or answers."""

    username: str
    persona: str
    role: str
    person: str
    """Who it really is, whatever the persona."""
    simulated: bool = False

    def is_same_as(self, other: "Actor") -> bool:
        """Whether two actors must count as one."""
        if self.simulated and other.simulated and self.person == other.person:
            return self.persona == other.persona
        return self.person == other.person


@dataclass(frozen=True)
class Answer:
    """One answer to a request, in the order in which the API server took them."""

    name: str
    actor: Actor | None
    """None: the username has no role in this lab."""
    approves: bool
    evidence: str
    """Digest of the evidence that was seen."""


@dataclass(frozen=True)
class Needed:
    """Who may ask for an action, and whose approval it takes."""

    requesters: frozenset[str] = frozenset()
    """Roles; empty: any."""
    approvals: int = 1
    roles: frozenset[str] = frozenset()
    """Roles that approve, each of which must; empty: any role does."""


class Standing(StrEnum):
    """What the answers come to."""

    WAITING = "Waiting"
    APPROVED = "Approved"
    REJECTED = "Rejected"


@dataclass(frozen=True)
class Weighed:
    """The answers, weighed."""

    standing: Standing
    count: int
    """Approvals that count."""
    void: Mapping[str, str]
    """Why answers do not count, by their names."""
    missing: tuple[str, ...] = ()
    """Roles whose approval is still needed."""


def objection(requester: Actor | None, needed: Needed) -> str:
    """Return why somebody may not ask for this; empty if they may."""
    if requester is None:
        return "the requester has no role in this lab"
    if needed.requesters and requester.role not in needed.requesters:
        roles = ", ".join(sorted(needed.requesters))
        return f"role {requester.role} does not ask for this: {roles} may"
    return ""


def weigh(requester: Actor, answers: Sequence[Answer], evidence: str, needed: Needed) -> Weighed:
    """Weigh the answers to a request.

    Args:
        requester: who asked.
        answers: all of them, oldest first; of several by one person the last counts.
        evidence: digest of the evidence as it is now.
        needed: what the action takes.
    """
    void: dict[str, str] = {}
    counting: list[tuple[Actor, Answer]] = []
    for answer in answers:
        actor = answer.actor
        if actor is None:
            void[answer.name] = "the approver has no role in this lab"
        elif why := _void(requester, actor, answer, evidence, needed):
            void[answer.name] = why
        else:
            for earlier in [one for one in counting if one[0].is_same_as(actor)]:
                counting.remove(earlier)
                void[earlier[1].name] = f"{answer.name} came later"
            counting.append((actor, answer))
    approving = [actor for actor, answer in counting if answer.approves]
    missing = tuple(sorted(needed.roles - {actor.role for actor in approving}))
    if len(approving) < len(counting):
        return Weighed(Standing.REJECTED, len(approving), void, missing)
    enough = len(approving) >= needed.approvals and not missing
    standing = Standing.APPROVED if enough else Standing.WAITING
    return Weighed(standing, len(approving), void, missing)


def _void(requester: Actor, actor: Actor, answer: Answer, evidence: str, needed: Needed) -> str:
    if actor.is_same_as(requester):
        return "the requester does not approve their own request"
    if needed.roles and actor.role not in needed.roles:
        return f"role {actor.role} does not approve this: {', '.join(sorted(needed.roles))} do"
    if answer.evidence != evidence:
        return "the evidence has changed since"
    return ""


_NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.REQUESTED: frozenset(
        {State.AWAITING_APPROVAL, State.DENIED, State.WITHDRAWN, State.EXPIRED}
    ),
    State.AWAITING_APPROVAL: frozenset(
        {
            *(State.AWAITING_APPROVAL, State.APPROVED),
            *(State.REJECTED, State.DENIED, State.WITHDRAWN, State.EXPIRED),
        }
    ),
    State.APPROVED: frozenset({State.EXECUTED, State.DENIED}),
    State.EXECUTED: frozenset({State.ROLLED_BACK}),
}
"""Legal transitions. A request waits anew when its evidence changes before the end."""


def is_legal(before: State, after: State) -> bool:
    """Whether a request may go from one state to another."""
    return after in _NEXT.get(before, frozenset())


def is_final(state: State) -> bool:
    """Whether nothing more happens to a request, unless its effect is rolled back."""
    return state not in (State.REQUESTED, State.AWAITING_APPROVAL, State.APPROVED)
