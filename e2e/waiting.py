"""What happens in a cluster happens in its own time: asked for until it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    """Ask every half second until the answer is true."""
    async with asyncio.timeout(seconds):
        while not (answer := await check()):
            await asyncio.sleep(0.5)
    return answer
