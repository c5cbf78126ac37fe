"""One request for many who ask at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Shared(Generic[Key, Value]):
    """Shares answers, never stale ones: whoever asks gets one that was asked for afterwards.

    While a request is under way, all who come wait for the next one, which begins when it ends.
    """

    def __init__(self, ask: Callable[[Key], Awaitable[Value]]) -> None:
        self._ask = ask
        self._running: dict[Key, asyncio.Task[Value]] = {}
        self._next: dict[Key, asyncio.Task[Value]] = {}

    async def __call__(self, key: Key) -> Value:
        """Return an answer that was asked for after this call."""
        if key not in self._running:
            task = self._running[key] = asyncio.create_task(self._run(key))
        elif key not in self._next:
            task = self._next[key] = asyncio.create_task(self._after(key, self._running[key]))
        else:
            task = self._next[key]
        # One who gives up must not take the answer away from the others.
        return await asyncio.shield(task)

    async def _run(self, key: Key) -> Value:
        try:
            return await self._ask(key)
        finally:
            self._running.pop(key, None)

    async def _after(self, key: Key, before: asyncio.Task[Value]) -> Value:
        await asyncio.wait([before])
        self._running[key] = self._next.pop(key)
        return await self._run(key)
