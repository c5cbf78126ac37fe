"""What an answer of Open Policy Agent comes to: everything but a clear yes is a no.

https://www.openpolicyagent.org/docs/rest-api: an undefined decision is an answer without
``result``, with status 200.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

UNDECIDED: Final = "OPA"
"""Control of refusals that no rule gave: the policy could not be asked, or did not say."""
_MOST: Final = 32
_LONGEST: Final = 1024


@dataclass(frozen=True)
class Reason:
    """One reason against a change, and the control that it comes from."""

    control: str
    message: str


@dataclass(frozen=True)
class Decision:
    """Whether policy lets a change happen."""

    allow: bool
    reasons: tuple[Reason, ...] = ()
    decision_id: str = ""
    policy_revision: str = ""


def refused(why: str) -> Decision:
    """Return the decision where none could be had: OPA is down, slow, or answers with an error."""
    return Decision(False, (Reason(UNDECIDED, why[:_LONGEST]),))


def interpret(answer: Any) -> Decision:
    """Read the answer to a query for a package with ``allow`` and ``deny``.

    Args:
        answer: the parsed body; whatever is not as expected is a refusal.
    """
    if not isinstance(answer, dict) or "result" not in answer:
        return refused("the policy is undefined for this request: is the package lab.* there?")
    result = answer["result"]
    if not isinstance(result, dict) or not isinstance(result.get("allow"), bool):
        return refused("the policy's allow is undefined, or neither true nor false")
    reasons = tuple(_reasons(result.get("deny", [])))
    decision_id, revision = answer.get("decision_id"), result.get("policy_version")
    if not result["allow"] and not reasons:
        reasons = (Reason(UNDECIDED, "the policy refuses and gives no reason"),)
    return Decision(
        allow=result["allow"] and not reasons,
        reasons=reasons[:_MOST],
        decision_id=str(decision_id or "")[:256],
        policy_revision=str(revision or "")[:256],
    )


def _reasons(deny: Any) -> Iterator[Reason]:
    """Yield reasons, those that are not well made too: a refusal is never lost."""
    entries = deny if isinstance(deny, list) else [deny]
    for entry in entries:
        fields = entry if isinstance(entry, dict) else {"msg": entry}
        control, message = fields.get("control", UNDECIDED), fields.get("msg", fields)
        yield Reason(str(control)[:256], str(message)[:_LONGEST])
