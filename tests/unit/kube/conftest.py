"""A scripted API server on a real socket: tests say what it answers, and read what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from practicum.kube import person
from practicum.kube.client import Kube

TOKEN = "token-of-the-tests"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Scripted:
    """Answers in the order of the script; the last answer again and again."""

    url: str = ""
    script: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, status: int = 200, body: Any = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.append((status, {} if body is None else body, named))

    async def handle(self, request: web.BaseRequest) -> web.Response:
        raw = await request.read()
        self.asked.append(
            Asked(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                json.loads(raw) if raw else None,
            )
        )
        status, body, headers = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers)


@pytest.fixture(scope="session", autouse=True)
def no_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Reading the system's certificates takes most of the time of making a client."""
    empty = tmp_path_factory.mktemp("no-authorities") / "empty.pem"
    empty.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(empty))
        yield


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    runner = web.ServerRunner(web.Server(scripted.handle), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scripted.url = f"http://{runner.addresses[0][0]}:{runner.addresses[0][1]}"
    yield scripted
    await runner.cleanup()


@pytest.fixture
async def kube(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kube]:
    """A client of that server that does not wait between attempts."""
    sleep = asyncio.sleep
    monkeypatch.setattr("practicum.kube.client.asyncio.sleep", lambda _: sleep(0))
    async with person.direct(server.url, "", TOKEN) as client:
        yield client
