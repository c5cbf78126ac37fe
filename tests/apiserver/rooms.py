"""Makes labs with governed changes, for tests of what happens there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from practicum.kube.client import Kube
from tests import governed
from tests.governed import Room
from tests.lab_services import LabServices

from .conftest import LabMaker

RoomMaker = Callable[[], Awaitable[Room]]


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
