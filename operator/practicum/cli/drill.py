"""``practicum drill``: let something go wrong that the template offers, and say what came of it."""

from datetime import timedelta

from practicum import errors
from practicum.cli import check, edit, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session


async def drill(session: Session, name: str, wanted: str, limit: timedelta) -> Exit:
    """Start a drill, or list those that there are."""
    lab = await session.lab(name)
    if not wanted:
        await _list(session, lab)
        return Exit.OK
    field, text = await check.ask(session, lab, (), drill=wanted)
    found = await check.answered(session, name, field, text, limit)
    message = found["status"]["checks"].get("message", "")
    output.line(message)
    started = message.startswith(f"drill {wanted}: ")
    return Exit.OK if started else Exit.FAILURE


async def _list(session: Session, lab: Object) -> None:
    try:
        template = await edit.template_of(session, lab)
    except errors.Forbidden as error:
        raise CliError(
            "you may not read the template, which lists the drills",
            hint="name the drill that the task names",
            code=Exit.FORBIDDEN,
        ) from error
    drills = (template or {}).get("spec", {}).get("drills", [])
    if session.output != "table":
        output.data(drills, session.output)
    elif drills:
        rows = [[one["name"], one["title"]] for one in drills]
        output.show(output.table(("drill", "title"), rows))
    else:
        output.note("this template has no drills")
