"""Hundreds of labs that end in the same second: how soon nobody gets in, how soon all is gone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from practicum.api.names import COURSE as COURSE_LABEL
from practicum.api.names import LAB, NAMESPACE_PREFIX
from practicum.api.times import parse_rfc3339
from practicum.kube.client import Kube, Object
from practicum.kube.stream import watch

from . import labs, templates
from .floor import RawClient, Sending, floor
from .ground import COURSE, Ground, ground
from .report import Row, percentile, row
from .settings import Options

SPARE = 15.0
"""Seconds between the last lab's provision, as it is expected, and the common end."""


async def measure(options: Options) -> list[Row]:
    """Delete namespaces with a bare client, then have labs expire."""
    n = options.size(500, 150)
    async with ground() as here:
        raw = await _raw(here, n)
        options.say(f"expiry: {n} namespaces by a bare client in {raw:.1f} s")
        await here.start()
        rate = await _probe(here)
        refused, gone = await _expire(here, n, rate)
        options.say(f"expiry: refused p95 {percentile(refused, 0.95):.2f} s, gone {gone:.1f} s")
    figure, of = "expiry", f"{n} labs"
    p95 = percentile(refused, 0.95)
    return [
        row(figure, "end to the learner's binding gone, p95", p95, "s", of, at_most=2),
        row(figure, "  the last of them", max(refused), "s", of),
        row(figure, "end to the last namespace gone", gone, "s", of),
        row(figure, "  the same namespaces deleted by a bare client", raw, "s", of),
        row(figure, "  ratio", gone / raw, "", of, at_most=1.25),
    ]


async def _raw(here: Ground, n: int) -> float:
    """Fill namespaces as the operator would, then delete them all at once."""
    bodies = [labs.body(f"raw-{i}", COURSE, templates.GUARDS) for i in range(n)]
    made = [await here.admin.create(body) for body in bodies]
    await floor(here, templates.specs()[templates.GUARDS], made)
    path = f"/apis/practicum.dev/v1alpha1/namespaces/{COURSE}/labenvironments"
    await here.admin.request("DELETE", path)
    while len(await here.admin.list("ServiceAccount", COURSE)) > 1:
        await asyncio.sleep(0.5)
    names = [body["metadata"]["name"] for body in await here.admin.list("Namespace")]
    names = [name for name in names if name.startswith(NAMESPACE_PREFIX)]
    async with (
        _gone(here.admin, "Namespace", _by_name) as gone,
        RawClient(here.control_plane.kubeconfig) as client,
    ):
        began = time.time()
        await client.wave(
            Sending("DELETE", f"/api/v1/namespaces/{name}", b"", "application/json")
            for name in names
        )
        await _until(lambda: len(gone) >= n)
    return max(gone.values()) - began


async def _probe(here: Ground) -> float:
    """Return how many labs a second this machine provides for just now."""
    bodies = [labs.body(f"probe-{i}", COURSE, templates.GUARDS) for i in range(20)]
    return len(bodies) / (await labs.run(here.admin, bodies)).span


async def _expire(here: Ground, n: int, rate: float) -> tuple[list[float], float]:
    """Have labs of the same end; returns what each waited for, and the last namespace's time."""
    end = int(time.time() + SPARE + 1.5 * n / rate)
    subjects = [{"kind": "User", "name": "ada@example.org"}]
    learner = {"id": "ada@example.org", "subjects": subjects}
    bodies = [
        labs.body(f"end-{i}", COURSE, templates.GUARDS, learner=learner, ttl=f"{_left(end)}s")
        for i in range(n)
    ]
    await labs.run(here.admin, bodies, _guarded)
    ends = await _ends(here.admin)
    if time.time() > min(ends.values()) - 1:
        raise RuntimeError("the first labs ended before the last were there: too busy a machine")
    async with (
        _gone(here.admin, "RoleBinding", _learners_binding) as bindings,
        _gone(here.admin, "Namespace", _by_lab) as namespaces,
    ):
        await _until(lambda: len(namespaces) >= n)
    refused = [bindings[name] - ends[name] for name in ends]
    return refused, max(namespaces.values()) - max(ends.values())


def _left(end: float) -> int:
    return int(end - time.time())


async def _ends(admin: Kube) -> dict[str, float]:
    found = await admin.list("LabEnvironment", COURSE)
    return {
        lab["metadata"]["name"]: parse_rfc3339(lab["status"]["expiresAt"]).timestamp()
        for lab in found
        if lab["metadata"]["name"].startswith("end-")
    }


def _guarded(lab: Object) -> bool:
    conditions = {c["type"]: c["status"] for c in lab.get("status", {}).get("conditions", [])}
    return conditions.get("Guarded") == "True"


def _by_name(body: Object) -> str:
    name = str(body["metadata"]["name"])
    return name if name.startswith(NAMESPACE_PREFIX) else ""


def _by_lab(body: Object) -> str:
    labels = body["metadata"].get("labels", {})
    name = str(labels.get(LAB, ""))
    return name if name.startswith("end-") and labels.get(COURSE_LABEL) == COURSE else ""


def _learners_binding(body: Object) -> str:
    return _by_lab(body) if body["metadata"]["name"] == "learner" else ""


@contextlib.asynccontextmanager
async def _gone(
    admin: Kube, kind: str, name_of: Callable[[Object], str]
) -> AsyncIterator[dict[str, float]]:
    """Note when objects go, by the wall clock."""
    gone: dict[str, float] = {}
    listening = asyncio.Event()

    async def follow() -> None:
        async for event in watch(admin, kind, ""):
            listening.set()
            if event.type == "DELETED" and (name := name_of(event.object)):
                gone[name] = datetime.now(UTC).timestamp()

    task = asyncio.create_task(follow())
    await listening.wait()
    try:
        yield gone
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(labs.PATIENCE):
        while not holds():
            await asyncio.sleep(0.05)
