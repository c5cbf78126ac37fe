"""One open request for a target, whatever order requests of the same second come in."""

from practicum.api.change import ChangeRequest
from practicum.api.governing import Changes
from practicum.governance.governor import occupant

CHANGES = Changes.model_validate(
    {"models": [{"name": "fraud", "candidates": "fraud-dev"}, {"name": "churn"}]}
)


def request(uid: str, state: str, action: str = "PromoteModel", name: str = "fraud-dev"):
    version = {"version": "2"} if action == "PromoteModel" else {}
    return ChangeRequest.model_validate(
        {
            "metadata": {"name": f"request-{uid}", "uid": uid},
            "spec": {
                "action": action,
                "target": {"name": name, **version},
                "requester": "ds",
                "reason": "because",
            },
            "status": {"state": state},
        }
    )


def test_of_two_new_requests_the_older_one_goes_on() -> None:
    both = [request("1", "Requested"), request("2", "Requested")]
    assert occupant(CHANGES, both[0], both) == ""
    assert occupant(CHANGES, both[1], both) == "request-1"


def test_a_request_of_the_same_second_does_not_join_one_that_was_examined_already() -> None:
    new, waiting = request("1", "Requested"), request("2", "AwaitingApproval")
    assert occupant(CHANGES, new, [new, waiting]) == "request-2"
    assert occupant(CHANGES, waiting, [new, waiting]) == ""


def test_a_rollback_has_the_target_of_a_promotion() -> None:
    new = request("2", "Requested", "RollbackModel", "fraud")
    assert occupant(CHANGES, new, [request("1", "Approved"), new]) == "request-1"


def test_what_is_over_or_about_something_else_is_in_nobodys_way() -> None:
    new = request("9", "Requested")
    others = [
        request("1", "Executed"),
        request("2", "Denied"),
        request("3", "AwaitingApproval", name="churn"),
        request("4", "AwaitingApproval", "RollbackModel", "churn"),
    ]
    assert occupant(CHANGES, new, [*others, new]) == ""
