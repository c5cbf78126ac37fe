"""SIGKILL after the operator's k-th accepted write, for every k of each stretch of a lab's life.

The write has taken effect and its answer never arrives: the worst place to die. The operator is
started anew and everything has to converge. ``PRACTICUM_CHAOS=full`` tries every k until a stretch
is through before its k-th write; otherwise a slice is tried.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from practicum.api.names import MANAGED_BY, MANAGER
from practicum.errors import ApiError
from practicum.kube.client import Kube, Object
from practicum.reconcile.runner import background
from tests.apiserver.conftest import LabMaker, condition, eventually, read, run_pods
from tests.apiserver.operator_process import OperatorProcess

from .conftest import RecordKills
from .proxy import Call, Proxy
from .trap import SECONDS, Trap, sweep

SLICE = (1, 4, 12, 33)


async def phase_is(kube: Kube, lab: Object, phase: str) -> bool:
    status = (await read(kube, lab)).get("status", {})
    assert status.get("phase") == phase, (status.get("phase"), status.get("message"))
    return True


async def leftovers(kube: Kube, lab: Object) -> list[str]:
    """Return everything in the cluster that still bears the lab's uid."""
    selector = f"{MANAGED_BY}={MANAGER},practicum.dev/lab-uid={lab['metadata']['uid']}"
    kinds = ("Namespace", "ServiceAccount", "Role", "RoleBinding", "Secret", "StatefulSet", "Pod")
    return [
        f"{kind} {body['metadata']['name']}"
        for kind in kinds
        for body in await kube.list(kind, labels=selector)
    ]


async def edit(kube: Kube, lab: Object, **spec: object) -> None:
    meta = lab["metadata"]
    await kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], {"spec": spec})


@dataclass(frozen=True)
class Stretch:
    """A part of a lab's life: what starts it, and when it is through."""

    start: Callable[[Kube, Object], Awaitable[object]]
    through: Callable[[Kube, Object], Awaitable[bool]]
    gone: bool = False
    """Whether nothing of the lab may be left at the end."""


async def _nothing(kube: Kube, lab: Object) -> None:
    pass


async def _ready(kube: Kube, lab: Object) -> bool:
    return await phase_is(kube, lab, "Ready")


async def _extend(kube: Kube, lab: Object) -> None:
    await edit(kube, lab, ttl="9h")


async def _extended(kube: Kube, lab: Object) -> bool:
    now = await read(kube, lab)
    status = now["status"]
    assert status["observedGeneration"] == now["metadata"]["generation"]
    assert status["expiresAt"][:10] >= now["metadata"]["creationTimestamp"][:10]
    return await phase_is(kube, lab, "Ready")


async def _suspend(kube: Kube, lab: Object) -> None:
    await edit(kube, lab, suspended=True)


async def _asleep(kube: Kube, lab: Object) -> bool:
    closed = (await condition(kube, lab, "Guarded"))["status"] == "True"
    return closed and await phase_is(kube, lab, "Suspended")


async def _expire(kube: Kube, lab: Object) -> None:
    await edit(kube, lab, ttl="10s")


async def _expired(kube: Kube, lab: Object) -> bool:
    return await phase_is(kube, lab, "Expired")


async def _delete(kube: Kube, lab: Object) -> None:
    meta = lab["metadata"]
    await kube.delete("LabEnvironment", meta["namespace"], meta["name"])


async def _gone(kube: Kube, lab: Object) -> bool:
    meta = lab["metadata"]
    return await kube.find("LabEnvironment", meta["namespace"], meta["name"]) is None


STRETCHES = {
    "provisioning": Stretch(_nothing, _ready),
    "extension": Stretch(_extend, _extended),
    "suspension": Stretch(_suspend, _asleep),
    "expiry": Stretch(_expire, _expired, gone=True),
    "deletion": Stretch(_delete, _gone, gone=True),
}


@pytest.fixture
async def kubelet(kube: Kube) -> AsyncIterator[None]:
    """Pods become ready by themselves, wherever labs are."""

    async def work() -> None:
        while True:
            for namespace in await kube.list("Namespace", labels="practicum.dev/side=platform"):
                with contextlib.suppress(ApiError):  # gone in the meantime
                    await run_pods(kube, namespace["metadata"]["name"])
            await asyncio.sleep(0.3)

    async with background(work()):
        yield


def guards_came_first(calls: list[Call], learner: str) -> None:
    """No binding of the learner is written before every guard of that namespace was."""
    root = f"/namespaces/{learner}/"
    written = [c.path.split(root)[1] for c in calls if c.is_write and root in c.path]
    access = [n for n, path in enumerate(written) if path.startswith("rolebindings/learner")]
    for kind in ("resourcequotas/", "limitranges/", "networkpolicies/deny-all"):
        first = next(n for n, path in enumerate(written) if path.startswith(kind))
        assert not access or first < access[0], written


async def play(  # the parts of one killing
    stretch: Stretch, k: int, kube: Kube, proxy: Proxy, operator: OperatorProcess, lab: Object
) -> str:
    """Start a stretch, kill the operator after k writes and see all converge; "": no k-th."""
    trap = Trap(k, operator)
    proxy.watch_writes(lambda _: trap.strike("API server"))
    await stretch.start(kube, lab)

    async def over() -> bool:
        if trap.sprung.is_set():
            return True
        try:
            return await stretch.through(kube, lab)
        except AssertionError:
            return False

    await eventually(over, SECONDS)
    where = trap.disarm()
    if where:
        await asyncio.to_thread(operator.kill)
        await asyncio.to_thread(operator.start)
    await eventually(functools.partial(stretch.through, kube, lab), SECONDS)
    return where


@pytest.mark.parametrize("name", STRETCHES)
@pytest.mark.usefixtures("kubelet")
@pytest.mark.timeout(3600)
async def test_a_kill_after_any_write_changes_nothing_in_the_end(
    name: str,
    kube: Kube,
    proxy: Proxy,
    operator: OperatorProcess,
    make_lab: LabMaker,
    record_kills: RecordKills,
) -> None:
    stretch = STRETCHES[name]

    async def step(k: int) -> str:
        operator.revive()
        proxy.watch_writes(lambda count: None)
        seen = len(proxy.calls)
        if name == "provisioning":
            where, lab = await _provision(stretch, k, kube, proxy, operator, make_lab)
        else:
            lab = await make_lab(ttl="1h")
            await eventually(functools.partial(_ready, kube, lab), SECONDS)
            where = await play(stretch, k, kube, proxy, operator, lab)
        await _right_in_the_end(kube, lab, stretch, proxy.calls[seen:])
        return where

    record_kills(name, await sweep(SLICE, step))


async def _provision(stretch, k, kube, proxy, operator, make_lab):
    """Make the lab when the trap is set."""
    lab: Object = {}

    async def start(kube: Kube, _: Object) -> None:
        lab.update(await make_lab(ttl="1h"))

    trapped = Stretch(start, stretch.through)
    return await play(trapped, k, kube, proxy, operator, lab), lab


async def _right_in_the_end(kube: Kube, lab: Object, stretch: Stretch, calls: list[Call]) -> None:
    if stretch.gone:

        async def nothing_left() -> bool:
            left = await leftovers(kube, lab)
            assert not left, left
            return True

        await eventually(nothing_left, SECONDS)
        return
    learner, _ = (await read(kube, lab))["status"]["namespaces"]
    guards_came_first(calls, learner)
    uid = lab["metadata"]["uid"]
    found = await kube.list("Namespace", labels=f"practicum.dev/lab-uid={uid}")
    assert len(found) == 2, [n["metadata"]["name"] for n in found]
    meta = lab["metadata"]
    await kube.delete("LabEnvironment", meta["namespace"], meta["name"])
