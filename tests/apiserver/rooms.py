"""Labs with governed changes and everybody in them, for tests of what happens there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practicum.api.names import AUDIT_NAMESPACE
from practicum.governance.audit import Audit
from practicum.governance.chain import Head, verify
from practicum.kube.client import Kube, Object
from tests import governed
from tests.governed import People
from tests.lab_services import Feast, LabServices, Registry

from .conftest import LabMaker, eventually, namespaces, read, until


@dataclass
class Room:
    """One lab, those in it, and its services."""

    kube: Kube
    lab: Object
    people: People
    platform: str
    registry: Registry
    feast: Feast
    services: LabServices
    address: str

    async def reach(self, request: str, state: str, seconds: float = 20) -> Object:
        async def there() -> Object | None:
            found = await self.kube.get("ChangeRequest", self.people.namespace, request)
            status = found.get("status", {})
            assert status.get("state") == state, (status.get("state"), status.get("message"))
            return status

        found: Object = await eventually(there, seconds)
        return found

    async def controls(self, request: str) -> list[str]:
        status = await self.reach(request, "Denied")
        return [one["control"] for one in status["decision"]["reasons"]]

    async def begun(self) -> None:
        """Wait until it is on record where the aliases were."""

        async def there() -> bool:
            return bool(await self.log())

        await eventually(there)

    async def log(self) -> list[Any]:
        """Return the lab's records, verified against its status."""
        uid = self.lab["metadata"]["uid"]
        audit = Audit(self.kube, AUDIT_NAMESPACE, lambda: b"a-root-key-for-tests")
        records = [record async for record in audit.records(uid)]
        head = (await read(self.kube, self.lab))["status"]["audit"]
        verdict = verify(records, Head(head["seq"], head["hash"]), audit.key(uid))
        assert verdict.holds, verdict
        return records

    async def states(self, request: str) -> list[str]:
        return [
            record["state"]
            for record in await self.log()
            if record["type"] == "StateChanged" and record["request"]["name"] == request
        ]


RoomMaker = Callable[[], Awaitable[Room]]


@asynccontextmanager
async def rooms(
    kube: Kube, services: LabServices, make_lab: LabMaker, folder: Path, free: Iterator[str]
) -> AsyncIterator[RoomMaker]:
    """Furnish labs, each on the next free address."""
    await kube.apply(governed.template("course-a"))
    there: list[People] = []

    async def make() -> Room:
        lab = await make_lab(template=governed.TEMPLATE)
        learner, platform = await namespaces(kube, lab)
        address = next(free)
        await governed.run_services(kube, platform, address)
        people = People(kube, lab, learner, folder / f"{learner}.kubeconfig")
        await people.arrive()
        there.append(people)
        await until(kube, lab, "Ready")
        registry, feast = services.registries[address], services.feasts[address]
        return Room(kube, lab, people, platform, registry, feast, services, address)

    yield make
    for people in there:
        await people.leave()
