"""What a ChangeRequest says of itself: whose turn it is, what is missing, what was found out.

Pure; what the operator has not written yet is as if it said so.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from practicum.api.change import State
from practicum.errors import ChangeError

Body = Mapping[str, Any]


class Turn(Enum):
    """Who has to do something next."""

    OPERATOR = auto()
    PERSON = auto()
    DONE = auto()
    """The change was made and stands."""
    REFUSED = auto()
    """It is over, and nothing is changed by it."""


def state(body: Body) -> State:
    """Return where a request is; nobody has looked at a new one yet."""
    return State(body.get("status", {}).get("state") or State.REQUESTED)


def turn(body: Body) -> Turn:
    """Return who has to do something next."""
    match state(body):
        case State.AWAITING_APPROVAL:
            # Where no approval is needed, policy alone decides.
            _, needed = approvals(body) or (0, 1)
            return Turn.PERSON if needed and not body["spec"].get("withdrawn") else Turn.OPERATOR
        case State.REQUESTED | State.APPROVED:
            return Turn.OPERATOR
        case State.EXECUTED:
            return Turn.DONE
        case _:
            return Turn.REFUSED


def answered(body: Body, answer: str) -> bool:
    """Whether the operator has taken note of a ChangeApproval; an empty name is none to note."""
    known = [one.get("name") for one in body.get("status", {}).get("answers") or []]
    return not answer or answer in known or turn(body) in (Turn.DONE, Turn.REFUSED)


def missing(body: Body) -> str:
    """Say what a request waits for; empty when it waits for nothing."""
    said = str(body.get("status", {}).get("message") or "")
    match state(body):
        case State.REQUESTED:
            return said or "the operator has yet to gather the evidence"
        case State.AWAITING_APPROVAL if body["spec"].get("withdrawn"):
            return "the operator has yet to take it back"
        case State.AWAITING_APPROVAL:
            return "; ".join(part for part in (_lacking(body), said) if part)
        case State.APPROVED:
            return said or "the operator has yet to make the change"
        case _:
            return ""


def approvals(body: Body) -> tuple[int, int] | None:
    """Return how many approvals count, and how many are needed; None while that is not known."""
    counted, _, needed = str(body.get("status", {}).get("approvals") or "").partition("/")
    return (int(counted), int(needed)) if counted.isdigit() and needed.isdigit() else None


def _lacking(body: Body) -> str:
    known = approvals(body)
    if known is None:
        return "approvals"
    left = max(0, known[1] - known[0])
    return f"{left} more approval{'' if left == 1 else 's'} ({known[0]} of {known[1]})"


def evidence(body: Body) -> tuple[str, Any]:
    """Return the digest and the document of the evidence, if the two belong together.

    Raises:
        ChangeError: NoEvidence yet, or EvidenceAltered: what is shown is not what would be
            approved.
    """
    name = body["metadata"]["name"]
    found = body.get("status", {}).get("evidence")
    if not found:
        text = f"request {name} has no evidence yet: the operator gathers it, then it is answered"
        raise ChangeError("NoEvidence", text)
    text, said = str(found.get("document", "")), str(found.get("digest", ""))
    made = hashlib.sha256(text.encode()).hexdigest()
    try:
        document = json.loads(text)
    except ValueError:
        made, document = "", None
    if made != said:
        raise ChangeError(
            "EvidenceAltered",
            f"the evidence of request {name} does not have its digest {said[:12]}: "
            "do not answer, and tell the platform team",
        )
    return said, document


def leaves(document: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return path and value of everything in a document that holds nothing itself."""
    if isinstance(document, dict) and document:
        parts = [(str(key), value) for key, value in document.items()]
    elif isinstance(document, list) and document:
        parts = [(str(place), value) for place, value in enumerate(document)]
    else:
        return [(path or "-", document)]
    return [
        leaf for key, value in parts for leaf in leaves(value, f"{path}.{key}" if path else key)
    ]
