"""Only a clear yes is a yes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.policy.decision import UNDECIDED, Decision, Reason, interpret, refused

STALE = {"control": "PRM-5", "code": "EVIDENCE_STALE", "msg": "40 days old"}


def answer(labels: Any = ({"control": "PRM-5"},), **result: Any) -> dict[str, Any]:
    labels = list(labels) if isinstance(labels, tuple) else labels
    result = {"policy_version": "promotion/1", **result}
    return {"decision_id": "d-1", "result": result, "rule_labels": labels}


def test_a_clear_yes() -> None:
    said = interpret(answer(allow=True, deny=[]))
    assert said == Decision(True, (), "d-1", "promotion/1")
    assert interpret(answer(allow=True)).allow


def test_reasons_carry_their_controls() -> None:
    said = interpret(answer(allow=False, deny=[STALE]))
    assert said.reasons == (Reason("PRM-5", "40 days old"),)
    assert (said.allow, said.decision_id, said.policy_revision) == (False, "d-1", "promotion/1")


TWO = ({"control": "PRM-4"}, {"control": "PRM-5", "owner": "risk"})
CLAIM = "40 days old (says PRM-5, which no rule is labelled with)"


@pytest.mark.parametrize(
    ("labels", "entry", "expected"),
    [
        (TWO, STALE, Reason("PRM-5", "40 days old")),
        # What an entry does not say, the only rule that held says.
        (TWO[:1], {"msg": "unfair"}, Reason("PRM-4", "unfair")),
        (TWO[:1], "unfair", Reason("PRM-4", "unfair")),
        (TWO, "unfair", Reason(UNDECIDED, "unfair")),
        # What it says, a rule has to be labelled with.
        (TWO[:1], STALE, Reason(UNDECIDED, CLAIM)),
        ((), STALE, Reason(UNDECIDED, CLAIM)),
        (None, STALE, Reason(UNDECIDED, CLAIM)),
        ("PRM-5", STALE, Reason(UNDECIDED, CLAIM)),
        (("PRM-5", {"control": 5}, {"control": ""}, {}), STALE, Reason(UNDECIDED, CLAIM)),
        (
            TWO,
            {"control": [], "msg": "no"},
            Reason(UNDECIDED, "no (says [], which no rule is labelled with)"),
        ),
    ],
)
def test_a_control_is_what_a_rule_is_labelled_with(
    labels: Any, entry: Any, expected: Reason
) -> None:
    said = interpret(answer(labels, allow=False, deny=[entry]))
    assert (said.allow, said.reasons) == (False, (expected,))


@pytest.mark.parametrize(
    ("given_answer", "why"),
    [
        ({}, "undefined for this request"),
        ({"decision_id": "d-1"}, "undefined for this request"),
        (None, "undefined for this request"),
        ([], "undefined for this request"),
        ({"result": True}, "allow is undefined"),
        (answer(), "allow is undefined"),
        (answer(allow="true"), "allow is undefined"),
        (answer(allow=1), "allow is undefined"),
        (answer(allow=None), "allow is undefined"),
        (answer(allow=False), "gives no reason"),
        (answer(allow=True, deny=[STALE]), "40 days old"),
        (answer(allow=True, deny="because"), "because"),
        (answer(allow=True, deny={"code": "X"}), "X"),
        (answer(allow=True, deny=["no"]), "no"),
    ],
)
def test_everything_else_is_a_no_with_a_reason(given_answer: Any, why: str) -> None:
    said = interpret(given_answer)
    assert not said.allow
    assert why in said.reasons[0].message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["result", "allow", "deny", "msg"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_whatever_comes_is_read_and_bounded(value: Any) -> None:
    said = interpret(value)
    assert said.allow is not bool(said.reasons)
    assert len(said.reasons) <= 32
    if said.allow:
        assert value["result"]["allow"] is True


def test_nothing_is_too_long() -> None:
    said = interpret(answer(allow=False, deny=[{"control": "c" * 999, "msg": "m" * 9999}] * 99))
    assert len(said.reasons) == 32
    assert len(said.reasons[0].message) == 1024
    assert len(refused("x" * 9999).reasons[0].message) == 1024
    assert refused("down").reasons[0].control == UNDECIDED
