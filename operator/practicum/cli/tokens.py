"""Which token is the newest, when to fetch another, and where it is kept between calls."""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from practicum.api.times import parse_rfc3339, rfc3339

_LEAST_LEFT = timedelta(minutes=10)
_AGAIN_AFTER = timedelta(minutes=1)
_OLD = timedelta(days=2)
_JWT = re.compile(r"^[\w-]+\.[\w-]+\.[\w-]+$")


@dataclass(frozen=True)
class Token:
    """A bearer token with its life."""

    value: str
    issued: datetime
    expires: datetime

    def alive(self, now: datetime) -> bool:
        """Whether the API server still takes it."""
        return now < self.expires

    @property
    def renew_at(self) -> datetime:
        """When a newer one should be fetched: a third of its life or ten minutes are left."""
        return self.expires - max((self.expires - self.issued) / 3, _LEAST_LEFT)


@dataclass(frozen=True)
class Key:
    """Names one identity of one lab on one API server."""

    server: str
    namespace: str
    lab: str
    user: str


def read_jwt(text: str) -> Token | None:
    """Read a token's life from its own claims, or nothing where it does not tell.

    Nobody's word is taken for anything here: the signature is the API server's to check.
    """
    if not _JWT.match(text):
        return None
    payload = text.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        return Token(text, datetime.fromtimestamp(claims.get("iat", claims["exp"]), UTC), expires)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None


def from_secret(entry: dict[str, Any], now: datetime) -> Token:
    """Return the token of one user in ``tokens.json``.

    Raises:
        ValueError: the entry is malformed.
    """
    try:
        value, expires = str(entry["token"]), parse_rfc3339(entry["expiresAt"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"tokens.json lacks {error}") from error
    known = read_jwt(value)
    return Token(value, known.issued if known else now, expires)


def newest(tokens: Iterable[Token | None], now: datetime) -> Token | None:
    """Return the living token that lives longest, or nothing."""
    living = [token for token in tokens if token and token.alive(now)]
    return max(living, key=lambda token: token.expires, default=None)


def exec_credential(token: Token, now: datetime) -> dict[str, Any]:
    """Return what a client wants to read.

    The expiry that it is told is the moment to renew: a client asks again only once its token
    is over, and an expired token could not fetch its successor any more.
    """
    ask_again = max(token.renew_at, now + _AGAIN_AFTER)
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "token": token.value,
            "expirationTimestamp": rfc3339(min(ask_again, token.expires)),
        },
    }


def folder(environ: dict[str, str]) -> Path:
    """Return where tokens are kept."""
    base = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "practicum-tokens"


class Cache:
    """One file per identity, for its owner's eyes only. A cache that fails costs a request."""

    def __init__(self, where: Path) -> None:
        self._where = where

    def _path(self, key: Key) -> Path:
        parts = json.dumps([key.server, key.namespace, key.lab, key.user])
        return self._where / hashlib.sha256(parts.encode()).hexdigest()[:32]

    def load(self, key: Key) -> Token | None:
        """Return the token kept for an identity, or nothing."""
        try:
            path = self._path(key)
            if path.stat().st_uid != os.getuid():
                return None
            kept = json.loads(path.read_text(encoding="utf-8"))
            return Token(
                kept["token"], parse_rfc3339(kept["issuedAt"]), parse_rfc3339(kept["expiresAt"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def store(self, key: Key, token: Token, now: datetime) -> None:
        """Keep a token; forgets the files of labs long gone."""
        from practicum.cli.exits import CliError
        from practicum.cli.kubeconfigs import write_private

        content = {
            "token": token.value,
            "issuedAt": rfc3339(token.issued),
            "expiresAt": rfc3339(token.expires),
        }
        try:
            write_private(self._path(key), json.dumps(content))
            for path in self._where.iterdir():
                if now.timestamp() - path.stat().st_mtime > _OLD.total_seconds():
                    path.unlink(missing_ok=True)
        except (CliError, OSError):
            return
