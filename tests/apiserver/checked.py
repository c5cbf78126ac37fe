"""A lab with checks, its learner with a kubeconfig of their own, and what they ask for."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION, CHECK_REQUESTED
from practicum.catalog.revision import answers_digest
from practicum.kube.client import Kube, Object
from tests.people import People
from tests.samples import QUOTA

from .conftest import LabMaker, eventually, read, until

COURSE = "course-a"
TENANT = "team-a"
SCHEMA = {
    "type": "object",
    "required": ["owner"],
    "properties": {"owner": {"enum": ["ds", "mle"]}},
}
VECTORS = [
    {"name": "good", "input": {"auc": 0.9}, "expect": {"allow": True}},
    {"name": "bad", "input": {"auc": 0.1}, "expect": {"allow": False}},
]
ANSWERS = {"vectors.json": json.dumps(VECTORS)}
PLAN: Object = {"object": {"kind": "ConfigMap", "name": "plan", "match": {"data": {"a": "42"}}}}
_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
_PROBE = {**_MAP, "metadata": {"name": "probe", "namespace": "{{ns.team-a}}"}}
_NUMBERS = itertools.count(1)
CHECKS: list[Object] = [
    {"id": "plan", "points": 3, "criteria": ["shown"], **PLAN},
    {
        "id": "rights",
        "access": {
            "as": "persona/dev",
            "can": [{"verb": "create", "resource": "configmaps", "namespace": TENANT}],
        },
    },
    {"id": "admitted", "dryRun": {"as": "persona/dev", "manifest": _PROBE, "expect": "allowed"}},
    {"id": "paper", "document": {"key": "plan.yaml", "schema": "plan.json"}},
    {
        "id": "gate",
        "policy": {
            "package": "lab.gate",
            "opaTest": {"minTests": 1},
            "vectors": "vectors.json",
        },
    },
    {"id": "demo", "attest": {"min": 60}},
]
"""What a learner, with the help of others, gets done in a lab without services."""


def template(
    name: str, *checks: Object, answers: Mapping[str, str] | None = None, **changes: Any
) -> list[Object]:
    """Return a template of guards, a tenant and checks, with its answers before it."""
    titled = [{"title": f"Check {one['id']}", "task": "do", **one} for one in checks]
    spec = {
        "title": "Checked",
        "maxTTL": "72h",
        "sizes": {"standard": {"quota": {"learner": QUOTA, TENANT: QUOTA}}},
        "allowedImages": ["busybox:*"],
        "tenants": [{"name": TENANT}],
        "personas": [
            {
                "name": "lead",
                "title": "Lead",
                "role": "lead",
                "grants": [{"tenant": TENANT, "role": "tenancy-admin"}],
            },
            {"name": "dev", "title": "Developer", "role": "dev"},
        ],
        "tasks": [{"name": "do", "title": "Do it"}],
        "criteria": [{"id": "shown", "text": "It is shown.", "source": "objective"}],
        "assets": [{"path": "plan.json", "content": json.dumps(SCHEMA)}],
        "answers": answers_digest(answers) if answers else "",
        "checks": titled,
        **changes,
    }
    body = {
        "apiVersion": API_VERSION,
        "kind": "LabTemplate",
        "metadata": {"name": name, "namespace": COURSE},
        "spec": LabTemplateSpec.model_validate(spec).wire(),
    }
    return [*([answers_of(name, answers)] if answers else []), body]


def answers_of(name: str, data: Mapping[str, str]) -> Object:
    """Return the ConfigMap with a template's answers."""
    return {
        **_MAP,
        "metadata": {"name": f"{name}-answers", "namespace": COURSE},
        "data": dict(data),
    }


class Pupil:
    """A learner in a lab with checks."""

    def __init__(self, kube: Kube, lab: Object, spaces: list[str], folder: Path) -> None:
        self.kube = kube
        self.lab = lab
        self.space, self.tenant = spaces
        self.people = People(kube, lab, self.space, folder / f"{self.space}.kubeconfig")
        self.learner: Kube

    @property
    def name(self) -> str:
        """The lab's."""
        return str(self.lab["metadata"]["name"])

    async def arrive(self) -> None:
        """Take the credentials."""
        await self.people.arrive()
        self.learner = await Kube.connect(self.people.config, self.name)

    async def leave(self) -> None:
        """Close the connections."""
        await self.learner.close()
        await self.people.leave()

    async def write(self, name: str, **data: str) -> None:
        """Write a ConfigMap; in a key, two underscores are a dot."""
        meta = {"name": name, "namespace": self.space}
        files = {key.replace("__", "."): text for key, text in data.items()}
        await self.learner.apply({**_MAP, "metadata": meta, "data": files}, manager="kubectl")

    async def admit(self) -> None:
        """Let persona dev work in the tenant, as persona lead may."""
        account = f"{self.name}.dev"
        body = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "developers", "namespace": self.tenant},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "practicum-tenant-developer",
            },
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": COURSE}],
        }
        await (await self.people.as_("lead")).create(body)

    async def ask(self, *only: str, **more: str) -> Object:
        """Ask as the learner, and return what became of the checks."""
        text = f"request {next(_NUMBERS)}"
        await self.write("check-request", requested=text, checks=",".join(only), **more)
        return await self.answered("request", text)

    async def ask_as_staff(self, **notes: str) -> Object:
        """Ask on the LabEnvironment, and return what became of the checks."""
        text = f"request {next(_NUMBERS)}"
        patch = {"metadata": {"annotations": {CHECK_REQUESTED: text, **notes}}}
        await self.kube.merge_patch("LabEnvironment", COURSE, self.name, patch)
        return await self.answered("staffRequest", text)

    async def answered(self, field: str, text: str) -> Object:
        """Wait for the answer to a request."""

        async def there() -> Object | None:
            found = await self.status()
            assert found.get(field) == text, found.get("message", found.get("summary"))
            return found

        return dict(await eventually(there, 60))

    async def status(self) -> Object:
        """Return the status of checks; raises KeyError while there is none."""
        return dict((await read(self.kube, self.lab))["status"]["checks"])

    async def looked(self) -> Object:
        """Wait until somebody has looked at the checks for the first time."""
        return dict(await eventually(self.status))

    async def report(self) -> Object:
        """Return the report, as the learner reads it."""
        found = await self.learner.get("ConfigMap", self.space, "check-report")
        return dict(json.loads(found["data"]["report.json"]))

    async def state(self, name: str) -> str:
        """Return the state of one check, as it was last seen."""
        return states(await self.status())[name]


def states(status: Object) -> dict[str, str]:
    """Return what became of each check."""
    return {one["id"]: one["state"] for one in status["results"]}


PupilMaker = Callable[..., Awaitable[Pupil]]


@asynccontextmanager
async def pupils(kube: Kube, make_lab: LabMaker, folder: Path) -> AsyncIterator[PupilMaker]:
    """Make labs of templates of their own, which are there as soon as their guards are."""
    there: list[Pupil] = []

    async def make(
        *checks: Object, name: str = "", changes: Mapping[str, Any] | None = None, **lab: Any
    ) -> Pupil:
        chosen = name or f"checked-{next(_NUMBERS)}"
        answers = ANSWERS if any("policy" in one for one in checks) else None
        for body in template(chosen, *checks, answers=answers, **(changes or {})):
            await kube.apply(body)
        made = await make_lab(template=chosen, **lab)
        await until(kube, made, "Ready")
        spaces = (await read(kube, made))["status"]["namespaces"]
        there.append(Pupil(kube, made, spaces, folder))
        await there[-1].arrive()
        return there[-1]

    yield make
    for pupil in there:
        await pupil.leave()
