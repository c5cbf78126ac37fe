"""Whoever calls the API server: credentials of their own, and no library between them and it."""

import base64
import http.client
import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode, urlsplit

Object = dict[str, Any]

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
_SECONDS = 15
_IDLE_SECONDS = 30
"""After that a new connection is made: the API server closes one that was quiet for 90."""


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    status: int
    body: Object

    @property
    def granted(self) -> bool:
        """Whether it was done; 101 is a connection to a pod that was let through."""
        return self.status < 300

    @property
    def message(self) -> str:
        """The refusal's words."""
        return "" if self.granted else str(self.body.get("message", ""))


class Actor:
    """One identity; ``user`` and ``groups`` impersonate, which only an administrator may."""

    def __init__(self, kubeconfig: Object, *, user: str = "", groups: tuple[str, ...] = ()) -> None:
        cluster = kubeconfig["clusters"][0]["cluster"]
        contexts = {context["name"]: context["context"] for context in kubeconfig["contexts"]}
        users = {entry["name"]: entry["user"] for entry in kubeconfig["users"]}
        credentials = users[contexts[kubeconfig["current-context"]]["user"]]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        tls = ssl.create_default_context(cadata=authority)
        self._headers: list[tuple[str, str]] = []
        if "token" in credentials:
            self._headers.append(("Authorization", f"Bearer {credentials['token']}"))
        else:
            _load_certificate(tls, credentials)
        if user:
            self._headers.append(("Impersonate-User", user))
        self._headers += [("Impersonate-Group", group) for group in groups]
        self._connection = http.client.HTTPSConnection(
            urlsplit(cluster["server"]).netloc, context=tls, timeout=_SECONDS
        )
        self._used = time.monotonic()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = JSON,
        dry_run: bool = False,
        query: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; with ``dry_run`` all is decided and nothing done."""
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self._connection.close()
        try:
            return self._call(method, path, body, content_type, dry_run, query)
        except (OSError, http.client.HTTPException):
            # In the midst of an exchange it would take no other request.
            self._connection.close()
            if method != "GET" and not dry_run:
                raise
            return self._call(method, path, body, content_type, dry_run, query)

    def _call(
        self,
        method: str,
        path: str,
        body: object,
        content_type: str,
        dry_run: bool,
        query: dict[str, str] | None,
    ) -> Answer:
        parameters = {**(query or {}), **({"dryRun": "All"} if dry_run else {})}
        content = b"" if body is None else json.dumps(body).encode()
        self._connection.putrequest(method, path + (f"?{urlencode(parameters)}" * bool(parameters)))
        headers = [("Content-Type", content_type), ("Content-Length", str(len(content)))]
        for name, value in (*self._headers, *headers):
            self._connection.putheader(name, value)
        self._connection.endheaders(content)
        response = self._connection.getresponse()
        raw = response.read()
        self._used = time.monotonic()
        try:
            return Answer(response.status, json.loads(raw))
        except ValueError:
            return Answer(response.status, {"message": raw.decode(errors="replace")})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _load_certificate(tls: ssl.SSLContext, credentials: Object) -> None:
    with TemporaryDirectory() as folder:
        files = []
        for part in ("client-certificate-data", "client-key-data"):
            files.append(Path(folder, part))
            files[-1].write_bytes(base64.b64decode(credentials[part]))
        tls.load_cert_chain(*files)
