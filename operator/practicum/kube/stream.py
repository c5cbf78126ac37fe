"""Long answers of the API server: watches that mend themselves, and the tail of a log."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.kube.client import Kube, Object
from practicum.kube.refusals import refusal

# The server ends a watch after five to ten minutes of its own accord; silence for longer than
# that is a broken connection that nobody told us about.
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=5, sock_read=660)
_POLL = 2.0
_PAUSE = 1.0
_GONE = 410
_REFUSALS = 5


class Event(NamedTuple):
    """One change. RESET comes before a complete listing: forget what you knew."""

    type: Literal["RESET", "ADDED", "MODIFIED", "DELETED"]
    object: Object


async def watch(
    kube: Kube, kind: str, namespace: str, name: str = ""
) -> AsyncGenerator[Event, None]:
    """Yield what is there and then every change, for ever; lost connections are made again.

    With a ``name`` only the right to get and watch that one object is needed; what may be read
    but not watched is polled.

    Raises:
        NotFound: a named object did not exist in the first place, or its kind does not.
        ApiError: the first reading was refused.
    """
    since, started, refusals = "", False, 0
    only = f"metadata.name={name}" if name else ""
    last: Object = {}
    while True:
        try:
            if not since:
                objects, since = await _read(kube, kind, namespace, name)
                yield Event("RESET", {})
                started, refusals = True, 0
                for last in objects:
                    yield Event("ADDED", last)
            async for event in _watch_once(kube, kind, namespace, since, fields=only):
                since = event.object["metadata"]["resourceVersion"]
                if event.type != "RESET":
                    last = event.object
                    yield event
            await asyncio.sleep(_PAUSE)
        except errors.ApiError as error:
            refusals += isinstance(error, errors.Forbidden)
            await _recover(error, started, refusals)
            since = ""
            if isinstance(error, errors.NotFound):
                yield Event("DELETED", last)


async def _recover(error: errors.ApiError, started: bool, refusals: int) -> None:
    """Pause before the next attempt, or raise what no attempt will mend.

    An API server that has just started refuses for some seconds, until it has read its RBAC.
    """
    mends = error.retryable or error.status in (_GONE, 403, 404)
    if not started or not mends or refusals > _REFUSALS:
        raise error
    await asyncio.sleep(_POLL if refusals else _PAUSE)


async def tail(kube: Kube, pod: Object, container: str, *, previous: bool, lines: int) -> str:
    """Return the last lines of a container's log; empty when they cannot be had."""
    query = {"tailLines": str(lines)} | ({"previous": "true"} if previous else {})
    with suppress(errors.ApiError):
        return (await output(kube, pod, container, most=8192, **query)).strip()
    return ""


async def output(kube: Kube, pod: Object, container: str, *, most: int, **query: str) -> str:
    """Return the beginning of a container's log, of at most so many bytes.

    Raises:
        ApiError: it cannot be had.
    """
    meta = pod["metadata"]
    path = KINDS["Pod"].path(meta["namespace"], quote(meta["name"], safe=""), "log")
    wanted = {"container": container, "limitBytes": str(most), **query}
    parts = [chunk async for chunk in _chunks(kube, path, wanted)]
    return b"".join(parts).decode("utf-8", "replace")


async def _read(kube: Kube, kind: str, namespace: str, name: str) -> tuple[list[Object], str]:
    """Read the object, or all of them, with the resourceVersion to watch from."""
    if name:
        item = await kube.get(kind, namespace, name)
        return [item], str(item["metadata"]["resourceVersion"])
    page = await kube.request("GET", KINDS[kind].path(namespace))
    header = {"apiVersion": KINDS[kind].api_version, "kind": kind}
    items = [header | item for item in page.get("items", [])]
    return items, str(page["metadata"]["resourceVersion"])


def changes(
    kube: Kube, kind: str, since: str, labels: str, fields: str = ""
) -> AsyncGenerator[Event, None]:
    """Yield what changes everywhere after a resourceVersion, until the server ends the watch.

    A RESET says only how far the watch has come.

    Raises:
        ApiError: the watch was refused, broke, or is too old (410) and has to begin anew.
    """
    return _watch_once(kube, kind, "", since, labels=labels, fields=fields)


async def _watch_once(
    kube: Kube, kind: str, namespace: str, since: str, *, labels: str = "", fields: str = ""
) -> AsyncGenerator[Event, None]:
    query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": since}
    query |= {"labelSelector": labels, "fieldSelector": fields}
    rest = b""
    async for chunk in _chunks(kube, KINDS[kind].path(namespace), query):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield _event(json.loads(line))


def _event(raw: dict[str, Any]) -> Event:
    kind, item = raw["type"], raw["object"]
    if kind == "ERROR":
        code = int(item.get("code") or 410)
        raise errors.ApiError(code, item.get("reason", "Expired"), item.get("message", ""))
    return Event("RESET" if kind == "BOOKMARK" else kind, item)


async def _chunks(kube: Kube, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
    url = f"{kube.server}{path}?{urlencode(query)}"
    api = kube._api
    headers = {"Accept": "application/json, */*"}
    await api.update_params_for_auth(headers, [], ["BearerToken"], url, "GET", None)
    began, verb = time.monotonic(), "WATCH" if "watch" in query else "GET"
    try:
        answer = await api.rest_client.request(
            "GET", url, headers=headers, _request_timeout=_TIMEOUT
        )
        response: aiohttp.ClientResponse = answer.response
        kube.answered(verb, response.status, time.monotonic() - began)
        try:
            if response.status >= 300:
                raw = await response.read()
                raise refusal("GET", url, response.status, raw, response.headers.get("Retry-After"))
            async for chunk in response.content.iter_any():
                yield chunk
        finally:
            response.close()
    except (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError) as error:
        what = str(error) or type(error).__name__
        raise errors.ApiError(0, "Unreachable", f"GET {url}: {what}") from error
