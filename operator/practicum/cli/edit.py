"""``extend``, ``suspend`` and ``resume``: edits of one field, guarded against other editors."""

import os
from datetime import datetime, timedelta
from urllib.parse import quote

from practicum import errors
from practicum.api.conditions import Phase
from practicum.api.kinds import KINDS
from practicum.api.times import format_duration, parse_duration, parse_rfc3339, rfc3339
from practicum.cli import cohorts, labview, moments, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.follow import Follow
from practicum.cli.session import Object, Session
from practicum.settings import Settings

_JSON_PATCH = "application/json-patch+json"
_OVER = frozenset((Phase.EXPIRING, Phase.EXPIRED, Phase.TERMINATING))


def system_namespace() -> str:
    """Return the namespace of the shared catalogue."""
    return os.environ.get("PRACTICUM_SYSTEM_NAMESPACE") or Settings.system_namespace


async def template_of(session: Session, lab: Object) -> Object | None:
    """Return the lab's template, the course's own first; None where there is none.

    Raises:
        Forbidden: it may not be read, as learners usually may not.
    """
    name = lab["spec"]["template"]
    refused: errors.Forbidden | None = None
    for namespace in (session.namespace, system_namespace()):
        try:
            if found := await session.kube.find("LabTemplate", namespace, name):
                return found
        except errors.Forbidden as error:
            refused = error
    if refused:
        raise refused
    return None


async def extend(session: Session, name: str, by: timedelta | None, until: str) -> None:
    """Move a lab's expiry, within what its template allows."""
    lab = await session.lab(name)
    _refuse_over(lab)
    if cohort := await cohorts.of(session, lab):
        when = f"--by {format_duration(by)}" if by else f"--until {until}"
        raise cohorts.would_undo(lab, cohort, f"extend {{cohort}} --learner {{learner}} {when}")
    life = _life(lab)
    wanted = by + life if by else _life_until(lab, until, session.now())
    longest = await _longest(session, lab)
    try:
        written = moments.new_ttl(wanted, longest)
    except ValueError as error:
        raise CliError(
            f"lab {name} cannot be moved so: {error}",
            hint=most(lab, longest, session.now()),
            code=Exit.CONFLICT,
        ) from error
    born = moments.created(lab)
    if born + wanted <= session.now():
        raise CliError(
            f"that moment is past: to end lab {name}, practicum delete {name}", code=Exit.CONFLICT
        )
    if end := lab["spec"].get("endAt"):
        await _replace(session, lab, "endAt", rfc3339(born + wanted), end)
    else:
        await _replace(session, lab, "ttl", written, lab["spec"]["ttl"])
    before = moments.described(born + life, session.now())
    after = moments.described(born + wanted, session.now())
    output.line(f"{name}: expires {after}; was {before}")


def _life(lab: Object) -> timedelta:
    """Return how long a lab lives as it is, by its end or by its ttl."""
    if end := lab["spec"].get("endAt"):
        return parse_rfc3339(end) - moments.created(lab)
    return parse_duration(lab["spec"]["ttl"])


def _refuse_over(lab: Object) -> None:
    if labview.phase(lab) in _OVER or "deletionTimestamp" in lab["metadata"]:
        name = lab["metadata"]["name"]
        raise CliError(
            f"lab {name} is {labview.phase(lab)}: an ended lab cannot come back",
            hint="create another LabEnvironment",
            code=Exit.CONFLICT,
        )


def _life_until(lab: Object, until: str, now: datetime) -> timedelta:
    try:
        moment = moments.until(until, now, moments.zone())
    except ValueError as error:
        raise CliError(str(error), code=Exit.USAGE) from error
    # spec.ttl has whole seconds.
    return timedelta(seconds=int((moment - moments.created(lab)).total_seconds()))


async def _longest(session: Session, lab: Object) -> timedelta | None:
    """Return the template's maxTTL where it can be read; else the operator has the last word."""
    try:
        template = await template_of(session, lab)
    except errors.Forbidden:
        return None
    return parse_duration(template["spec"]["maxTTL"]) if template else None


def most(lab: Object, longest: timedelta | None, now: datetime) -> str:
    """Say by how much a lab can be extended at most."""
    longest = longest or moments.LONGEST
    left = longest - _life(lab)
    end = moments.described(moments.created(lab) + longest, now)
    if left <= timedelta(0):
        return f"it has all it may have already, until {end}"
    name = lab["metadata"]["name"]
    return f"at most until {end}: practicum extend {name} {format_duration(left)}"


async def _replace(session: Session, lab: Object, field: str, value: object, old: object) -> None:
    """Set one field of the spec, provided nobody changed it meanwhile.

    The manager is named after the verb, so that a later apply of a file that disagrees is told
    who set the field.
    """
    manager = "practicum-suspend" if field == "suspended" else "practicum-extend"
    meta = lab["metadata"]
    path = KINDS["LabEnvironment"].path(meta["namespace"], quote(meta["name"], safe=""))
    where = f"/spec/{field}"
    test = [{"op": "test", "path": where, "value": old}] if field in lab["spec"] else []
    operations = [*test, {"op": "add", "path": where, "value": value}]
    try:
        await session.kube.request(
            "PATCH",
            path,
            query={"fieldManager": manager},
            body=operations,
            content_type=_JSON_PATCH,
        )
    except errors.Invalid as error:
        if "testing" not in str(error) and "test failed" not in str(error).lower():
            raise
        raise CliError(
            f"somebody changed spec.{field} of lab {meta['name']} meanwhile",
            hint="try again",
            code=Exit.CONFLICT,
        ) from error


async def set_suspended(session: Session, name: str, suspended: bool) -> None:
    """Suspend or resume a lab."""
    lab = await session.lab(name)
    _refuse_over(lab)
    if not suspended:
        await cohorts.refuse_resume(session, lab)
    word = "suspended" if suspended else "resumed"
    old = bool(lab["spec"].get("suspended", False))
    if old is suspended:
        output.line(f"{name}: is {'suspended' if suspended else 'not suspended'} already")
        return
    await _replace(session, lab, "suspended", suspended, old)
    left = labview.expires_in(lab, session.now())
    tail = f"; its clock runs on: {left} left" if left != "-" else ""
    output.line(f"{name}: {word}{tail}")


async def resume(session: Session, name: str, wait: bool, limit: timedelta) -> Exit:
    """Resume a lab and follow it to Ready if asked."""
    await set_suspended(session, name, False)
    return await Follow(session, [name], limit).run() if wait else Exit.OK
