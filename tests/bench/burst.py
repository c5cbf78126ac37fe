"""A burst of labs, beside the same objects sent by a bare client, and what it costs in requests."""

import asyncio

from . import labs, ledger, templates
from .audit import Counted
from .floor import floor, floor_labs
from .ground import COURSE, Ground, ground
from .report import Row, row
from .settings import Options

QUIET = 1.5
"""Seconds after the last lab in which late requests are still counted."""


async def measure(options: Options) -> list[Row]:
    """Measure burst and floor in turn, each run on a control plane of its own."""
    n = options.size(200)
    runs = [await _run(options, n, number) for number in range(options.runs)]
    raw = [n / seconds for seconds, *_ in runs]
    ours = [n / clock.span for _, clock, *_ in runs]
    worst = [max(clock.seconds) for _, clock, *_ in runs]
    requests = [counted.total / n for _, _, counted, _ in runs]
    controllers = [counted.controllers.total() / n for _, _, counted, _ in runs]
    ratios = [mine / bare for mine, bare in zip(ours, raw, strict=True)]
    of = f"{n} labs"
    options.ledger["burst"] = ledger.shares(runs[-1][2], n) | {"cpu_ms": runs[-1][3]}
    return [
        row("burst", "labs/s until guarded, with credentials", ours, "/s", of, at_least=30),
        row("burst", "raw floor: the same objects by a bare client", raw, "/s", of),
        row("burst", "share of the floor", ratios, "", of, at_least=0.7),
        row("burst", "worst lab, apply to credentials", worst, "s", of, at_most=8),
        row("burst", "API requests a lab, every verb", requests, "", of, at_most=22),
        row("burst", "  beside it kube-controller-manager's", controllers, "", of),
        *_cpu(runs, n, of),
        await _further_namespace(options, requests[-1]),
    ]


Cost = dict[str, dict[str, float]]
"""CPU milliseconds a lab, by process, of the floor and of the burst."""


async def _run(options: Options, n: int, number: int) -> tuple[float, labs.Clock, Counted, Cost]:
    async with ground() as here:
        await here.start()
        await asyncio.sleep(QUIET)
        zero = here.cpu()
        clock, counted = await _burst(here, n, templates.GUARDS)
        cost = {"burst": _spent(zero, here.cpu(), n)}
        options.say(f"burst {number + 1}: {n / clock.span:.1f} labs/s")
        await here.stop()
        made = await floor_labs(here, n, templates.GUARDS)
        zero = here.cpu()
        seconds = await floor(here, templates.specs()[templates.GUARDS], made)
        await asyncio.sleep(QUIET)
        cost["floor"] = _spent(zero, here.cpu(), n)
        options.say(f"burst {number + 1}: floor {n / seconds:.1f} labs/s, CPU {cost}")
    return seconds, clock, counted, cost


def _spent(before: dict[str, float], after: dict[str, float], n: int) -> dict[str, float]:
    return {name: round((after[name] - before[name]) / n * 1000, 2) for name in after}


def _cpu(runs: list[tuple[float, labs.Clock, Counted, Cost]], n: int, of: str) -> list[Row]:
    """Return where the CPU goes: unlike seconds, it is the same on a busy machine."""

    def column(part: str, process: str) -> list[float]:
        return [cost[part].get(process, 0.0) for *_, cost in runs]

    return [
        row("burst", "CPU a lab: the operator", column("burst", "operator"), "ms", of),
        row("burst", "CPU a lab: the API server", column("burst", "kube-apiserver"), "ms", of),
        row("burst", "  the same in the floor", column("floor", "kube-apiserver"), "ms", of),
    ]


async def _burst(here: Ground, n: int, template: str) -> tuple[labs.Clock, Counted]:
    mark = here.audit.mark()
    bodies = [labs.body(f"lab-{i}", COURSE, template) for i in range(n)]
    clock = await labs.run(here.admin, bodies)
    await asyncio.sleep(QUIET)
    return clock, here.audit.since(mark)


async def _further_namespace(options: Options, one_namespace: float) -> Row:
    """Count again with a template that has both sides, and nothing in either."""
    n = options.size(60, 40)
    async with ground() as here:
        await here.start()
        await asyncio.sleep(QUIET)
        _, counted = await _burst(here, n, templates.TWO_SIDES)
    options.ledger["two sides"] = ledger.shares(counted, n)
    more = counted.total / n - one_namespace
    what = "API requests for each further namespace"
    return row("burst", what, more, "", f"{n} labs", at_most=12)
