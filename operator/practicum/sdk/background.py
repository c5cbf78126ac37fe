"""Runs the asynchronous core for synchronous callers, in a thread of its own.

Connections belong to one event loop, and a notebook has one running already: neither allows
``asyncio.run`` for each call.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """An event loop that runs beside the caller until it is closed, and what was opened in it."""

    def __init__(self) -> None:
        self._opened = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="practicum-sdk", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work there, and return what it returns; an interrupted caller ends it.

        Raises:
            ValueError: it was closed.
        """
        if self._loop.is_closed():
            work.close()
            raise ValueError("this Lab is closed: connect again")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Open something that is closed with this, and return it."""
        return self.run(self._opened.enter_async_context(context))

    def close(self) -> None:
        """Close all that was opened and end the thread; does nothing the second time."""
        if self._loop.is_closed():
            return
        self.run(self._opened.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
