"""The raw floor: the very same objects, sent by a client that does nothing else.

It bears the operator's own identity, so that the API server's checks of it are in the floor too.
Bodies are encoded before the clock starts. Only what cannot be otherwise keeps an order: a
namespace comes before the operator's binding there, that before what the binding allows, an
account before its token, a token before its Secret, what pods mount before the pods: without it
controllers try again after pauses that double, and the floor would be slower than the labs.
"""

import asyncio
import json
import ssl
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from practicum.api.kinds import KINDS
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import FIELD_MANAGER
from practicum.catalog.render import Choice, render
from practicum.desired import access
from practicum.desired.lab import Lab, Object
from practicum.desired.plan import Plan, plan
from practicum.policy import acceptance
from practicum.settings import Settings
from tests.samples import unpacked

from . import labs
from .ground import COURSE, ROOT_KEY, Ground

LABS_AT_ONCE = 64
"""Labs side by side, as in the operator."""
WIDTH = 32
"""Requests in flight at most: the operator has as many connections, besides its watches."""
REFUSALS, PAUSE = 100, 0.02
_TOKEN = "x" * 900
"""As long as a real one: what the Secret holds is made up, what it weighs is not."""


@dataclass(frozen=True)
class Sending:
    """One request, ready to be sent."""

    method: str
    path: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class Parcel:
    """What one lab is made of, in waves."""

    namespaces: list[Sending]
    bindings: list[Sending]
    """Those by which the sender may do the rest."""
    objects: list[Sending]
    access: list[Sending]
    rest: list[Sending]
    """The Secret with the credentials, and the workloads."""

    @property
    def waves(self) -> tuple[list[Sending], ...]:
        """Return them in their order."""
        return (self.namespaces, self.bindings, self.objects, self.access, self.rest)


class RawClient:
    """aiohttp, a token or a certificate, and nothing else."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server = cluster["server"]
        self._tls = ssl.create_default_context(
            cadata=unpacked(cluster["certificate-authority-data"])
        )
        self._headers = {"Accept": "application/json"}
        if "token" in user:
            self._headers["Authorization"] = f"Bearer {user['token']}"
        else:
            self._present(user)
        self._gate = asyncio.Semaphore(WIDTH)

    def _present(self, user: dict[str, str]) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(unpacked(user["client-certificate-data"]))
            pair.write(unpacked(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=WIDTH)
        self._session = aiohttp.ClientSession(connector=connector)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, one: Sending) -> None:
        """Send one request; anything but a success in the end ends the measurement."""
        for _ in range(REFUSALS):
            async with self._gate:
                status, text = await self._once(one)
            # A binding takes a moment to reach the API server's authorizer, and of many objects
            # that are charged to one quota at once, some are told to come again.
            early = status == 403 and b" cannot " in text
            if not early and not (status == 409 and b"resourcequotas" in text):
                break
            await asyncio.sleep(PAUSE)
        if status >= 300:
            raise RuntimeError(f"{one.method} {one.path}: {status} {text[:300]!r}")

    async def _once(self, one: Sending) -> tuple[int, bytes]:
        headers = self._headers | {"Content-Type": one.content_type}
        url = self._server + one.path
        async with self._session.request(one.method, url, data=one.body, headers=headers) as answer:
            return answer.status, await answer.read()

    async def wave(self, sendings: Iterable[Sending]) -> None:
        """Send side by side."""
        await asyncio.gather(*map(self.send, sendings))

    async def deliver(self, parcel: Parcel) -> float:
        """Send a lab's waves one after the other; returns the seconds that they took."""
        began = time.monotonic()
        for wave in parcel.waves:
            await self.wave(wave)
        return time.monotonic() - began


async def floor_labs(ground: Ground, n: int, template: str, prefix: str = "floor") -> list[Object]:
    """Make LabEnvironments that own what the floor sends; the operator is down."""
    bodies = [labs.body(f"{prefix}-{i}", COURSE, template) for i in range(n)]
    return [await ground.admin.create(body) for body in bodies]


async def floor(ground: Ground, template: LabTemplateSpec, made: list[Object]) -> float:
    """Return the seconds that the objects of these LabEnvironments take; the operator is down."""
    parcels = await _parcels(ground, template, made)
    gate = asyncio.Semaphore(LABS_AT_ONCE)
    async with RawClient(ground.operator_access) as client:

        async def one(parcel: Parcel) -> None:
            async with gate:
                await client.deliver(parcel)

        began = time.monotonic()
        await asyncio.gather(*map(one, parcels))
        return time.monotonic() - began


async def floor_of_each(
    ground: Ground, template: LabTemplateSpec, made: list[Object]
) -> list[float]:
    """Return the seconds that each of them takes alone, over connections that are warm."""
    first, *parcels = await _parcels(ground, template, made)
    async with RawClient(ground.operator_access) as client:
        await client.deliver(first)
        return [await client.deliver(parcel) for parcel in parcels]


async def _parcels(ground: Ground, template: LabTemplateSpec, made: list[Object]) -> list[Parcel]:
    return [parcel(await planned(template, lab, ground)) for lab in made]


async def planned(template: LabTemplateSpec, body: Object, ground: Ground) -> tuple[Lab, Plan]:
    """Return the plan that the operator would have for this LabEnvironment."""
    settings = Settings(root_key=ROOT_KEY.encode(), learner_server=ground.control_plane.server)
    resource = LabEnvironment.model_validate(
        {"metadata": body["metadata"], "spec": body["spec"]}, extra="ignore"
    )
    lab = Lab(resource, template, settings)
    size, values = acceptance.choose(resource.spec, template)
    return lab, plan(lab, await _rendered(template, size, values))


_renderings: dict[str, Any] = {}


async def _rendered(template: LabTemplateSpec, size: str, values: Any) -> Any:
    choice = Choice(size, values, template.images)
    key = template.title + choice.digest_input()
    if key not in _renderings:
        _renderings[key] = await render(template, choice)
    return _renderings[key]


def parcel(lab_and_plan: tuple[Lab, Plan]) -> Parcel:
    """Return the requests that bring a plan about, credentials included."""
    lab, wanted = lab_and_plan
    people = [access.LEARNER, *access.personas(lab)]
    server = access.Server(lab.settings.learner_server, "x" * 800)
    end = datetime.now(UTC) + timedelta(hours=1)
    made_up = {who: access.Token(_TOKEN, end) for who in people}
    secret = access.credentials(lab, server, made_up)
    return Parcel(
        namespaces=[
            Sending("POST", "/api/v1/namespaces", _json(body), "application/json")
            for body in wanted.namespaces
        ],
        bindings=[_applied(body) for body in wanted.operator_bindings],
        objects=[_applied(body) for body in (*wanted.guards, *wanted.identities, *wanted.configs)],
        access=[
            *(_applied(body) for body in wanted.bindings),
            *(_token(lab, who) for who in people),
        ],
        rest=[_applied(secret), *map(_applied, wanted.workloads)],
    )


def _applied(body: Object) -> Sending:
    meta = body["metadata"]
    path = KINDS[body["kind"]].path(meta.get("namespace", ""), meta["name"])
    query = f"?fieldManager={FIELD_MANAGER}&force=true"
    return Sending("PATCH", path + query, _json(body), "application/apply-patch+yaml")


def _token(lab: Lab, who: str) -> Sending:
    path = KINDS["ServiceAccount"].path(COURSE, access.account(lab, who), "token")
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 86400},
    }
    return Sending("POST", path, _json(body), "application/json")


def _json(body: Object) -> bytes:
    return json.dumps(body).encode()
