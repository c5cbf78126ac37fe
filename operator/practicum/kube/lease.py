"""Leader election by a Lease, in a thread and an event loop of its own.

A busy operator loop cannot starve the renewal, and a lost lease ends the process: nothing that
the old leader still has under way can then meet the new one's writes. Clocks of replicas are
never compared: a lease is over when it was not seen to change for its duration, by one's own
steady clock. (The library's elector has no bound on one attempt and ends on a broken connection;
hence this one.)
"""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import structlog

from practicum import errors
from practicum.clock import utcnow
from practicum.kube.client import Kube

log = structlog.get_logger()

DURATION: Final = timedelta(seconds=15)
RENEW_DEADLINE: Final = timedelta(seconds=10)
RETRY: Final = timedelta(seconds=2)
ATTEMPT: Final = timedelta(seconds=4)
_JITTER: Final = 0.05
_NAME: Final = "practicum-operator"


def steady() -> float:
    """Return seconds that no one can set, and that run on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Elector(threading.Thread):
    """Acquires the lease, then renews it until it is lost or given up."""

    def __init__(self, namespace: str, identity: str, on_lost: Callable[[], None]) -> None:
        super().__init__(name="lease", daemon=True)
        self._namespace = namespace
        self._identity = identity
        self._on_lost = on_lost
        self.acquired = threading.Event()
        self._stopping = threading.Event()
        self._renewed = 0.0
        self._seen: tuple[str | None, float] = (None, 0.0)
        self._last: dict[str, Any] | None = None
        """The Lease as we last wrote it, unless that is in doubt."""

    def holds(self) -> bool:
        """Whether this replica may write: its last renewal is recent, also after a long sleep."""
        return self.acquired.is_set() and steady() - self._renewed < RENEW_DEADLINE.total_seconds()

    def stop(self) -> None:
        """Give the lease up, so that another replica need not wait for it to run out."""
        self._stopping.set()
        self.join(timeout=ATTEMPT.total_seconds() + 1)

    def run(self) -> None:
        """Thread body."""
        asyncio.run(self._elect())

    async def _elect(self) -> None:
        async with await Kube.connect() as kube:
            while not self._stopping.is_set():
                began = steady()
                held = await self._attempt(kube)
                if held:
                    self._renewed = began
                    self.acquired.set()
                elif self.acquired.is_set() and (held is False or not self.holds()):
                    log.error("lease lost", identity=self._identity)
                    self._on_lost()
                    return
                await asyncio.to_thread(self._stopping.wait, self._pause())
            if self.acquired.is_set():
                await self._attempt(kube, give_up=True)

    def _pause(self) -> float:
        """Return the seconds until the next attempt: none later than a rival's lease may end."""
        pause = RETRY.total_seconds()
        if self.acquired.is_set():
            return pause
        _, since = self._seen
        left = since + DURATION.total_seconds() - steady()
        return min(pause, left + _JITTER) if left > 0 else pause

    async def _attempt(self, kube: Kube, *, give_up: bool = False) -> bool | None:
        """Try once, within bounds: True held, False somebody else's, None not known."""
        try:
            async with asyncio.timeout(ATTEMPT.total_seconds()):
                return await self._take(kube, give_up=give_up)
        except errors.Conflict:
            return None
        except (errors.ApiError, TimeoutError) as error:
            log.warning("lease attempt failed", error=str(error) or type(error).__name__)
            return None

    async def _take(self, kube: Kube, *, give_up: bool) -> bool:
        # Our own last write is read again only if somebody else wrote since: a conflict says so.
        found, self._last = self._last, None
        found = found or await kube.find("Lease", self._namespace, _NAME)
        if found is None:
            self._last = await kube.create(self._lease({}, None))
            return True
        spec, version = found.get("spec", {}), found["metadata"]["resourceVersion"]
        taken = spec.get("holderIdentity") not in (self._identity, "", None)
        if taken and not self._over(spec, version):
            return False
        body = self._lease(spec, version)
        if give_up:
            body["spec"]["holderIdentity"] = ""
        self._last = await kube.replace(body)
        return True

    def _over(self, spec: dict[str, Any], version: str) -> bool:
        """Whether a rival's lease has stood unchanged, under our eyes, for as long as it lasts."""
        if self._seen[0] != version:
            self._seen = (version, steady())
        return steady() - self._seen[1] >= (spec.get("leaseDurationSeconds") or 0)

    def _lease(self, old: dict[str, Any], version: str | None) -> dict[str, Any]:
        stamp = utcnow().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        mine = old.get("holderIdentity") == self._identity
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": _NAME,
                "namespace": self._namespace,
                **({"resourceVersion": version} if version else {}),
            },
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(DURATION.total_seconds()),
                "acquireTime": old.get("acquireTime", stamp) if mine else stamp,
                "renewTime": stamp,
                "leaseTransitions": old.get("leaseTransitions", 0) + (not mine),
            },
        }
