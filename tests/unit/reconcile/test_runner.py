"""One pass at a time per lab, none lost, failures back off."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from practicum.api.names import LabKey
from practicum.errors import ApiError
from practicum.observe import metrics
from practicum.reconcile import runner as running
from practicum.reconcile.runner import Runner, Work, background, periodically, together

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADA, BOB = LabKey("course", "ada"), LabKey("course", "bob")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Drawing tracebacks for a terminal is what these tests would mostly do."""
    with structlog.testing.capture_logs():
        yield


def clock() -> datetime:
    return NOW


@asynccontextmanager
async def running_with(work: Work) -> AsyncIterator[Runner]:
    runner = Runner(work, clock)
    yield runner
    await runner.stop()


async def settle(runner: Runner) -> None:
    """Wait until no lab has anything left to do."""
    async with asyncio.timeout(2):
        while tasks := list(runner._tasks.values()):
            await asyncio.gather(*tasks)


@given(
    wakes=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=25),
    steps=st.integers(1, 4),
)
def test_never_two_passes_over_one_lab_and_no_wake_is_lost(
    wakes: list[tuple[str, int]], steps: int
) -> None:
    inside: Counter[LabKey] = Counter()
    news: dict[LabKey, int] = {}
    seen: dict[LabKey, int] = {}

    async def work(key: LabKey) -> None:
        inside[key] += 1
        assert inside[key] == 1
        seen[key] = news[key]
        for _ in range(steps):
            await asyncio.sleep(0)
        inside[key] -= 1

    async def scenario() -> None:
        async with running_with(work) as runner:
            for number, (name, pauses) in enumerate(wakes):
                key = LabKey("course", name)
                news[key] = number
                runner.wake(key)
                for _ in range(pauses):
                    await asyncio.sleep(0)
            await settle(runner)

    asyncio.run(scenario())
    # Every lab's last pass began after its last wake: whatever the wake was about was seen.
    assert seen == news


async def test_many_wakes_before_a_pass_are_one() -> None:
    passes: Counter[LabKey] = Counter()

    async def work(key: LabKey) -> None:
        passes[key] += 1

    async with running_with(work) as runner:
        for _ in range(100):
            runner.wake(ADA)
        runner.wake(BOB)
        await settle(runner)
    assert passes == {ADA: 1, BOB: 1}


async def test_a_wake_during_a_pass_brings_another() -> None:
    passes = 0
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def work(_: LabKey) -> None:
        nonlocal passes
        passes += 1
        inside.set()
        await go_on.wait()

    async with running_with(work) as runner:
        runner.wake(ADA)
        await inside.wait()
        runner.wake(ADA)
        go_on.set()
        await settle(runner)
    assert passes == 2


async def test_labs_run_side_by_side() -> None:
    here = asyncio.Barrier(2)

    async def work(_: LabKey) -> None:
        async with asyncio.timeout(1):
            await here.wait()

    async with running_with(work) as runner:
        runner.wake(ADA)
        runner.wake(BOB)
        await settle(runner)


async def test_but_only_so_many() -> None:
    inside = most = 0

    async def work(_: LabKey) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1

    async with running_with(work) as runner:
        for number in range(100):
            runner.wake(LabKey("course", str(number)))
        await settle(runner)
    assert 1 < most <= running._PARALLEL


async def test_a_deadline_brings_the_next_pass() -> None:
    passes = 0

    async def work(_: LabKey) -> datetime | None:
        nonlocal passes
        passes += 1
        return NOW + timedelta(milliseconds=5) if passes < 4 else None

    async with running_with(work) as runner:
        runner.wake(ADA)
        await settle(runner)
    assert passes == 4


async def test_a_wake_comes_before_a_far_deadline() -> None:
    first = asyncio.Event()
    moments = iter([NOW + timedelta(hours=1), None])

    async def work(_: LabKey) -> datetime | None:
        first.set()
        return next(moments)

    async with running_with(work) as runner:
        runner.wake(ADA)
        await first.wait()
        runner.wake(ADA)
        await settle(runner)
    assert next(moments, "both passes were made") == "both passes were made"


async def test_a_deadline_in_the_past_does_not_wait() -> None:
    moments = iter([NOW - timedelta(days=1), None])

    async def work(_: LabKey) -> datetime | None:
        return next(moments)

    async with running_with(work) as runner:
        runner.wake(ADA)
        await settle(runner)


@pytest.mark.parametrize("error", [ApiError(500, "x", "y"), ValueError("bug")])
async def test_failures_back_off_and_success_forgets_them(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float | None] = []
    outcomes = iter([True, True, True, False, True, False])

    async def work(_: LabKey) -> datetime | None:
        if next(outcomes):
            raise error
        return None if len(pauses) > 4 else NOW

    async def sleep(_: asyncio.Event, seconds: float | None) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(Runner, "_sleep", staticmethod(sleep))
    async with running_with(work) as runner:
        runner.wake(ADA)
        await settle(runner)
    assert pauses == [0.5, 1, 2, 0.0, 0.5]


def test_back_off_grows_to_a_minute() -> None:
    assert list(running._BACKOFF) == sorted(running._BACKOFF)
    assert running._BACKOFF[-1] <= 60


async def test_a_lab_that_fails_for_long_is_still_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_BACKOFF", (0, 0))
    passes = 0

    async def work(_: LabKey) -> None:
        nonlocal passes
        passes += 1
        if passes < 10:
            raise RuntimeError("again")

    async with running_with(work) as runner:
        runner.wake(ADA)
        await settle(runner)
    assert passes == 10


async def test_it_ends_when_there_is_nothing_left() -> None:
    async def work(_: LabKey) -> None:
        return None

    async with running_with(work) as runner:
        runner.wake(ADA)
        await settle(runner)
        assert not runner._tasks
        assert not runner._alarms
        runner.wake(ADA)
        assert list(runner._tasks) == [ADA]
        await settle(runner)


async def test_stopping_ends_passes_and_sleeps() -> None:
    ended = []

    async def work(key: LabKey) -> datetime | None:
        if key == BOB:
            return NOW + timedelta(hours=1)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(key)
        return None

    runner = Runner(work, clock)
    runner.wake(ADA)
    runner.wake(BOB)
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        await runner.stop()
    assert ended == [ADA]


async def test_those_who_can_wait_leave_places_to_the_others() -> None:
    """However many labs end, one that has just begun or that must be locked out is taken on."""
    inside: set[LabKey] = set()
    go_on = asyncio.Event()

    async def work(key: LabKey) -> None:
        inside.add(key)
        await go_on.wait()

    def is_ending(key: LabKey) -> bool:
        return key.name.startswith("ending")

    runner = Runner(work, clock, is_ending)
    ending = [LabKey("course", f"ending-{i}") for i in range(200)]
    for key in [*ending, ADA]:
        runner.wake(key)
    await asyncio.sleep(0.01)
    assert ADA in inside
    assert 1 < len(inside) < 20
    go_on.set()
    await settle(runner)
    assert inside == {*ending, ADA}


async def test_together_raises_once_all_have_ended() -> None:
    ended: list[str] = []

    async def fail() -> None:
        raise ApiError(500, "InternalError", "no")

    async def last() -> str:
        await asyncio.sleep(0.01)
        ended.append("last")
        return "last"

    with pytest.raises(ApiError):
        await together(fail(), last())
    assert ended == ["last"]
    assert await together(last(), last()) == ["last", "last"]


async def test_together_is_cancelled_as_a_whole() -> None:
    cancelled: list[int] = []

    async def work(number: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    task = asyncio.ensure_future(together(work(1), work(2)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cancelled) == [1, 2]


async def test_what_runs_in_the_background_ends_with_what_is_within() -> None:
    ended = asyncio.Event()

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with background(job()):
        await asyncio.sleep(0)
        assert not ended.is_set()
    assert ended.is_set()


async def test_what_is_within_ends_with_a_job_that_fails() -> None:
    """A watch or a sweep that died unnoticed would leave labs alone for good."""
    reached = False

    async def job() -> None:
        raise KeyError("ownerReferences")

    with pytest.raises(ExceptionGroup) as raised:
        async with background(job(), asyncio.sleep(60)):
            await asyncio.sleep(60)
            reached = True
    assert raised.group_contains(KeyError, match="ownerReferences", depth=1)
    assert not reached


@pytest.mark.parametrize("error", [ApiError(503, "Away", "away"), KeyError("metadata")])
async def test_a_turn_that_fails_is_counted_and_not_the_last(error: Exception) -> None:
    turns = 0

    async def work() -> None:
        nonlocal turns
        turns += 1
        if turns < 3:
            raise error
        raise asyncio.CancelledError

    failed = metrics.TASK_FAILURES.labels("sweep")
    before = failed._value.get()
    with pytest.raises(asyncio.CancelledError):
        await periodically("sweep", work, timedelta())
    assert (turns, failed._value.get() - before) == (3, 2)


async def test_the_wait_for_a_pass_is_measured_and_counted() -> None:
    def sample(name: str) -> float:
        return REGISTRY.get_sample_value(name, {"runner": "checks"}) or 0.0

    async def work(_: LabKey) -> None:
        pass

    passes = "practicum_reconcile_duration_seconds_count"
    waits, waited = "practicum_queue_wait_seconds_count", "practicum_queue_wait_seconds_sum"
    before = {name: sample(name) for name in (passes, waits, waited)}
    runner = Runner(work, clock, name="checks")
    runner.hold()
    for key in (ADA, BOB, ADA):
        runner.wake(key)
    assert sample("practicum_queue_depth") == 2
    await asyncio.sleep(0.05)
    runner.release()
    await settle(runner)
    assert sample("practicum_queue_depth") == 0
    assert sample(passes) - before[passes] == sample(waits) - before[waits] == 2
    assert 0.1 <= sample(waited) - before[waited] < 2
    await runner.stop()
