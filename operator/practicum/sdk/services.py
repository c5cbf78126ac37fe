"""Services of a lab as solutions of modules ask them: by HTTP, at ports forwarded to here."""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.5
_SECONDS: Final = 60


class SolutionError(Exception):
    """A step of a solution did not work; the message is what the program said."""


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: Any


@dataclass(frozen=True)
class Service:
    """A service of the lab, forwarded to this machine."""

    name: str
    url: str
    logins: list[dict[str, str]]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        persona: str | None = None,
        expect: int | None = 200,
    ) -> Any:
        """Send one request, JSON both ways.

        Args:
            method: HTTP verb.
            path: below the service's root.
            body: JSON-able; None: none.
            persona: whose login goes with it; empty: the learner's own; None: nobody's.
            expect: the status that it has to have; None: any, and the reply is returned whole.

        Raises:
            SolutionError: another status.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        if persona is not None:
            request.add_header(
                "Authorization", _authorization(login(self.logins, self.name, persona))
            )
        reply = _sent(request)
        if expect is None:
            return reply
        if reply.status != expect:
            raise SolutionError(f"{method} {self.name}{path}: {reply.status} {reply.body}")
        return reply.body


def login(logins: Iterable[Mapping[str, str]], service: str, persona: str) -> dict[str, str]:
    """Return a persona's login at a service; empty: the learner's own.

    Raises:
        SolutionError: they have none.
    """
    for one in logins:
        if one["service"] == service and one.get("persona", "") == persona:
            return dict(one)
    raise SolutionError(f"{persona or 'the learner'} has no login at {service}")


def _authorization(known: Mapping[str, str]) -> str:
    if known["kind"] == "bearer":
        return f"Bearer {known['password']}"
    pair = f"{known['username']}:{known['password']}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def _sent(request: urllib.request.Request) -> Reply:
    """Send a request; what was forwarded too early is sent again."""
    for attempt in range(_TRIES):
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return Reply(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as error:
            return Reply(error.code, _parsed(error.read()))
        except OSError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
