"""Metrics are named as Prometheus' conventions ask, and their labels have few values."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from practicum.__main__ import _beating
from practicum.api.conditions import ConditionType, Phase
from practicum.observe import http, metrics

FEW = {
    "phase": set(Phase),
    "condition": set(ConditionType),
    "lacks": {"place", "node"},
    "runner": {"labs", "changes", "checks", "cohorts"},
    "result": {"ok", "error", "broken"},
    "step": {"revoked", "gone"},
    "cause": {"new", "renewal", "change"},
    "verb": {"GET", "POST", "PUT", "PATCH", "DELETE", "WATCH"},
    "code": {"none", "1xx", "2xx", "3xx", "4xx", "5xx"},
}
"""Labels whose values are known here."""
BOUNDED = {
    "course": "namespaces that the platform team has opted in",
    "template": "the shared catalogue's, other and none",
    "task": "as many as the operator has periodic tasks",
    "kind": "kinds of objects or of checks",
    "action": "kinds of changes",
    "state": "states of changes or of checks",
    "type": "types of audit records",
    "version": "one",
}
"""Labels with values of a list that is kept elsewhere, and why that is short."""
SCRAPED = {"job", "instance", "namespace", "pod", "service", "container", "endpoint", "node"}
"""Labels that a scrape adds; what we called so would be renamed to exported_…"""
UNITS = ("_seconds", "_bytes", "_labs", "_namespaces", "_total", "_info")
DOCUMENTED = (Path(__file__).parents[3] / "docs/operations.md").read_text(encoding="utf-8")
COUNTS = {"practicum_labs", "practicum_leader", "practicum_queue_depth", "practicum_sweep_halted"}
COUNTS |= {"practicum_network_policy_enforced", "practicum_course_cost"}
"""Gauges without a unit: numbers of things, and whether something is so."""


def ours() -> list[MetricWrapperBase]:
    found = [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
    assert len(found) > 30
    return found


@pytest.mark.parametrize("metric", ours(), ids=lambda metric: metric._name)
def test_names_units_help_and_labels(metric: MetricWrapperBase) -> None:
    kind, name = metric._type, metric._name + {"counter": "_total"}.get(metric._type, "")
    name += "_info" if kind == "info" else ""
    assert name.startswith("practicum_")
    assert name.endswith(UNITS) or name in COUNTS
    assert name.endswith("_total") is (kind == "counter")
    assert name.endswith(("_seconds", "_bytes")) or kind != "histogram"
    text = metric._documentation
    assert text.endswith(".") and not text[0].islower() and len(text) > 8
    assert f"| `{name}` |" in DOCUMENTED
    labels = set(metric._labelnames)
    assert labels <= set(FEW) | set(BOUNDED)
    assert not labels & SCRAPED
    assert len(labels) <= 2


@pytest.mark.parametrize(
    ("status", "code", "throttled"),
    [(200, "2xx", 0), (404, "4xx", 0), (429, "4xx", 1), (503, "5xx", 0), (0, "none", 0)],
)
def test_answers_of_the_api_server(status: int, code: str, throttled: int) -> None:
    def counts() -> tuple[float, float, float]:
        return (
            value("practicum_api_requests_total", verb="PATCH", code=code),
            value("practicum_api_throttled_total"),
            value("practicum_api_request_duration_seconds_sum", verb="PATCH"),
        )

    before = counts()
    metrics.api_answered("PATCH", status, 0.5)
    after = counts()
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, throttled, 0.5]


async def test_a_loop_that_is_held_up_is_late() -> None:
    def late() -> float:
        total = value("practicum_event_loop_lag_seconds_count")
        return total - value("practicum_event_loop_lag_seconds_bucket", le="0.25")

    before = late()
    loop = asyncio.get_running_loop()
    beating = asyncio.create_task(_beating(http.Health(), 0.01))
    await asyncio.sleep(0)
    end = loop.time() + 0.3
    while loop.time() < end:
        pass  # what blocks the loop does not await
    await asyncio.sleep(0.02)
    beating.cancel()
    assert late() - before == 1


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
