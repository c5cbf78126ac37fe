"""Asks a service the same some times over, and takes the time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from practicum.governance.http import Answer, json_or_text


@dataclass(frozen=True)
class Asked:
    """An answer to a request, and how long each of its repetitions took."""

    status: int
    headers: dict[str, str]
    body: Any
    seconds: list[float]


async def repeated(ask: Callable[[], Awaitable[Answer]], times: int) -> Asked:
    """Ask some times, one after the other; the last answer is told.

    Raises:
        ServiceError: of what asks, at its first failure.
    """
    clock, seconds, answer = asyncio.get_running_loop().time, [], Answer(0, None)
    for _ in range(times):
        began = clock()
        answer = await ask()
        seconds.append(clock() - began)
    return Asked(answer.status, dict(answer.headers), json_or_text(answer.body), seconds)
