"""Makes labs with governed changes, for tests of what happens there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from practicum.kube.client import Kube
from tests import governed, lab_services, policy_server
from tests.governed import Room
from tests.lab_services import LabServices

from .conftest import LabMaker, tool

RoomMaker = Callable[[], Awaitable[Room]]


def services_at(addresses: Sequence[str]) -> tuple[Any, Any]:
    """Return fixtures ``opa`` and ``services``: what labs at these addresses are answered by."""

    @pytest.fixture(scope="module")
    def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        with policy_server.opa(tool("opa"), addresses, tmp_path_factory.mktemp("opa") / "opa.log"):
            yield

    @pytest.fixture
    async def services(opa: None) -> AsyncIterator[LabServices]:
        async with lab_services.playing(addresses) as running:
            yield running

    return opa, services


@asynccontextmanager
async def rooms(
    kube: Kube, services: LabServices, make_lab: LabMaker, folder: Path, free: Iterator[str]
) -> AsyncIterator[RoomMaker]:
    """Furnish labs, each on the next free address."""
    await kube.apply(governed.template("course-a"))
    there: list[Room] = []

    async def make() -> Room:
        lab = await make_lab(template=governed.TEMPLATE)
        there.append(await governed.enter(kube, lab, services, next(free), folder))
        return there[-1]

    yield make
    for room in there:
        await room.people.leave()
