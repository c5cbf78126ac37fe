"""Hundreds of labs that end in the same second: how soon nobody gets in, how soon all is gone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from practicum.api.names import LAB
from practicum.api.times import parse_rfc3339
from practicum.kube.client import Kube, Object
from practicum.kube.stream import watch
from practicum.reconcile.runner import background

from . import labs, templates
from .floor import RawClient, Sending, floor, floor_labs
from .ground import COURSE, Ground, ground
from .report import Row, percentile, row
from .settings import Options

FLOOR = "floor-"
SPARE = 12.0
"""Seconds between the last lab's provision, as it is expected, and the common end."""


async def measure(options: Options) -> list[Row]:
    """Have labs expire, then delete as many namespaces with a bare client, in turn."""
    n = options.size(500, 30)
    figure, of = "expiry", f"{n} labs"
    p95, last, gone, raw = [], [], [], []
    async with ground() as here:
        for number in range(options.runs):
            await here.start()
            rate = await _probe(here, number)
            refused, seconds = await _expire(here, n, rate, f"end-{number}-")
            p95.append(percentile(refused, 0.95))
            last.append(max(refused))
            gone.append(seconds)
            options.say(f"expiry {number + 1}: refused p95 {p95[-1]:.2f} s, gone {seconds:.1f} s")
            await here.stop()
            raw.append(await _raw(here, n))
            options.say(f"expiry {number + 1}: the same by a bare client in {raw[-1]:.1f} s")
    ratios = [ours / bare for ours, bare in zip(gone, raw, strict=True)]
    return [
        row(figure, "end to the learner's binding gone, p95", p95, "s", of, at_most=2),
        row(figure, "  the last of them", last, "s", of),
        row(figure, "end to the last namespace gone", gone, "s", of),
        row(figure, "  the same namespaces deleted by a bare client", raw, "s", of),
        row(figure, "  ratio", ratios, "", of, at_most=1.25),
    ]


async def _raw(here: Ground, n: int) -> float:
    """Fill namespaces as the operator would, then delete them all at once; the operator is down."""
    made = await floor_labs(here, n, templates.GUARDS)
    await floor(here, templates.specs()[templates.GUARDS], made)
    namespaces = await here.admin.list("Namespace", labels=LAB)
    names = [body["metadata"]["name"] for body in namespaces if _is_floors(body)]
    async with (
        _gone(here.admin, "Namespace", FLOOR) as gone,
        RawClient(here.control_plane.kubeconfig) as client,
    ):
        began = time.time()
        await client.wave(
            Sending("DELETE", f"/api/v1/namespaces/{name}", b"", "application/json")
            for name in names
        )
        await _until(lambda: len(gone) >= n)
    # Nothing of them may be there when the operator starts again.
    await asyncio.gather(
        *(here.admin.delete("LabEnvironment", COURSE, body["metadata"]["name"]) for body in made)
    )
    while any(map(_is_floors, await here.admin.list("ServiceAccount", COURSE))):
        await asyncio.sleep(0.5)
    return max(gone.values()) - began


def _is_floors(body: Object) -> bool:
    return _lab(body).startswith(FLOOR)


async def _probe(here: Ground, number: int) -> float:
    """Return how many labs a second this machine provides for just now."""
    bodies = [labs.body(f"probe-{number}-{i}", COURSE, templates.GUARDS) for i in range(20)]
    return len(bodies) / (await labs.run(here.admin, bodies)).span


async def _expire(here: Ground, n: int, rate: float, prefix: str) -> tuple[list[float], float]:
    """Have labs of the same end; returns what each waited for, and the last namespace's time."""
    end = int(time.time() + SPARE + 1.5 * n / rate)
    subjects = [{"kind": "User", "name": "ada@example.org"}]
    learner = {"id": "ada@example.org", "subjects": subjects}
    bodies = [
        labs.body(f"{prefix}{i}", COURSE, templates.GUARDS, learner=learner, ttl=f"{_left(end)}s")
        for i in range(n)
    ]
    await labs.run(here.admin, bodies, _guarded)
    ends = await _ends(here.admin, prefix)
    if time.time() > min(ends.values()) - 1:
        raise RuntimeError("the first labs ended before the last were there: too busy a machine")
    async with (
        _gone(here.admin, "RoleBinding", prefix, "learner") as bindings,
        _gone(here.admin, "Namespace", prefix) as namespaces,
    ):
        await _until(lambda: len(namespaces) >= n)
    refused = [bindings[name] - ends[name] for name in ends]
    return refused, max(namespaces.values()) - max(ends.values())


def _left(end: float) -> int:
    return int(end - time.time())


async def _ends(admin: Kube, prefix: str) -> dict[str, float]:
    found = await admin.list("LabEnvironment", COURSE)
    return {
        lab["metadata"]["name"]: parse_rfc3339(lab["status"]["expiresAt"]).timestamp()
        for lab in found
        if lab["metadata"]["name"].startswith(prefix)
    }


def _guarded(lab: Object) -> bool:
    conditions = {c["type"]: c["status"] for c in lab.get("status", {}).get("conditions", [])}
    return conditions.get("Guarded") == "True"


def _lab(body: Object) -> str:
    return str(body["metadata"].get("labels", {}).get(LAB, ""))


@contextlib.asynccontextmanager
async def _gone(
    admin: Kube, kind: str, prefix: str, named: str = ""
) -> AsyncIterator[dict[str, float]]:
    """Note by the wall clock when objects of labs with this prefix go, by the lab's name."""
    gone: dict[str, float] = {}
    listening = asyncio.Event()

    async def follow() -> None:
        async for event in watch(admin, kind, ""):
            listening.set()
            if event.type != "DELETED" or named not in ("", event.object["metadata"]["name"]):
                continue
            if (lab := _lab(event.object)).startswith(prefix):
                gone[lab] = datetime.now(UTC).timestamp()

    async with background(follow()):
        await listening.wait()
        yield gone


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(labs.PATIENCE):
        while not holds():
            await asyncio.sleep(0.05)
