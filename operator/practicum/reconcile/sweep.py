"""Removes lab namespaces whose LabEnvironment is gone: rare, proven twice, and never many.

A namespace is an orphan when it carries our label, the ``lab-`` name and a lab uid that two
complete listings, some minutes apart, did not find. A restore from backup has new uids: the
annotation ``practicum.dev/adopt`` keeps such a namespace.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from practicum.api.names import ADOPT, LAB_UID, MANAGED_BY, MANAGER, NAMESPACE_PREFIX
from practicum.clock import Clock
from practicum.kube.client import Kube
from practicum.observe import metrics
from practicum.policy import expiry
from practicum.settings import Settings

log = structlog.get_logger()

_MOST: Final = 10
_SHARE: Final = 0.1


def orphans(
    namespaces: Iterable[Mapping[str, Any]], lab_uids: set[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the lab namespaces whose lab is not among those listed, by name."""
    return {
        body["metadata"]["name"]: body
        for body in namespaces
        if body["metadata"]["name"].startswith(NAMESPACE_PREFIX)
        and body["metadata"].get("labels", {}).get(LAB_UID, "") not in lab_uids | {""}
        and ADOPT not in body["metadata"].get("annotations", {})
        and "deletionTimestamp" not in body["metadata"]
    }


def too_many(found: int, total: int) -> bool:
    """Whether so many orphaned labs, of all there are, mean a mistake rather than leftovers."""
    return found > _MOST or (found > 1 and found > total * _SHARE)


def _uids(namespaces: Iterable[Mapping[str, Any]]) -> set[str]:
    return {body["metadata"].get("labels", {}).get(LAB_UID, "") for body in namespaces} - {""}


class Sweep:
    """Keeps the suspects between two listings."""

    def __init__(
        self,
        kube: Kube,
        settings: Settings,
        clock: Clock,
        compare: Callable[[], Callable[[set[str]], None]] = lambda: lambda _: None,
    ) -> None:
        """Set up.

        Args:
            kube: the connection.
            settings: the operator's.
            clock: tells the time.
            compare: called before labs are listed; what it returns takes the uids that were found.
        """
        self._kube = kube
        self._compare = compare
        self._settings = settings
        self._clock = clock
        self._suspects: dict[str, datetime] = {}

    async def run(self) -> None:
        """List everything once; delete what was an orphan long enough."""
        namespaces = await self._kube.list("Namespace", labels=f"{MANAGED_BY}={MANAGER}")
        if expiry.skewed(self._kube.skew):
            log.error("sweep halted", reason="ClockSkew")
            return
        # Labs are listed after namespaces: one created in between is found, not suspected.
        found_only = self._compare()
        labs = {lab["metadata"]["uid"] for lab in await self._kube.list("LabEnvironment")}
        found_only(labs)
        found, now = orphans(namespaces, labs), self._clock()
        metrics.ORPHANS.set(len(found))
        since = {name: self._suspects.get(name, now) for name in found}
        self._suspects = since
        halted = too_many(len(_uids(found.values())), len(_uids(namespaces)))
        metrics.SWEEP_HALTED.set(halted)
        if halted:
            log.error("sweep halted", reason="TooManyOrphans", orphans=len(found))
            return
        for name, body in found.items():
            if now - since[name] >= self._settings.sweep_interval:
                await self._kube.delete("Namespace", "", name, uid=body["metadata"]["uid"])
                metrics.SWEPT.inc()
                log.warning("orphan namespace deleted", namespace=name)
