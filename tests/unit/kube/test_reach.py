"""Knocking at a port: whoever listens, and nobody else."""

import asyncio
import socket
import time

from practicum.kube import reach


async def test_a_listener_is_reached_and_learns_nothing() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\n\r\n" * 9999)
        try:
            heard.set_result(await reader.read())
        except ConnectionError:
            heard.set_result(b"")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await reach.answers("127.0.0.1", port, 2)
        assert await heard == b""


async def test_nobody_is_not_reached() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert not await reach.answers("127.0.0.1", taken.getsockname()[1], 2)


async def test_silence_is_waited_for_no_longer_than_asked() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        others = [socket.socket() for _ in range(4)]
        for one in others:  # fill its queue: from here on nobody is let in
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        began = time.monotonic()
        assert not await reach.answers("127.0.0.1", deaf.getsockname()[1], 0.2)
        assert 0.15 < time.monotonic() - began < 2
        for one in others:
            one.close()
