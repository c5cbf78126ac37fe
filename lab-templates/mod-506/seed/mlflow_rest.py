"""MLflow's REST API with the standard library alone, as one of the lab's users.

Importing the MLflow client costs more than all the requests of a seed together.
"""

import base64
import http.client
import json
import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

HOST = os.environ["MLFLOW_HOST"]
PASSWORDS = Path("/etc/passwords")

EXISTS = ("RESOURCE_ALREADY_EXISTS",)
ABSENT = ("RESOURCE_DOES_NOT_EXIST",)


class SeedError(Exception):
    """MLflow gave an answer that the seed cannot go on with."""


class Client:
    """MLflow as one user; a connection per request, since the server closes an idle one."""

    def __init__(self, user: str) -> None:
        self.user = user
        login = f"{user}:{password(user)}".encode()
        self.headers = {
            "Authorization": "Basic " + base64.b64encode(login).decode(),
            "Content-Type": "application/json",
        }

    def send(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        deadline = time.monotonic() + 60
        while True:
            with closing(http.client.HTTPConnection(HOST, 5000, timeout=60)) as connection:
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    # Nothing was sent yet. A server that misses a probe under load leaves the
                    # Service for a moment.
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.3)
                    continue
                connection.request(method, path, body, self.headers)
                response = connection.getresponse()
                return response.status, response.read()

    def call(
        self, method: str, path: str, accept: tuple[str, ...] = (), **body: Any
    ) -> dict[str, Any]:
        """Calls the REST API; an error whose code is in ``accept`` comes back as its body."""
        if method == "GET":
            path, body = f"{path}?{urlencode(body)}", {}
        status, raw = self.send(method, f"/api/{path}", json.dumps(body).encode() if body else b"")
        answer: dict[str, Any] = json.loads(raw) if raw[:1] == b"{" else {}
        if status >= 400 and answer.get("error_code") not in accept:
            said = answer.get("message") or raw[:200].decode(errors="replace")
            raise SeedError(f"{method} {path} as {self.user} was answered {status}: {said}")
        return answer

    def post(self, path: str, accept: tuple[str, ...] = (), **body: Any) -> dict[str, Any]:
        return self.call("POST", path, accept, **body)

    def get(self, path: str, accept: tuple[str, ...] = (), **query: Any) -> dict[str, Any]:
        return self.call("GET", path, accept, **query)


def password(user: str) -> str:
    return (PASSWORDS / user).read_text().strip()


def wait_for_mlflow() -> None:
    deadline = time.monotonic() + 480
    print(f"seed: waiting for MLflow at {HOST}:5000")
    while True:
        try:
            with closing(http.client.HTTPConnection(HOST, 5000, timeout=5)) as connection:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
        except (OSError, http.client.HTTPException):
            pass
        if time.monotonic() > deadline:
            raise SeedError(f"MLflow at {HOST}:5000 did not become healthy within 480 s")
        time.sleep(0.3)
