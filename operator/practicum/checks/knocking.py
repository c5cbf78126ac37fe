"""What a pod of ``checks.prober`` runs: answers the questions of $QUESTIONS, as one line of JSON.

Asks as carefully as the operator itself does: briefly, a little, and never elsewhere.
"""

import asyncio
import json
import os
import sys
from typing import Any, Final

from practicum.errors import ServiceError
from practicum.governance.http import Services
from practicum.kube import reach

_ROUNDS: Final = 4
_PAUSE_SECONDS: Final = 1.0
"""Between two knocks: some networks are a moment late with a new pod, either way."""
_KNOCK_SECONDS: Final = 2.0
_LONGEST: Final = 16 * 1024
_HEADERS: Final = 32


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


async def request(services: Services, question: dict[str, Any]) -> dict[str, Any]:
    """Send one request, some times over; the last answer is told."""
    clock, seconds, answer = asyncio.get_running_loop().time, [], None
    try:
        for _ in range(question["times"]):
            began = clock()
            answer = await services.call(
                *(question["method"], question["url"]),
                body=question["json"],
                headers=question["headers"],
                parse=False,
            )
            seconds.append(clock() - began)
    except ServiceError as error:
        return {"error": str(error)}
    if answer is None:
        return {"error": "asked no time at all"}
    return {
        "status": answer.status,
        "headers": dict(list(answer.headers.items())[:_HEADERS]),
        "body": _told(answer.body),
        "seconds": seconds,
    }


def _told(body: Any) -> Any:
    if not isinstance(body, bytes):
        return body
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text[:_LONGEST]


async def main() -> None:
    """Answer all questions side by side."""
    questions = json.loads(os.environ["QUESTIONS"])
    async with Services() as services:
        replies = await asyncio.gather(
            *(
                connect(*question["connect"])
                if "connect" in question
                else request(services, question)
                for question in questions
            )
        )
    sys.stdout.write(json.dumps(replies) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
