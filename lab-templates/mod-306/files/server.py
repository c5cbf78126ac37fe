"""What the platform's interface is served by; routes.py says what there is."""

import base64
import json
import os
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TENANTS = Path(os.environ.get("TENANTS_FILE", "/etc/api/tenants.json"))
MLFLOW = os.environ.get("MLFLOW_URL", "http://localhost:5000")
LOGIN = f"portal:{os.environ.get('MLFLOW_PASSWORD', '')}"

Query = Mapping[str, str]
# By path: what answers a query, and headers that go with it.
Routes = Mapping[str, tuple[Callable[[Query], Any], Mapping[str, str]]]


class Problem(Exception):
    """What is answered instead: a status, a code for programs, a message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def tenants() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(TENANTS.read_text())
    return found


def registry(path: str) -> Any:
    """Asks MLflow below /api/2.0/mlflow, as the login portal."""
    request = urllib.request.Request(f"{MLFLOW}/api/2.0/mlflow/{path}")
    request.add_header("Authorization", "Basic " + base64.b64encode(LOGIN.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except OSError as error:
        raise Problem(502, "REGISTRY_UNAVAILABLE", f"MLflow does not answer: {error}") from error


class Handler(BaseHTTPRequestHandler):
    routes: Routes = {}

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        try:
            if asked.path not in self.routes:
                raise Problem(404, "NOT_FOUND", f"there is no {asked.path}")
            answer, headers = self.routes[asked.path]
            self.answer(200, answer(dict(parse_qsl(asked.query))), headers)
        except Problem as error:
            body = {"error": {"code": error.code, "message": str(error)}}
            self.answer(error.status, body, {})

    def answer(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """A probe every few seconds is no news."""


def serve(routes: Routes) -> None:
    handler = type("Routed", (Handler,), {"routes": routes})
    ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8080"))), handler).serve_forever()
