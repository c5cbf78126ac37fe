"""A learner at work: their own kubeconfig, their own logins, nothing else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.stage import Stage
from practicum.errors import ApiError, NotFound
from practicum.kube import portforward
from practicum.kube.client import Kube

PORTS = {"mlflow": 5000, "feast": 8888, "opa": 8181, "serving": 8080}
_ATTEMPTS = 3


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: Any


@dataclass(frozen=True)
class Service:
    """A service of the lab, forwarded to this machine."""

    url: str

    async def call(
        self,
        path: str,
        *,
        body: Any = None,
        login: dict[str, str] | None = None,
        method: str = "",
        reads: bool = False,
    ) -> Answer:
        """Send one request, JSON both ways, or bytes; statuses of 400 and more are answers too.

        What only reads is asked again where the forwarded connection was lost.
        """
        reads = reads or (body is None and method in ("", "GET"))
        attempts = _ATTEMPTS if reads else 1
        while True:
            try:
                return await asyncio.to_thread(self._call, path, body, login, method)
            except (OSError, http.client.HTTPException):
                attempts -= 1
                if not attempts:
                    raise
                await asyncio.sleep(1)

    def _call(self, path: str, body: Any, login: dict[str, str] | None, method: str) -> Answer:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method or None)
        request.add_header("Content-Type", "application/json")
        if login:
            request.add_header("Authorization", _authorization(login))
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, _parsed(response.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _parsed(error.read()))


def _authorization(login: dict[str, str]) -> str:
    if login["kind"] == "bearer":
        return f"Bearer {login['password']}"
    pair = f"{login['username']}:{login['password']}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")


@dataclass(frozen=True)
class Learner:
    """One lab, seen with its learner's credentials."""

    kube: Kube
    kubeconfig: Path
    course: str
    lab: str
    namespace: str
    platform: str
    logins: list[dict[str, str]]

    def login(self, service: str, username: str) -> dict[str, str]:
        """Return one of the learner's logins."""
        return next(
            login
            for login in self.logins
            if (login["service"], login["username"]) == (service, username)
        )

    @contextlib.asynccontextmanager
    async def service(self, name: str) -> AsyncIterator[Service]:
        """Forward a service's port to this machine for a while."""

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ApiError, ConnectionError):
                way = await portforward.connect(self.kube, self.platform, f"{name}-0", PORTS[name])
                await way.run(reader, writer)
            writer.close()

        server = await asyncio.start_server(carry, "127.0.0.1", 0)
        async with server:
            yield Service(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@contextlib.asynccontextmanager
async def learner(stage: Stage, course: str, lab: str, folder: Path) -> AsyncIterator[Learner]:
    """Fetch a lab's credentials as the instructor does, then be the learner.

    Raises:
        NotFound: the lab has no credentials.
    """
    kubeconfig = folder / f"{lab}.kubeconfig"
    # It starts with the static token; the context that renews itself has a journey of its own.
    to_file = ("--write", str(kubeconfig), "--no-exec")
    fetched = stage.practicum("credentials", lab, "-n", course, *to_file)
    logins = stage.practicum("credentials", lab, "-n", course, "-o", "json")
    if fetched.returncode or logins.returncode:
        raise NotFound(404, "NotFound", fetched.stderr + logins.stderr)
    async with await Kube.connect(kubeconfig, lab) as kube:
        status = (await kube.get("LabEnvironment", course, lab))["status"]
        own, platform = status["namespaces"]
        found = json.loads(logins.stdout)
        yield Learner(kube, kubeconfig, course, lab, own, platform, found.get("logins", found))
