"""A failure of a real operator reaches a real Prometheus, and its alert fires and ends."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

from practicum.kube.client import Kube
from tests.apiserver.conftest import LabMaker, absent, eventually, read, until
from tests.apiserver.operator_process import OperatorProcess
from tests.bench import templates
from tests.unit.observe.test_metrics import FEW
from tools.dashboard_picture import draw

from .prometheus import Prometheus
from .promtool import promtool, rules

COURSE = "course-a"
UNUSED = {
    *("Looks at checks", "Duration of a look, 95 %", "Changes", "Watches that broke"),
    "Cost so far by course",
}
"""Panels of what need not happen in this test."""

_OF_LOAD = {"PracticumEventLoopLag", "PracticumPassesLate"}


def impatient() -> list[dict[str, object]]:
    """Return the chart's rules, whose alerts fire as soon as their expression holds.

    Not those that a busy machine alone is enough for.
    """
    return [
        {key: value for key, value in rule.items() if key != "for" or rule.get("alert") in _OF_LOAD}
        for rule in rules()
    ]


async def test_a_namespace_that_does_not_go(
    kube: Kube,
    make_lab: LabMaker,
    operator_with: Callable[..., OperatorProcess],
    tmp_path: Path,
) -> None:
    operator = operator_with(stuck_after="120s", sweep_interval="3s")
    for body in templates.objects(COURSE):
        await kube.apply(body)
    with Prometheus(tmp_path / "prometheus", operator.address, impatient()) as prometheus:
        began = time.time()
        lab = await make_lab(template=templates.GUARDS)
        await until(kube, lab, "Ready")

        async def healthy() -> bool:
            ready = prometheus.query('practicum_labs{phase="Ready",template="other"} > 0')
            assert ready, prometheus.query("practicum_labs > 0")
            assert not prometheus.alerts()
            return True

        await eventually(healthy)
        (learner,) = (await read(kube, lab))["status"]["namespaces"]
        meta = {"name": "stuck", "namespace": learner, "finalizers": ["example.org/never"]}
        await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
        await kube.delete("LabEnvironment", COURSE, lab["metadata"]["name"])

        async def fires() -> bool:
            assert set(prometheus.alerts()) == {"PracticumDeletionBlocked"}
            return True

        await eventually(fires)
        (said,) = prometheus.alerts().values()
        assert said["description"] == "1 labs have ended, and something holds their namespaces."
        name, scraped = lab["metadata"]["name"], operator.scrape()
        content, complaints = promtool("check", "metrics", given=scraped)
        assert content, complaints
        for private in (f'"{name}"', f"{name}@example.org", learner, lab["metadata"]["uid"]):
            assert private not in scraped
        for few, values in FEW.items():
            assert set(re.findall(rf'\b{few}="(.*?)"', scraped)) <= values

        await kube.merge_patch("ConfigMap", learner, "stuck", {"metadata": {"finalizers": None}})
        await eventually(lambda: absent(kube, "LabEnvironment", COURSE, name), 60)

        async def over() -> bool:
            gone = 'practicum_delete_duration_seconds_count{step="gone"} == 1'
            assert prometheus.query(gone) and not prometheus.alerts()
            return True

        await eventually(over)
        picture = tmp_path / "dashboard.png"
        empty = await asyncio.to_thread(draw, prometheus, began, time.time(), picture)
        assert set(empty) <= UNUSED
        assert picture.stat().st_size > 50_000
        operator.stop()

        async def down() -> bool:
            return "PracticumDown" in prometheus.alerts()

        await eventually(down)
