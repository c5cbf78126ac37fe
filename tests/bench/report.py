"""What is said at the end: a table on the terminal, the same as JSON, and facts of the machine."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import versions

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "build" / "bench.json"


@dataclass(frozen=True)
class Row:
    """One figure: the median of its runs, and how far they lie apart."""

    figure: str
    what: str
    values: tuple[float, ...]
    unit: str
    n: str
    """How many of what one run is made of."""
    target: str = ""
    good: bool | None = None
    """Whether the target is met; None where there is none."""
    note: str = ""

    @property
    def middle(self) -> float:
        """The median of the runs."""
        return statistics.median(self.values)


def row(
    figure: str,
    what: str,
    values: float | Sequence[float],
    unit: str,
    n: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Row:
    """Return a row, judged by its median."""
    runs = (values,) if isinstance(values, int | float) else tuple(values)
    middle = statistics.median(runs)
    good, target = None, ""
    if at_most is not None:
        good, target = middle <= at_most, f"<= {at_most:g}"
    if at_least is not None:
        good, target = middle >= at_least, f">= {at_least:g}"
    return Row(figure, what, runs, unit, n, target, good, note)


def number(value: float) -> str:
    """Write a value with three digits or so."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def line(one: Row) -> str:
    """Write a row of the table."""
    spread = f"{number(min(one.values))} .. {number(max(one.values))}"
    spread = spread if len(one.values) > 1 else ""
    verdict = {True: "met", False: "MISSED", None: ""}[one.good]
    return (
        f"{one.what:<58} {number(one.middle):>8} {one.unit:<6} {spread:>18} "
        f"{len(one.values):>2}x {one.n:<14} {one.target:>8} {verdict}"
    )


def table(rows: Sequence[Row], facts: dict[str, Any]) -> str:
    """Write everything for people."""
    head = f"{'':<58} {'median':>8} {'':<6} {'spread':>18} {'runs of':<17} {'target':>8}"
    lines = [head]
    for figure in dict.fromkeys(one.figure for one in rows):
        lines.append(figure)
        for one in rows:
            if one.figure == figure:
                lines.append("  " + line(one)[:56].ljust(56) + line(one)[58:])
                lines += [f"      {one.note}"] if one.note else []
    lines.append(", ".join(f"{name} {value}" for name, value in facts.items()))
    return "\n".join(lines)


def write(rows: Sequence[Row], facts: dict[str, Any], extra: dict[str, Any]) -> None:
    """Keep everything for programs."""
    RESULT.parent.mkdir(exist_ok=True)
    figures = [asdict(one) | {"median": one.middle} for one in rows]
    body = {"machine": facts, "figures": figures, **extra}
    RESULT.write_text(json.dumps(body, indent=1, default=str) + "\n")


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    memory = Path("/proc/meminfo").read_text().split()[1]
    model = [
        text.partition(":")[2].strip()
        for text in Path("/proc/cpuinfo").read_text().splitlines()
        if text.startswith("model name")
    ]
    return {
        "cores": os.cpu_count(),
        "cpu": model[0] if model else platform.machine(),
        "memory_gb": round(int(memory) / 1024 / 1024, 1),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
        "kubernetes": versions.KUBERNETES,
        "etcd": versions.ETCD,
        "python": platform.python_version(),
    }
