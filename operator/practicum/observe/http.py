"""``/healthz``, ``/readyz`` and ``/metrics``: a thread that outlives a busy event loop."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

_SILENT_SECONDS = 30


class Health:
    """What the probes ask: does the loop still turn, and is this replica of use."""

    def __init__(self) -> None:
        self._beat = time.monotonic()
        self.ready: Callable[[], bool] = lambda: False

    def beat(self) -> None:
        """Say that the event loop turns; call it every few seconds."""
        self._beat = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the loop has turned lately."""
        return time.monotonic() - self._beat < _SILENT_SECONDS


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def serve(health: Health, port: int) -> WSGIServer:
    """Start serving in a daemon thread; returns the server (``server_port`` tells a 0's port)."""
    metrics = make_wsgi_app()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answer: Iterable[bytes] = metrics(environ, start)
            return answer
        if path not in ("/healthz", "/readyz"):
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found\n"]
        good = health.alive if path == "/healthz" else health.ready()
        status = "200 OK" if good else "503 Service Unavailable"
        start(status, [("Content-Type", "text/plain")])
        return [b"ok\n" if good else b"not ok\n"]

    server = make_server("", port, app, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
