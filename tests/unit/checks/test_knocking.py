"""What a pod that looks from within does: knocks and asks, briefly and a little."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from e2e.cluster.ports import free_ports
from practicum.checks import knocking
from practicum.governance.http import Services
from tests import samples


async def answering(request: web.Request) -> web.Response:
    got = await request.json() if request.can_read_body else None
    body = {"got": got, "who": request.headers.get("X-Who", ""), "method": request.method}
    return web.json_response(body, headers={"X-Kind": "test"})


async def failing(_: web.Request) -> web.Response:
    return web.json_response({"detail": "no"}, status=422)


async def text(_: web.Request) -> web.Response:
    return web.Response(text="x" * 20_000)


async def deep(_: web.Request) -> web.Response:
    return web.Response(text="[" * 20_000)


async def headers(_: web.Request) -> web.Response:
    return web.Response(headers={f"X-{number}": "a" for number in range(100)})


async def slow(_: web.Request) -> web.Response:
    await asyncio.sleep(0.1)
    return web.json_response({})


async def elsewhere(_: web.Request) -> web.Response:
    raise web.HTTPFound("/answering")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application()
    for handler in (answering, failing, text, deep, headers, slow, elsewhere):
        app.router.add_route("*", f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    (free,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", free).start()
    yield free
    await runner.cleanup()


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    async with Services() as made:
        yield made


def question(port: int, path: str, **more: Any) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/{path}"
    return {"method": "GET", "url": url, "headers": {}, "json": None, "times": 1, **more}


async def test_a_port_that_listens_is_open(port: int) -> None:
    assert await knocking.connect("127.0.0.1", port) == {"open": True}


async def test_a_port_that_nobody_listens_on_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knocking, "_PAUSE_SECONDS", 0.01)
    (free,) = free_ports(1)
    assert await knocking.connect("127.0.0.1", free) == {"open": False}


@pytest.mark.parametrize(
    ("heard", "settled"),
    [
        ([True, True], True),
        ([False, False], False),
        ([True, False, False], False),
        ([False, True, True], True),
        ([True, False, True, False], False),
        ([False, True, False, True], True),
    ],
)
async def test_what_a_network_settles_on_counts(
    heard: list[bool], settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knocking, "_PAUSE_SECONDS", 0)
    left = list(heard)

    async def answers(*_: object) -> bool:
        return left.pop(0)

    monkeypatch.setattr(knocking.reach, "answers", answers)
    assert await knocking.connect("web", 80) == {"open": settled}
    assert not left


async def test_an_answer_comes_with_its_status_headers_and_time(
    port: int, services: Services
) -> None:
    asked = question(port, "answering", method="POST", json={"a": 1}, headers={"X-Who": "ada"})
    reply = await knocking.request(services, asked | {"times": 3})
    assert reply["status"] == 200
    assert reply["body"] == {"got": {"a": 1}, "who": "ada", "method": "POST"}
    assert reply["headers"]["x-kind"] == "test"
    assert len(reply["seconds"]) == 3 and all(0 < one < 5 for one in reply["seconds"])


async def test_a_refusal_is_an_answer(port: int, services: Services) -> None:
    reply = await knocking.request(services, question(port, "failing"))
    assert (reply["status"], reply["body"]) == (422, {"detail": "no"})


@pytest.mark.parametrize("path", ["text", "deep"])
async def test_what_is_no_json_is_text_of_bounded_length(
    port: int, services: Services, path: str
) -> None:
    reply = await knocking.request(services, question(port, path))
    assert isinstance(reply["body"], str) and len(reply["body"]) == 20_000
    assert knocking.bounded(reply, 24_000) == reply
    assert knocking.bounded(reply, 16 * 1024) == {"error": "the answer has more than 16 KiB"}


async def test_all_repetitions_have_so_much_time(port: int, services: Services) -> None:
    reply = await knocking.request(services, question(port, "slow", times=50), 0.5)
    assert reply["error"].endswith("/slow did not answer 50 times within 0 s")


async def test_what_many_ask_of_a_slow_service_is_answered(port: int) -> None:
    """They wait for one another before their own time begins."""
    replies = await knocking.answers([question(port, "slow", times=3)] * 12)
    assert {reply["status"] for reply in replies} == {200}


async def test_headers_are_few(port: int, services: Services) -> None:
    reply = await knocking.request(services, question(port, "headers"))
    assert len(reply["headers"]) == knocking._HEADERS


async def test_nobody_is_followed_elsewhere(port: int, services: Services) -> None:
    reply = await knocking.request(services, question(port, "elsewhere"))
    assert "points elsewhere" in reply["error"]


async def test_nobody_there_is_said(services: Services) -> None:
    (free,) = free_ports(1)
    reply = await knocking.request(services, question(free, "x"))
    assert set(reply) == {"error"} and str(free) in reply["error"]


async def test_as_a_program_it_answers_in_order_with_one_line(port: int) -> None:
    questions = [
        {"connect": ["127.0.0.1", port]},
        question(port, "answering"),
        {"connect": ["127.0.0.1", port]},
    ]
    environment = {"QUESTIONS": json.dumps(questions), "PYTHONPATH": str(samples.ROOT / "operator")}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "practicum.checks.knocking"]
        env = {**os.environ, **environment}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True)

    done = await asyncio.to_thread(run)
    (line,) = done.stdout.splitlines()
    first, second, third = json.loads(line)
    assert (first, third) == ({"open": True}, {"open": True})
    assert second["body"]["method"] == "GET"
