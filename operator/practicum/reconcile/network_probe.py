"""Finds out whether the cluster enforces NetworkPolicy: two pods, one policy, a few connections.

Guards of labs are only as good as the network plugin, and many a plugin ignores policies without
a word. The probe is short and rare, tidies up after itself and after one that was killed, and
whatever goes wrong with it is a finding, never an error of the operator's.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from practicum import errors
from practicum.api import names
from practicum.api.kinds import KINDS
from practicum.clock import Clock
from practicum.desired import probe
from practicum.kube import reach
from practicum.kube.client import Kube, Object
from practicum.observe import metrics
from practicum.observe.events import event
from practicum.policy import network
from practicum.policy.network import Enforcement, Finding, Round
from practicum.settings import Settings

log = structlog.get_logger()

Knock = Callable[[str, int, float], Awaitable[bool]]
LIMIT: Final = timedelta(seconds=30)
SOON: Final = timedelta(seconds=30)
AGAIN: Final = timedelta(minutes=10)
"""When to look again after probes that found nothing: soon at first, then ever later."""
_TIDY_SECONDS: Final = 10
_KNOCK_SECONDS: Final = 2
_PAUSE_SECONDS: Final = 0.5
_VALUE: Final = {
    Enforcement.ENFORCED: 1.0,
    Enforcement.NOT_ENFORCED: 0.0,
    Enforcement.UNKNOWN: float("nan"),
}


class NetworkProbe:
    """Probes, and says what it found in a metric, a ConfigMap, an Event and the log."""

    def __init__(
        self,
        kube: Kube,
        settings: Settings,
        clock: Clock,
        *,
        knock: Knock = reach.answers,
        limit: timedelta = LIMIT,
    ) -> None:
        self._kube = kube
        self._settings = settings
        self._clock = clock
        self._knock = knock
        self._limit = limit
        self.known = Enforcement.UNKNOWN
        """What was found last."""

    async def keep(self) -> None:
        """Probe now and then again, for as long as the operator lives."""
        pause, interval = SOON, self._settings.probe_interval
        while self._settings.probe_image:
            try:
                finding = await self.run()
            except Exception as error:  # a probe must never cost more than its answer
                log.exception("network probe failed")
                finding = network.unknown(f"the probe failed: {type(error).__name__}: {error}")
            await self.tell(finding)
            known = finding.enforcement is not Enforcement.UNKNOWN
            await asyncio.sleep((interval if known else min(pause, interval)).total_seconds())
            pause = SOON if known else min(2 * pause, AGAIN)

    async def run(self) -> Finding:
        """Probe once, within bounds, and leave nothing behind."""
        pods: list[Object] = []
        rounds: list[Round] = []
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return await self._probe(pods, rounds)
        except TimeoutError:
            return network.unsettled(pods, rounds)
        except errors.ApiError as error:
            return network.unknown(f"the probe's pods cannot be made: {error}")
        finally:
            await self._tidy()

    async def _probe(self, pods: list[Object], rounds: list[Round]) -> Finding:
        """Fill in what is seen, until it leaves no doubt."""
        await self._remove_all()
        for door in probe.DOORS:
            await self._kube.create(probe.pod(door, self._settings))
        while True:
            pods[:] = [pod for pod in await self._list() if not _ending(pod)]
            found = [network.address(pods, names.PROBE, door) for door in probe.DOORS]
            if all(found):
                reached = await asyncio.gather(
                    *(self._knock(one, probe.PORT, _KNOCK_SECONDS) for one in found)
                )
                rounds.append(Round(*reached))
                if finding := network.settled(rounds):
                    return finding
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _list(self) -> list[Object]:
        return await self._kube.list("Pod", names.PROBE_NAMESPACE, names.PROBE)

    async def _remove_all(self) -> None:
        for pod in await self._list():
            await self._kube.delete("Pod", names.PROBE_NAMESPACE, pod["metadata"]["name"])

    async def _tidy(self) -> None:
        try:
            async with asyncio.timeout(_TIDY_SECONDS):
                await self._remove_all()
        except (errors.ApiError, TimeoutError) as error:
            log.warning("probe's pods left behind", error=str(error) or "timeout")

    async def tell(self, finding: Finding) -> None:
        """Say what was found; where that cannot be written, the metric and the log have it."""
        self.known = finding.enforcement
        metrics.NETWORK_POLICY.set(_VALUE[finding.enforcement])
        say = log.info if finding.enforcement is Enforcement.ENFORCED else log.warning
        say("network probe", reason=finding.reason, message=finding.message)
        try:
            about = await self._kube.apply(self._record(finding))
            await self._kube.create(self._event(about, finding))
        except errors.Conflict:
            pass
        except errors.ApiError as error:
            log.warning("network probe not recorded", error=str(error))

    def _record(self, finding: Finding) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names.NETWORK_RECORD,
                "namespace": self._settings.system_namespace,
                "labels": {"app.kubernetes.io/name": "practicum"},
            },
            "data": network.record(finding, self._clock()),
        }

    def _event(self, about: Object, finding: Finding) -> Object:
        return event(
            about["metadata"],
            of=(KINDS["ConfigMap"].api_version, "ConfigMap"),
            kind="Normal" if finding.enforcement is Enforcement.ENFORCED else "Warning",
            reason=finding.reason,
            message=finding.message,
            now=self._clock(),
        )


def _ending(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]
