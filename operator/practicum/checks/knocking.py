"""What a pod of ``checks.prober`` runs: answers the questions of $QUESTIONS, as one line of JSON.

Asks as carefully as the operator itself does: briefly, a little, and never elsewhere.
"""

import asyncio
import json
import os
import sys
from functools import partial
from typing import Any, Final

from practicum.checks.repeating import repeated
from practicum.errors import ServiceError
from practicum.governance.http import Services
from practicum.kube import reach

_ROUNDS: Final = 4
_PAUSE_SECONDS: Final = 1.0
"""Between two knocks: some networks are a moment late with a new pod, either way."""
_KNOCK_SECONDS: Final = 2.0
_HEADERS: Final = 32
_AT_ONCE: Final = 4
"""Requests; a service of a learner's need not stand more."""
_SECONDS: Final = 20.0
"""For all repetitions of one request."""
_ALL_SECONDS: Final = 70.0
_REPLY: Final = 96 * 1024
"""Bytes of one reply, as JSON."""
_ALL: Final = 900 * 1024
"""Bytes of all replies: a pod's log is read up to a mebibyte."""


async def connect(host: str, port: int) -> dict[str, Any]:
    """Knock until two answers in a row are the same; what a network settles on counts."""
    last: bool | None = None
    for _ in range(_ROUNDS):
        now = await reach.answers(host, port, _KNOCK_SECONDS)
        if now is last:
            return {"open": now}
        last = now
        await asyncio.sleep(_PAUSE_SECONDS)
    return {"open": bool(last)}


async def request(
    services: Services, question: dict[str, Any], seconds: float = _SECONDS
) -> dict[str, Any]:
    """Send one request, some times over; the last answer is told.

    Args:
        services: how it is sent.
        question: method, url, headers, json and times.
        seconds: how long all of it may take.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _repeated(services, question)
    except TimeoutError:
        times, url = question["times"], question["url"]
        return {"error": f"{url} did not answer {times} times within {seconds:.0f} s"}


async def _repeated(services: Services, question: dict[str, Any]) -> dict[str, Any]:
    ask = partial(
        services.call,
        question["method"],
        question["url"],
        body=question["json"],
        headers=question["headers"],
        parse=False,
    )
    try:
        asked = await repeated(ask, question["times"])
    except ServiceError as error:
        return {"error": str(error)}
    return {**vars(asked), "headers": dict(list(asked.headers.items())[:_HEADERS])}


def bounded(reply: dict[str, Any], most: int) -> dict[str, Any]:
    """Return a reply that is at most so many bytes as JSON, or that it is longer."""
    if len(json.dumps(reply)) <= most:
        return reply
    return {"error": f"the answer has more than {most // 1024} KiB"}


async def answers(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer all questions side by side, few at once."""
    places, clock = asyncio.Semaphore(_AT_ONCE), asyncio.get_running_loop().time
    deadline = clock() + _ALL_SECONDS

    async def answered(services: Services, question: dict[str, Any]) -> dict[str, Any]:
        if "connect" in question:
            return await connect(*question["connect"])
        async with places:
            left = max(0.0, min(_SECONDS, deadline - clock()))
            reply = await request(services, question, left)
        return bounded(reply, min(_REPLY, _ALL // len(questions)))

    async with Services() as services:
        return await asyncio.gather(*(answered(services, one) for one in questions))


async def main() -> None:
    """Answer the questions of the environment."""
    replies = await answers(json.loads(os.environ["QUESTIONS"]))
    sys.stdout.write(json.dumps(replies) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
