"""Whether what a LabTemplate says of itself fits together: schemas cannot compare its parts."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from practicum.api.labtemplate import LabTemplateSpec


def problems(spec: "LabTemplateSpec") -> Iterator[str]:
    """Yield what names something that is not there, each with the field and what there is."""
    yield from _sides(spec)
    yield from _checks(spec)
    yield from _drills(spec)


def _sides(spec: "LabTemplateSpec") -> Iterator[str]:
    tenants = [tenant.name for tenant in spec.tenants]
    sides = ["learner", "platform", *tenants]
    for component in spec.components:
        yield from _known(f"components.{component.name}.placement", component.placement, sides)
    for name, size in spec.sizes.items():
        for side in spec.sides:
            yield from _known(f"sizes.{name}.quota needs side", side, size.quota)
    for persona in spec.personas:
        for grant in persona.grants:
            yield from _known(f"personas.{persona.name}.grants.tenant", grant.tenant, tenants)


def _checks(spec: "LabTemplateSpec") -> Iterator[str]:
    ids = [check.id for check in spec.checks]
    tasks = [task.name for task in spec.tasks]
    criteria = [one.id for one in spec.criteria]
    yield from _twice("checks", ids)
    yield from _twice("criteria", criteria)
    for check in spec.checks:
        where = f"checks.{check.id}"
        yield from _known(f"{where}.task", check.task, tasks)
        for name in check.criteria:
            yield from _known(f"{where}.criteria", name, criteria)
        for name in check.needs:
            # Those before it: so no two ever wait for each other.
            yield from _known(
                f"{where}.needs, of those before it,", name, ids[: ids.index(check.id)]
            )


def _drills(spec: "LabTemplateSpec") -> Iterator[str]:
    components = [component.name for component in spec.components]
    yield from _twice("drills", [drill.name for drill in spec.drills])
    for drill in spec.drills:
        if drill.outage:
            where = f"drills.{drill.name}.outage.component"
            yield from _known(where, drill.outage.component, components)
        if drill.move_alias:
            governed = [model.name for model in spec.changes.models] if spec.changes else []
            where = f"drills.{drill.name}.moveAlias.model"
            yield from _known(where, drill.move_alias.model, governed)


def _known(where: str, name: str, there: Iterable[str]) -> Iterator[str]:
    if name not in (known := list(there)):
        yield f"{where} {name!r} is not there; there are: {', '.join(known) or 'none'}"


def _twice(where: str, names: Collection[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{where}: {name} is there {times} times; names are unique"
