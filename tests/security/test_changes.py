"""Requests for changes, and the answers: signed by who makes them, and there to stay."""

import time
from typing import Any

import pytest

from .actors import MERGE, Actor, Object
from .cases import Case, create, delete, edit, table
from .conftest import World
from .objects import at, thing

REVIEWER = "system:serviceaccount:{course}:ada.reviewer-risk"
LEARNER = "system:serviceaccount:{course}:ada.learner"
ANOTHER = "system:serviceaccount:{course}:ada.reviewer-ml"
SIGNED, STAYS, RBAC, PLACE = "must be the name", "stays for as long", "cannot", "own namespace"
FIXED, FINAL = "spec can change in spec.withdrawn alone", "spec.withdrawn is final"


def request(name: str = "promote-2", requester: str = REVIEWER, **spec: Any) -> Object:
    made = {
        "action": "PromoteModel",
        "target": {"name": "fraud", "version": "2"},
        "requester": requester,
        "reason": "better recall on every slice",
        **spec,
    }
    return thing("ChangeRequest", name, spec=made)


def approval(approver: str = REVIEWER, **spec: Any) -> Object:
    made = {"request": "anothers", "verdict": "Approve", "approver": approver}
    return thing("ChangeApproval", "yes", spec={**made, "evidenceDigest": "e" * 64, **spec})


PERSONA_CASES = table(
    create("a request", request()),
    create("a request in another's name", request(requester=ANOTHER), SIGNED),
    create("a request in nobody's name", request(requester=""), "spec.requester"),
    create("a request without a reason", request(reason=""), "spec.reason"),
    create("a promotion of no version", request(target={"name": "fraud"}), "spec.target.version"),
    create("a rollback to the previous", request(action="RollbackModel", target={"name": "f"})),
    create("an action of one's own", request(action="DropModel"), "spec.action"),
    create(
        "an alias of features",
        request(action="ApproveFeatures", target={"name": "fraud_v1", "alias": "x"}),
        "spec.target.alias",
    ),
    create("an answer never", request(answerWithin="9999h"), "spec.answerWithin"),
    create("a request for a status", {**request(), "status": {"state": "Executed"}}),
    create("a request on the platform", request(), RBAC, "{platform}"),
    create("a request in the course", request(), RBAC, "{course}"),
    create("a request in another lab", request(), RBAC, "{bob}"),
    create("an approval", approval()),
    create("an approval of one's own", approval(request="standing"), "a request of their own"),
    create("one's own request rejected", approval(request="standing", verdict="Reject")),
    create("an approval of what is not there", approval(request="nothing")),
    create("an approval in another's name", approval(ANOTHER, request="gone"), SIGNED),
    create("an approval of whatever comes", approval(evidenceDigest="x"), "spec.evidenceDigest"),
    create("an approval of another kind", approval(verdict="Perhaps"), "spec.verdict"),
    edit("own request withdrawn", "ChangeRequest", "standing", {"spec": {"withdrawn": True}}),
    edit("withdrawn taken back", "ChangeRequest", "gone", {"spec": {"withdrawn": False}}, FINAL),
    edit(
        "another version",
        *("ChangeRequest", "standing", {"spec": {"target": {"version": "3"}}}, FIXED),
    ),
    edit("another's request", "ChangeRequest", "anothers", {"spec": {"withdrawn": True}}, SIGNED),
    edit(
        "another's request taken over",
        *("ChangeRequest", "anothers", {"spec": {"requester": REVIEWER}}, FIXED),
    ),
    edit(
        "its own state",
        *("ChangeRequest", "standing", {"status": {"state": "Executed"}}, RBAC),
        subresource="status",
    ),
    edit("an answer changed", "ChangeApproval", "given", {"spec": {"verdict": "Reject"}}, RBAC),
    delete("own request", "ChangeRequest", "standing", RBAC),
    delete("own answer", "ChangeApproval", "given", RBAC),
    delete("all requests", "ChangeRequest", "", RBAC),
)

LEARNER_CASES = table(
    create("a request without a persona", request(requester=LEARNER), RBAC),
    create("an approval without a persona", approval(LEARNER), RBAC),
    Case("reading requests", "GET", at("ChangeRequest")),
    Case("reading answers", "GET", at("ChangeApproval")),
    Case("reading another lab's", "GET", at("ChangeRequest", "{bob}"), None, RBAC),
    delete("a request", "ChangeRequest", "standing", RBAC),
)


@pytest.fixture(scope="module", autouse=True)
def standing(world: World) -> None:
    """A request of the reviewer's, one withdrawn, one of somebody else's, and an answer."""
    another = world.impersonated(ANOTHER.format(**world.names), "system:serviceaccounts")
    for actor, body in (
        (world.persona, request("standing")),
        (world.persona, request("gone", withdrawn=True)),
        (another, request("anothers", ANOTHER)),
        (world.persona, {**approval(), "metadata": {"name": "given"}}),
    ):
        _made(world, actor, body)


def _made(world: World, actor: Actor, body: Object) -> None:
    """Make it; Kubernetes counts objects of a new kind half a minute after it has come."""
    deadline = time.monotonic() + 60
    while True:
        answer = world.attempt(actor, "POST", at(body["kind"]), body, dry_run=False)
        if "status unknown for quota" not in answer.message or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert answer.granted, answer


@pytest.mark.parametrize("case", PERSONA_CASES)
def test_persona(world: World, case: Case) -> None:
    case.check(world, world.persona)


@pytest.mark.parametrize("case", LEARNER_CASES)
def test_learner(world: World, case: Case) -> None:
    case.check(world, world.ada)


def test_a_state_of_ones_own_is_not_taken(world: World) -> None:
    body = {**request("eager"), "status": {"state": "Executed"}}
    answer = world.attempt(world.persona, "POST", at("ChangeRequest"), body)
    assert answer.granted, answer
    assert "state" not in answer.body.get("status", {})


def test_an_instructor_signs_too(world: World) -> None:
    """Nor does whoever may edit everything in a course ask in a learner's name."""
    answer = world.attempt(world.admin, "POST", at("ChangeRequest"), request())
    assert answer.status == 422 or answer.status == 403, answer
    assert SIGNED in answer.message


@pytest.mark.parametrize("name", ["namespace-controller", "generic-garbage-collector"])
def test_what_ends_a_lab_deletes_them(world: World, name: str) -> None:
    part = world.impersonated(f"system:serviceaccount:kube-system:{name}", "system:serviceaccounts")
    delete("a request", "ChangeRequest", "standing").check(world, part)


def test_the_operator_writes_states_and_no_request(world: World) -> None:
    operator = world.operator
    status = {"status": {"state": "Executed"}}
    edit("a state", "ChangeRequest", "standing", status, subresource="status").check(
        world, operator
    )
    create("a request of its own", request(), RBAC).check(world, operator)
    create("an answer of its own", approval(), RBAC).check(world, operator)
    withdrawn = {"spec": {"withdrawn": True}}
    answer = world.attempt(
        operator, "PATCH", at("ChangeRequest", name="standing"), withdrawn, content_type=MERGE
    )
    assert answer.status == 403, answer
