"""Asks services of a lab, which are not to be trusted: briefly, a little, and never elsewhere.

What answers may be anything that runs in the lab. So no redirect is followed, no more is read than
an answer may have, and all of it together has five seconds. Who is asked is an address, not a
name: the caller takes it from a pod of the lab.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import aiohttp

from practicum.errors import ServiceError

SECONDS: Final = 5.0
BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """A status and what came with it: parsed JSON, or bytes where they were asked for."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name in lower case."""


class Services:
    """Opens connections to services of labs; none is kept."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit_per_host=4),
            timeout=aiohttp.ClientTimeout(total=SECONDS),
            # A cookie of one lab must not reach another one.
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=BYTES,
            auto_decompress=False,
            # What little there is to read need not be packed, and must not unpack to a lot.
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        parse: bool = True,
    ) -> Answer:
        """Send one request.

        Args:
            method: HTTP verb.
            url: with an address as its host.
            body: JSON-able.
            headers: among them who asks.
            parse: whether the answer has to be JSON; a successful one that need not be comes as
                bytes.

        Raises:
            ServiceError: no answer in time, or none that may be read.
        """
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._session.request(
                    method, url, json=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                if 300 <= response.status < 400:
                    raise ServiceError(
                        "Redirected", f"{url} points elsewhere, which is never followed"
                    )
                raw = await _read(response, url)
                said = {name.lower(): value for name, value in response.headers.items()}
                if not parse and response.status < 300:
                    return Answer(response.status, raw, said)
                return Answer(response.status, _parsed(raw, url, response.status), said)
        except TimeoutError as error:
            text = f"{url} did not answer within {SECONDS:.0f} s"
            raise ServiceError("TimedOut", text) from error
        except (aiohttp.ClientError, OSError) as error:
            what = str(error) or type(error).__name__
            raise ServiceError("Unreachable", f"{url}: {what}") from error


def json_or_text(raw: Any) -> Any:
    """Return the JSON of an answer that came as bytes, or its text where it is none."""
    if not isinstance(raw, bytes):
        return raw
    text = raw.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


async def _read(response: aiohttp.ClientResponse, url: str) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > BYTES:
            raise ServiceError("TooLong", f"{url} answered with more than {BYTES} bytes")
    return bytes(raw)


def _parsed(raw: bytes, url: str, status: int) -> Any:
    """Return the JSON of an answer; an error may come as anything: its status says enough."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        if status >= 400:
            return None
        raise ServiceError("NotJson", f"{url} answered with something that is not JSON") from error
