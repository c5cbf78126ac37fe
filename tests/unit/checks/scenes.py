"""One lab as checks see it, with an API server in memory."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from practicum.api.labtemplate import LabTemplateSpec
from practicum.checks.pods import Pods
from practicum.checks.prober import Prober
from practicum.checks.scene import Means, Scene
from practicum.desired.check_pods import CheckPod
from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.governance.chain import Record
from practicum.governance.http import Answer
from practicum.governance.opa import Opa
from practicum.policy.network import Enforcement
from practicum.settings import Settings
from tests import samples
from tests.unit.changes import Cluster, FakeKube

from .checks import template

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 13, tzinfo=UTC)
SETTINGS = Settings(root_key=samples.ROOT_KEY, check_image="example.org/practicum:1")
SPACE = samples.lab().namespaces["learner"]
PLATFORM = samples.lab().namespaces["platform"]


def config_map(name: str, namespace: str = SPACE, **data: str) -> Object:
    """Return a ConfigMap of the learner's; a dot in a key is written as two underscores."""
    files = {key.replace("__", "."): text for key, text in data.items()}
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": files}


class Api(FakeKube):
    """The API server as the operator sees it; knows who may do what."""

    def __init__(self, cluster: Cluster, allowed: Sequence[tuple[str, ...]] = ()) -> None:
        super().__init__(cluster, "operator")
        self.allowed = allowed
        """User, verb, namespace and resource."""
        self.reviews: list[Object] = []

    def fence(self) -> bool:
        return True

    async def create(self, body: Object) -> Object:
        if body["kind"] != "SubjectAccessReview":
            return await super().create(body)
        self.reviews.append(body["spec"])
        wanted = body["spec"]["resourceAttributes"]
        parts = (wanted["verb"], wanted["namespace"], wanted["resource"])
        return {"status": {"allowed": (body["spec"]["user"], *parts) in self.allowed}}


class PlayedPods:
    """Says what pods would say, by what they are asked to do; keeps what they were."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.ran: list[CheckPod] = []

    async def run(self, _: Lab, wanted: CheckPod) -> str:
        self.ran.append(wanted)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class PlayedServices:
    """Answers for the services of a lab, by method and path; keeps what was asked."""

    def __init__(self, answers: Mapping[str, Answer | ServiceError]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Any, Mapping[str, str]]] = []

    async def call(
        self, method: str, url: str, *, body: Any = None, headers: Any = None, parse: bool = True
    ) -> Answer:
        path = "/" + url.split("/", 3)[3]
        self.asked.append((method, path, body, headers or {}))
        answer = self.answers.get(path.partition("?")[0], Answer(404, None))
        if isinstance(answer, ServiceError):
            raise answer
        return answer


@dataclass
class Stage:
    """What scenes of one lab are made of."""

    spec: LabTemplateSpec = field(default_factory=template)
    objects: Sequence[Object] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    records: Sequence[Record] | Exception = ()
    services: Mapping[str, Answer | ServiceError] = field(default_factory=dict)
    pods: Any = field(default_factory=lambda: PlayedPods(""))
    allowed: Sequence[tuple[str, ...]] = ()
    opa: str = "/nowhere/opa"
    enforcement: Enforcement = Enforcement.ENFORCED
    settings: Settings = SETTINGS
    lab: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the LabEnvironment's spec."""

    def __post_init__(self) -> None:
        """Put everything where a scene looks for it."""
        self.cluster = Cluster(*self.objects, *map(self._pod, self.spec.services))
        self.api: Any = Api(self.cluster, self.allowed)
        self.played: Any = PlayedServices(self.services)
        self.made = 0

    def _pod(self, service: Any) -> Object:
        sides = {one.name: one.placement for one in self.spec.components}
        namespace = SPACE if sides.get(service.component) == "learner" else PLATFORM
        meta = {"name": f"{service.name}-0", "namespace": namespace}
        return {"kind": "Pod", "metadata": meta, "status": {"podIP": "10.0.0.1"}}

    async def _records(self, _: Lab) -> list[Record]:
        if isinstance(self.records, Exception):
            raise self.records
        return list(self.records)

    def scene(self) -> Scene:
        """Return a fresh scene."""
        self.made += 1
        lab = samples.lab(self.spec, self.settings, **self.lab)
        pods: Pods = self.pods
        means = Means(
            kube=self.api,
            opa=Opa(self.opa),
            clock=lambda: NOW + timedelta(0),
            records=self._records,
            enforcement=lambda: self.enforcement,
        )
        backends = Backends(self.api, self.played, lab)
        return Scene(lab, means, backends, pods, Prober(lab, pods), self.answers)


def basic(username: str, password: str) -> str:
    """Return a header's value."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
