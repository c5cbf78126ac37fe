"""One writer per lab: a task for each, woken by events or by its own next deadline."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

import structlog

from practicum.api.names import LabKey
from practicum.clock import Clock
from practicum.errors import ApiError, PracticumError
from practicum.observe import metrics

log = structlog.get_logger()

Work = Callable[[LabKey], Awaitable[datetime | None]]
"""One pass over a lab; returns when to come back, or None when there is nothing left to do."""

_BACKOFF: Final = (0.5, 1, 2, 5, 10, 30, 60)
_PARALLEL: Final = 64
_AGAIN: Final = timedelta(seconds=15)
"""After which a periodic job that failed is tried anew, where its pause is longer."""
_PATIENT: Final = 8
"""Places for labs that can wait; more than Kubernetes' namespace controller keeps up with."""


@contextlib.asynccontextmanager
async def background(*jobs: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run jobs beside what is within: they end with it, and it ends with the first that fails.

    Raises:
        ExceptionGroup: of what was raised within and by jobs.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in jobs]
        yield
        for task in tasks:
            task.cancel()


async def periodically(
    task: str, work: Callable[[], Awaitable[object]], pause: timedelta
) -> NoReturn:
    """Work, pause and work again, for as long as the operator lives.

    Args:
        task: what the log and the metric call it.
        work: one turn; whatever goes wrong in it waits for the next, which then comes soon.
        pause: between two turns.
    """
    failures = metrics.TASK_FAILURES.labels(task)
    while True:
        rest = pause
        try:
            await work()
        except Exception as error:  # whatever it is, labs have to go on
            rest = min(pause, _AGAIN)
            failures.inc()
            expected = isinstance(error, PracticumError)
            log.warning("task failed", task=task, error=str(error), exc_info=not expected)
        await asyncio.sleep(rest.total_seconds())


async def together(*work: Awaitable[Any]) -> list[Any]:
    """Do things side by side, and raise the first error once all of them have ended.

    ``asyncio.gather`` raises at once: what else it began would go on beside the lab's next pass.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


class Runner:
    """Wakes labs and runs their passes, one at a time per lab, many labs side by side."""

    def __init__(
        self,
        work: Work,
        clock: Clock,
        can_wait: Callable[[LabKey], bool] = lambda _: False,
        *,
        name: str = "labs",
    ) -> None:
        """Choose what a pass does, and which labs' passes leave most places to the others.

        Args:
            work: one pass.
            clock: tells the time.
            can_wait: whether a lab may leave its place to others.
            name: what the metrics call this runner.
        """
        self._work = work
        self._clock = clock
        self._can_wait = can_wait
        self._open = asyncio.Event()
        self._open.set()
        self._alarms: dict[LabKey, asyncio.Event] = {}
        self._tasks: dict[LabKey, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_PARALLEL)
        self._patient = asyncio.Semaphore(_PATIENT)
        self._woken: dict[LabKey, float] = {}
        """When each lab that waits for its pass was woken, by the loop's clock."""
        metrics.QUEUE_DEPTH.labels(name).set_function(lambda: len(self._woken))
        self._waited = metrics.QUEUE_SECONDS.labels(name)
        self._lasted = metrics.RECONCILE_SECONDS.labels(name)
        self._went = {one: metrics.RECONCILES.labels(name, one) for one in ("ok", "error")}

    def wake(self, key: LabKey) -> None:
        """Have a lab looked at soon; many wakes before that are one."""
        if key not in self._tasks:
            self._alarms[key] = asyncio.Event()
            self._tasks[key] = asyncio.create_task(self._live(key), name=str(key))
        self._alarms[key].set()
        self._waits(key)

    def _waits(self, key: LabKey) -> None:
        self._woken.setdefault(key, asyncio.get_running_loop().time())

    def hold(self) -> None:
        """Let no pass begin until `release`: what is not known yet would be taken for missing."""
        self._open.clear()

    def release(self) -> None:
        """Let passes begin."""
        self._open.set()

    async def stop(self) -> None:
        """End every task; a pass cut short is continued by whoever runs next."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._woken.clear()

    async def _live(self, key: LabKey) -> None:
        alarm = self._alarms[key]
        structlog.contextvars.bind_contextvars(lab=key.name, course=key.namespace)
        failures = 0
        await self._open.wait()
        while True:
            async with self._place(key):
                alarm.clear()
                self._waited.observe(asyncio.get_running_loop().time() - self._woken.pop(key))
                due, failures = await self._pass(key, failures)
            if due is None and not alarm.is_set():
                # No await between the check and this: a later wake starts a new task.
                del self._tasks[key], self._alarms[key]
                return
            await self._sleep(alarm, due)
            self._waits(key)

    @contextlib.asynccontextmanager
    async def _place(self, key: LabKey) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if self._can_wait(key):
                await stack.enter_async_context(self._patient)
            await stack.enter_async_context(self._places)
            yield

    async def _pass(self, key: LabKey, failures: int) -> tuple[float | None, int]:
        """Run one pass; returns the seconds to wait at most, and the failures in a row."""
        try:
            with self._lasted.time():
                moment = await self._work(key)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever it is, the lab must be tried again
            pause = _BACKOFF[min(failures, len(_BACKOFF) - 1)]
            self._went["error"].inc()
            expected = isinstance(error, ApiError)
            log.warning("pass failed", error=str(error), again_in=pause, exc_info=not expected)
            return pause, failures + 1
        self._went["ok"].inc()
        if moment is None:
            return None, 0
        return max(0.0, (moment - self._clock()).total_seconds()), 0

    @staticmethod
    async def _sleep(alarm: asyncio.Event, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await alarm.wait()
        except TimeoutError:
            pass
