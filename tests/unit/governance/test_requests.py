"""What a ChangeRequest says of itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.change import State
from practicum.errors import ChangeError
from practicum.governance import requests
from practicum.governance.requests import Turn
from practicum.policy.floor import is_final
from tests.unit.changes import evidence, request, waiting


@pytest.mark.parametrize(
    ("state", "turn"),
    [
        ("", Turn.OPERATOR),
        ("Requested", Turn.OPERATOR),
        ("AwaitingApproval", Turn.PERSON),
        ("Approved", Turn.OPERATOR),
        ("Executed", Turn.DONE),
        ("Denied", Turn.REFUSED),
        ("Rejected", Turn.REFUSED),
        ("Withdrawn", Turn.REFUSED),
        ("Expired", Turn.REFUSED),
        ("RolledBack", Turn.REFUSED),
    ],
)
def test_whose_turn_it_is(state: str, turn: Turn) -> None:
    assert requests.turn(request(state=state)) is turn


def test_every_state_is_somebodys_turn_and_final_ones_are_nobodys() -> None:
    for state in State:
        over = requests.turn(request(state=state)) in (Turn.DONE, Turn.REFUSED)
        assert over is is_final(state)


def test_a_request_taken_back_waits_for_nobody() -> None:
    body = waiting(withdrawn=True)
    assert requests.turn(body) is Turn.OPERATOR
    assert requests.missing(body) == "the operator has yet to take it back"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (request(), "yet to gather the evidence"),
        (waiting(), "2 more approvals (0 of 2); waits for role risk-reviewer"),
        (waiting(approvals="1/2", message=""), "1 more approval (1 of 2)"),
        (waiting(approvals="", message=""), "approvals"),
        (request(state="Approved"), "yet to make the change"),
        (request(state="Approved", message="MLflow does not answer"), "MLflow does not answer"),
        (request(state="Denied", message="no"), ""),
    ],
)
def test_what_is_missing(body: requests.Body, words: str) -> None:
    said = requests.missing(body)
    assert words in said
    assert bool(said) is bool(words)


def test_an_answer_is_counted_or_comes_too_late() -> None:
    body = waiting(answers=[{"name": "one"}])
    assert requests.answered(body, "one")
    assert requests.answered(body, "")
    assert not requests.answered(body, "two")
    assert requests.answered(request(state="Expired"), "two")


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())))
def test_evidence_is_believed_if_it_has_its_digest(document: object) -> None:
    found = evidence(document)
    assert requests.evidence(waiting(evidence=found)) == (found["digest"], document)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "NoEvidence"),
        (evidence() | {"document": json.dumps({"auc": 0.99})}, "EvidenceAltered"),
        (evidence() | {"digest": "0" * 64}, "EvidenceAltered"),
        (evidence() | {"document": "nonsense"}, "EvidenceAltered"),
    ],
)
def test_evidence_that_is_none(found: object, reason: str) -> None:
    with pytest.raises(ChangeError) as caught:
        requests.evidence(waiting(evidence=found))
    assert caught.value.reason == reason


def test_leaves_are_all_that_a_document_says() -> None:
    document = {"a": {"b": [1, {"c": None}]}, "d": [], "e": {}}
    assert requests.leaves(document) == [("a.b.0", 1), ("a.b.1.c", None), ("d", []), ("e", {})]
    assert requests.leaves({}) == [("-", {})]
