"""Runs the pods that move a lab's volumes: porters until they are ready, a keeper to its end.

Nothing is remembered: which pods there are says how far it has come, so a killed operator goes on
where it was, and a pod that failed is away before the next attempt.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from practicum import errors
from practicum.api.archives import Volume, record_name
from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import ARCHIVE, AUDIT_NAMESPACE, LAB_UID
from practicum.api.times import parse_rfc3339
from practicum.archives.porter import PORT
from practicum.desired import archive_pods as pods
from practicum.desired.guards import JOBS_QUOTA
from practicum.errors import ArchiveError
from practicum.kube import stream
from practicum.kube.client import Object
from practicum.policy import pods as trouble
from practicum.reconcile.tools import Tools

_START: Final = timedelta(minutes=3)
"""In which a pod has to find its node, its volume and its image."""
_OBJECTS: Final = 32 * 1024 * 1024


async def nothing() -> bytes:
    """Return what a keeper finds beside a task that says all."""
    return b""


class Movers:
    """Makes, watches and removes porters and keepers."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def porters(
        self,
        lab: LabEnvironment,
        places: Mapping[str, str],
        volumes: Iterable[Volume],
        *,
        writes: bool,
    ) -> dict[str, str] | None:
        """Have a porter stand beside each volume.

        Args:
            lab: whose volumes.
            places: namespaces by side.
            volumes: all that are to be read, or written.
            writes: whether they are to be written.

        Returns:
            the porters' addresses by volume; None while they start.

        Raises:
            ArchiveError: one does not start.
        """
        urls: dict[str, str] = {}
        kube, ready = self._tools.kube, True
        wanted = list(volumes)
        for side in sorted({one.side for one in wanted}):
            await kube.apply(pods.door(lab, places[side]))
        for volume in wanted:
            namespace = places[volume.side]
            body = pods.porter(lab, namespace, volume, self._tools.settings, writes=writes)
            pod = await self._standing(body, f"the volume {volume.name}", guarded=writes)
            address = pod.get("status", {}).get("podIP")
            if address and trouble.is_ready(pod):
                host = f"[{address}]" if ":" in address else address
                urls[volume.name] = f"http://{host}:{PORT}/"
            else:
                ready = False
        return urls if ready else None

    async def _standing(self, body: Object, what: str, *, guarded: bool) -> Object:
        """Return a pod as it is, made if it is not there.

        Args:
            body: the pod.
            what: it stands beside.
            guarded: whether the quota of pods that end is still needed: nobody gets into a lab
                that has ended, and where it was suspended the quota has room for none.

        Raises:
            ArchiveError: it has ended, or does not start in time.
        """
        kube, meta = self._tools.kube, body["metadata"]
        pod = await kube.find("Pod", meta["namespace"], meta["name"])
        if pod is None:
            try:
                pod = await kube.create(body)
            except errors.Forbidden as error:
                if guarded or f"{trouble.NO_ROOM}: {JOBS_QUOTA}," not in str(error):
                    raise
                await kube.delete("ResourceQuota", meta["namespace"], JOBS_QUOTA)
                return {}
        if "deletionTimestamp" in pod["metadata"]:
            return {}  # of an attempt that failed
        if trouble.has_ended(pod) or (not trouble.is_ready(pod) and self._late(pod)):
            raise ArchiveError("VolumeUnreadable", f"{what}: {_why(pod)}")
        return pod

    def _late(self, pod: Object) -> bool:
        made = parse_rfc3339(pod["metadata"]["creationTimestamp"])
        return self._tools.clock() - made > _START

    async def keeper(
        self, uid: str, task: dict[str, Any], captured: Callable[[], Awaitable[bytes]]
    ) -> dict[str, Any] | None:
        """Have a keeper do a task.

        Args:
            uid: names the keeper: a lab's, where its volumes are moved.
            task: as ``archives.keeper`` takes it.
            captured: what it finds beside its task; asked for once.

        Returns:
            what it says came of it; None while it works, or waits for a place.

        Raises:
            ArchiveError: it failed, with its own reason.
        """
        kube = self._tools.kube
        pod = await kube.find("Pod", AUDIT_NAMESPACE, record_name(uid))
        if pod is None:
            with suppress(errors.Conflict):
                await kube.create(pods.shelf(self._tools.settings))
            parts = await self._inputs(uid, captured)
            try:
                await kube.create(pods.keeper(uid, task, parts, self._tools.settings))
            except errors.Forbidden as error:
                if trouble.NO_ROOM not in str(error):
                    raise
            return None
        return self._verdict(pod)

    async def outcome(self, uid: str) -> dict[str, Any] | None:
        """Return what a keeper says came of its task; None while there is nothing to say.

        Raises:
            ArchiveError: it failed, with its own reason.
        """
        pod = await self._tools.kube.find("Pod", AUDIT_NAMESPACE, record_name(uid))
        return self._verdict(pod) if pod else None

    def _verdict(self, pod: Object) -> dict[str, Any] | None:
        if "deletionTimestamp" in pod["metadata"]:
            return None
        phase = pod.get("status", {}).get("phase")
        if phase == "Succeeded":
            return _message(pod)
        if phase == "Failed":
            said = _message(pod)
            raise ArchiveError(said.get("error", "KeeperFailed"), said.get("message") or _why(pod))
        if phase != "Running" and self._late(pod):
            raise ArchiveError("KeeperNotStarted", _why(pod))
        return None

    async def _inputs(self, uid: str, captured: Callable[[], Awaitable[bytes]]) -> int:
        """Write what a keeper finds, unless it is all there; returns how many parts that is."""
        kube, settings = self._tools.kube, self._tools.settings
        first = await kube.find("Secret", AUDIT_NAMESPACE, pods.input_name(uid, 0))
        if first:
            return int(first["metadata"]["annotations"][pods.PARTS])
        await self._remove("Secret", uid)
        made = pods.inputs(uid, await captured(), settings)
        for body in made:
            await kube.create(body)
        return len(made)

    async def objects(self, uid: str) -> str:
        """Return what a keeper that restored a lab wrote: the learner's objects, packed."""
        kube = self._tools.kube
        pod = await kube.get("Pod", AUDIT_NAMESPACE, record_name(uid))
        return await stream.output(kube, pod, pods.CONTAINER, most=_OBJECTS)

    async def tidy(self, uid: str) -> None:
        """Remove a keeper and what it found; porters go with their namespaces, or by `send_off`."""
        with suppress(errors.NotFound):
            await self._tools.kube.delete("Pod", AUDIT_NAMESPACE, record_name(uid))
        await self._remove("Secret", uid)

    async def _remove(self, kind: str, uid: str) -> None:
        kube = self._tools.kube
        for body in await kube.list(kind, AUDIT_NAMESPACE, f"{ARCHIVE}=input,{LAB_UID}={uid}"):
            await kube.delete(kind, AUDIT_NAMESPACE, body["metadata"]["name"])

    async def send_off(self, namespaces: Iterable[str]) -> bool:
        """Remove the porters of a lab; returns whether there are any left."""
        left = False
        for namespace in namespaces:
            for pod in await self._tools.kube.list("Pod", namespace, f"{ARCHIVE}=porter"):
                left = True
                await self._tools.kube.delete("Pod", namespace, pod["metadata"]["name"])
        return left


def _message(pod: Object) -> dict[str, Any]:
    """Return what a pod left as its last word, if that is what a keeper says."""
    for one in pod.get("status", {}).get("containerStatuses", []):
        with suppress(ValueError):
            said = json.loads(one.get("state", {}).get("terminated", {}).get("message", ""))
            if isinstance(said, dict):
                return said
    return {}


def _why(pod: Object) -> str:
    return trouble.why(pod, "its pod ended without a word")
