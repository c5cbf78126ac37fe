"""Looks at a lab from its own pods: TCP connections from a side, requests to learners' services.

What several checks want to know from one side is asked by one pod. The pod's own part is
``checks.knocking``; what it reports is judged here, outside the learner's reach.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final

from practicum.api.labtemplate import PLATFORM
from practicum.api.looks.services import HttpRequest
from practicum.checks.outcomes import LearnerFailed, LookBroken, Unsupported
from practicum.checks.pods import Pods
from practicum.checks.repeating import Asked
from practicum.desired.check_pods import CheckPod
from practicum.desired.lab import Lab

Question = dict[str, Any]
Reply = dict[str, Any]

_QUIET_SECONDS: Final = 0.3
"""So long nobody else asks anything: then the pod is made."""
_POD_SECONDS: Final = 90


@dataclass
class _Batch:
    questions: list[Question] = field(default_factory=list)
    replies: asyncio.Future[list[Reply]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Prober:
    """Asks from within one lab, for one evaluation."""

    def __init__(self, lab: Lab, pods: Pods) -> None:
        """Choose the lab."""
        self._lab = lab
        self._pods = pods
        self._batches: dict[str, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def connects(self, side: str, host: str, port: int) -> bool:
        """Whether a pod of a side gets a TCP connection.

        Raises:
            LookBroken: the pod could not tell.
        """
        reply = await self._ask(side, {"connect": [host, port]})
        return bool(reply["open"])

    async def http(self, request: HttpRequest, times: int) -> Asked:
        """Send a request to a service that the learner made.

        Raises:
            LearnerFailed: it does not answer.
            LookBroken: the pod could not ask.
        """
        question = {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "json": request.json_,
            "times": times,
        }
        reply = await self._ask(PLATFORM, question)
        if "error" in reply:
            raise LearnerFailed(str(reply["error"]))
        return Asked(**reply)

    async def _ask(self, side: str, question: Question) -> Reply:
        if not self._lab.settings.check_image:
            raise Unsupported("the operator has no image for pods that look from within")
        if side not in self._batches:
            self._batches[side] = _Batch()
            task = asyncio.create_task(self._flush(side))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        batch = self._batches[side]
        # What several want to know, and asking does not change, is asked once.
        again = question.get("method", "GET") == "GET" and question in batch.questions
        place = batch.questions.index(question) if again else len(batch.questions)
        if not again:
            batch.questions.append(question)
        replies = await asyncio.shield(batch.replies)
        return replies[place]

    async def _flush(self, side: str) -> None:
        batch, seen = self._batches[side], -1
        while seen != len(batch.questions):
            seen = len(batch.questions)
            await asyncio.sleep(_QUIET_SECONDS)
        del self._batches[side]
        try:
            batch.replies.set_result(await self._run(side, batch.questions))
        except Exception as error:  # whoever asked is told
            batch.replies.set_exception(error)

    async def _run(self, side: str, questions: list[Question]) -> list[Reply]:
        pod = CheckPod(
            side=side,
            image=self._lab.settings.check_image,
            command=["python", "-m", "practicum.checks.knocking"],
            seconds=_POD_SECONDS,
            environment={"QUESTIONS": json.dumps(questions)},
        )
        text = await self._pods.run(self._lab, pod)
        try:
            replies = json.loads(text.strip().rsplit("\n", 1)[-1])
        except ValueError:
            replies = None
        if not isinstance(replies, list) or len(replies) != len(questions):
            raise LookBroken(f"the pod that looks from within said: {text[-300:]}")
        return replies
