"""Port-forward in the channel protocol: one WebSocket to the kubelet per TCP connection.

Channel 0 carries data, channel 1 errors; each opens with the port's number in two bytes. Since
nothing outlives a connection, a pod that restarts is simply met by the next connection.
"""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.kube.client import Kube

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = b"\0", b"\1"
_BLOCK = 64 * 1024
_HEARTBEAT = 30.0
_LINGER = 10.0


async def connect(kube: Kube, namespace: str, pod: str, port: int) -> "Forward":
    """Open the way to one port of a pod, for one TCP connection.

    Raises:
        ApiError: the pod is not there or does not run, or one may not reach it.
    """
    path = KINDS["Pod"].path(quote(namespace, safe=""), quote(pod, safe=""), "portforward")
    url = f"{kube.server}{path}?ports={port}"
    rest = kube._api.rest_client
    headers: dict[str, str] = {}
    await kube._api.update_params_for_auth(headers, [], ["BearerToken"], url, "GET", None)
    if rest.pool_manager is None:
        rest.pool_manager = rest._create_pool_manager()
    session: aiohttp.ClientSession = rest.pool_manager
    options: dict[str, Any] = {"headers": headers, "proxy": rest.proxy, "max_msg_size": 0}
    if name := rest.configuration.tls_server_name:
        options["server_hostname"] = name
    try:
        return Forward(
            await session.ws_connect(
                "ws" + url.removeprefix("http"),
                protocols=(_PROTOCOL,),
                heartbeat=_HEARTBEAT,
                **options,
            )
        )
    except aiohttp.WSServerHandshakeError as error:
        kind = {403: errors.Forbidden, 404: errors.NotFound}.get(error.status, errors.ApiError)
        text = f"port-forward to pod {namespace}/{pod} was refused with {error.status}"
        raise kind(error.status, "PortForwardRefused", text) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        where = urlsplit(url).netloc
        raise errors.ApiError(0, "Unreachable", f"port-forward by {where}: {error}") from error


class Forward:
    """An open way to a port of a pod."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until either end closes.

        Raises:
            ApiError: nothing listens on the port, or the pod went away.
        """
        upstream = asyncio.create_task(self._up(reader))
        try:
            await self._down(writer)
        finally:
            upstream.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await upstream
            await self._socket.close()

    async def _up(self, reader: asyncio.StreamReader) -> None:
        """Send what the local program writes, then let the far end finish for a while.

        The protocol has no half-close: closing at once would cut the answer to a program that
        shuts down its sending side early, never closing would leak those that are gone.
        """
        while block := await reader.read(_BLOCK):
            await self._socket.send_bytes(_DATA + block)
        await asyncio.sleep(_LINGER)
        await self._socket.close()

    async def _down(self, writer: asyncio.StreamWriter) -> None:
        greeted: set[bytes] = set()
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            channel, payload = message.data[:1], message.data[1:]
            if channel not in greeted:
                greeted.add(channel)
                payload = payload[2:]
            if channel == _ERROR and payload:
                raise errors.ApiError(0, "PortForwardFailed", payload.decode("utf-8", "replace"))
            if channel == _DATA and payload:
                writer.write(payload)
                await writer.drain()
