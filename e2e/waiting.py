"""What happens in a cluster happens in its own time: asked for until it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 3
"""How many times longer than on an idle machine things may take: whoever passes waits for none."""


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    """Ask every half second until the answer is true.

    Args:
        check: asks once.
        seconds: how long it may take on an idle machine.

    Raises:
        TimeoutError: it took several times as long.
    """
    async with asyncio.timeout(PATIENCE * seconds):
        while not (answer := await check()):
            await asyncio.sleep(0.5)
    return answer
