"""One lab during one evaluation: what is looked at by several checks is read once."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from practicum import errors
from practicum.api.labtemplate import LEARNER
from practicum.api.looks.services import HttpCheck, HttpRequest
from practicum.api.names import MANAGED_BY, MANAGER
from practicum.checks.outcomes import LearnerFailed, LookBroken
from practicum.checks.pods import Pods
from practicum.checks.prober import Asked, Prober
from practicum.checks.texts import known_values
from practicum.checks.values import Malformed, shown
from practicum.clock import Clock
from practicum.desired import access
from practicum.desired.lab import Lab
from practicum.governance.backends import Backends
from practicum.governance.chain import Record
from practicum.governance.http import Answer, json_or_text
from practicum.governance.opa import Opa
from practicum.kube.client import Kube
from practicum.policy.network import Enforcement

Object = dict[str, Any]

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
    _objects: dict[tuple[str, str, str], asyncio.Task[list[Object]]] = field(default_factory=dict)
    _records: asyncio.Task[list[Record]] | None = None
    _ratings: asyncio.Task[list[Object]] | None = None
    _tokens: dict[str, asyncio.Task[tuple[str, datetime]]] = field(default_factory=dict)

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
        try:
            return json.loads(self.asset(path))
        except ValueError as error:
            raise Malformed(f"asset {path} is no JSON: {error}") from error

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
        key = (kind, self.namespace(side), labels)
        if key not in self._objects:
            self._objects[key] = asyncio.create_task(self.means.kube.list(*key))
        return await asyncio.shield(self._objects[key])

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
        if self._records is None:
            self._records = asyncio.create_task(self.means.records(self.lab))
        return await asyncio.shield(self._records)

    async def ratings(self) -> list[Object]:
        """Return the Attestations of labs of this name, oldest first."""
        if self._ratings is None:
            course, fields = self.lab.course, f"spec.lab={self.lab.name}"
            found = self.means.kube.list("Attestation", course, fields=fields)
            self._ratings = asyncio.create_task(found)
        return sorted(await asyncio.shield(self._ratings), key=_moment)

    async def token(self, account: str) -> str:
        """Return a token of a ServiceAccount of the course."""
        if account not in self._tokens:
            minted = self.means.kube.token(self.lab.course, account, _TOKEN_LIFE)
            self._tokens[account] = asyncio.create_task(minted)
        token, _ = await asyncio.shield(self._tokens[account])
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
        clock, seconds, answer = asyncio.get_running_loop().time, [], Answer(0, None)
        for _ in range(times):
            began = clock()
            answer = await self.backends.ask(
                *(str(request.service), request.method, request.path or "/", request.json_),
                headers,
                parse=False,
            )
            seconds.append(clock() - began)
        return Asked(answer.status, dict(answer.headers), json_or_text(answer.body), seconds)

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
