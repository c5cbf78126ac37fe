"""From a lab's template name to its frozen revision and its rendered objects."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from practicum import errors
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import TemplateStatus
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import ANSWERS_SUFFIX
from practicum.catalog.render import Choice, Rendered, render
from practicum.catalog.revision import answers_digest, answers_object, revision_object
from practicum.errors import InvalidLab
from practicum.kube.client import Kube
from practicum.policy import acceptance
from practicum.reconcile.shared import Shared
from practicum.settings import Settings

_CACHED = 64
OTHER: Final = "other"
NONE: Final = "none"
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Cache(OrderedDict[Key, Value]):
    """The most recent entries."""

    def keep(self, key: Key, value: Value) -> Value:
        self[key] = value
        while len(self) > _CACHED:
            self.popitem(last=False)
        return value


@dataclass(frozen=True)
class Pinned:
    """The revision that a lab is on."""

    revision: str
    spec: LabTemplateSpec
    current: bool = True
    """Whether the template of that name still has this very content."""


class Templates:
    """Looks templates up, freezes them, renders them; everything is cached by content."""

    def __init__(self, kube: Kube, settings: Settings) -> None:
        self._kube = kube
        self._settings = settings
        self._specs: _Cache[str, LabTemplateSpec] = _Cache()
        self._answers: _Cache[str, dict[str, str]] = _Cache()
        self._rendered: _Cache[tuple[str, str], list[Rendered]] = _Cache()
        self._rendering: dict[tuple[str, str], asyncio.Task[list[Rendered]]] = {}
        self._newest: dict[tuple[str, str], str] = {}
        self._found = Shared(self._find)
        self._keeping = asyncio.Lock()
        self._pinned: dict[str, Pinned] = {}
        """Revisions of new labs, by uid, until the status says them."""

    def observe(self, namespace: str, name: str, spec: dict[str, Any] | None) -> None:
        """Take in a LabTemplate's change, so that labs can say that they are on an older one."""
        self._newest.pop((namespace, name), None)
        if spec is not None:
            try:
                parsed = LabTemplateSpec.model_validate(spec, extra="ignore")
            except ValueError:
                return
            self._newest[namespace, name] = self._revision(name, parsed)["metadata"]["name"]

    def shared(self, course: str, template: TemplateStatus | None) -> str:
        """Return what metrics call a template: its name where it is of the shared catalogue."""
        if template is None:
            return NONE
        own = (course, template.name) in self._newest
        known = (self._settings.system_namespace, template.name) in self._newest
        return template.name if known and not own else OTHER

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._pinned.pop(lab_uid, None)

    def newest(self, course: str, name: str) -> str | None:
        """Return the revision that a new lab of a course would be on, as far as it is known."""
        own, shared = (course, name), (self._settings.system_namespace, name)
        return self._newest.get(own) or self._newest.get(shared)

    async def read(self, course: str, name: str) -> LabTemplateSpec:
        """Return a template as it now is for a course.

        Raises:
            InvalidLab: there is no such template, or it is broken.
        """
        return (await self._read(course, name))[1]

    async def pin(self, lab: LabEnvironment) -> Pinned:
        """Return the revision that a lab stays on, freezing its template on first sight.

        Raises:
            InvalidLab: there is no such template, or its frozen revision is gone.
        """
        course, name = lab.metadata["namespace"], lab.spec.template
        if lab.status.template is None:
            if lab.uid not in self._pinned:
                self._pinned[lab.uid] = await self._freeze(course, name)
            return self._pinned[lab.uid]
        self._pinned.pop(lab.uid, None)
        revision = lab.status.template.revision
        newest = self.newest(course, name)
        spec = self._specs.get(revision) or await self._thaw(revision)
        return Pinned(revision, spec, current=newest in (None, revision))

    async def _read(self, course: str, name: str) -> tuple[str, LabTemplateSpec]:
        """Return the namespace of a course's template, and what it says."""
        if (found := await self._found((course, name))) is None:
            raise InvalidLab(
                "TemplateNotFound",
                f"spec.template {name!r} exists neither in namespace {course} nor in the shared "
                f"catalogue ({self._settings.system_namespace}): see kubectl get labtemplates -A",
            )
        try:
            spec = LabTemplateSpec.model_validate(found["spec"], extra="ignore")
        except ValueError as error:
            raise InvalidLab("TemplateInvalid", f"LabTemplate {name}: {error}") from error
        return found["metadata"]["namespace"], spec

    async def _freeze(self, course: str, name: str) -> Pinned:
        namespace, spec = await self._read(course, name)
        body = self._revision(name, spec)
        revision = body["metadata"]["name"]
        if revision not in self._specs:
            async with self._keeping:
                if revision not in self._specs:
                    await self._freeze_answers(namespace, name, spec)
                    with suppress(errors.Conflict):
                        await self._kube.create(body)
                self._specs.keep(revision, spec)
        return Pinned(revision, spec)

    async def _freeze_answers(self, namespace: str, name: str, spec: LabTemplateSpec) -> None:
        """Freeze what checks of the template refer to and nobody may see who learns.

        Raises:
            InvalidLab: it is not there, or is not what the template was packed with.
        """
        if not spec.answers or spec.answers in self._answers:
            return
        place = f"{name}{ANSWERS_SUFFIX}"
        found = await self._kube.find("ConfigMap", namespace, place)
        answers = (found or {}).get("data") or {}
        if answers_digest(answers) != spec.answers:
            state = "is not what the template was packed with" if found else "is missing"
            raise InvalidLab(
                "TemplateInvalid",
                f"LabTemplate {name}: ConfigMap {namespace}/{place} {state}: push both with "
                "practicum template push",
            )
        body = answers_object(spec.answers, answers, self._settings.system_namespace)
        with suppress(errors.Conflict):
            await self._kube.create(body)
        self._answers.keep(spec.answers, answers)

    async def answers(self, pinned: Pinned) -> dict[str, str]:
        """Return what checks of a frozen template refer to and nobody may see who learns.

        Raises:
            InvalidLab: it is gone.
        """
        digest = pinned.spec.answers
        if not digest:
            return {}
        if digest not in self._answers:
            namespace = self._settings.system_namespace
            revision = answers_object(digest, {}, namespace)["metadata"]["name"]
            found = await self._kube.find("ControllerRevision", namespace, revision)
            if found is None:
                raise _lost(revision, namespace)
            self._answers.keep(digest, dict(found["data"]["answers"]))
        return self._answers[digest]

    async def _find(self, key: tuple[str, str]) -> dict[str, Any] | None:
        course, name = key
        for namespace in (course, self._settings.system_namespace):
            if found := await self._kube.find("LabTemplate", namespace, name):
                return found
        return None

    async def _thaw(self, revision: str) -> LabTemplateSpec:
        namespace = self._settings.system_namespace
        found = await self._kube.find("ControllerRevision", namespace, revision)
        if found is None:
            raise _lost(revision, namespace)
        spec = LabTemplateSpec.model_validate(found["data"]["spec"], extra="ignore")
        return self._specs.keep(revision, spec)

    def _revision(self, name: str, spec: LabTemplateSpec) -> dict[str, Any]:
        return revision_object(name, spec, self._settings.system_namespace)

    async def render(self, lab: LabEnvironment, pinned: Pinned) -> list[Rendered]:
        """Return the lab's objects with placeholders; equal choices share one rendering.

        Raises:
            InvalidLab: the lab does not fit the template.
            TemplateError: the template does not render, or asks for too much.
        """
        size, values = acceptance.choose(lab.spec, pinned.spec)
        choice = Choice(
            size=size,
            parameters=values,
            images=self._settings.images_of(pinned.spec.images),
            storage_class=self._settings.storage_class,
        )
        key = (pinned.revision, choice.digest_input())
        if key in self._rendered:
            return self._rendered[key]
        if key not in self._rendering:
            # A class that begins at once is one process, not thirty.
            task = asyncio.create_task(render(pinned.spec, choice))
            self._rendering[key] = task
            task.add_done_callback(lambda _: self._rendering.pop(key))
        return self._rendered.keep(key, await asyncio.shield(self._rendering[key]))


def _lost(revision: str, namespace: str) -> InvalidLab:
    return InvalidLab(
        "TemplateRevisionLost",
        f"the frozen revision {revision} is gone from {namespace}: restore it from a backup, or "
        "delete the lab",
    )
