"""A proxy before the API server that counts, remembers, and goes wrong where it is told to."""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from aiohttp import web

WRITES = ("POST", "PUT", "PATCH", "DELETE")
_HOP_BY_HOP = frozenset(
    ("connection", "content-length", "content-encoding", "host", "keep-alive", "transfer-encoding")
)


@dataclass(frozen=True)
class Call:
    """One request of the operator."""

    method: str
    path: str
    watch: bool
    at: float
    """Seconds of the monotonic clock at its arrival."""

    @property
    def is_write(self) -> bool:
        """Whether it changes what others see: no reviews, no renewal of a lease."""
        return self.method in WRITES and not (
            "/authorization.k8s.io/" in self.path or "/coordination.k8s.io/" in self.path
        )


@dataclass(frozen=True)
class Fault:
    """What happens in place of an answer; ``after`` lets the request take effect first."""

    status: int = 0
    """HTTP status to answer with; 0 drops the connection."""
    retry_after: int = 0
    delay: float = 0
    """Seconds of silence before."""
    after: bool = False


@dataclass(frozen=True)
class Garble:
    """What happens to the events of a watch, in place of their simply arriving."""

    distort: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
    """Takes the lines of the stream and gives others; its end drops the connection."""


Plan = Callable[[Call], Fault | Garble | None]


class Proxy:
    """Plain HTTP on loopback, to an API server behind TLS; runs in a thread of its own."""

    def __init__(self, server: str, authority: str) -> None:
        self._server = server
        self._tls = ssl.create_default_context(cadata=authority)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""
        self.calls: list[Call] = []
        """Every request that arrived."""
        self.writes = 0
        """Writes that the API server has accepted since `watch_writes`."""
        self.plan: Plan = lambda call: None
        self._watches: set[asyncio.Transport] = set()
        self._on_write: Callable[[int], None] = lambda count: None

    def drop_watches(self) -> None:
        """Break every open watch off, so that the plan befalls the next ones from their start."""
        self._loop.call_soon_threadsafe(self._abort_watches)

    def _abort_watches(self) -> None:
        for transport in list(self._watches):
            transport.abort()

    def watch_writes(self, on_write: Callable[[int], None]) -> None:
        """Call on_write with 1, 2, 3… after each accepted write, before it is answered."""
        self.writes = 0
        self._on_write = on_write

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            auto_decompress=False,
            skip_auto_headers=("Content-Type", "Accept-Encoding", "User-Agent"),
        )
        application = web.Application(client_max_size=8 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        watch = request.query.get("watch") in ("1", "true")
        call = Call(request.method, request.path, watch, time.monotonic())
        self.calls.append(call)
        if watch and request.transport:
            self._watches = {one for one in self._watches if not one.is_closing()}
            self._watches.add(request.transport)
        fault = self.plan(call)
        if isinstance(fault, Fault) and not fault.after:
            return await self._fail(request, fault)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            async with self._session.request(
                request.method,
                self._server + request.raw_path,
                headers=headers,
                data=await request.read() or None,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer:
                if call.is_write and answer.status < 300:
                    self.writes += 1
                    self._on_write(self.writes)
                if isinstance(fault, Fault):
                    return await self._fail(request, fault)
                return await self._pass_on(request, answer, fault)
        except (aiohttp.ClientError, OSError):
            return await self._fail(request, Fault())

    async def _pass_on(
        self, request: web.Request, answer: aiohttp.ClientResponse, garble: Garble | None
    ) -> web.StreamResponse:
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        if encoding := answer.headers.get("Content-Encoding"):
            kept["Content-Encoding"] = encoding
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        chunks: AsyncIterator[bytes] = answer.content.iter_any()
        if garble:
            chunks = garble.distort(_lines(chunks))
        async for chunk in chunks:
            await response.write(chunk)
        if garble and request.transport:
            request.transport.abort()
        await response.write_eof()
        return response

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        await asyncio.sleep(fault.delay)
        if not fault.status:
            if request.transport:
                request.transport.abort()
            return web.Response(status=502)
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": fault.status}
        body |= {"reason": "Injected", "message": f"fault {fault.status} of the test"}
        return web.json_response(body, status=fault.status, headers=headers)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut a stream into lines, of whatever length: aiohttp's own end at 64 KiB."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
