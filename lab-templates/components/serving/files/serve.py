"""Serves the model version that an alias in MLflow names, and follows the alias when it moves.

The paths are those of MLflow's own scoring server. What is served stays in memory: while MLflow
is away, or names something that cannot be loaded, the last good version goes on, marked stale.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from registry import InputError, Registry, RegistryError, Scorer, Version

PORT = 8080
MAX_BODY = 256 * 1024
MAX_REQUESTS = 8
FIRST_POLL_SECONDS = 0.3
BUSY = b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Served:
    """One version in service; replaced as a whole, so that an answer never mixes two."""

    version: Version
    scorer: Scorer
    since: str


class Follower:
    """Keeps the version in service equal to the one that the alias names."""

    def __init__(self, registry: Registry, model: str, alias: str, artifact: str) -> None:
        self.registry, self.model, self.alias, self.artifact = registry, model, alias, artifact
        self.served: Served | None = None
        self.trouble = "the registry was not asked yet"

    def poll(self) -> None:
        """Looks at the alias once; trouble is kept, and told when it is another than before."""
        known = self.served
        try:
            trouble = self._follow()
        except RegistryError as error:
            trouble = str(error)
        except Exception as error:  # The thread must outlive whatever MLflow sends.
            trouble = f"unexpected {type(error).__name__}"
        if trouble != self.trouble and (trouble or known):
            print(f"serving: {trouble or 'the registry is read again'}", flush=True)
        self.trouble = trouble

    def _follow(self) -> str:
        version = self.registry.named(self.model, self.alias)
        if not self.served or self.served.version != version:
            scorer = self.registry.scorer(version, self.artifact)
            # With milliseconds: how soon a promotion is served is what somebody measures.
            since = datetime.now(timezone.utc).isoformat(timespec="milliseconds")  # noqa: UP017
            self.served = Served(version, scorer, since.replace("+00:00", "Z"))
            print(f"serving: {self.model} version {version.number} ({self.alias})", flush=True)
        return ""

    def run(self, seconds: float) -> None:
        while True:
            self.poll()
            time.sleep(seconds if self.served else min(seconds, FIRST_POLL_SECONDS))

    def told(self) -> dict[str, Any]:
        """What ``/version`` answers once there is one."""
        served = self.served
        return {
            "model": self.model,
            "alias": self.alias,
            "version": served.version.number if served else None,
            "run_id": served.version.run_id if served else None,
            "since": served.since if served else None,
            "stale": bool(self.trouble),
        }


def predictions(served: Served, raw: bytes) -> dict[str, Any]:
    """Answers ``{"dataframe_records": [...]}`` with a probability per record."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError("the body is not JSON") from None
    records = body.get("dataframe_records") if isinstance(body, dict) else None
    if not isinstance(records, list):
        raise InputError('the field "dataframe_records" must be a list of records')
    return {
        "predictions": [
            served.scorer.predict(record, f"dataframe_records[{number}]")
            for number, record in enumerate(records)
        ],
        "model_version": served.version.number,
    }


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.0, so that a connection holds its thread for one request."""

    server: "Server"
    server_version, sys_version = "serving", ""
    timeout = 5

    def do_GET(self) -> None:
        follower, path = self.server.follower, self.path.partition("?")[0]
        if path not in ("/ping", "/version"):
            self.refuse(404, "there is GET /ping, GET /version and POST /invocations")
        elif not follower.served:
            self.refuse(503, f"no version is loaded yet: {follower.trouble}")
        else:
            self.answer(200, {} if path == "/ping" else follower.told())

    def do_POST(self) -> None:
        served = self.server.follower.served
        length = self.headers.get("Content-Length", "")
        if self.path.partition("?")[0] != "/invocations":
            self.refuse(404, "only /invocations takes a POST")
        elif not (length.isascii() and length.isdigit()):
            self.refuse(411, "a Content-Length is needed")
        elif len(length) > 9 or int(length) > MAX_BODY:
            self.refuse(413, f"the body may have at most {MAX_BODY} bytes")
        elif not served:
            self.refuse(503, f"no version is loaded yet: {self.server.follower.trouble}")
        else:
            self.predict(served, int(length))

    def predict(self, served: Served, length: int) -> None:
        try:
            self.answer(200, predictions(served, self.rfile.read(length)))
        except InputError as error:
            self.refuse(400, str(error))

    def refuse(self, status: int, message: str) -> None:
        code = "BAD_REQUEST" if status < 500 else "TEMPORARILY_UNAVAILABLE"
        self.answer(status, {"error_code": code, "message": message})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Nothing: a probe each second is no news, and what learners send is theirs."""


class Server(ThreadingHTTPServer):
    """A thread per request, as long as there are not too many of them."""

    daemon_threads = True

    # Of the five that are usual a burst loses some, who knock again only a second later.
    request_queue_size = 4 * MAX_REQUESTS

    def __init__(self, address: tuple[str, int], follower: Follower) -> None:
        self.follower = follower
        self.free = threading.BoundedSemaphore(MAX_REQUESTS)
        super().__init__(address, Handler)

    def process_request(self, request: socket.socket, client_address: Any) -> None:
        if not self.free.acquire(blocking=False):
            request.sendall(BUSY)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # No thread could be started, so none gives the place back.
            self.free.release()
            raise

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what went wrong in a line; a client that went away is nobody's error."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"serving: a request failed: {error!r}", file=sys.stderr, flush=True)


def main() -> None:
    # As process 1 of a container it would not heed the signal without a handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    registry = Registry(
        os.environ["MLFLOW_ADDRESS"],
        os.environ["MLFLOW_USER"],
        Path(os.environ["MLFLOW_PASSWORD_FILE"]),
    )
    model, alias = os.environ["MODEL_NAME"], os.environ["MODEL_ALIAS"]
    follower = Follower(registry, model, alias, os.environ["MODEL_ARTIFACT"])
    seconds = float(os.environ["POLL_SECONDS"])
    threading.Thread(target=follower.run, args=(seconds,), daemon=True).start()
    Server(("0.0.0.0", PORT), follower).serve_forever()


if __name__ == "__main__":
    main()
