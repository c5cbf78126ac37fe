"""Whatever a service of a lab answers with, the operator is done with it soon and goes nowhere."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from practicum.errors import ServiceError
from practicum.governance import http
from practicum.governance.http import Services

FOLLOWED = web.AppKey("followed", list[str])


async def good(request: web.Request) -> web.Response:
    body = await request.json() if request.can_read_body else None
    return web.json_response({"got": body, "who": request.headers.get("Authorization", "")})


async def refusing(_: web.Request) -> web.Response:
    return web.json_response({"error_code": "PERMISSION_DENIED"}, status=403)


async def elsewhere(request: web.Request) -> web.Response:
    request.app[FOLLOWED].append(request.path)
    raise web.HTTPTemporaryRedirect("/trap")


async def trap(request: web.Request) -> web.Response:
    request.app[FOLLOWED].append(request.path)
    return web.json_response({})


async def huge(_: web.Request) -> web.Response:
    return web.Response(body=b'"' + b"x" * http.BYTES + b'"')


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 4096)


async def packed(_: web.Request) -> web.Response:
    bomb = gzip.compress(b'"' + b"x" * 10_000_000 + b'"')
    return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})


async def slow(_: web.Request) -> web.Response:
    await asyncio.sleep(3600)
    return web.Response()


async def dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b" ")
    await asyncio.sleep(3600)
    return response


async def chatty(_: web.Request) -> web.Response:
    return web.Response(text="<html>")


async def deep(_: web.Request) -> web.Response:
    return web.Response(text="[" * 60_000)


async def silent(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def baking(request: web.Request) -> web.Response:
    response = web.json_response({"cookie": request.headers.get("Cookie", "")})
    response.set_cookie("lab", "ada")
    return response


HANDLERS = (
    *(good, refusing, elsewhere, trap, huge, endless, packed, slow, dripping),
    *(chatty, deep, silent, baking),
)


@pytest.fixture
async def application() -> web.Application:
    made = web.Application()
    made[FOLLOWED] = []
    for handler in HANDLERS:
        made.router.add_route("*", f"/{handler.__name__}", handler)
    return made


@pytest.fixture
async def server(application: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    async with Services() as made:
        yield made


async def test_an_answer(services: Services, server: str) -> None:
    headers = {"Authorization": "Bearer x"}
    answer = await services.call("POST", f"{server}/good", body={"a": 1}, headers=headers)
    assert (answer.status, answer.body) == (200, {"got": {"a": 1}, "who": "Bearer x"})


async def test_a_refusal_is_an_answer(services: Services, server: str) -> None:
    answer = await services.call("GET", f"{server}/refusing")
    assert (answer.status, answer.body["error_code"]) == (403, "PERMISSION_DENIED")


async def test_nothing_is_an_answer(services: Services, server: str) -> None:
    assert (await services.call("GET", f"{server}/silent")).body is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("elsewhere", "Redirected"),
        ("huge", "TooLong"),
        ("endless", "TooLong"),
        ("packed", "NotJson"),
        ("chatty", "NotJson"),
        ("deep", "NotJson"),
    ],
)
async def test_what_is_no_answer_is_named(
    services: Services, server: str, path: str, reason: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        await services.call("GET", f"{server}/{path}")
    assert caught.value.reason == reason
    assert server in str(caught.value)


@pytest.mark.parametrize("path", ["slow", "dripping"])
@pytest.mark.timeout(60)
async def test_nobody_is_waited_for_long(
    services: Services, server: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.5)
    with pytest.raises(ServiceError) as caught:
        await services.call("GET", f"{server}/{path}")
    assert caught.value.reason == "TimedOut"


async def test_nobody_is_followed(
    services: Services, server: str, application: web.Application
) -> None:
    with pytest.raises(ServiceError):
        await services.call("GET", f"{server}/elsewhere")
    assert application[FOLLOWED] == ["/elsewhere"]


async def test_a_cookie_is_not_kept(services: Services, server: str) -> None:
    await services.call("GET", f"{server}/baking")
    assert (await services.call("GET", f"{server}/baking")).body == {"cookie": ""}


async def test_nobody_there(services: Services) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(ServiceError) as caught:
            await services.call("GET", url)
    assert caught.value.reason == "Unreachable"
