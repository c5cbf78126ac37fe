"""A thin asynchronous client: claim, apply, replace, get, list, delete, token.

Authentication, TLS, exec plugins and token refresh are those of ``kubernetes.aio``; bodies are
plain dicts. Requests that are safe to repeat are repeated a little on 429, 5xx and broken
connections; everything else comes out as one of our errors.
"""

import asyncio
import json
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode
from urllib.request import getproxies

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.api.names import FIELD_MANAGER
from practicum.api.times import parse_rfc3339
from practicum.clock import Clock, utcnow
from practicum.kube.refusals import refusal

Object = dict[str, Any]

_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
_ATTEMPTS = 4
_PAGE = 500
_CONNECTIONS = 48
"""Some 32 requests at once, and the watches, each of which holds a connection for good."""
_POD_GRACE = 5


class Kube:
    """One connection pool to one API server."""

    def __init__(self, api: ApiClient, *, clock: Clock = utcnow) -> None:
        self._api = api
        self._clock = clock
        self.skew = timedelta(0)
        """API server's clock minus ours, from the Date of its last answer."""
        self.fence: Callable[[], bool] = lambda: True
        """Whether this process may write at this moment: a leader that slept may not."""
        self.answered: Callable[[str, int, float], None] = lambda verb, status, seconds: None
        """Called with each answer: HTTP verb or WATCH, status or 0, seconds."""
        self.watch_restarted: Callable[[str], None] = lambda kind: None
        """Called when a watch of a kind broke."""
        self.requests = 0
        """Requests sent so far; a benchmark reads it."""

    @classmethod
    async def connect(cls, kubeconfig: Path | None = None, context: str | None = None) -> Self:
        """Connect by a kubeconfig, else by the pod's ServiceAccount, else by ``$KUBECONFIG``.

        Raises:
            ApiError: no configuration was found, or it does not load.
        """
        configuration = _configuration()
        try:
            if kubeconfig is None and context is None:
                try:
                    kube_config.load_incluster_config(client_configuration=configuration)
                    return cls(ApiClient(configuration))
                except kube_config.ConfigException:
                    pass
            await kube_config.load_kube_config(
                config_file=str(kubeconfig) if kubeconfig else None,
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
        except (kube_config.ConfigException, OSError) as error:
            raise errors.ApiError(0, "NoKubeconfig", f"no usable kubeconfig: {error}") from error
        return cls(ApiClient(configuration))

    @property
    def server(self) -> str:
        """Address of the API server."""
        return str(self._api.configuration.host)

    @property
    def ca(self) -> str:
        """PEM bundle that this connection trusts, or nothing."""
        configuration = self._api.configuration
        if configuration.ssl_ca_cert:
            return Path(configuration.ssl_ca_cert).read_text(encoding="utf-8")
        return str(configuration.ca_cert_data or "")

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        repeat: bool = True,
    ) -> Any:
        """Send one request and return the parsed answer.

        Args:
            method: HTTP verb.
            path: path below the API server's address, already quoted.
            query: query parameters.
            body: JSON-able body.
            content_type: how the body is to be read.
            repeat: whether sending it twice does no harm.

        Raises:
            ApiError: or the subclass that fits the status.
        """
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._once(method, url, body, content_type)
            except errors.ApiError as error:
                if not (error.retryable and repeat) or attempt == _ATTEMPTS:
                    raise
                pause = max(error.retry_after, 0.1 * 2**attempt)
                await asyncio.sleep(min(pause, 5) * random.uniform(0.7, 1.3))  # noqa: S311
        raise AssertionError("unreachable")

    async def _once(self, method: str, url: str, body: Any, content_type: str) -> Any:
        if method != "GET" and not self.fence():
            raise errors.ApiError(0, "NotLeader", f"{method} {url}: the lease is not held any more")
        headers = {"Accept": "application/json", "Content-Type": content_type}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], url, method, body)
        self.requests += 1
        began = time.monotonic()
        try:
            response = await self._api.rest_client.request(
                method, url, headers=headers, body=body, _request_timeout=_TIMEOUT
            )
            raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError) as error:
            self.answered(method, 0, time.monotonic() - began)
            what = str(error) or type(error).__name__
            raise errors.ApiError(0, "Unreachable", f"{method} {url}: {what}") from error
        self.answered(method, response.status, time.monotonic() - began)
        if date := response.getheader("Date"):
            self.skew = parsedate_to_datetime(date) - self._clock()
        if response.status >= 300:
            raise refusal(method, url, response.status, raw, response.getheader("Retry-After"))
        return json.loads(raw) if raw else {}

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        """Read one object. Raises NotFound when it is not there."""
        return _dict(await self.request("GET", _path(kind, namespace, name)))

    async def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """Read one object, or None when it is not there."""
        try:
            return await self.get(kind, namespace, name)
        except errors.NotFound:
            return None

    async def pages(
        self,
        kind: str,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        *,
        size: int = _PAGE,
    ) -> AsyncIterator[tuple[Sequence[Object], str]]:
        """Yield all objects of a kind, page by page, each with the list's resourceVersion."""
        query = {"limit": str(size), "labelSelector": labels, "fieldSelector": fields}
        header = {"apiVersion": KINDS[kind].api_version, "kind": kind}
        while True:
            page = await self.request("GET", _path(kind, namespace), query=query)
            meta = page["metadata"]
            yield [header | item for item in page.get("items", [])], meta.get("resourceVersion", "")
            if not (token := meta.get("continue")):
                return
            query["continue"] = token

    async def list(
        self, kind: str, namespace: str = "", labels: str = "", *, fields: str = ""
    ) -> list[Object]:
        """Read all objects of a kind; ``labels`` and ``fields`` are selectors."""
        pages = self.pages(kind, namespace, labels, fields)
        return [item async for items, _ in pages for item in items]

    async def create(self, body: Object, *, subresource: str = "") -> Object:
        """Create one object. Raises Conflict when the name is taken."""
        meta = body.get("metadata", {})
        name = meta.get("name", "") if subresource else ""
        path = _path(body["kind"], meta.get("namespace", ""), name, subresource)
        query = {"fieldManager": FIELD_MANAGER}
        return _dict(await self.request("POST", path, query=query, body=body, repeat=False))

    async def apply(
        self, body: Object, *, subresource: str = "", manager: str = FIELD_MANAGER
    ) -> Object:
        """Server-side apply with force; a ``metadata.uid`` in the body is a precondition."""
        meta = body["metadata"]
        path = _path(body["kind"], meta.get("namespace", ""), meta["name"], subresource)
        query = {"fieldManager": manager, "force": "true"}
        return _dict(await self.request("PATCH", path, query=query, body=body, content_type=_APPLY))

    async def replace(self, body: Object) -> Object:
        """Write a whole object over its older self; its resourceVersion is a precondition."""
        meta = body["metadata"]
        path = _path(body["kind"], meta.get("namespace", ""), meta["name"])
        query = {"fieldManager": FIELD_MANAGER}
        return _dict(await self.request("PUT", path, query=query, body=body))

    async def json_patch(
        self, kind: str, namespace: str, name: str, operations: Sequence[Object]
    ) -> Object:
        """Apply an RFC 6902 patch; put a ``test`` on resourceVersion first."""
        path = _path(kind, namespace, name)
        query = {"fieldManager": FIELD_MANAGER}
        body = list(operations)
        answer = await self.request("PATCH", path, query=query, body=body, content_type=_JSON_PATCH)
        return _dict(answer)

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Object) -> Object:
        """Apply an RFC 7386 patch: what a person's edit of a few fields is."""
        path = _path(kind, namespace, name)
        return _dict(await self.request("PATCH", path, body=patch, content_type=_MERGE_PATCH))

    async def delete(
        self, kind: str, namespace: str, name: str, *, uid: str = "", foreground: bool = False
    ) -> bool:
        """Delete one object; False when it was already gone. ``uid`` is a precondition."""
        options: Object = {"propagationPolicy": "Foreground" if foreground else "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self.request("DELETE", _path(kind, namespace, name), body=options)
        except errors.NotFound:
            return False
        return True

    async def delete_all(self, kind: str, namespace: str) -> None:
        """Delete every object of a kind in a namespace."""
        options: Object = {"propagationPolicy": "Background"}
        if kind == "Pod":
            options["gracePeriodSeconds"] = _POD_GRACE
        await self.request("DELETE", _path(kind, namespace), body=options)

    async def token(self, namespace: str, account: str, life: timedelta) -> tuple[str, datetime]:
        """Mint a ServiceAccount token; returns it with the expiry that the server granted."""
        body: Object = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": int(life.total_seconds())},
        }
        path = _path("ServiceAccount", namespace, account, "token")
        status = (await self.request("POST", path, body=body))["status"]
        return status["token"], parse_rfc3339(status["expirationTimestamp"])


def _configuration() -> Configuration:
    """Return what every connection starts from.

    Told to heed the environment, aiohttp looks for a netrc and for proxies before each request,
    in two threads: done only where a proxy is asked for.
    """
    configuration = Configuration()
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.client_session_kwargs = {"trust_env": bool(getproxies())}
    return configuration


def _path(kind: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    return KINDS[kind].path(quote(namespace, safe=""), quote(name, safe=""), subresource)


def _dict(answer: Any) -> Object:
    if not isinstance(answer, dict):
        raise errors.ApiError(0, "BadAnswer", "the API server did not answer with an object")
    return answer
