"""Governed changes: what a decision costs everybody, and what requests cost that wait for people.

The services are stand-ins in this process and one real OPA for all labs: what is measured is the
operator and how often it asks, not how fast MLflow answers.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from practicum.kube.client import Object
from tests import governed, lab_services, policy_server
from tests.apiserver.conftest import tool
from tests.governed import Room
from tests.lab_services import LabServices

from . import labs, ledger
from .answers import PATIENCE, Key, Reviewers, Seen, following, key_of
from .audit import Counted
from .ground import COURSE, Ground, ground
from .report import Row, percentile, row
from .settings import Options

MODELS = ("m1", "m2", "m3", "m4")
"""One open request for each: there can be no more than one for a target."""
IDLE = 30.0
"""Seconds; by default the aliases of every lab are looked at once in them."""
SETTLE = 3.0
ALONE = 15
"""Requests that are approved with nothing else going on."""


class Meter:
    """Counts what the operator asks of the API server and of the labs' services."""

    def __init__(self, here: Ground, services: LabServices) -> None:
        self._here = here
        self._services = services
        self.restart()

    def restart(self) -> None:
        """Count from now on."""
        self._mark = self._here.audit.mark()
        self._calls = self._now()
        self._cpu = self._here.cpu()

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each process has used since."""
        return {name: used - self._cpu[name] for name, used in self._here.cpu().items()}

    def read(self) -> tuple[Counted, Counter[str]]:
        """Return what there was since."""
        return self._here.audit.since(self._mark), self._now() - self._calls

    def _now(self) -> Counter[str]:
        asked = policy_server.decisions(self._services.addresses[0])
        return Counter(self._services.calls) + Counter({"opa": asked})


async def measure(options: Options) -> list[Row]:
    """Have labs with four open requests each, let them wait, and approve all at once."""
    n = options.size(50, 20)
    addresses = lab_services.addresses(1, n)
    async with ground(quota_sync="5s") as here, _services(addresses, here.folder) as services:
        await here.admin.apply(_template())
        await here.start()
        rooms = await _rooms(here, services, n)
        # It found no services when the labs became ready, and would wait before it looks again.
        await here.stop()
        await here.start()
        options.say(f"changes: {n} labs with their services")
        seen = Seen()
        async with following(here.admin, seen):
            return await _measured(options, Meter(here, services), rooms, seen)


async def _measured(options: Options, meter: Meter, rooms: list[Room], seen: Seen) -> list[Row]:
    keys = {key_of(room, model) for room in rooms for model in MODELS}
    n = len(keys)
    await _on_record(rooms)
    meter.restart()
    await _each(rooms, _ask)
    await seen.all("AwaitingApproval", keys)
    await asyncio.sleep(SETTLE)
    taken = meter.read()
    options.say(f"changes: {n} requests open, {taken[0].total / n:.1f} API requests each")
    meter.restart()
    await asyncio.sleep(IDLE)
    idle = meter.read()
    meter.restart()
    speed = await _approved(options, rooms, keys, Reviewers(seen))
    await asyncio.sleep(SETTLE)
    decided, cpu = meter.read(), meter.cpu()
    await _right(rooms)
    both = Counted(taken[0].operator + decided[0].operator, Counter())
    options.ledger[f"governed changes, from request to effect, of {n}"] = ledger.shares(both, n)
    return _counts(n, taken, decided, idle) + speed + _cpu(n, cpu)


async def _approved(
    options: Options, rooms: list[Room], keys: set[Key], reviewers: Reviewers
) -> list[Row]:
    """Have some approved one after the other and then all others at once; returns how fast."""
    alone: list[float] = []
    first = {key_of(room, MODELS[0]) for room in rooms[:ALONE]}
    for room in rooms[:ALONE]:
        await reviewers.approve(room, MODELS[0])
        alone += await reviewers.seconds({key_of(room, MODELS[0])})
    options.say(f"changes: one at a time p50 {percentile(alone, 0.5):.2f} s")
    rest = keys - first
    await _each(rooms, reviewers.approve)
    seconds, span = await reviewers.seconds(rest), await reviewers.span(rest)
    options.say(f"changes: {len(rest)} decided in {span:.1f} s")
    figure, one, of = "governed changes", f"{len(alone)} requests", f"{len(rest)} requests"
    what = "last approval to Executed"
    note = "stand-ins of the services and the approvers share the cores with the operator"
    return [
        row(figure, f"{what}, one at a time, p50", percentile(alone, 0.5), "s", one),
        row(figure, "  p95 of the same", percentile(alone, 0.95), "s", one),
        row(figure, f"{what}, all approved at once, p50", percentile(seconds, 0.5), "s", of),
        row(figure, "  p95 of the same", percentile(seconds, 0.95), "s", of),
        row(figure, "  the worst", max(seconds), "s", of),
        row(figure, "decisions/s", len(rest) / span, "/s", of, note=note),
    ]


Read = tuple[Counted, Counter[str]]


def _counts(n: int, taken: Read, decided: Read, idle: Read) -> list[Row]:
    figure, of, minute = "governed changes", f"{n} requests", 60 / IDLE
    total = taken[0].total + decided[0].total
    calls = taken[1] + decided[1]
    return [
        row(figure, "API requests a decision, from request to effect", total / n, "", of),
        row(figure, "  until it waits for approval", taken[0].total / n, "", of),
        *(row(figure, f"  {name} calls beside", calls[name] / n, "", of) for name in _ASKED),
        row(figure, "idle API requests, all waiting", idle[0].total * minute, "/min", of),
        row(figure, "  mlflow calls beside", idle[1]["mlflow"] * minute, "/min", of),
        row(figure, "  feast and opa calls", _rest(idle[1]) * minute, "/min", of),
    ]


_ASKED = ("mlflow", "feast", "opa")


def _rest(calls: Counter[str]) -> int:
    return calls["feast"] + calls["opa"]


def _cpu(n: int, used: dict[str, float]) -> list[Row]:
    """Return what approvals and effects take: unlike seconds, the same on a busy machine."""
    figure, of = "governed changes", f"{n} requests"
    return [
        row(figure, f"CPU from approval to effect: {name}", used[name] / n * 1000, "ms", of)
        for name in ("operator", "kube-apiserver", "etcd", "bench")
    ]


def _template() -> Object:
    models = [
        {"name": name, "candidates": f"{name}-dev", "artifact": "model/scorer.json"}
        for name in MODELS
    ]
    # Without a serving target: how soon traffic follows is its matter.
    changes: dict[str, Any] = {"models": models, "actions": governed.CHANGES["actions"]}
    return governed.template(COURSE, changes)


@contextlib.asynccontextmanager
async def _services(addresses: list[str], folder_of: Path) -> AsyncIterator[LabServices]:
    with policy_server.opa(tool("opa"), addresses, folder_of / "opa.log"):
        async with lab_services.playing(addresses, MODELS) as services:
            yield services


async def _rooms(here: Ground, services: LabServices, n: int) -> list[Room]:
    """Make the labs, and let their services run."""
    bodies = [labs.body(f"gov-{i}", COURSE, governed.TEMPLATE) for i in range(n)]
    await labs.run(here.admin, bodies)
    made = await here.admin.list("LabEnvironment", COURSE)
    gate = asyncio.Semaphore(labs.WIDTH)

    async def enter(lab: Object, address: str) -> Room:
        async with gate:
            return await governed.enter(here.admin, lab, services, address, here.folder)

    return await asyncio.gather(*map(enter, made, services.addresses))


async def _on_record(rooms: list[Room]) -> None:
    """Wait until it is on record where every alias is: nothing is decided before."""
    deadline = time.monotonic() + PATIENCE
    for room in rooms:
        while len(await _log(room)) < len(MODELS):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


async def _log(room: Room) -> list[Any]:
    try:
        return await room.log()
    except KeyError:  # its head is not in the status yet
        return []


async def _each(rooms: list[Room], act: Any) -> None:
    """Do something for every request, as many side by side as labs are made."""
    gate = asyncio.Semaphore(labs.WIDTH)

    async def one(room: Room, model: str) -> None:
        async with gate:
            await act(room, model)

    await asyncio.gather(*(one(room, model) for model in MODELS for room in rooms))


async def _ask(room: Room, model: str) -> None:
    await room.people.ask("ds", model, "PromoteModel", {"name": f"{model}-dev", "version": "2"})


async def _right(rooms: list[Room]) -> None:
    """Every alias is where it was to go, and every log holds."""
    for room in rooms:
        await room.log()
        assert all(room.registry.alias(model, "champion") == "2" for model in MODELS)
        await room.people.leave()
