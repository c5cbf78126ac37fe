"""Runs a pod in a lab to its end, and returns what it said.

One that an operator left behind, because it was killed, ends by itself and goes at the next look.
"""

import asyncio
import contextlib
from typing import Final
from weakref import WeakValueDictionary

from practicum import errors
from practicum.api import names
from practicum.api.labtemplate import PLATFORM
from practicum.checks.outcomes import LearnerFailed, LookBroken
from practicum.desired.check_pods import CONTAINER, CheckPod, manifest
from practicum.desired.lab import Lab
from practicum.kube import stream
from practicum.kube.client import Kube, Object
from practicum.policy import pods as trouble

_POLL_SECONDS: Final = 0.4
_GRACE_SECONDS: Final = 60
"""For a node to be found and the image to be there, beside the pod's own time."""
_OUTPUT: Final = 1024 * 1024


class Pods:
    """Runs pods: few at a time, whatever the number of labs, and at most half of them in one."""

    def __init__(self, kube: Kube, most: int) -> None:
        """Choose how many may run at once."""
        self._kube = kube
        self._places = asyncio.Semaphore(most)
        self._share = max(1, most // 2)
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def tidy(self, lab: Lab) -> None:
        """Remove what an evaluation that was cut short left behind."""
        for namespace in lab.namespaces.values():
            for pod in await self._kube.list("Pod", namespace, names.CHECK):
                await self._kube.delete("Pod", namespace, pod["metadata"]["name"])

    async def run(self, lab: Lab, wanted: CheckPod) -> str:
        """Run a pod and return what it wrote.

        Raises:
            LookBroken: it could not be made, did not start, or did not come to an end.
            LearnerFailed: pods of the learner's take the room that it needs, or it is code of
                theirs that came to no end.
        """
        share = self._shares.setdefault(lab.uid, asyncio.Semaphore(self._share))
        async with share, self._places:
            try:
                pod = await self._kube.create(manifest(lab, wanted))
            except (errors.Forbidden, errors.Conflict) as error:
                text = f"no pod could be made to look from within: {error}"
                full = trouble.NO_ROOM in str(error) and wanted.side != PLATFORM
                raise (LearnerFailed if full else LookBroken)(text) from error
            try:
                return await self._finished(pod, wanted)
            finally:
                with contextlib.suppress(errors.ApiError):
                    await self._kube.delete("Pod", *_name(pod))

    async def _finished(self, pod: Object, wanted: CheckPod) -> str:
        clock = asyncio.get_running_loop().time
        deadline = clock() + wanted.seconds + _GRACE_SECONDS
        while True:
            found = await self._kube.find("Pod", *_name(pod))
            if found is None:
                raise LookBroken("the pod that looked from within was deleted")
            if trouble.has_ended(found):
                return await self._said(found, wanted)
            if clock() > deadline:
                raise LookBroken(_why(found))
            await asyncio.sleep(_POLL_SECONDS)

    async def _said(self, pod: Object, wanted: CheckPod) -> str:
        status = pod["status"]
        fault = LearnerFailed if wanted.theirs else LookBroken
        if status.get("reason") == "DeadlineExceeded":
            raise fault(f"the pod that looked from within took more than {wanted.seconds} s")
        text = await stream.output(self._kube, pod, CONTAINER, most=_OUTPUT)
        if status["phase"] == "Failed" and not text.strip():
            raise fault(_why(pod))
        return text


def _name(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _why(pod: Object) -> str:
    return f"the pod that looks from within: {trouble.why(pod, 'it did not come to an end')}"
