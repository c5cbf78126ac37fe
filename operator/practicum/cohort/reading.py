"""What an instructor asks for with a class: its roster and its modules, read and found fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from practicum.api.labcohort import MOST_LABS, LabCohort, RosterLearner
from practicum.api.labenvironment import LabEnvironmentSpec
from practicum.api.labtemplate import LabTemplateSpec
from practicum.errors import InvalidLab, RosterInvalid
from practicum.policy import acceptance, cohort, room, roster
from practicum.policy.cohort import Place
from practicum.policy.readiness import READY, Readiness
from practicum.policy.roll import Seen
from practicum.policy.room import Room
from practicum.reconcile.tools import Tools


@dataclass(frozen=True)
class Asked:
    """What a class is to be."""

    accepted: Readiness
    learners: int = 0
    places: Sequence[Place] = ()
    """The labs that it should have."""
    asks: Mapping[str, Room] = field(default_factory=dict)
    """What each of its labs may ask for, by name."""


class Reader:
    """Reads classes."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._modules: dict[tuple[str, str], tuple[str | None, LabTemplateSpec]] = {}

    async def ask(self, resource: LabCohort, labs: Mapping[str, Seen]) -> Asked:
        """Read roster and templates; what is wrong with them leaves labs as they are."""
        try:
            learners = await self._roster(resource)
            wanted = cohort.places(resource, learners)
            if len(wanted) > MOST_LABS:
                text = f"{len(wanted)} labs are more than the {MOST_LABS} of one cohort"
                raise InvalidLab("RosterInvalid", f"spec.roster: {text}: make several")
            modules = await self._read_modules(resource)
            _check(resource, learners, modules)
        except (InvalidLab, RosterInvalid) as error:
            return Asked(Readiness(False, error.reason, str(error)[:1024]))
        sizes = {
            name: (one.row.template, one.member.spec.get("size")) for name, one in labs.items()
        } | {
            place.name: (place.template.name, place.learner.size or place.template.size)
            for place in wanted
        }
        asks = {
            name: _most(modules[template], size)
            for name, (template, size) in sizes.items()
            if template in modules
        }
        return Asked(READY, len(learners), wanted, asks)

    async def _roster(self, resource: LabCohort) -> list[RosterLearner]:
        ref = resource.spec.roster.config_map_ref
        if ref is None:
            return resource.spec.roster.learners
        course = resource.metadata["namespace"]
        found = await self._tools.kube.find("ConfigMap", course, ref.name)
        text = ((found or {}).get("data") or {}).get(ref.key)
        if text is None:
            raise InvalidLab(
                "RosterNotFound",
                f"spec.roster.configMapRef: ConfigMap {course}/{ref.name} "
                + (f"has no key {ref.key}" if found else "is not there")
                + f": put the roster there, as kubectl create configmap --from-file={ref.key} does",
            )
        return roster.read(text, ref.key)

    async def _read_modules(self, resource: LabCohort) -> dict[str, LabTemplateSpec]:
        course = resource.metadata["namespace"]
        found = {}
        for template in resource.spec.templates:
            key, templates = (course, template.name), self._tools.templates
            revision = templates.newest(*key)
            known = self._modules.get(key)
            if known is None or known[0] != revision or revision is None:
                known = self._modules[key] = revision, await templates.read(*key)
            found[template.name] = known[1]
        return found


def _most(template: LabTemplateSpec, size: str | None) -> Room:
    return room.at_most(template.sizes[size or template.default_size])


def _check(
    resource: LabCohort, learners: Sequence[RosterLearner], modules: Mapping[str, LabTemplateSpec]
) -> None:
    """Refuse for the class as a whole what each of its labs would be refused for.

    Raises:
        InvalidLab: a size, a parameter, a persona or a template does not fit.
    """
    for template in resource.spec.templates:
        sizes = {template.size, *(one.size for one in learners if one.size)}
        for size in sorted(sizes, key=str):
            spec = LabEnvironmentSpec(
                template=template.name,
                size=size,
                parameters=template.parameters,
                personas=template.personas,
            )
            acceptance.choose(spec, modules[template.name])
    for learner in learners:
        for name in learner.templates:
            if name not in modules:
                known = ", ".join(sorted(modules))
                raise InvalidLab(
                    "RosterInvalid",
                    f"templates of {learner.id}: {name!r} is not one of the class's: {known}",
                )
