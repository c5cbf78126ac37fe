"""Knocks at a TCP port: the one connection that the operator opens to anything but the API server.

It sends nothing and reads nothing, so whoever answers has nothing to answer with.
"""

import asyncio


async def answers(address: str, port: int, seconds: float) -> bool:
    """Whether a connection comes about within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True
