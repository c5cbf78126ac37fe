"""``practicum status``: one lab as a tree, once or until it is ready."""

from datetime import timedelta

from practicum.cli import labview, output
from practicum.cli.exits import Exit
from practicum.cli.follow import Follow, Outcome, outcome
from practicum.cli.getting import clean
from practicum.cli.session import Session


async def status(session: Session, name: str, watch: bool, limit: timedelta) -> Exit:
    """Show where a lab is in its life; exits 0 only when it is ready."""
    if watch:
        return await Follow(session, [name], limit).run()
    lab = await session.lab(name)
    if session.output == "table":
        output.show(labview.tree(lab, session.now()))
    else:
        output.data(clean(lab).get("status", {}), session.output)
    return Exit.OK if outcome(lab) is Outcome.READY else Exit.FAILURE
