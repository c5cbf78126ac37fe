"""Drills: something goes wrong because somebody asked for it, and the platform has to cope.

An outage is part of the lab's desired state for a while, so it ends by itself whoever is killed
meanwhile. An alias is moved as MLflow's administrator could: governance has to find out by itself.
"""

from datetime import datetime

from practicum.api.drills import AliasMove
from practicum.api.labstatus import ChecksStatus, DrillStatus
from practicum.api.times import parse_duration, parse_rfc3339, rfc3339
from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.governance.mlflow import Registry


def ends_at(checks: ChecksStatus | None) -> datetime | None:
    """Return when the drill that goes on in a lab ends; None: there is none."""
    return parse_rfc3339(checks.drill.until) if checks and checks.drill else None


async def start(
    lab: Lab, name: str, backends: Backends, now: datetime
) -> tuple[str, DrillStatus | None]:
    """Start a drill.

    Returns:
        what came of it, and what to keep in the lab's status while it goes on.
    """
    known = {drill.name: drill for drill in lab.template.drills}
    if name not in known:
        return f"there is no drill {name}; there are: {', '.join(known) or 'none'}", None
    drill = known[name]
    if drill.outage:
        until = rfc3339(now + parse_duration(drill.outage.lasts))
        text = f"drill {name}: {drill.outage.component} does not run until {until}"
        return text, DrillStatus(name=name, component=drill.outage.component, until=until)
    try:
        return f"drill {name}: {await _moved(Registry(backends), drill.move_alias)}", None
    except (ServiceError, LookupError) as error:
        return f"drill {name} could not be started: {error}", None


async def _moved(registry: Registry, move: AliasMove | None) -> str:
    """Move an alias to the newest version that it is not on; to none, if there is no other.

    Raises:
        LookupError: there is no such model.
    """
    if move is None:
        raise LookupError("it says nothing to do")
    model = await registry.model(move.model)
    if model is None:
        raise LookupError(f"there is no model {move.model}")
    current = model.aliases.get(move.alias, "")
    others = [one for one in await registry.versions(move.model) if one != current]
    wrong = max(others, key=int, default="")
    await registry.point(move.model, move.alias, wrong)
    return f"alias {move.alias} of {move.model} went from {current or 'none'} to {wrong or 'none'}"
