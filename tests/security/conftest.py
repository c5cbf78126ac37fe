"""Five labs of two courses, their learners' own kubeconfigs, and an operator that is down.

Everything in this folder is decided by the API server alone: the operator is killed once the labs
stand, so nothing here holds because somebody puts it right again. With
``PRACTICUM_ATTACKED_KUBECONFIG`` it is the API server of a cluster that runs already, and that is
thrown away afterwards.
"""

import base64
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from e2e.cluster.control_plane import ControlPlane
from tests.apiserver.checked import template
from tests.apiserver.conftest import (
    install_chart,
    lab_body,
    operator_kubeconfig,
    running_operator,
)

from .actors import APPLY, Actor, Answer, Object
from .objects import OURS, at, binding, filled, thing, workload

__all__ = ["operator_kubeconfig", "running_operator"]

T = TypeVar("T")
ATTACKED = os.environ.get("PRACTICUM_ATTACKED_KUBECONFIG", "")
_FORCE = {"fieldManager": "practicum", "force": "true"}


@dataclass(frozen=True)
class Existing:
    """A cluster that runs already, as far as a control plane of our own is asked for here."""

    kubeconfig: Path

    @property
    def server(self) -> str:
        """The API server's address."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        return str(config["clusters"][0]["cluster"]["server"])


@pytest.fixture(scope="session")
def control_plane(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ControlPlane | Existing]:
    with contextlib.ExitStack() as stack:
        if ATTACKED:
            attacked: ControlPlane | Existing = Existing(Path(ATTACKED))
        else:
            folder = tmp_path_factory.mktemp("control-plane")
            attacked = stack.enter_context(ControlPlane(folder, quota_sync="10s"))
        install_chart(attacked.kubeconfig)
        yield attacked


@dataclass
class World:
    """Who is there, and what their namespaces are called."""

    admin: Actor
    operator: Actor
    ada: Actor
    persona: Actor
    learners: dict[str, Actor]
    """The other labs' learners: Bob fills his lab, Mal's instructor breaks hers."""
    tenancy: dict[str, Actor]
    """The learner of a lab with a tenant, and her personas: tia, tia-lead, tia-dev."""
    names: dict[str, str]
    admin_config: Object
    actors: list[Actor] = field(default_factory=list)

    def impersonated(self, user: str, *groups: str) -> Actor:
        """Return a part of the cluster, by its name."""
        actor = Actor(self.admin_config, user=user, groups=(*groups, "system:authenticated"))
        self.actors.append(actor)
        return actor

    def account(self, namespace: str, name: str) -> Actor:
        """Return a ServiceAccount, by a token of its own."""
        path = at("ServiceAccount", namespace, name, "token").format(**self.names)
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        minted = self.admin.call("POST", path, request)
        assert minted.granted, minted
        user = self.admin_config["contexts"][0]["context"]["user"]
        entry = {"name": user, "user": {"token": minted.body["status"]["token"]}}
        self.actors.append(Actor(self.admin_config | {"users": [entry]}))
        return self.actors[-1]

    def attempt(
        self,
        actor: Actor,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        dry_run: bool = True,
        query: dict[str, str] | None = None,
    ) -> Answer:
        """Call with the lab's names filled in; only a dry run unless said otherwise."""
        return actor.call(
            method,
            path.format(**self.names),
            filled(body, self.names),
            content_type=content_type,
            dry_run=dry_run and method != "GET",
            query=query,
        )

    def put(self, actor: Actor, body: Object, namespace: str) -> None:
        """Apply an object for good."""
        path = at(body["kind"], namespace, body["metadata"]["name"])
        answer = self.attempt(
            actor, "PATCH", path, body, content_type=APPLY, dry_run=False, query=_FORCE
        )
        assert answer.granted, answer


def until(holds: Callable[[], T], what: str) -> T:
    """Wait, up to three minutes, for what the cluster does in its own time; returns what it is.

    Raises:
        AssertionError: it did not; with ``what``.
    """
    deadline = time.monotonic() + 180
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


def _credentials(admin: Actor, course: str, name: str) -> dict[str, Object]:
    """Return, of a lab that has credentials, the learner's kubeconfig by context."""
    answer = admin.call("GET", at("Secret", course, f"{name}-credentials"))
    assert answer.granted, answer
    config = yaml.safe_load(base64.b64decode(answer.body["data"]["kubeconfig"]))
    return {
        context["name"]: {**config, "current-context": context["name"]}
        for context in config["contexts"]
    }


def _lab(admin: Actor, course: str, name: str) -> Object:
    """Wait until everything of a lab is applied, of which credentials are the last; returns it."""
    lab: Object = {}

    def complete() -> bool:
        lab.update(admin.call("GET", at("LabEnvironment", course, name)).body)
        conditions = lab.get("status", {}).get("conditions", [])
        return ("CredentialsIssued", "True") in [(one["type"], one["status"]) for one in conditions]

    until(complete, f"lab {name} got no credentials")
    return lab


def _order_tenants(admin: Actor) -> None:
    """Order a lab with a namespace for a tenant of its story."""
    for body in (*template("tenancy"), lab_body("tia", "course-a", template="tenancy")):
        made = admin.call("POST", at(body["kind"], "course-a"), body)
        assert made.granted, made


def _managed_things(world: World) -> None:
    """Put, as the operator, one of each kind that a template may place on the learner's side."""
    for body in (
        thing("ConfigMap", "ours", {"labels": OURS}, data={"a": "b"}),
        thing("Secret", "ours", {"labels": OURS}),
        thing("Service", "ours", {"labels": OURS}, spec={"ports": [{"port": 80}]}),
    ):
        world.put(world.operator, body, "{learner}")
    deployment = workload("Deployment", {"labels": {**OURS, "practicum.dev/component": "ours"}})
    deployment["metadata"] = {"name": "ours", "labels": OURS}
    deployment["spec"]["selector"] = {"matchLabels": {"practicum.dev/component": "ours"}}
    del deployment["spec"]["template"]["metadata"]["labels"]["app"]
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/ours:1"
    world.put(world.operator, deployment, "{learner}")


@pytest.fixture(scope="session")
def world(control_plane, operator_kubeconfig, running_operator) -> Iterator[World]:
    admin_config = yaml.safe_load(control_plane.kubeconfig.read_text())
    admin = Actor(admin_config)
    labs = (("course-a", "ada"), ("course-a", "bob"), ("course-b", "eve"), ("course-b", "mal"))
    names = {"course": "course-a", "other_course": "course-b", "system": "practicum-system"}
    for course, name in labs:
        made = admin.call("POST", at("LabEnvironment", course), lab_body(name, course))
        assert made.granted, made
    _order_tenants(admin)
    for course, name in labs:
        lab = _lab(admin, course, name)
        names[name], names[f"{name}_platform"] = lab["status"]["namespaces"]
        names[f"{name}_uid"] = lab["metadata"]["uid"]
    names |= {"learner": names["ada"], "platform": names["ada_platform"]}
    tenants = _lab(admin, "course-a", "tia")
    names["tia"], names["tia_team"] = tenants["status"]["namespaces"]
    names["tia_uid"] = tenants["metadata"]["uid"]
    theirs = _credentials(admin, "course-a", "tia")
    configs = {
        context: config
        for course, name in labs
        for context, config in _credentials(admin, course, name).items()
    }
    running_operator.kill()
    world = World(
        admin=admin,
        operator=Actor(yaml.safe_load(operator_kubeconfig.read_text())),
        ada=Actor(configs["ada"]),
        persona=Actor(next(c for name, c in configs.items() if name.startswith("ada-reviewer"))),
        learners={name: Actor(configs[name]) for _, name in labs[1:]},
        tenancy={name: Actor(theirs[name]) for name in ("tia", "tia-lead", "tia-dev")},
        names=names,
        admin_config=admin_config,
    )
    _managed_things(world)
    yield world
    known = (world.admin, world.operator, world.ada, world.persona)
    others = (*world.learners.values(), *world.tenancy.values())
    for actor in (*known, *others, *world.actors):
        actor.close()


@pytest.fixture(scope="module")
def tutor(world: World) -> Actor:
    """An instructor: ``edit`` in the course, by a binding that the cluster has heard of."""
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "tutor@example.org"}
    body = binding("edit", subject, labels={})
    body["metadata"]["name"] = "instructors"
    path = at("RoleBinding", "{course}", "instructors")
    answer = world.attempt(
        world.admin, "PATCH", path, body,
        content_type=APPLY, dry_run=False, query={"fieldManager": "tests"},
    )  # fmt: skip
    assert answer.granted, answer
    actor = world.impersonated("tutor@example.org")
    path = at("LabEnvironment", "{course}")
    until(lambda: world.attempt(actor, "GET", path).granted, "the instructor's binding")
    return actor


_ROWS = pytest.StashKey[list[tuple[str, str, str]]]()


@pytest.fixture
def record_row(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Keeps a row of the benchmark's table for the end of the run."""
    rows = request.config.stash.setdefault(_ROWS, [])
    return lambda *row: rows.append(row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the benchmark's table."""
    rows = terminalreporter.config.stash.get(_ROWS, [])
    if not rows:
        return
    terminalreporter.section("multi-tenancy benchmark, with a learner's own credentials")
    for number, title, verdict in rows:
        terminalreporter.write_line(f"{number:<18}{title:<44}{verdict}")
