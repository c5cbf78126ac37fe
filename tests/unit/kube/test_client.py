"""What the client sends, what it makes of answers, and what it repeats."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from practicum import errors
from practicum.kube import person
from practicum.kube.client import Kube

from .conftest import TOKEN, Scripted

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "a"}}
PATH = "/api/v1/namespaces/a/configmaps"


def status(reason: str, message: str) -> dict[str, Any]:
    return {"kind": "Status", "reason": reason, "message": message}


async def test_apply_is_forced_and_server_side(kube: Kube, server: Scripted) -> None:
    server.answer(body=CONFIG_MAP)
    assert await kube.apply(CONFIG_MAP) == CONFIG_MAP
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("PATCH", f"{PATH}/x")
    assert asked.query == {"fieldManager": "practicum", "force": "true"}
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.body == CONFIG_MAP


async def test_status_is_applied_to_the_subresource(kube: Kube, server: Scripted) -> None:
    server.answer()
    await kube.apply(CONFIG_MAP, subresource="status")
    assert server.asked[0].path == f"{PATH}/x/status"


async def test_patches_carry_their_content_type(kube: Kube, server: Scripted) -> None:
    server.answer()
    await kube.json_patch("ConfigMap", "a", "x", [{"op": "remove", "path": "/data/y"}])
    await kube.merge_patch("ConfigMap", "a", "x", {"data": None})
    assert [asked.headers["Content-Type"] for asked in server.asked] == [
        *("application/json-patch+json", "application/merge-patch+json"),
    ]
    assert server.asked[1].body == {"data": None}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, errors.Invalid),
        (401, errors.ApiError),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.Invalid),
        (500, errors.ApiError),
    ],
)
async def test_refusals_become_our_errors(
    kube: Kube, server: Scripted, code: int, kind: type[errors.ApiError]
) -> None:
    server.answer(code, status("Why", "configmaps x says no"))
    with pytest.raises(errors.ApiError) as caught:
        await kube.get("ConfigMap", "a", "x")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.reason) == (code, "Why")
    assert str(caught.value) == "configmaps x says no"


@pytest.mark.parametrize("body", ["<html>gateway</html>", "", "[]", "5", '"text"'])
async def test_answers_of_something_in_between(kube: Kube, server: Scripted, body: str) -> None:
    server.answer(404, body)
    with pytest.raises(errors.NotFound) as caught:
        await kube.get("ConfigMap", "a", "x")
    assert str(caught.value)


async def test_a_list_that_is_no_object_is_an_error(kube: Kube, server: Scripted) -> None:
    server.answer(200, "[]")
    with pytest.raises(errors.ApiError, match="did not answer with an object"):
        await kube.get("ConfigMap", "a", "x")


@pytest.mark.parametrize("code", [408, 429, 500, 503])
async def test_what_may_pass_is_repeated(kube: Kube, server: Scripted, code: int) -> None:
    server.answer(code, status("Later", "later"))
    server.answer(code, status("Later", "later"))
    server.answer(body=CONFIG_MAP)
    assert await kube.get("ConfigMap", "a", "x") == CONFIG_MAP
    assert len(server.asked) == kube.requests == 3


async def test_but_not_for_ever(kube: Kube, server: Scripted) -> None:
    server.answer(503, status("Later", "later"))
    with pytest.raises(errors.ApiError):
        await kube.get("ConfigMap", "a", "x")
    assert len(server.asked) == 4


@pytest.mark.parametrize("code", [400, 403, 404, 409, 422])
async def test_a_plain_no_is_not_repeated(kube: Kube, server: Scripted, code: int) -> None:
    server.answer(code, status("No", "no"))
    with pytest.raises(errors.ApiError):
        await kube.apply(CONFIG_MAP)
    assert len(server.asked) == 1


async def test_a_create_is_sent_once(kube: Kube, server: Scripted) -> None:
    """A repeated POST whose first answer was lost would say Conflict about our own object."""
    server.answer(500, status("Later", "later"))
    with pytest.raises(errors.ApiError):
        await kube.create(CONFIG_MAP)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", PATH)


async def test_lists_are_read_page_by_page(kube: Kube, server: Scripted) -> None:
    server.answer(body={"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "1"}}]})
    server.answer(body={"metadata": {}, "items": [{"metadata": {"name": "2"}}]})
    found = await kube.list("ConfigMap", "a", labels="x=y")
    assert [item["metadata"]["name"] for item in found] == ["1", "2"]
    assert {(item["apiVersion"], item["kind"]) for item in found} == {("v1", "ConfigMap")}
    first, second = (asked.query for asked in server.asked)
    assert first["labelSelector"] == second["labelSelector"] == "x=y"
    assert "continue" not in first
    assert second["continue"] == "more"


async def test_a_listing_keeps_to_what_was_chosen(kube: Kube, server: Scripted) -> None:
    server.answer(body={"metadata": {"resourceVersion": "7"}, "items": []})
    async for _ in kube.pages("ConfigMap", fields="metadata.name=policies"):
        pass
    (asked,) = server.asked
    assert asked.query["fieldSelector"] == "metadata.name=policies"
    assert asked.query["labelSelector"] == ""


async def test_what_is_gone_need_not_be_deleted(kube: Kube, server: Scripted) -> None:
    server.answer()
    assert await kube.delete("ConfigMap", "a", "x", uid="u") is True
    assert server.asked[0].body == {
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u"},
    }
    server.script.clear()
    server.answer(404, status("NotFound", "gone"))
    assert await kube.delete("ConfigMap", "a", "x", foreground=True) is False
    assert server.asked[1].body == {"propagationPolicy": "Foreground"}
    assert await kube.find("ConfigMap", "a", "x") is None


async def test_the_servers_expiry_of_a_token_is_read(kube: Kube, server: Scripted) -> None:
    granted = {"token": "t", "expirationTimestamp": "2026-11-21T12:00:00Z"}
    server.answer(201, {"status": granted})
    token, end = await kube.token("a", "ada-learner", timedelta(minutes=10, seconds=0.9))
    assert (token, end) == ("t", datetime(2026, 11, 21, 12, tzinfo=UTC))
    (asked,) = server.asked
    assert asked.path == "/api/v1/namespaces/a/serviceaccounts/ada-learner/token"
    assert asked.body["spec"] == {"expirationSeconds": 600}


async def test_names_cannot_leave_their_path(kube: Kube, server: Scripted) -> None:
    server.answer()
    await kube.get("ConfigMap", "a/b", "../secrets/x?y")
    assert server.asked[0].path.count("/") == 6
    assert server.asked[0].query == {}


async def test_the_servers_clock_is_compared(kube: Kube, server: Scripted) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    server.answer(Date=format_datetime(ahead, usegmt=True))
    await kube.get("ConfigMap", "a", "x")
    assert abs(kube.skew - timedelta(minutes=5)) < timedelta(seconds=30)


async def test_a_server_that_is_not_there(kube: Kube, server: Scripted) -> None:
    async with person.direct("http://127.0.0.1:1", "", TOKEN) as nobody:
        with pytest.raises(errors.ApiError) as caught:
            await nobody.get("ConfigMap", "a", "x")
    assert (caught.value.status, caught.value.reason) == (0, "Unreachable")
    assert caught.value.retryable
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "retryable"),
    [(0, True), (408, True), (429, True), (500, True), (504, True), (404, False), (409, False)],
)
def test_retryable(code: int, retryable: bool) -> None:
    assert errors.ApiError(code, "x", "y").retryable is retryable


async def test_every_answer_is_told(kube: Kube, server: Scripted) -> None:
    told: list[tuple[str, int]] = []
    kube.answered = lambda verb, status, seconds: told.append((verb, status)) or None
    server.answer(429, status("TooMany", "later"))
    server.answer(body=CONFIG_MAP)
    await kube.get("ConfigMap", "a", "x")
    await kube.merge_patch("ConfigMap", "a", "x", {})
    assert told == [("GET", 429), ("GET", 200), ("PATCH", 200)]


async def test_a_server_that_is_not_there_is_told_too(kube: Kube, server: Scripted) -> None:
    told: list[int] = []
    kube.answered = lambda _, status, seconds: told.append(status) or None
    kube._api.configuration.host = "http://127.0.0.1:1"
    with pytest.raises(errors.ApiError):
        await kube.create(CONFIG_MAP)
    assert told == [0]
