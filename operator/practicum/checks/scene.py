"""One lab during one evaluation: what is looked at by several checks is read once."""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from practicum import errors
from practicum.api.labtemplate import LEARNER
from practicum.api.looks.services import HttpCheck, HttpRequest
from practicum.api.names import MANAGED_BY, MANAGER
from practicum.checks.outcomes import LearnerFailed, LookBroken
from practicum.checks.pods import Pods
from practicum.checks.prober import Prober
from practicum.checks.repeating import Asked, repeated
from practicum.checks.texts import known_values
from practicum.checks.values import Malformed, parsed, shown
from practicum.clock import Clock
from practicum.desired import access
from practicum.desired.lab import Lab
from practicum.governance.backends import Backends
from practicum.governance.chain import Record
from practicum.governance.opa import Opa
from practicum.kube.client import Kube
from practicum.policy.network import Enforcement

Object = dict[str, Any]
Value = TypeVar("Value")

_ASK_SECONDS: Final = 60
"""For all repetitions of one request."""
_TOKEN_LIFE: Final = timedelta(minutes=10)
"""The shortest that the API server mints."""
_BROKEN: Final = 500
"""From this status on a service says that it is broken itself."""


@dataclass(frozen=True)
class Means:
    """What all evaluations of all labs work with."""

    kube: Kube
    opa: Opa
    clock: Clock
    records: Callable[[Lab], Coroutine[Any, Any, list[Record]]]
    """Reads and verifies a lab's audit log; raises LookBroken where its chain does not hold."""
    enforcement: Callable[[], Enforcement]
    """Whether this cluster enforces NetworkPolicy."""


@dataclass
class Scene:
    """What looks at one lab."""

    lab: Lab
    means: Means
    backends: Backends
    pods: Pods
    prober: Prober
    answers: Mapping[str, str]
    _read: dict[tuple[str, ...], asyncio.Task[Any]] = field(default_factory=dict)

    @cached_property
    def values(self) -> dict[str, str]:
        """What may stand in a check's texts."""
        return known_values(self.lab)

    @cached_property
    def _assets(self) -> dict[str, str]:
        visible = {one.path: one.content for one in self.lab.template.assets}
        hidden = {key.replace("__", "/"): text for key, text in self.answers.items()}
        return {**visible, **hidden}

    def asset(self, path: str) -> str:
        """Return a file that checks refer to.

        Raises:
            Malformed: there is none of that name.
        """
        if path not in self._assets:
            raise Malformed(f"asset {path} is not there")
        return self._assets[path]

    def json_asset(self, path: str) -> Any:
        """Return a JSON file that checks refer to.

        Raises:
            Malformed: there is none of that name, or it is no JSON.
        """
        return parsed(path, self.asset(path))

    def namespace(self, side: str) -> str:
        """Return the namespace of a side.

        Raises:
            Malformed: the lab has no such side.
        """
        if side not in self.lab.namespaces:
            raise Malformed(f"{side} is no side of this lab: {', '.join(self.lab.namespaces)}")
        return self.lab.namespaces[side]

    async def objects(self, kind: str, side: str, labels: str = "") -> list[Object]:
        """Return all objects of a kind on one side of the lab."""
        where = (kind, self.namespace(side), labels)
        return await self._once(("objects", *where), lambda: self.means.kube.list(*where))

    async def _once(
        self, key: tuple[str, ...], read: Callable[[], Coroutine[Any, Any, Value]]
    ) -> Value:
        """Read something, or wait for who reads it already."""
        if key not in self._read:
            self._read[key] = asyncio.create_task(read())
        # One who gives up must not take it away from the others.
        found: Value = await asyncio.shield(self._read[key])
        return found

    async def config_map(self, name: str) -> dict[str, str]:
        """Return a ConfigMap that the learner wrote.

        Raises:
            LearnerFailed: there is none of that name in their namespace.
        """
        for body in await self.objects("ConfigMap", LEARNER):
            if body["metadata"]["name"] == name:
                return dict(body.get("data") or {})
        raise LearnerFailed(f"there is no ConfigMap {name} in {self.namespace(LEARNER)}")

    async def records(self) -> list[Record]:
        """Return the lab's audit log, verified.

        Raises:
            LookBroken: its chain does not hold.
        """
        return await self._once(("records",), lambda: self.means.records(self.lab))

    async def ratings(self) -> list[Object]:
        """Return the Attestations of labs of this name, oldest first."""
        course, fields = self.lab.course, f"spec.lab={self.lab.name}"
        read = partial(self.means.kube.list, "Attestation", course, fields=fields)
        return sorted(await self._once(("ratings",), read), key=_moment)

    async def token(self, account: str) -> str:
        """Return a token of a ServiceAccount of the course."""
        mint = partial(self.means.kube.token, self.lab.course, account, _TOKEN_LIFE)
        token, _ = await self._once(("token", account), mint)
        return token

    def login(self, service: str, account: str) -> dict[str, str]:
        """Return the header by which somebody is known to a service; none for nobody.

        Raises:
            Malformed: they have no login there.
        """
        if not account:
            return {}
        persona = account.partition("/")[2] or None
        for one in self.lab.template.logins:
            if one.service == service and one.persona == persona:
                password = self.lab.password(one.secret)
                if one.kind == "bearer":
                    return {"Authorization": f"Bearer {password}"}
                pair = base64.b64encode(f"{one.username}:{password}".encode()).decode()
                return {"Authorization": f"Basic {pair}"}
        raise Malformed(f"{account} has no login for service {service}")

    @property
    def endpoints(self) -> list[dict[str, str]]:
        """Name and address of every service of the lab."""
        return [{"service": one["name"], "url": one["url"]} for one in access.services(self.lab)]

    @property
    def secrets(self) -> list[str]:
        """What must not be told: passwords of the lab's logins, and how they are sent."""
        headers = [
            self.login(one.service, f"persona/{one.persona}" if one.persona else LEARNER)
            for one in self.lab.template.logins
        ]
        sent = [value.partition(" ")[2] for one in headers for value in one.values()]
        return [*sent, *(self.lab.password(one.secret) for one in self.lab.template.logins)]

    async def ask(self, request: HttpRequest, times: int = 1) -> Asked:
        """Send a request to a service of the lab, some times over.

        A service of the template is asked by the operator itself; one that the learner made, by a
        pod on the platform's side.

        Raises:
            LookBroken: a service of the platform does not answer.
            LearnerFailed: a service of the learner does not.
        """
        if request.service is None:
            return await self.prober.http(request, times)
        headers = {**request.headers, **self.login(request.service, request.as_)}
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                asked = await self._ask(request, headers, times)
        except errors.ServiceError as error:
            raise self.silent(request.service, error) from error
        except TimeoutError as error:
            late = errors.ServiceError("TimedOut", f"{times} answers took over {_ASK_SECONDS} s")
            raise self.silent(request.service, late) from error
        wanted = request.status if isinstance(request, HttpCheck) else ()
        broken = asked.status >= _BROKEN and asked.status not in wanted
        if broken and self._side_of(request.service) != LEARNER:
            what = f"{request.service} answered {asked.status} to {request.path}"
            raise LookBroken(f"{what}: {shown(asked.body)}")
        return asked

    def silent(self, service: str, error: Exception) -> Exception:
        """Return whose fault it is that a service does not answer: that of whose side it is on."""
        kind = LearnerFailed if self._side_of(service) == LEARNER else LookBroken
        return kind(f"{service}: {error}")

    async def _ask(self, request: HttpRequest, headers: Mapping[str, str], times: int) -> Asked:
        what = (str(request.service), request.method, request.path or "/", request.json_)
        return await repeated(partial(self.backends.ask, *what, headers, parse=False), times)

    def _side_of(self, service: str) -> str:
        placement = {one.name: one.placement for one in self.lab.template.components}
        known = {one.name: placement[one.component] for one in self.lab.template.services}
        if service not in known:
            raise Malformed(f"the lab's template has no service {service}")
        return known[service]


def _moment(body: Object) -> tuple[str, str]:
    return body["metadata"]["creationTimestamp"], body["metadata"]["name"]


def is_own(body: Object) -> bool:
    """Whether an object is the learner's, and not the lab's."""
    return (body["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER
