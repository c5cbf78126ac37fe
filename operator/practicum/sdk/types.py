"""What the SDK returns: snapshots of a request, as it was when it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from practicum.api.change import Action, State
from practicum.api.times import parse_rfc3339
from practicum.governance import requests

if TYPE_CHECKING:
    from practicum.sdk.lab import Lab

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """What is to change: a registered model, a feature service or a policy package."""

    name: str
    version: str = ""
    """Model version or policy revision; empty in a rollback: the previous one."""
    alias: str = ""
    """Alias that moves; empty: champion."""


@dataclass(frozen=True)
class Evidence:
    """What the operator found out about the target."""

    digest: str
    """SHA-256 of the document, 64 hexadecimal digits; an approval is for this digest alone."""
    gathered_at: datetime
    """Timezone-aware, UTC."""
    document: Any
    """Parsed JSON; it was checked against the digest."""


@dataclass(frozen=True)
class Answer:
    """One ChangeApproval, as it counts."""

    approver: str
    """Username, as the API server knows it."""
    persona: str
    approves: bool
    counts: bool
    message: str
    """Why it does not count; empty where it does."""


@dataclass(frozen=True)
class Reason:
    """One reason against a change, with the id of the control that gave it."""

    control: str
    message: str


@dataclass(frozen=True)
class Decision:
    """What the lab's policy said."""

    allow: bool
    reasons: tuple[Reason, ...]
    decision_id: str
    policy_revision: str


@dataclass(frozen=True)
class Outcome:
    """What the change moves; ``before`` and ``after`` are versions, empty for none.

    Of a feature service they are the status that it had and has.
    """

    name: str
    alias: str
    before: str
    after: str
    served_at: datetime | None
    """When the new version was first seen in the lab's traffic."""


@dataclass(frozen=True)
class Change:
    """A ChangeRequest as it was when it was read; ``refresh`` and ``wait`` return newer ones.

    Moments are timezone-aware and in UTC.
    """

    name: str
    action: Action
    target: Target
    requester: str
    """Username, as the API server knows it."""
    reason: str
    state: State
    message: str
    missing: str
    """What it waits for, in words; empty when it waits for nothing."""
    approvals: tuple[int, int]
    """How many count, of how many that are needed; (0, 0) while that is not known."""
    answers: tuple[Answer, ...]
    decision: Decision | None
    outcome: Outcome | None
    created_at: datetime
    expires_at: datetime | None
    executed_at: datetime | None
    body: Body = field(repr=False)
    """The whole object, as the API server sent it."""
    lab: "Lab" = field(repr=False, compare=False)
    """The lab that it was read from, and the user who read it."""

    @property
    def waits_for_person(self) -> bool:
        """Whether somebody has to approve or reject it."""
        return requests.turn(self.body) is requests.Turn.PERSON

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it, unless its effect is rolled back."""
        return requests.turn(self.body) in (requests.Turn.DONE, requests.Turn.REFUSED)

    @property
    def succeeded(self) -> bool:
        """Whether the change was made and stands."""
        return requests.turn(self.body) is requests.Turn.DONE

    @property
    def evidence(self) -> Evidence:
        """The evidence, checked against its digest.

        Raises:
            ChangeError: NoEvidence yet, or EvidenceAltered.
        """
        digest, document = requests.evidence(self.body)
        gathered = self.body["status"]["evidence"]["gatheredAt"]
        return Evidence(digest, parse_rfc3339(gathered), document)

    def refresh(self) -> "Change":
        """Read it again.

        Raises:
            ChangeError: NoSuchRequest, it was deleted.
        """
        return self.lab.change(self.name)

    def wait(self, timeout: float | None = None) -> "Change":
        """Wait until a person is needed or it is over, whatever that came to.

        Args:
            timeout: seconds; None: for ever.

        Raises:
            ChangeError: TimedOut, NoSuchRequest, or RequestDeleted meanwhile.
        """
        return self.lab.wait(self, timeout)


def change(body: Body, lab: "Lab") -> Change:
    """Return an object of the API server as a snapshot."""
    spec, status = body["spec"], body.get("status") or {}
    decision, outcome = status.get("decision"), status.get("outcome")
    return Change(
        name=body["metadata"]["name"],
        action=Action(spec["action"]),
        target=Target(**{key: str(value) for key, value in spec["target"].items()}),
        requester=spec["requester"],
        reason=spec["reason"],
        state=requests.state(body),
        message=status.get("message", ""),
        missing=requests.missing(body),
        approvals=requests.approvals(body) or (0, 0),
        answers=tuple(map(_answer, status.get("answers") or [])),
        decision=_decision(decision) if decision else None,
        outcome=_outcome(outcome) if outcome else None,
        created_at=parse_rfc3339(body["metadata"]["creationTimestamp"]),
        expires_at=_moment(status.get("expiresAt")),
        executed_at=_moment(status.get("executedAt")),
        body=body,
        lab=lab,
    )


def _answer(body: Body) -> Answer:
    return Answer(
        approver=body.get("approver", ""),
        persona=body.get("persona", ""),
        approves=body.get("verdict") == "Approve",
        counts=bool(body.get("counts")),
        message=body.get("message", ""),
    )


def _decision(body: Body) -> Decision:
    given = [Reason(one["control"], one["message"]) for one in body.get("reasons") or []]
    return Decision(
        bool(body.get("allow")),
        tuple(given),
        body.get("decisionId", ""),
        body.get("policyRevision", ""),
    )


def _outcome(body: Body) -> Outcome:
    return Outcome(
        name=body.get("name", ""),
        alias=body.get("alias", ""),
        before=body.get("before", ""),
        after=body.get("after", ""),
        served_at=_moment(body.get("servedAt")),
    )


def _moment(text: str | None) -> datetime | None:
    return parse_rfc3339(text) if text else None
