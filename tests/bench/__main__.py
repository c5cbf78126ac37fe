"""``make bench``: how fast, how frugal, and how close to what the API server itself allows."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

from . import burst, changes, checks, cohort, drift, expiry, full, held, ledger, report, single
from .report import Row
from .settings import Options

FIGURES: dict[str, Callable[[Options], Awaitable[list[Row]]]] = {
    "burst": burst.measure,
    "single": single.measure,
    "drift": drift.measure,
    "expiry": expiry.measure,
    "full": full.measure,
    "held": held.measure,
    "changes": changes.measure,
    "checks": checks.measure,
    "cohort": cohort.measure,
}


async def main(figures: list[str], options: Options) -> None:
    """Measure, print, and write build/bench.json."""
    facts, rows = report.machine(), []
    for name in figures:
        options.say(f"{name} ...")
        rows += await FIGURES[name](options)
        report.write(rows, facts, {"requests": options.ledger})
    print()
    for name, entries in options.ledger.items():
        if "operator" in entries:
            print(ledger.table(name, entries) + "\n")
    print(report.table(rows, facts))
    print(f"written to {report.RESULT}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("figures", nargs="*", choices=[[], *FIGURES], metavar="FIGURE")
    parser.add_argument("--runs", type=int, default=3, help="of the figures that take seconds")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, for a look")
    parser.add_argument("--full", action="store_true", help="the largest sizes: over ten minutes")
    asked = parser.parse_args()
    # A control plane is started in a thread, where no handler can be set: it would be left behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    asyncio.run(main(asked.figures or list(FIGURES), Options(asked.runs, asked.quick, asked.full)))
