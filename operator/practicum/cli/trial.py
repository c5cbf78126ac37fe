"""Tries a cluster out for ``practicum doctor --probe``: a namespace, a few small pods, and gone.

What only shows in use: whether policies deny, quotas count and volumes come. The pods are the
operator's own probe's, and end by themselves should nobody be left to remove them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

from practicum.api.names import PROBE, PROBE_NAMESPACE
from practicum.api.times import parse_rfc3339
from practicum.cli import output
from practicum.cli.examination import Finding, fail, ok, unknown
from practicum.cli.fitness import ENFORCE
from practicum.cli.session import Object, Session
from practicum.desired import probe
from practicum.policy import network
from practicum.policy.network import Round
from practicum.settings import Settings

Found = TypeVar("Found")

SECONDS: Final = 90
_GONE_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.5
_LEFT: Final = timedelta(minutes=10)
_MARK: Final = f"{PROBE}=doctor"
_LOOK: Final = "see that nodes can pull --probe-image, and have room"
_SIZE: Final = "1Mi"
_WRITE: Final = "open('/data/seen', 'w').close()"
_VISIT: Final = f"""
import json, socket, sys, time
def reached(host):
    try:
        socket.create_connection((host, {probe.PORT}), 2).close()
    except OSError:
        return False
    return True
rounds = []
while len(rounds) < 8 and rounds[-3:] != [[True, False]] * 3:
    rounds.append([reached(host) for host in sys.argv[1:]])
    time.sleep(0.5)
open("/dev/termination-log", "w").write(json.dumps(rounds))
"""


@asynccontextmanager
async def opened(session: Session, settings: Settings) -> AsyncIterator["Trial"]:
    """Make a namespace to try things in, and remove it at the end of the block.

    Args:
        session: as whom.
        settings: image of the pods, the nodes for them, and what volumes are asked from.

    Raises:
        ApiError: it cannot be made.
    """
    kube = session.kube
    for left in await kube.list("Namespace", labels=_MARK):
        if session.now() - parse_rfc3339(left["metadata"]["creationTimestamp"]) > _LEFT:
            await kube.delete("Namespace", "", left["metadata"]["name"])
    meta = {
        "generateName": "practicum-doctor-",
        "labels": {PROBE: "doctor", ENFORCE: "restricted"},
    }
    made = await kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    name = made["metadata"]["name"]
    try:
        account = {"name": PROBE_NAMESPACE, "namespace": name}
        await kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        yield Trial(session, name, settings)
    finally:
        await kube.delete("Namespace", "", name)

        async def gone() -> bool:
            return await kube.find("Namespace", "", name) is None

        if not await _until(gone, _GONE_SECONDS):
            output.note(f"namespace {name} is not gone yet: kubectl describe it")


class Trial:
    """A namespace that enforces ``restricted``, for a minute."""

    def __init__(self, session: Session, namespace: str, settings: Settings) -> None:
        self.namespace = namespace
        self._kube = session.kube
        self._settings = settings

    async def network(self) -> network.Finding:
        """Try whether a pod that a policy denies is reached from another one."""
        policy = {
            "podSelector": {"matchLabels": {PROBE: "closed"}},
            "policyTypes": ["Ingress"],
        }
        await self._make("NetworkPolicy", "networking.k8s.io/v1", "closed", spec=policy)
        doors = {door: await self._run(probe.pod(door, self._settings)) for door in probe.DOORS}
        pods: list[Object] = []

        async def listening() -> list[str]:
            pods[:] = [await self._read("Pod", name) for name in doors.values()]
            found = [network.address(pods, PROBE, door) for door in probe.DOORS]
            return found if all(found) else []

        addresses = await _until(listening, SECONDS)
        if not addresses:
            return network.unsettled(pods, [])
        visitor = await self._run(self._script(_VISIT, *addresses))
        ended = await _until(lambda: self._ended(visitor), SECONDS)
        if not ended:
            return network.unsettled([await self._read("Pod", visitor)], [])
        if ended["exitCode"]:
            return network.unknown(f"the visiting pod failed: {ended.get('message', '')}")
        rounds = [Round(*one) for one in json.loads(ended["message"])]
        return network.settled(rounds) or network.unsettled(pods, rounds)

    async def quota(self) -> Object:
        """Make a ResourceQuota; return it as soon as it is counted, else as it is after a while."""
        hard = {"count/configmaps": "8"}
        await self._make("ResourceQuota", "v1", "trial", spec={"hard": hard})

        async def counted() -> bool:
            quota = await self._read("ResourceQuota", "trial")
            return bool(quota["status"].get("hard") == hard)

        await _until(counted, SECONDS)
        return await self._read("ResourceQuota", "trial")

    async def volume(self) -> Finding:
        """Try whether a claim gets a volume that a pod without rights can write to."""
        claim: Object = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": _SIZE}},
        }
        if self._settings.storage_class:
            claim["storageClassName"] = self._settings.storage_class
        await self._make("PersistentVolumeClaim", "v1", "trial", spec=claim)
        pod = self._script(_WRITE)
        pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "trial"}}]
        pod["spec"]["securityContext"]["fsGroup"] = 1000
        mount = {"name": "data", "mountPath": "/data"}
        pod["spec"]["containers"][0]["volumeMounts"] = [mount]
        writer = await self._run(pod)
        ended = await _until(lambda: self._ended(writer), SECONDS)
        if ended and not ended["exitCode"]:
            return ok("a pod has had a volume from it")
        claim = await self._read("PersistentVolumeClaim", "trial")
        if not ended and claim["status"].get("phase") == "Bound":
            why = network.trouble([await self._read("Pod", writer)])
            return unknown(f"a volume was made, but no pod ran to use it: {why}", _LOOK)
        said = ended.get("message") or await self._last_event()
        return fail(
            f"no pod could write to a volume of it: {' '.join(said.split())[-300:]}",
            "see whether the StorageClass's provisioner runs, and what it logs",
        )

    def _script(self, script: str, *arguments: str) -> Object:
        """Return a pod that runs a script and keeps its last words."""
        body = probe.pod("open", self._settings)
        body["metadata"] |= {"generateName": "script-", "labels": {}}
        (container,) = body["spec"]["containers"]
        del container["readinessProbe"], container["ports"]
        container["command"] = ["python", "-c", script, *arguments]
        container["terminationMessagePolicy"] = "FallbackToLogsOnError"
        return body

    async def _run(self, body: Object) -> str:
        body["metadata"]["namespace"] = self.namespace
        return str((await self._kube.create(body))["metadata"]["name"])

    async def _make(self, kind: str, version: str, name: str, **body: Any) -> None:
        meta = {"name": name, "namespace": self.namespace}
        await self._kube.create({"apiVersion": version, "kind": kind, "metadata": meta, **body})

    async def _read(self, kind: str, name: str) -> Object:
        return await self._kube.get(kind, self.namespace, name)

    async def _ended(self, pod: str) -> Object:
        statuses = (await self._read("Pod", pod))["status"].get("containerStatuses", [])
        return next((one["state"].get("terminated", {}) for one in statuses), {})

    async def _last_event(self) -> str:
        events = await self._kube.list("Event", self.namespace, fields="type=Warning")
        return str(events[-1].get("message", "")) if events else f"nothing in {SECONDS} s"


async def _until(look: Callable[[], Awaitable[Found]], seconds: float) -> Found:
    """Look until something is found or the time is up; returns what was seen last."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + seconds
    while not (found := await look()) and loop.time() < limit:
        await asyncio.sleep(_POLL_SECONDS)
    return found
