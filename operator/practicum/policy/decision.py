"""What an answer of Open Policy Agent comes to: everything but a clear yes is a no.

https://www.openpolicyagent.org/docs/rest-api: an undefined decision is an answer without
``result``, with status 200. Asked with ``rule_labels=true``, OPA tells the labels of every rule
that held, so that a control is what a rule is labelled with and not what a text claims.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any, Final

UNDECIDED: Final = "OPA"
"""Control of refusals that no labelled rule gave: the policy could not be asked, or did not say."""
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
    reasons = tuple(_reasons(result.get("deny", []), _controls(answer.get("rule_labels"))))
    decision_id, revision = answer.get("decision_id"), result.get("policy_version")
    if not result["allow"] and not reasons:
        reasons = (Reason(UNDECIDED, "the policy refuses and gives no reason"),)
    return Decision(
        allow=result["allow"] and not reasons,
        reasons=reasons[:_MOST],
        decision_id=str(decision_id or "")[:256],
        policy_revision=str(revision or "")[:256],
    )


def _controls(rule_labels: Any) -> Set[str]:
    """Return the controls that the rules which held are labelled with."""
    entries = rule_labels if isinstance(rule_labels, list) else []
    found = (one.get("control") for one in entries if isinstance(one, dict))
    return {control for control in found if isinstance(control, str) and control}


def _reasons(deny: Any, controls: Set[str]) -> Iterator[Reason]:
    """Yield reasons, those that are not well made too: a refusal is never lost."""
    for entry in deny if isinstance(deny, list) else [deny]:
        fields = entry if isinstance(entry, dict) else {"msg": entry}
        message, claimed = str(fields.get("msg", fields)), fields.get("control")
        if claimed is None:
            # With more than one the rule behind it cannot be told.
            control = next(iter(controls)) if len(controls) == 1 else UNDECIDED
        elif isinstance(claimed, str) and claimed in controls:
            control = claimed
        else:
            control = UNDECIDED
            told = f"(says {str(claimed)[:64]}, which no rule is labelled with)"
            message = f"{message[: _LONGEST - len(told) - 1]} {told}"
        yield Reason(control[:256], message[:_LONGEST])
