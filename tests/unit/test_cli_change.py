"""``practicum change`` and ``practicum rollback``: from what is typed to what is made and said."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from practicum import errors
from practicum.cli import changeview, main
from practicum.cli.exits import Exit
from tests.unit.changes import (
    LAB,
    NOW,
    Cluster,
    cluster,
    connected,
    lab,
    request,
    username,
    waiting,
)

__all__ = ["cluster", "connected"]
NAME = "promote-fraud-2"
DENIED = {
    "allow": False,
    "decisionId": "d-1",
    "policyRevision": "r7",
    "reasons": [
        {"control": "MRM-4", "message": "auc 0.91 is below 0.95"},
        {"control": "SOD-1", "message": "nobody \x1b[2Jof risk approved"},
    ],
}


def run(*words: str) -> Result:
    return CliRunner().invoke(main.app, list(words))


def test_a_request_is_made_as_a_persona(connected: Cluster) -> None:
    words = ("change", "request", "promote", "fraud", "--version", "2", "--reason", "recall")
    result = run(*words, "--as", "ds", "--within", "1d", "--alias", "challenger")
    assert result.exit_code == 0, result.stderr
    (made,) = connected.made
    assert made["spec"] == {
        "action": "PromoteModel",
        "target": {"name": "fraud", "version": "2", "alias": "challenger"},
        "requester": username("ds"),
        "reason": "recall",
        "answerWithin": "24h",
    }
    assert result.stdout == (
        "request promote-fraud-2-x7k2q made by ds; "
        "see: practicum change status promote-fraud-2-x7k2q --lab ada -n course-a\n"
    )


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        (
            ("change", "request", "release-policy", "lab.mrm", "--version", "r8", "--name", "mine"),
            {"action": "ReleasePolicy", "target": {"name": "lab.mrm", "version": "r8"}},
        ),
        (
            ("change", "request", "approve-features", "fraud_v1"),
            {"action": "ApproveFeatures", "target": {"name": "fraud_v1"}},
        ),
        (("rollback", "fraud"), {"action": "RollbackModel", "target": {"name": "fraud"}}),
        (
            ("rollback", "fraud", "--version", "1"),
            {"action": "RollbackModel", "target": {"name": "fraud", "version": "1"}},
        ),
    ],
)
def test_every_action_can_be_asked_for(
    words: tuple[str, ...], spec: dict[str, Any], connected: Cluster
) -> None:
    result = run(*words, "--reason", "why", "--as", "oncall", "-o", "name")
    assert result.exit_code == Exit.NOT_FOUND
    assert "no persona oncall; they have: ds, reviewer-risk" in result.stderr
    result = run(*words, "--reason", "why", "--as", "ds", "-o", "json")
    (made,) = connected.made
    assert made["spec"] == spec | {"requester": username("ds"), "reason": "why"}
    assert json.loads(result.stdout)["metadata"]["name"] == made["metadata"]["name"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("request", "promote", "fraud", "--reason", "x"), "--version is needed"),
        (("request", "promote", "fraud", "--version", "2"), "Missing option '--reason'"),
        (("request", "demote", "fraud", "--reason", "x"), "'demote' is not one of 'promote'"),
        (("request", "rollback", "m", "--reason", "x", "--within", "x"), "--within: 'x' is not"),
        (("status", "x", "-o", "wide"), "--output wide is not one of"),
    ],
)
def test_a_wrong_call(words: tuple[str, ...], complaint: str) -> None:
    result = run("change", *words)
    assert result.exit_code == Exit.USAGE
    assert complaint in result.stderr


def test_following_ends_where_a_person_is_needed(connected: Cluster) -> None:
    made = "promote-fraud-2-x7k2q"
    connected.future = [request(made, "Requested"), waiting(made)]
    words = ("change", "request", "promote", "fraud", "--version", "2", "--reason", "recall")
    result = run(*words, "--as", "ds", "--wait")
    assert result.exit_code == 0, result.stderr
    assert "13:00:00 AwaitingApproval: waits for role risk-reviewer" in result.stdout
    assert "missing   2 more approvals (0 of 2); waits for role" in result.stdout
    assert f"a person is needed: practicum change approve {made}" in result.stderr


@pytest.mark.parametrize("state", ["Denied", "Rejected", "Expired", "Withdrawn"])
def test_following_to_a_refusal_is_a_failure(state: str, connected: Cluster) -> None:
    connected.put(waiting())
    connected.future = [request(state=state, decision=DENIED)]
    assert run("change", "status", NAME).exit_code == 0
    connected.put(request())
    result = run("change", "status", NAME, "--wait", "-o", "json")
    assert result.exit_code == Exit.FAILURE
    assert json.loads(result.stdout)["status"]["state"] == state
    assert "MRM-4: auc 0.91 is below 0.95" in result.stderr


def test_following_ends_in_time(connected: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    late = errors.ChangeError("TimedOut", "request x is still with the operator after 1 seconds")

    async def wait(*_: Any, **__: Any) -> Any:
        raise late

    monkeypatch.setattr("practicum.governance.desk.Desk.wait", wait)
    connected.put(request())
    assert run("change", "status", NAME, "--wait").exit_code == Exit.TIMEOUT


def test_what_is_approved_is_shown_first(connected: Cluster) -> None:
    connected.put(waiting())
    result = run("change", "approve", NAME, "--as", "reviewer-risk", "--comment", "fine")
    assert result.exit_code == 0, result.stderr
    (made,) = connected.made
    digest = waiting()["status"]["evidence"]["digest"]
    assert made["spec"] == {
        "request": NAME,
        "verdict": "Approve",
        "approver": username("reviewer-risk"),
        "evidenceDigest": digest,
        "comment": "fine",
    }
    before, _, after = result.stdout.partition(f"{made['metadata']['name']}: Approve")
    assert f"evidence  {digest}" in before
    assert "model.auc = 0.91" in before
    assert f"by reviewer-risk, for evidence {digest[:12]}" in after


def test_approving_can_be_followed_until_the_answer_counts(connected: Cluster) -> None:
    connected.put(waiting())
    own = f"{NAME}-approve-x7k2q"
    answer = {"name": own, "verdict": "Approve", "persona": "reviewer-risk", "counts": True}
    connected.future = [
        waiting(message="still"),
        waiting(approvals="1/2", answers=[answer]),
        request(state="Executed"),
    ]
    result = run("change", "approve", NAME, "--as", "reviewer-risk", "--wait")
    assert result.exit_code == 0, result.stderr
    assert "approvals 1/2" in result.stdout
    assert "Approve by reviewer-risk" in result.stdout
    assert "Executed" not in result.stdout


def test_altered_evidence_is_not_answered(connected: Cluster) -> None:
    body = waiting()
    body["status"]["evidence"]["document"] = '{"auc":1}'
    connected.put(body)
    result = run("change", "approve", NAME, "--as", "reviewer-risk")
    assert result.exit_code == Exit.CONFLICT
    assert "does not have its digest" in result.stderr
    assert connected.made == []
    assert "does not have its digest" in run("change", "status", NAME).stdout


def test_a_rejection(connected: Cluster) -> None:
    connected.put(waiting())
    result = run("change", "reject", NAME, "--as", "reviewer-risk", "-o", "yaml")
    assert result.exit_code == 0, result.stderr
    assert "verdict: Reject" in result.stdout
    assert "model.auc" in result.stderr


def test_without_a_persona_one_is_oneself_and_told_what_to_do(connected: Cluster) -> None:
    connected.put(waiting())
    connected.refusals["create", "ChangeApproval"] = errors.Forbidden(
        403,
        "Forbidden",
        f'changeapprovals is forbidden: User "{username("learner")}" cannot create',
    )
    result = run("change", "approve", NAME)
    assert result.exit_code == Exit.FORBIDDEN
    assert f"{username('learner')} may not make a ChangeApproval in lab ada" in result.stderr
    assert "act as a persona with --as PERSONA" in result.stderr


def test_taking_back(connected: Cluster) -> None:
    connected.put(waiting())
    result = run("change", "withdraw", NAME, "--as", "ds")
    assert (result.exit_code, result.stdout) == (0, f"request {NAME}: withdrawn\n")
    assert connected.patched == [(username("ds"), {"spec": {"withdrawn": True}})]


def test_status_says_everything(connected: Cluster) -> None:
    answers = [
        {"name": "a", "verdict": "Approve", "persona": "ds", "counts": False, "message": "own"},
        {"name": "b", "verdict": "Reject", "persona": "reviewer-risk", "counts": True},
    ]
    outcome = {"name": "fraud", "alias": "champion", "before": "1", "after": "2"}
    body = waiting(decision=DENIED, answers=answers, outcome=outcome)
    connected.put(body)
    text = run("change", "status", NAME).stdout
    for words in (
        f"{NAME}: PromoteModel fraud 2\n",
        "state     AwaitingApproval\n",
        f"by        ds ({username('ds')})\n",
        "expires   2026-11-22T12:30:00Z (in 23h30m)\n",
        "outcome   fraud@champion: 1 → 2\n",
        "decision  denied by policy r7, decision d-1\n",
        "    MRM-4: auc 0.91 is below 0.95\n",
        "    SOD-1: nobody \\u001b[2Jof risk approved\n",
        "answer    Approve by ds; does not count: own\n",
        "answer    Reject by reviewer-risk\n",
        '    model.name = "fraud"\n',
    ):
        assert words in text, words
    assert "\x1b" not in text


def test_status_says_how_long_it_took_to_serve(connected: Cluster) -> None:
    outcome = {"name": "fraud", "before": "1", "after": "2", "servedAt": "2026-11-21T13:00:09Z"}
    decision = {"allow": True, "decidedAt": "2026-11-21T13:00:02Z"}
    connected.put(waiting(decision=decision, outcome=outcome))
    text = run("change", "status", NAME).stdout
    assert "served    since 2026-11-21T13:00:09Z, 7s after its approval\n" in text


def test_a_summary_of_long_evidence_says_that_it_is_one() -> None:
    from tests.unit.changes import evidence

    body = waiting(evidence=evidence({f"k{number:02}": number for number in range(20)}))
    short, whole = (list(changeview.facts(body, NOW, most)) for most in (12, 0))
    assert short[-1] == "    and 8 more: -o json"
    assert whole[-1] == "    k19 = 19"


def test_the_list(connected: Cluster) -> None:
    result = run("change", "list")
    assert (result.stdout, result.stderr) == ("", f"no requests in lab {LAB}\n")
    connected.put(waiting())
    connected.put(request("rollback-x", "Executed", message="[red]done[/none]"))
    text = run("change", "list").stdout
    assert text.splitlines()[0].split()[:3] == ["NAME", "ACTION", "TARGET"]
    assert "[red]done[/none]" in text
    assert " ds " in text
    assert " 30m " in text
    assert run("change", "list", "-o", "name").stdout.splitlines() == [
        f"changerequest.practicum.dev/{NAME}",
        "changerequest.practicum.dev/rollback-x",
    ]
    assert len(json.loads(run("change", "list", "-o", "json").stdout)["items"]) == 2


def test_errors_name_the_next_step(connected: Cluster) -> None:
    result = run("change", "status", "nobody")
    assert result.exit_code == Exit.NOT_FOUND
    assert "request nobody not found in lab ada; see: practicum change list" in result.stderr
    connected.put(lab("bob"))
    result = run("-n", "course-a", "change", "list")
    assert result.exit_code == Exit.USAGE
    assert "has 2 labs (ada, bob): name one; with --lab NAME" in result.stderr
    assert run("change", "list", "--lab", "eve").exit_code == Exit.NOT_FOUND
