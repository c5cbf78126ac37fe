"""Draws the dashboard as a picture: ``python -m tools.dashboard_picture build/dashboard.png``.

A control plane with pretended nodes, the operator, and a real Prometheus that scrapes it; classes
begin, work and end meanwhile. Then every panel's queries are asked and drawn, so that a person can
look at legends, units and empty panels without a Grafana.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from practicum.kube.client import Kube
from tests.bench import labs
from tests.bench.full import CLAIMS, MODULE, nodes
from tests.bench.ground import COURSE, ROOT
from tests.operations.prometheus import Prometheus, Samples
from tests.operations.promtool import rules

DASHBOARD = ROOT / "charts/practicum/files/dashboard.json"
_WIDTH, _ROW = 24, 0.42
_EVERY = 5
"""Seconds between two scrapes."""
_UNITS = {"s": "s", "ops": "/s", "reqps": "req/s", "percentunit": "%", "bytes": "MB", "short": ""}
_SCALES = {"percentunit": 100.0, "bytes": 1e-6}


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels, rows included."""
    return list(json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"])


def expressions(panel: dict[str, Any], *, interval: str, span: str) -> Iterator[tuple[str, str]]:
    """Yield a panel's queries, with Grafana's own variables filled in, and their legends."""
    for target in panel.get("targets", ()):
        text = target["expr"].replace("$__rate_interval", interval).replace("$__range", span)
        yield text, target["legendFormat"]


def draw(prometheus: Prometheus, start: float, end: float, output: Path) -> list[str]:
    """Draw all panels over a time; returns the titles of those that have nothing to show."""
    found = panels()
    height = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in found)
    figure = pyplot.figure(figsize=(22, height * _ROW), dpi=70)
    empty = []
    for panel in found:
        place = panel["gridPos"]
        left, bottom = place["x"] / _WIDTH, 1 - (place["y"] + place["h"]) / height
        wide, high = place["w"] / _WIDTH, place["h"] / height
        if panel["type"] == "row":
            figure.text(left + 0.005, bottom + high / 2, panel["title"], size=14, weight="bold")
            continue
        asked = expressions(panel, interval=f"{6 * _EVERY}s", span=f"{int(end - start)}s")
        if panel["type"] == "stat":
            ((text, _),) = asked
            series = prometheus.query(text)
            box = figure.add_axes((left + 0.005, bottom, wide - 0.01, high * 0.75))
            _stat(box, panel, series)
        else:
            shown = [
                (_legend(legend, one["metric"]), one)
                for text, legend in asked
                for one in prometheus.over(text, start, end, _EVERY)
            ]
            series = [one for _, one in shown]
            edge = 0.035 * wide * 3
            box = figure.add_axes(
                (left + edge, bottom + high * 0.28, wide - edge - 0.01, high * 0.58)
            )
            _lines(box, panel, shown, start)
        if not series:
            empty.append(panel["title"])
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output)
    pyplot.close(figure)
    return empty


def _stat(box: Axes, panel: dict[str, Any], series: Samples) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    box.set_axis_off()
    box.set_title(panel["title"], size=9, loc="left")
    colour, text = "grey", defaults["noValue"]
    number = float(series[0]["value"][1]) if series else math.nan
    if not math.isnan(number):
        steps = defaults["thresholds"]["steps"]
        colour = [step["color"] for step in steps if number >= (step["value"] or 0)][-1]
        unit = defaults["unit"]
        digits = defaults.get("decimals", 0)
        text = f"{number * _SCALES.get(unit, 1):.{digits}f}{_UNITS[unit]}"
    colour = "black" if colour == "text" else colour
    box.text(0.5, 0.4, text, ha="center", va="center", size=26, color=colour)


def _lines(box: Axes, panel: dict[str, Any], shown: list[tuple[str, Any]], start: float) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    scale, unit = _SCALES.get(defaults["unit"], 1.0), _UNITS[defaults["unit"]]
    box.set_title(panel["title"], size=10, loc="left")
    box.grid(alpha=0.3)
    curves = {
        name: {float(at): scale * float(value) for at, value in one["values"]}
        for name, one in shown
    }
    colours = {
        one["matcher"]["options"]: one["properties"][0]["value"]["fixedColor"]
        for one in panel["fieldConfig"]["overrides"]
    }
    if "stacking" in defaults["custom"] and curves:
        moments = sorted({at for curve in curves.values() for at in curve})
        heights = [[curve.get(at, 0.0) for at in moments] for curve in curves.values()]
        fixed = [colours.get(name, "black") for name in curves] if colours else None
        seconds = [at - start for at in moments]
        box.stackplot(seconds, heights, labels=list(curves), colors=fixed, alpha=0.8)
    else:
        for name, curve in curves.items():
            seconds = [at - start for at in curve]
            box.plot(seconds, list(curve.values()), label=name, lw=1.2, marker=".", ms=3)
    if "min" in defaults:
        box.set_ylim(bottom=defaults["min"])
    box.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g} {unit}".strip()))
    box.tick_params(labelsize=7)
    if curves:
        legend = {"loc": "upper left", "bbox_to_anchor": (-0.02, -0.1), "frameon": False}
        box.legend(ncols=4, fontsize=7, **legend)
    else:
        box.text(0.5, 0.5, "No data", ha="center", transform=box.transAxes, color="grey")


def _legend(form: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        form = form.replace("{{" + name + "}}", value)
    return form


async def load(admin: Kube, seconds: float, count: int) -> None:
    """Let classes of labs begin, be disturbed and end for a while."""
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        bodies = [labs.body(f"class-{number}-{i}", COURSE, MODULE) for i in range(count)]
        number += 1
        await labs.run(admin, bodies, labs.ready)
        for lab in bodies:
            meta = lab["metadata"]
            status = (await admin.get("LabEnvironment", COURSE, meta["name"]))["status"]
            await admin.delete("NetworkPolicy", status["namespaces"][0], "deny-all")
            if meta["name"].endswith("0"):
                stuck = {
                    "name": "stuck",
                    "namespace": status["namespaces"][0],
                    "finalizers": ["example.org/never"],
                }
                await admin.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": stuck})
        await asyncio.sleep(15)
        for lab in bodies[: count * 2 // 3]:
            await admin.delete("LabEnvironment", COURSE, lab["metadata"]["name"])
        await asyncio.sleep(15)


async def picture(output: Path, seconds: float, count: int) -> list[str]:
    """Bring everything up, let it work for a while, and draw; returns the empty panels' titles."""
    classes = int(2 + seconds / 30)
    async with nodes(CLAIMS * count * classes, meter_interval="5s") as here:
        await here.start()
        target, folder = here.operator.address, here.folder / "prometheus"
        with Prometheus(folder, target, rules(), every=f"{_EVERY}s") as prometheus:
            start = time.time()
            await load(here.admin, seconds, count)
            return await asyncio.to_thread(draw, prometheus, start, time.time(), output)


def main() -> int:
    """Draw one picture."""
    parser = argparse.ArgumentParser(prog="tools.dashboard_picture", description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seconds", type=float, default=240, help="how long labs come and go")
    parser.add_argument("--labs", type=int, default=6, help="labs of one class")
    given = parser.parse_args()
    empty = asyncio.run(picture(given.output, given.seconds, given.labs))
    print(f"{given.output}; nothing to show in: {', '.join(empty) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
