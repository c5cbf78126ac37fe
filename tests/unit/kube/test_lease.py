"""Who holds the lease, told by an API server that keeps resourceVersions."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from practicum.kube import lease, person
from practicum.kube.client import Kube
from practicum.kube.lease import Elector


class Leases:
    """Keeps one Lease, as the API server would."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = None
        self.version = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return self._answer(200 if self.body else 404, self.body)
        body = json.loads(await request.read())
        sent = body["metadata"].pop("resourceVersion", "")
        if self.body and sent != str(self.version):
            return self._answer(409, None)
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.body = body
        return self._answer(200, body)

    @property
    def spec(self) -> dict[str, Any]:
        assert self.body
        spec: dict[str, Any] = self.body["spec"]
        return spec

    @staticmethod
    def _answer(status: int, body: Any) -> web.Response:
        return web.Response(status=status, text=json.dumps(body or {"message": "no"}))


@pytest.fixture
async def leases() -> AsyncIterator[tuple[Leases, Kube]]:
    made = Leases()
    runner = web.ServerRunner(web.Server(made.handle), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with person.direct(f"http://{host}:{port}", "", "t") as kube:
        yield made, kube
    await runner.cleanup()


def elector(name: str) -> Elector:
    return Elector("practicum-system", name, lambda: None)


async def test_one_of_two_holds_it(leases: tuple[Leases, Kube]) -> None:
    made, kube = leases
    assert await elector("one")._attempt(kube) is True
    assert await elector("two")._attempt(kube) is False
    assert await elector("one")._attempt(kube) is True
    assert made.spec["holderIdentity"] == "one"
    assert made.spec["leaseDurationSeconds"] == 15


async def test_renewing_keeps_the_beginning(leases: tuple[Leases, Kube]) -> None:
    made, kube = leases
    await elector("one")._attempt(kube)
    first = copy.deepcopy(made.spec)
    await elector("one")._attempt(kube)
    assert made.spec["acquireTime"] == first["acquireTime"]
    assert made.spec["leaseTransitions"] == first["leaseTransitions"]
    assert made.spec["renewTime"] >= first["renewTime"]


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The steady clock, in the test's hand."""
    now = [1000.0]
    monkeypatch.setattr(lease, "steady", lambda: now[0])
    return now


async def test_a_lease_that_stood_still_is_taken_over(
    leases: tuple[Leases, Kube], seconds: list[float]
) -> None:
    made, kube = leases
    await elector("one")._attempt(kube)
    transitions = made.spec["leaseTransitions"]
    two = elector("two")
    assert await two._attempt(kube) is False
    seconds[0] += 14.9
    assert await two._attempt(kube) is False
    seconds[0] += 0.1
    assert await two._attempt(kube) is True
    assert made.spec["holderIdentity"] == "two"
    assert made.spec["leaseTransitions"] == transitions + 1


async def test_a_renewed_lease_is_watched_anew(
    leases: tuple[Leases, Kube], seconds: list[float]
) -> None:
    _, kube = leases
    one, two = elector("one"), elector("two")
    for _ in range(5):
        assert await one._attempt(kube) is True
        assert await two._attempt(kube) is False
        seconds[0] += 10


@pytest.mark.parametrize("renewed", ["2001-01-01T00:00:00.000000Z", "2101-01-01T00:00:00.000000Z"])
async def test_a_rivals_clock_does_not_matter(
    leases: tuple[Leases, Kube], seconds: list[float], renewed: str
) -> None:
    made, kube = leases
    await elector("one")._attempt(kube)
    made.spec["renewTime"] = renewed
    two = elector("two")
    assert await two._attempt(kube) is False
    seconds[0] += 15
    assert await two._attempt(kube) is True


def test_a_sleeper_does_not_hold_it(seconds: list[float]) -> None:
    one = elector("one")
    assert not one.holds()
    one.acquired.set()
    one._renewed = seconds[0]
    assert one.holds()
    seconds[0] += 10
    assert not one.holds()


def test_the_next_attempt_is_none_later_than_a_rivals_end(seconds: list[float]) -> None:
    two = elector("two")
    two._seen = ("7", seconds[0] - 14.5)
    assert two._pause() == pytest.approx(0.55)
    two._seen = ("7", seconds[0])
    assert two._pause() == 2


async def test_a_lease_given_up_is_free_at_once(leases: tuple[Leases, Kube]) -> None:
    made, kube = leases
    await elector("one")._attempt(kube)
    await elector("one")._attempt(kube, give_up=True)
    assert made.spec["holderIdentity"] in ("", None)
    assert await elector("two")._attempt(kube) is True


async def test_an_outrun_write_is_not_known_rather_than_lost(
    leases: tuple[Leases, Kube], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, kube = leases
    await elector("one")._attempt(kube)
    find = kube.find

    async def outrun(kind: str, namespace: str, name: str) -> Any:
        found = await find(kind, namespace, name)
        made.version += 1
        return found

    monkeypatch.setattr(kube, "find", outrun)
    assert await elector("one")._attempt(kube) is None


async def test_a_silent_server_is_given_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "ATTEMPT", timedelta(seconds=0.05))

    enough = asyncio.Event()

    async def never(_: web.BaseRequest) -> web.Response:
        await enough.wait()
        return web.Response()

    runner = web.ServerRunner(web.Server(never), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with person.direct(f"http://{host}:{port}", "", "t") as kube:
        assert await elector("one")._attempt(kube) is None
    enough.set()
    await runner.cleanup()


def test_a_leader_notices_its_loss_before_the_next_one_starts() -> None:
    assert lease.RENEW_DEADLINE + lease.ATTEMPT < lease.DURATION
    assert lease.RETRY + lease.ATTEMPT < lease.RENEW_DEADLINE
