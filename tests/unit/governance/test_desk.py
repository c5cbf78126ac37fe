"""Who asks in which lab, and what goes to the API server."""

import asyncio
from typing import Any

import pytest

from practicum import errors
from practicum.api.change import Action, ChangeApproval, ChangeRequest
from practicum.api.names import LabKey
from practicum.governance import place
from practicum.governance.acting import acting
from practicum.governance.desk import Ask, Desk
from practicum.kube import person
from tests import samples
from tests.unit.changes import (
    COURSE,
    LAB,
    SPACE,
    Cluster,
    FakeKube,
    Object,
    cluster,
    connected,
    credentials,
    lab,
    request,
    username,
    waiting,
)

__all__ = ["cluster", "connected"]
KEY = LabKey(COURSE, LAB)
HERE = place.Place(KEY, samples.UID, SPACE)
FORBIDDEN = errors.Forbidden(403, "Forbidden", "labs: no")


def kube(cluster: Cluster, user: str = "ds") -> Any:
    return FakeKube(cluster, user if "@" in user else username(user))


def reason_of(caught: Any) -> str:
    return str(caught.value.reason)


@pytest.mark.parametrize(
    ("user", "name", "context"),
    [
        ("learner", LAB, ""),
        ("learner", "", SPACE),
        ("ds", "", ""),
        ("admin@example.org", "", ""),
        ("admin@example.org", "", SPACE),
    ],
)
async def test_the_lab_is_found(user: str, name: str, context: str, cluster: Cluster) -> None:
    labels = {"practicum.dev/lab": LAB, "practicum.dev/course": COURSE}
    cluster.put({"kind": "Namespace", "metadata": {"name": SPACE, "labels": labels}})
    assert await place.find(kube(cluster, user), COURSE, name, context) == HERE


async def test_a_context_says_which_of_many_labs_is_meant(cluster: Cluster) -> None:
    cluster.put(lab("bob", namespaces=["lab-bob-1"]))
    assert await place.find(kube(cluster), COURSE, "", SPACE) == HERE
    with pytest.raises(errors.ChangeError, match=r"has 2 labs \(ada, bob\)") as caught:
        await place.find(kube(cluster, "admin@example.org"), COURSE, "", "lab-carl-1")
    assert reason_of(caught) == "AmbiguousLab"


async def test_who_may_not_list_labs_still_has_one(cluster: Cluster) -> None:
    cluster.refusals["list", "LabEnvironment"] = FORBIDDEN
    assert await place.find(kube(cluster), COURSE) == HERE
    with pytest.raises(errors.Forbidden):
        await place.find(kube(cluster, "eve@example.org"), COURSE)


@pytest.mark.parametrize(
    ("objects", "name", "reason"),
    [
        ([], "", "NoSuchLab"),
        ([], "bob", "NoSuchLab"),
        ([lab(namespaces=[])], "ada", "LabNotReady"),
    ],
)
async def test_no_lab(objects: list[Object], name: str, reason: str) -> None:
    with pytest.raises(errors.ChangeError) as caught:
        await place.find(kube(Cluster(*objects)), COURSE, name)
    assert reason_of(caught) == reason


def test_a_labs_name_may_have_dots() -> None:
    found = place.account_of("system:serviceaccount:a:b.c.d")
    assert found == place.Account(LabKey("a", "b.c"), "d")
    assert found.username == "system:serviceaccount:a:b.c.d"


@pytest.mark.parametrize(
    "text", ["jane", "system:serviceaccount:a:b", "system:serviceaccount:a:.c", "system:x:a:b.c"]
)
def test_a_username_that_is_no_labs(text: str) -> None:
    assert place.account_of(text) is None


def test_an_account_and_its_username_are_the_same() -> None:
    account = place.Account(KEY, "ds")
    assert place.account_of(account.username) == account


async def test_a_persona_comes_from_the_credentials(connected: Cluster) -> None:
    mine = kube(connected, "learner")
    async with acting(mine, None, KEY, "ds") as other:
        assert await place.username(other) == username("ds")
    assert other.closed  # type: ignore[attr-defined]
    assert not mine.closed
    async with acting(mine, None, KEY, "") as same:
        assert same is mine
    with pytest.raises(errors.ChangeError, match="no persona boss; they have: ds, reviewer-risk"):
        async with acting(mine, None, KEY, "boss"):
            pass


async def with_context(
    connected: Cluster, monkeypatch: pytest.MonkeyPatch, user: str, server: str = FakeKube.server
) -> str:
    """Act as ``ds`` where the kubeconfig has a context for it; returns who that was."""
    connected.put(credentials("ds"))
    seen: list[str] = []

    async def connect(_: Any, context: str) -> person.Connection:
        seen.append(context)
        return person.Connection(kube(connected, user), COURSE)

    monkeypatch.setattr(person, "server_of", lambda *_: server)
    monkeypatch.setattr(person, "connect", connect)
    async with acting(kube(connected, "learner"), None, KEY, "ds") as other:
        assert seen == ([f"{LAB}-ds"] if server == FakeKube.server else [])
        return str(other.user)  # type: ignore[attr-defined]


async def test_a_context_of_the_same_cluster_comes_first(
    connected: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await with_context(connected, monkeypatch, "jane@example.org") == "jane@example.org"


async def test_a_context_of_another_cluster_is_passed_over(
    connected: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await with_context(connected, monkeypatch, "jane@example.org", "https://other:6443")
    assert there == username("ds")


async def test_a_context_that_is_another_persona_is_refused(
    connected: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.ChangeError, match="and not persona ds of lab") as caught:
        await with_context(connected, monkeypatch, "reviewer-risk")
    assert reason_of(caught) == "WrongContext"


async def test_a_context_whose_token_is_over_is_passed_over(
    connected: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = errors.ApiError(401, "Unauthorized", "Unauthorized")
    connected.refusals["create", "SelfSubjectReview"] = gone
    assert await with_context(connected, monkeypatch, "jane@example.org") == username("ds")


async def test_a_request_is_made_under_the_real_name(cluster: Cluster) -> None:
    ask = Ask(Action.PROMOTE_MODEL, "Fraud_model.v1", "why", "2", "challenger", "8h")
    made = await Desk(kube(cluster), HERE).ask(ask)
    assert made["metadata"]["name"] == "promote-fraud-model-v1-2-x7k2q"
    assert made["metadata"]["namespace"] == SPACE
    spec = ChangeRequest.model_validate({"metadata": {}, "spec": made["spec"]}).spec
    assert spec.requester == username("ds")
    assert (spec.target.version, spec.target.alias, spec.answer_within) == ("2", "challenger", "8h")


def test_what_is_empty_is_left_out_and_names_stay_short() -> None:
    body = Ask(Action.RELEASE_POLICY, "x" * 128, "why").body(SPACE, "me")
    assert body["spec"]["target"] == {"name": "x" * 128}
    assert "answerWithin" not in body["spec"]
    assert len(body["metadata"]["generateName"]) == 58
    named = Ask(Action.RELEASE_POLICY, "x", "why", name="mine").body(SPACE, "me")
    assert named["metadata"] == {"namespace": SPACE, "name": "mine"}


async def test_an_answer_is_for_the_evidence_that_was_read(cluster: Cluster) -> None:
    body = waiting()
    made = await Desk(kube(cluster, "reviewer-risk"), HERE).answer(body, "Approve", "fine")
    spec = ChangeApproval.model_validate({"metadata": {}, "spec": made["spec"]}).spec
    assert spec.approver == username("reviewer-risk")
    assert spec.evidence_digest == body["status"]["evidence"]["digest"]
    assert (spec.request, spec.verdict, spec.comment) == (
        body["metadata"]["name"],
        "Approve",
        "fine",
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (request(), "NoEvidence"),
        (waiting(evidence={"digest": "0" * 64, "document": "{}"}), "EvidenceAltered"),
        (waiting() | {"status": {"state": "Executed"}}, "RequestOver"),
    ],
)
async def test_what_cannot_be_answered(body: Object, reason: str, cluster: Cluster) -> None:
    with pytest.raises(errors.ChangeError) as caught:
        await Desk(kube(cluster), HERE).answer(body, "Reject")
    assert reason_of(caught) == reason
    assert cluster.made == []


DENIED = (
    'changerequests.practicum.dev "x" is forbidden: ValidatingAdmissionPolicy '
    "'practicum-changes' with binding 'practicum-changes' denied request: "
    "spec.requester must be the name under which it is made"
)
REFUSED = (
    'changerequests.practicum.dev is forbidden: User "system:serviceaccount:a:b.learner" '
    'cannot create resource "changerequests" in API group "practicum.dev"'
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.Forbidden(403, "Forbidden", DENIED), "spec.requester must be the name under"),
        (errors.Invalid(422, "Invalid", DENIED), "spec.requester must be the name under"),
        (
            errors.Forbidden(403, "Forbidden", REFUSED),
            "system:serviceaccount:a:b.learner may not make a ChangeRequest in lab ada",
        ),
        (errors.Invalid(422, "Invalid", "spec.reason: too long"), "spec.reason: too long"),
    ],
)
async def test_a_refusal_is_said_in_the_policys_words(
    error: errors.ApiError, said: str, cluster: Cluster
) -> None:
    cluster.refusals["create", "ChangeRequest"] = error
    with pytest.raises(type(error)) as caught:
        await Desk(kube(cluster), HERE).ask(Ask(Action.ROLLBACK_MODEL, "fraud", "why"))
    assert str(caught.value).startswith(said)


async def test_a_request_is_taken_back_while_there_is_time(cluster: Cluster) -> None:
    cluster.put(waiting())
    body = await Desk(kube(cluster), HERE).withdraw("promote-fraud-2")
    assert body["spec"]["withdrawn"] is True
    cluster.put(request(state="Approved"))
    with pytest.raises(errors.ChangeError, match="is Approved: it is too late"):
        await Desk(kube(cluster), HERE).withdraw("promote-fraud-2")
    with pytest.raises(errors.ChangeError, match="request x not found in lab ada"):
        await Desk(kube(cluster), HERE).withdraw("x")
    assert len(cluster.patched) == 1


async def test_waiting_ends_with_a_person_an_end_or_a_deletion(connected: Cluster) -> None:
    opened = Desk(kube(connected), HERE)
    seen: list[Object] = []
    connected.put(request())
    connected.future = [request(state="Requested"), waiting()]
    body = await opened.wait("promote-fraud-2", 5, show=seen.append)
    assert (body, len(seen)) == (waiting(), 3)
    counted = waiting(answers=[{"name": "mine", "counts": True}])
    connected.future = [counted]
    assert await opened.wait("promote-fraud-2", 5, answer="mine") == counted
    connected.put(request())
    connected.future = [{}]
    with pytest.raises(errors.ChangeError, match="deleted meanwhile"):
        await opened.wait("promote-fraud-2", 5)


async def test_waiting_has_a_limit(connected: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Desk(kube(connected), HERE)
    connected.put(request())

    async def stuck(_: str) -> Any:
        yield request()
        await asyncio.sleep(60)

    monkeypatch.setattr(opened, "follow", stuck)
    with pytest.raises(errors.ChangeError, match=r"after 0\.01 seconds") as caught:
        await opened.wait("promote-fraud-2", 0.01)
    assert reason_of(caught) == "TimedOut"


async def test_requests_are_listed_oldest_first(cluster: Cluster) -> None:
    old = request("zzz")
    old["metadata"]["creationTimestamp"] = "2026-11-20T00:00:00Z"
    for body in (request("aaa"), old):
        cluster.put(body)
    found = await Desk(kube(cluster), HERE).requests()
    assert [body["metadata"]["name"] for body in found] == ["zzz", "aaa"]
