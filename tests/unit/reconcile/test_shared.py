"""Answers are shared, and never older than the question."""

import asyncio

import pytest

from practicum.reconcile.shared import Shared


async def test_those_who_ask_meanwhile_share_the_next_answer() -> None:
    asked = 0

    async def ask(_: str) -> int:
        nonlocal asked
        asked += 1
        number = asked
        await asyncio.sleep(0.01)
        return number

    shared = Shared(ask)
    first = asyncio.create_task(shared("a"))
    await asyncio.sleep(0)
    later = await asyncio.gather(*(shared("a") for _ in range(5)))
    assert await first == 1
    assert later == [2] * 5
    assert await shared("a") == 3


async def test_errors_are_shared_and_do_not_stick() -> None:
    fails = True

    async def ask(_: str) -> str:
        await asyncio.sleep(0)
        if fails:
            raise RuntimeError("away")
        return "back"

    shared = Shared(ask)
    answers = await asyncio.gather(*(shared("a") for _ in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["away"] * 3
    fails = False
    assert await shared("a") == "back"


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    async def ask(_: str) -> str:
        await asyncio.sleep(0.01)
        return "answer"

    shared = Shared(ask)
    one, other = asyncio.create_task(shared("a")), asyncio.create_task(shared("a"))
    await asyncio.sleep(0)
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    assert await other == "answer"
