"""What labs use over time, and what that costs: sums that may be added to at any moment."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import COHORT
from practicum.api.quantities import total
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.api.usage import (
    Peak,
    RequestedTime,
    Requests,
    UsageRow,
    UsageStatus,
    UsedTime,
)
from practicum.settings import RateCard

_HOUR: Final = 3600
_GIB: Final = 2**30
_CENTS: Final = Decimal("0.0001")
Object = Mapping[str, Any]


def requests_of(quotas: Iterable[Object]) -> Requests:
    """Sum what a lab's ResourceQuotas say is requested.

    Args:
        quotas: ResourceQuotas of all namespaces of one lab; no two of them count the same pod.
    """
    used = [quota.get("status", {}).get("used", {}) for quota in quotas]
    cpu, memory, storage = (
        total(one.get(f"requests.{name}") for one in used) for name in ("cpu", "memory", "storage")
    )
    return Requests(
        cpu_millicores=int(cpu * 1000), memory_bytes=int(memory), storage_bytes=int(storage)
    )


def measured(pods: Iterable[Object]) -> Peak:
    """Sum what the metrics API measured of pods at a moment."""
    usage = [one["usage"] for pod in pods for one in pod.get("containers", [])]
    cpu = total(_plain(one.get("cpu", "0")) for one in usage)
    memory = total(one.get("memory") for one in usage)
    return Peak(cpu_millicores=int(cpu * 1000), memory_bytes=int(memory))


def _plain(cpu: str) -> str:
    """The metrics API counts in billionths and millionths of a core: n and u."""
    for suffix, power in (("n", -9), ("u", -6)):
        if cpu.endswith(suffix):
            return f"{cpu.removesuffix(suffix)}e{power}"
    return cpu


def begun(now: datetime) -> UsageStatus:
    """Return the usage of a lab that is metered for the first time."""
    return UsageStatus(since=rfc3339(now), metered_at=rfc3339(now))


def accrued(
    usage: UsageStatus, now: datetime, requests: Requests, peak: Peak | None, rates: RateCard
) -> UsageStatus:
    """Add the time since a lab was metered last.

    What was requested at the last look counts until this one, and what is measured now for all of
    it; whole seconds, so that no time is counted twice or lost.

    Args:
        usage: up to the last look.
        now: the moment of this look.
        requests: what is requested now.
        peak: what is measured now; None where nothing measures.
        rates: what things cost.
    """
    seconds = max(0, int((now - parse_rfc3339(usage.metered_at)).total_seconds()))
    was, sums, used = usage.requests, usage.requested, usage.used
    requested = RequestedTime(
        cpu_millicore_seconds=sums.cpu_millicore_seconds + was.cpu_millicores * seconds,
        memory_byte_seconds=sums.memory_byte_seconds + was.memory_bytes * seconds,
        storage_byte_seconds=sums.storage_byte_seconds + was.storage_bytes * seconds,
    )
    if peak:
        used = UsedTime(
            cpu_millicore_seconds=used.cpu_millicore_seconds + peak.cpu_millicores * seconds,
            memory_byte_seconds=used.memory_byte_seconds + peak.memory_bytes * seconds,
            measured_seconds=used.measured_seconds + seconds,
        )
    return UsageStatus(
        since=usage.since,
        metered_at=rfc3339(now),
        running_seconds=usage.running_seconds + (seconds if was.cpu_millicores else 0),
        requests=requests,
        requested=requested,
        used=used,
        peak=_highest(usage.peak, peak or Peak()),
        cost=str(cost(requested, rates)),
        currency=rates.currency,
    )


def _highest(one: Peak, other: Peak) -> Peak:
    return Peak(
        cpu_millicores=max(one.cpu_millicores, other.cpu_millicores),
        memory_bytes=max(one.memory_bytes, other.memory_bytes),
    )


def cost(requested: RequestedTime, rates: RateCard) -> Decimal:
    """Return what was requested costs, in the rate card's currency, to four places."""
    core_hours = Decimal(requested.cpu_millicore_seconds) / 1000 / _HOUR
    memory_hours = Decimal(requested.memory_byte_seconds) / _GIB / _HOUR
    storage_hours = Decimal(requested.storage_byte_seconds) / _GIB / _HOUR
    price = (
        core_hours * rates.cpu_core_hour
        + memory_hours * rates.memory_gib_hour
        + storage_hours * rates.storage_gib_hour
    )
    return price.quantize(_CENTS, ROUND_HALF_UP)


def row(lab: LabEnvironment, usage: UsageStatus, ended_at: str | None) -> UsageRow:
    """Return a lab's line of the course's books."""
    meta, status = lab.metadata, lab.status
    ready = status.ready_at and (
        parse_rfc3339(status.ready_at) - parse_rfc3339(meta["creationTimestamp"])
    )
    return UsageRow(
        uid=lab.uid,
        lab=meta["name"],
        course=meta["namespace"],
        cohort=(meta.get("labels") or {}).get(COHORT, ""),
        template=lab.spec.template,
        learner=lab.spec.learner.id if lab.spec.learner else "",
        created_at=meta["creationTimestamp"],
        ended_at=ended_at,
        ready_seconds=max(0, int(ready.total_seconds())) if ready else None,
        checks=status.checks.summary if status.checks else "",
        points=status.checks.points if status.checks else 0,
        last_activity_at=status.activity.last_activity_at if status.activity else None,
        usage=usage,
    )
