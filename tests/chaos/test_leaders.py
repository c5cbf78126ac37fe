"""Two replicas: a leader that dies or sleeps, and the other that goes on.

Who wrote what is read from the API server's audit log; each replica has a token of its own.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from e2e.cluster.control_plane import ControlPlane
from practicum.api.times import parse_rfc3339
from practicum.kube.client import Kube, Object
from tests.apiserver.conftest import eventually
from tests.apiserver.operator_process import OperatorProcess
from tests.bench import labs, templates
from tests.bench.audit import AuditLog

from .conftest import claims, operator_access

COURSE = "course-a"
LABS = 24
SECONDS = 120
TAKEN_OVER_WITHIN = 40.0
IN_FLIGHT = 16
"""Requests that were on their way when the leader was stopped cannot be called back."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Replica:
    """One replica: its process, and its token's id as the audit log has it."""

    process: OperatorProcess
    token: str


@dataclass(frozen=True)
class Write:
    """One write of the operator that the API server accepted."""

    token: str
    lease: bool
    began: datetime


@pytest.fixture
def replicas(
    control_plane: ControlPlane, operator: OperatorProcess, tmp_path: Path
) -> Iterator[tuple[Replica, Replica]]:
    """A leader and one that stands by; the usual operator is out of the way."""
    operator.stop()
    pair = tuple(_replica(control_plane, tmp_path / name) for name in ("one", "two"))
    pair[0].process.start()
    pair[1].process.start(leader=False)
    yield pair  # type: ignore[misc]
    for each in pair:
        if each.process.running:
            os.kill(each.process.pid, signal.SIGCONT)
        each.process.stop()


def _replica(control_plane: ControlPlane, folder: Path) -> Replica:
    folder.mkdir()
    kubeconfig = operator_access(control_plane, folder)
    token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
    process = OperatorProcess(
        kubeconfig, folder, learner_server=control_plane.server, resync="5s", stuck_after="3s"
    )
    return Replica(process, f"JTI={claims(token)['jti']}")


def writes(control_plane: ControlPlane, mark: int) -> list[Write]:
    """Return what the replicas wrote since a mark, in the order in which it began."""
    found = []
    for entry in AuditLog(control_plane.audit_log).entries(mark):
        (token,) = entry["user"]["extra"]["authentication.kubernetes.io/credential-id"]
        resource = entry.get("objectRef", {}).get("resource", "")
        if resource == "selfsubjectaccessreviews" or entry["responseStatus"]["code"] >= 400:
            continue
        began = parse_rfc3339(entry["requestReceivedTimestamp"])
        found.append(Write(token, resource == "leases", began))
    return sorted(found, key=lambda write: write.began)


async def under_load(
    kube: Kube, prefix: str, strike: Callable[[], Awaitable[None]]
) -> list[Object]:
    """Order a class, strike when a part of it is there, and wait for all of it."""
    bodies = [labs.body(f"{prefix}-{n}", COURSE, templates.TWO_SIDES) for n in range(LABS)]
    await asyncio.gather(*(kube.create(body) for body in bodies))

    async def ready(least: int) -> bool:
        found = await kube.list("LabEnvironment", COURSE)
        there = sum(one.get("status", {}).get("phase") == "Ready" for one in found)
        assert there >= least, f"{there} of {LABS} are ready"
        return True

    await eventually(lambda: ready(2), SECONDS)
    await strike()
    await eventually(lambda: ready(LABS), SECONDS)
    return bodies


async def clear(kube: Kube, bodies: list[Object]) -> None:
    for body in bodies:
        await kube.delete("LabEnvironment", COURSE, body["metadata"]["name"])

    async def nothing() -> bool:
        return not await kube.list("Namespace", labels=f"practicum.dev/course={COURSE}")

    await eventually(nothing, SECONDS)


@pytest.mark.usefixtures("guard_templates")
@pytest.mark.timeout(600)
async def test_the_leader_dies_and_the_other_goes_on(
    kube: Kube,
    control_plane: ControlPlane,
    replicas: tuple[Replica, Replica],
    report: Report,
) -> None:
    one, two = replicas
    mark = control_plane.audit_log.stat().st_size
    struck = 0.0

    async def strike() -> None:
        nonlocal struck
        one.process.kill()
        struck = time.time()

    bodies = await under_load(kube, "kill", strike)
    seen = writes(control_plane, mark)
    last_of_one = max(w.began for w in seen if w.token == one.token)
    of_two = [w for w in seen if w.token == two.token and w.began.timestamp() > struck]
    taken = min(w.began for w in of_two if w.lease).timestamp() - struck
    first = min(w.began for w in of_two if not w.lease)
    report(
        f"leader killed under load: lease taken after {taken:.1f} s, "
        f"first write after {first.timestamp() - struck:.1f} s (at most {TAKEN_OVER_WITHIN:.0f})"
    )
    assert last_of_one < first, "two writers"
    assert not [w for w in seen if w.token == two.token and w.began.timestamp() < struck]
    assert taken <= TAKEN_OVER_WITHIN
    await clear(kube, bodies)


@pytest.mark.usefixtures("guard_templates")
@pytest.mark.timeout(600)
async def test_a_leader_that_slept_past_its_lease_ends_itself(
    kube: Kube,
    control_plane: ControlPlane,
    replicas: tuple[Replica, Replica],
    report: Report,
) -> None:
    one, two = replicas
    mark = control_plane.audit_log.stat().st_size
    woken = 0.0

    async def strike() -> None:
        nonlocal woken
        os.kill(one.process.pid, signal.SIGSTOP)

        async def two_leads() -> bool:
            return bool(two.process.metric("practicum_leader "))

        await eventually(two_leads, 40)
        os.kill(one.process.pid, signal.SIGCONT)
        woken = time.time()

    bodies = await under_load(kube, "sleep", strike)

    async def ended() -> bool:
        return not one.process.running

    await eventually(ended, 20)
    late = [
        w
        for w in writes(control_plane, mark)
        if w.token == one.token and w.began.timestamp() > woken
    ]
    report(f"leader stopped past its lease, then woken: it ended; late writes: {len(late)}")
    assert not [w for w in late if w.lease], "it took the lease back"
    assert len(late) <= IN_FLIGHT, late
    await clear(kube, bodies)
