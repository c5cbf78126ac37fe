"""What the checks of an idle class cost: nothing changes, and each lab is looked at in turn."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION
from practicum.kube.client import Object
from tests.samples import QUOTA

from . import labs
from .ground import COURSE, Ground, cpu_seconds, ground
from .report import Row, row
from .settings import Options

TEMPLATE = "checked"
PAUSE = 30.0
"""Seconds from one look at a lab to the next, so that there is something to measure."""
IDLE = 1800.0
"""What it is by default, once nothing has changed for a while."""
WINDOW = 60.0
ATTEST = 'practicum_checks_total{kind="attest",state="fail"}'
DOCS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: docs}
data:
  plan.yaml: "owner: nobody"
"""
SCHEMA = '{"type": "object", "properties": {"owner": {"type": "string"}}, "required": ["owner"]}'
RULES = 'package lab.docs\n\ndeny contains "nobody owns it" if input.document.owner == "nobody"\n'


def template() -> Object:
    """Return a module with guards alone, and a check of each kind that needs no service."""
    about = {"task": "task", "criteria": ["line"], "points": 1}
    looks: list[dict[str, Any]] = [
        {"object": {"kind": "ConfigMap", "name": "gone"}},
        {"object": {"kind": "ResourceQuota", "labels": "own=yes", "count": {"min": 1}}},
        {"object": {"kind": "NetworkPolicy", "name": "own"}},
        {"access": {"can": [{"verb": "delete", "resource": "secrets", "namespace": "learner"}]}},
        {"audit": {"sequence": [{"match": {"type": "StateChanged"}}]}},
        {"document": {"key": "plan.yaml", "schema": "plan.json", "rules": "plan.rego"}},
        {"document": {"key": "gone.yaml", "schema": "plan.json"}},
        {"attest": {}},
    ]
    spec = {
        "title": "Checks",
        "maxTTL": "72h",
        "sizes": {"standard": {"quota": {"learner": QUOTA}}},
        "allowedImages": ["busybox:*"],
        "tasks": [{"name": "task", "title": "Task", "text": "Do it."}],
        "criteria": [{"id": "line", "source": "objective", "text": "Do it."}],
        "checks": [
            {"id": f"check-{at}", "title": "Check", **about, **look}
            for at, look in enumerate(looks)
        ],
        "assets": [
            {"path": "plan.json", "content": SCHEMA},
            {"path": "plan.rego", "content": RULES},
        ],
        "components": [
            {
                **{"name": "docs", "placement": "learner"},
                "exhibits": [{"path": "exhibits/docs.yaml.j2", "content": DOCS}],
            }
        ],
    }
    body = LabTemplateSpec.model_validate(spec).wire()
    meta = {"name": TEMPLATE, "namespace": COURSE}
    return {"apiVersion": API_VERSION, "kind": "LabTemplate", "metadata": meta, "spec": body}


async def measure(options: Options) -> list[Row]:
    """Make a class, let it be, and count what looking at it takes."""
    n, count = options.size(300, 30), len(template()["spec"]["checks"])
    every = f"{PAUSE:.0f}s"
    async with ground(check_interval=every, check_idle_interval=every) as here:
        await here.admin.apply(template())
        await here.start()
        bodies = [labs.body(f"checked-{i}", COURSE, TEMPLATE) for i in range(n)]
        await labs.run(here.admin, bodies, _looked_at)
        await asyncio.sleep(PAUSE)
        runs = [await _looks(here) for _ in range(options.runs)]
        await here.stop()
    cpu, requests, looks = zip(*runs, strict=True)
    figure, of, rare = "checks of an idle class", f"{n} labs, {count} checks", PAUSE / IDLE
    say = "one look in 30 min"
    return [
        row(figure, f"CPU, {say} (the default)", [rare * one for one in cpu], "%", of, at_most=5),
        row(figure, f"API requests, {say}", [rare * one for one in requests], "/s", of, at_most=2),
        row(figure, f"CPU, one look in {PAUSE:.0f} s: measured", cpu, "%", of),
        row(figure, "  CPU of one look at a lab", _each(cpu, looks, 10), "ms", of),
        row(figure, "  API requests of one look", _each(requests, looks), "", of),
        row(figure, "  looks", looks, "/s", of),
    ]


def _each(values: Sequence[float], looks: Sequence[float], scale: float = 1) -> list[float]:
    return [scale * value / count for value, count in zip(values, looks, strict=True)]


def _looked_at(lab: Object) -> bool:
    return "checks" in lab.get("status", {})


async def _looks(here: Ground) -> tuple[float, float, float]:
    """Return percent of a core, with OPA's, API requests a second, and looks a second."""
    mark, pid = here.audit.mark(), here.operator.pid
    before, cpu, began = await _count(here), cpu_seconds(pid, children=True), time.monotonic()
    await asyncio.sleep(WINDOW)
    seconds, after = time.monotonic() - began, await _count(here)
    share = (cpu_seconds(pid, children=True) - cpu) / seconds * 100
    return share, here.audit.since(mark).total / seconds, (after - before) / seconds


async def _count(here: Ground) -> float:
    """Return how many labs were looked at: each has one check that people answer."""
    return await asyncio.to_thread(here.operator.metric, ATTEST)
