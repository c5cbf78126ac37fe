"""Leader election by a Lease, in a thread and an event loop of its own.

A busy operator loop cannot starve the renewal, and a lost lease ends the process: nothing that
the old leader still has under way can then meet the new one's writes. (The library's elector has
no bound on one attempt and ends on a broken connection; hence this one.)
"""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from practicum import errors
from practicum.api.times import parse_rfc3339
from practicum.clock import utcnow
from practicum.kube.client import Kube

log = structlog.get_logger()

DURATION: Final = timedelta(seconds=15)
RENEW_DEADLINE: Final = timedelta(seconds=10)
RETRY: Final = timedelta(seconds=2)
ATTEMPT: Final = timedelta(seconds=4)
_NAME: Final = "practicum-operator"


class Elector(threading.Thread):
    """Acquires the lease, then renews it until it is lost or given up."""

    def __init__(self, namespace: str, identity: str, on_lost: Callable[[], None]) -> None:
        super().__init__(name="lease", daemon=True)
        self._namespace = namespace
        self._identity = identity
        self._on_lost = on_lost
        self.acquired = threading.Event()
        self._stopping = threading.Event()
        self._last: dict[str, Any] | None = None
        """The Lease as we last wrote it, unless that is in doubt."""

    def stop(self) -> None:
        """Give the lease up, so that another replica need not wait for it to run out."""
        self._stopping.set()
        self.join(timeout=ATTEMPT.total_seconds() + 1)

    def run(self) -> None:
        """Thread body."""
        asyncio.run(self._elect())

    async def _elect(self) -> None:
        async with await Kube.connect() as kube:
            renewed = utcnow()
            while not self._stopping.is_set():
                held = await self._attempt(kube)
                if held:
                    renewed = utcnow()
                    self.acquired.set()
                elif self.acquired.is_set() and (
                    held is False or utcnow() - renewed > RENEW_DEADLINE
                ):
                    log.error("lease lost", identity=self._identity)
                    self._on_lost()
                    return
                await asyncio.to_thread(self._stopping.wait, RETRY.total_seconds())
            if self.acquired.is_set():
                await self._attempt(kube, give_up=True)

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
        now = utcnow()
        # Our own last write is read again only if somebody else wrote since: a conflict says so.
        found, self._last = self._last, None
        found = found or await kube.find("Lease", self._namespace, _NAME)
        if found is None:
            self._last = await kube.create(self._lease(now, {}, None))
            return True
        spec = found.get("spec", {})
        if spec.get("holderIdentity") not in (self._identity, "", None) and not _over(spec, now):
            return False
        body = self._lease(now, spec, found["metadata"]["resourceVersion"])
        if give_up:
            body["spec"]["holderIdentity"] = ""
        self._last = await kube.replace(body)
        return True

    def _lease(self, now: datetime, old: dict[str, Any], version: str | None) -> dict[str, Any]:
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
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


def _over(spec: dict[str, Any], now: datetime) -> bool:
    life = timedelta(seconds=spec.get("leaseDurationSeconds") or 0)
    renewed = spec.get("renewTime")
    return renewed is None or parse_rfc3339(renewed) + life < now
