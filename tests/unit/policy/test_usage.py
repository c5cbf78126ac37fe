"""What labs use is summed without losing a second, and priced by the rate card."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.times import rfc3339
from practicum.api.usage import Peak, RequestedTime, Requests, UsageStatus
from practicum.policy import usage
from practicum.settings import RateCard

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RATES = RateCard(
    cpu_core_hour=Decimal("0.04"),
    memory_gib_hour=Decimal("0.005"),
    storage_gib_hour=Decimal("0.0002"),
)
GIB = 2**30
ASKED = Requests(cpu_millicores=500, memory_bytes=2 * GIB, storage_bytes=10 * GIB)


def quota(**used: str) -> dict[str, object]:
    return {"status": {"used": {f"requests.{name}": text for name, text in used.items()}}}


def test_requests_are_summed_over_all_quotas() -> None:
    quotas = [quota(cpu="250m", memory="1Gi"), quota(cpu="1"), quota(storage="3Gi"), {}]
    assert usage.requests_of(quotas) == Requests(
        cpu_millicores=1250, memory_bytes=GIB, storage_bytes=3 * GIB
    )


@pytest.mark.parametrize(
    ("cpu", "millicores"), [("250m", 250), ("1500000n", 1), ("2500u", 2), ("2", 2000), ("0", 0)]
)
def test_the_metrics_api_counts_in_small_units(cpu: str, millicores: int) -> None:
    pod = {"containers": [{"usage": {"cpu": cpu, "memory": "64Mi"}}]}
    assert usage.measured([pod, {"containers": []}]) == Peak(
        cpu_millicores=millicores, memory_bytes=64 * 2**20
    )


def later(before: UsageStatus, seconds: int, peak: Peak | None = None) -> UsageStatus:
    moment = datetime.fromisoformat(before.metered_at) + timedelta(seconds=seconds)
    return usage.accrued(before, moment, ASKED, peak, RATES)


def test_what_stood_at_the_last_look_counts_until_this_one() -> None:
    first = later(usage.begun(NOW), 60)
    assert first.requested == RequestedTime(), "nothing was requested before the first look"
    second = later(first, 3600, Peak(cpu_millicores=100, memory_bytes=GIB))
    assert second.requested.cpu_millicore_seconds == 1800_000
    assert second.requested.memory_byte_seconds == 2 * GIB * 3600
    assert (second.running_seconds, second.used.measured_seconds) == (3600, 3600)
    assert second.used.cpu_millicore_seconds == 360_000
    assert Decimal(second.cost) == Decimal("0.032"), "half a core, 2 GiB and 10 GiB for an hour"
    third = later(second, 10, Peak(cpu_millicores=50, memory_bytes=2 * GIB))
    assert third.peak == Peak(cpu_millicores=100, memory_bytes=2 * GIB)


def test_a_clock_that_went_back_takes_nothing_away() -> None:
    before = later(later(usage.begun(NOW), 0), 3600)
    assert later(before, -60).requested == before.requested


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_however_often_it_is_looked_the_sum_is_the_same(steps: list[int]) -> None:
    often = once = later(usage.begun(NOW), 0)
    for step in steps:
        often = later(often, step)
    once = later(once, sum(steps))
    assert often == once


def test_a_row_says_whose_lab_it_was() -> None:
    from practicum.api.labenvironment import LabEnvironment

    lab = LabEnvironment.model_validate(
        {
            "metadata": {
                "name": "ada",
                "namespace": "autumn",
                "uid": "u-1",
                "creationTimestamp": rfc3339(NOW),
                "labels": {"practicum.dev/cohort": "monday"},
            },
            "spec": {"template": "mod-501", "learner": {"id": "ada@example.org"}},
            "status": {"readyAt": rfc3339(NOW + timedelta(seconds=31))},
        }
    )
    row = usage.row(lab, usage.begun(NOW), None)
    assert (row.course, row.cohort, row.lab) == ("autumn", "monday", "ada")
    assert (row.learner, row.ready_seconds, row.ended_at) == ("ada@example.org", 31, None)
