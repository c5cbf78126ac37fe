"""Counts calls by minute, tenant and operation: for analytics, for limits, and for Prometheus."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

KEPT = 500
"""Rows of the report: more would not fit into one answer."""


class Meter:
    """Remembers calls; ``clock`` returns seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._rows: OrderedDict[tuple[str, str, str], list[int]] = OrderedDict()
        self._recent: dict[str, deque[float]] = {}
        self.since = moment(clock())
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "platform_api_requests",
            "Calls of operations",
            ("tenant", "operation", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "platform_api_request_seconds",
            "How long operations took",
            ("operation",),
            registry=self._registry,
        )

    def record(self, tenant: str, operation: str, status: int, seconds: float) -> None:
        now = self._clock()
        key = (moment(now - now % 60), tenant, operation)
        with self._lock:
            row = self._rows.setdefault(key, [0, 0])
            row[0] += 1
            row[1] += status >= 500
            while len(self._rows) > KEPT:
                self._rows.popitem(last=False)
            self._recent.setdefault(tenant, deque(maxlen=1000)).append(now)
        self._calls.labels(tenant, operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def recent(self, tenant: str) -> int:
        """Calls of a tenant in the last minute."""
        since = self._clock() - 60
        with self._lock:
            calls = self._recent.setdefault(tenant, deque(maxlen=1000))
            while calls and calls[0] < since:
                calls.popleft()
            return len(calls)

    def report(self, sees: Callable[[str], bool]) -> dict[str, Any]:
        with self._lock:
            periods = [
                {"minute": key[0], "tenant": key[1], "operation": key[2], "calls": row[0]}
                | {"errors": row[1]}
                for key, row in self._rows.items()
                if sees(key[1])
            ]
        totals: dict[str, int] = {}
        for one in periods:
            totals[one["tenant"]] = totals.get(one["tenant"], 0) + one["calls"]
        now = moment(self._clock())
        return {"since": self.since, "now": now, "periods": periods, "totals": totals}

    def metrics(self) -> bytes:
        return generate_latest(self._registry)


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
