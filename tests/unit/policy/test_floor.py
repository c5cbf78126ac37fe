"""Nobody approves their own change, whatever persona they wear; and never too early."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.change import State
from practicum.policy.floor import (
    Actor,
    Answer,
    Needed,
    Standing,
    is_final,
    is_legal,
    objection,
    weigh,
)

NOW = "e" * 64
BEFORE = "d" * 64
BOTH = Needed(approvals=2, roles=frozenset({"risk-reviewer", "ml-reviewer"}))


def actor(persona: str, role: str, person: str = "", *, simulated: bool = False) -> Actor:
    return Actor(f"user:{persona}", persona, role, person or persona, simulated)


ADA = actor("ds", "data-scientist", "ada")
RISK = actor("reviewer-risk", "risk-reviewer", "tutor")
ML = actor("reviewer-ml", "ml-reviewer", "grace")
ADA_AS_RISK = actor("reviewer-risk", "risk-reviewer", "ada")
SIMULATED = [
    actor(persona, role, "ada", simulated=True)
    for persona, role in (
        ("ds", "data-scientist"),
        ("reviewer-risk", "risk-reviewer"),
        ("reviewer-ml", "ml-reviewer"),
    )
]


def yes(who: Actor | None, name: str = "", evidence: str = NOW) -> Answer:
    return Answer(name or (who.persona if who else "x"), who, True, evidence)


def no(who: Actor, name: str = "", evidence: str = NOW) -> Answer:
    return Answer(name or who.persona, who, False, evidence)


@pytest.mark.parametrize(
    ("answers", "standing", "count"),
    [
        ([], Standing.WAITING, 0),
        ([yes(RISK)], Standing.WAITING, 1),
        ([yes(RISK), yes(ML)], Standing.APPROVED, 2),
        ([yes(RISK), no(ML)], Standing.REJECTED, 1),
        ([no(RISK, "first"), yes(RISK), yes(ML)], Standing.APPROVED, 2),
        ([yes(RISK, "first"), yes(ML), no(RISK)], Standing.REJECTED, 1),
        ([yes(RISK), yes(RISK, "again")], Standing.WAITING, 1),
        ([yes(RISK, evidence=BEFORE), yes(ML)], Standing.WAITING, 1),
        ([no(RISK, evidence=BEFORE), yes(ML)], Standing.WAITING, 1),
        ([yes(ADA_AS_RISK), yes(ML)], Standing.WAITING, 1),
        ([yes(None), yes(ML)], Standing.WAITING, 1),
        ([yes(actor("oncall", "on-call")), yes(ML)], Standing.WAITING, 1),
        ([no(actor("oncall", "on-call")), yes(RISK), yes(ML)], Standing.APPROVED, 2),
    ],
)
def test_answers(answers: list[Answer], standing: Standing, count: int) -> None:
    weighed = weigh(ADA, answers, NOW, BOTH)
    assert (weighed.standing, weighed.count) == (standing, count)
    assert len(weighed.void) + count + sum(not a.approves for a in answers) >= len(answers)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (yes(None), "no role"),
        (yes(ADA), "their own"),
        (yes(ADA_AS_RISK), "their own"),
        (yes(actor("oncall", "on-call")), "role on-call does not approve"),
        (yes(RISK, evidence=BEFORE), "evidence has changed"),
    ],
)
def test_why_an_answer_is_void(answer: Answer, why: str) -> None:
    assert why in weigh(ADA, [answer], NOW, BOTH).void[answer.name]


def test_a_learner_alone_plays_it_by_personas() -> None:
    asks, risk, ml = SIMULATED
    assert weigh(asks, [yes(risk), yes(ml)], NOW, BOTH).standing is Standing.APPROVED
    assert weigh(asks, [yes(asks, "own")], NOW, Needed()).void == {
        "own": "the requester does not approve their own request"
    }


def test_a_simulated_persona_is_nobody_elses_alibi() -> None:
    """The learner asks as themselves, and answers in a persona that nobody else was given."""
    asks = actor("", "learner", "ada")
    assert weigh(asks, [yes(SIMULATED[1])], NOW, Needed()).standing is Standing.WAITING


def test_missing_roles_are_named() -> None:
    assert weigh(ADA, [yes(ML)], NOW, BOTH).missing == ("risk-reviewer",)


people = st.sampled_from(["ada", "tutor", "grace", "linus"])
roles = st.sampled_from(["risk-reviewer", "ml-reviewer", "on-call"])
actors = st.builds(
    lambda person, role: actor(f"{person}-{role}", role, person), person=people, role=roles
)
answers = st.lists(
    st.builds(
        Answer,
        name=st.uuids().map(str),
        actor=st.one_of(st.none(), actors),
        approves=st.booleans(),
        evidence=st.sampled_from([NOW, BEFORE]),
    ),
    max_size=8,
)


@given(asks=actors, given_answers=answers, approvals=st.integers(1, 3))
def test_approval_takes_enough_other_people(
    asks: Actor, given_answers: list[Answer], approvals: int
) -> None:
    weighed = weigh(asks, given_answers, NOW, Needed(approvals=approvals))
    approving = {
        a.actor.person for a in given_answers if a.actor and a.approves and a.evidence == NOW
    } - {asks.person}
    assert weighed.count <= len(approving)
    if weighed.standing is Standing.APPROVED:
        assert len(approving) >= approvals
    assert weighed.void.keys() <= {a.name for a in given_answers}


@pytest.mark.parametrize(
    ("who", "needed", "why"),
    [
        (ADA, Needed(), ""),
        (ADA, Needed(requesters=frozenset({"data-scientist"})), ""),
        (ADA, Needed(requesters=frozenset({"on-call", "ml-engineer"})), "ml-engineer, on-call may"),
        (None, Needed(), "no role"),
    ],
)
def test_who_may_ask(who: Actor | None, needed: Needed, why: str) -> None:
    said = objection(who, needed)
    assert why in said if why else not said


def test_states() -> None:
    final = {state for state in State if is_final(state)}
    assert final == set(State) - {State.REQUESTED, State.AWAITING_APPROVAL, State.APPROVED}
    legal = {(a, b) for a in State for b in State if is_legal(a, b)}
    assert (State.REQUESTED, State.EXECUTED) not in legal
    assert {b for a, b in legal if is_final(a)} == {State.ROLLED_BACK}
    assert all(a is State.EXECUTED for a, b in legal if b is State.ROLLED_BACK)
