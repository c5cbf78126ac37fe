"""What thousands of labs cost while nothing happens to them, and when the operator starts anew."""

import asyncio
import time

from . import labs, templates
from .ground import COURSE, Ground, cpu_seconds, ground, rss_megabytes
from .report import Row, row
from .settings import Options

IDLE = 12.0
QUIET = 0.2
"""CPU seconds in a second below which nothing is left to do."""
SETTLE = 8.0
"""kopf keeps a task for five seconds after an object's last event; longer than that."""


async def measure(options: Options) -> list[Row]:
    """Provide for the labs, hold them, start the operator anew."""
    n = options.size(5000, 200)
    figure, of = "labs held", f"{n:,} labs"
    runs = []
    async with ground() as here:
        await here.start()
        bodies = [labs.body(f"held-{i}", COURSE, templates.GUARDS) for i in range(n)]
        clock = await labs.run(here.admin, bodies)
        options.say(f"held: {n} labs provided at {n / clock.span:.1f}/s")
        peak = rss_megabytes(here.operator.pid, "VmHWM")
        memory, _, _ = await _idle(here)
        for number in range(options.runs):
            steady, writes = await _restart(here, n)
            runs.append((*await _idle(here), steady, writes))
            options.say(f"held {number + 1}: steady after {steady:.1f} s")
    held, requests, cpu, restarts, wrote = zip(*runs, strict=True)
    return [
        row(figure, "memory of the operator, after a restart", held, "MB", of, at_most=350),
        row(figure, "  having provided for all of them", memory, "MB", of),
        row(figure, "  the most that it ever was", peak, "MB", of),
        row(figure, "idle API requests", requests, "/s", of, at_most=2),
        row(figure, "idle CPU", cpu, "%", of, at_most=5),
        row(figure, "start to every lab looked at, nothing to do", restarts, "s", of, at_most=60),
        row(figure, "  writes in that time", wrote, "", of),
        row(figure, "provided at, from nothing", n / clock.span, "/s", of),
    ]


async def _idle(here: Ground) -> tuple[float, float, float]:
    """Return memory in MB, requests a second and percent of a core while nothing happens."""
    await asyncio.sleep(SETTLE)
    mark, pid = here.audit.mark(), here.operator.pid
    cpu, began = cpu_seconds(pid), time.monotonic()
    await asyncio.sleep(IDLE)
    seconds = time.monotonic() - began
    requests = here.audit.since(mark).total / seconds
    share = (cpu_seconds(pid) - cpu) / seconds * 100
    return round(rss_megabytes(pid), 1), round(requests, 2), round(share, 2)


async def _quiet(here: Ground, began: float) -> float:
    """Return the seconds from ``began`` until the operator has nothing more to do."""
    while True:
        now, cpu = time.monotonic(), cpu_seconds(here.operator.pid)
        await asyncio.sleep(1)
        if cpu_seconds(here.operator.pid) - cpu < QUIET:
            return now - began


async def _restart(here: Ground, n: int) -> tuple[float, int]:
    """Return the seconds until a new process has looked at every lab and has no more to do."""
    await here.stop()
    mark, began = here.audit.mark(), time.monotonic()
    await here.start()
    passes = 'practicum_reconcile_total{result="ok",runner="labs"}'
    async with asyncio.timeout(labs.PATIENCE):
        while await asyncio.to_thread(here.operator.metric, passes) < n:
            await asyncio.sleep(0.1)
        seconds = await _quiet(here, began)
    calls = here.audit.since(mark).operator
    reviews = ("selfsubjectaccessreviews", "leases")
    writes = ("create", "patch", "update", "delete")
    return seconds, sum(
        count
        for call, count in calls.items()
        if call.verb in writes and call.resource not in reviews
    )
