"""``practicum report``: what the audit logs of labs come to."""

from enum import StrEnum
from typing import Annotated

import typer

from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.session import run

app = typer.Typer(
    help="Reports on the labs of a course.",
    no_args_is_help=True,
    epilog=EPILOG,
)


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    CSV = "csv"


@app.callback()
def report() -> None:
    """Reports on the labs of a course."""


@app.command(epilog=EPILOG)
def lifecycle(
    ctx: typer.Context,
    labs: Annotated[
        list[str] | None, typer.Argument(metavar="LAB", help="Default: all of the course.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="csv is for spreadsheets; times in seconds.")
    ] = Format.TABLE,
    uids: Annotated[
        list[str] | None,
        typer.Option("--uid", metavar="UID", help="Also of a lab that is gone; repeatable."),
    ] = None,
) -> None:
    """Show how long governed changes take, by model and by persona, over all labs named.

    Lead time: from the making of a request to its execution. Approval: from the first wait for it
    to the last that counts; of a persona, to its answers. Refused: of those that were executed,
    denied or rejected. Moved: aliases found moved by nobody's request.
    """
    if format_ is Format.CSV and ctx.obj.output:
        raise CliError("give either --output or --format csv", code=Exit.USAGE)
    from practicum.cli import report as work
    from practicum.cli.audit_reading import Which

    whose = [Which(lab) for lab in labs or ()] + [Which(uid=uid) for uid in uids or ()]
    for which in whose:
        which.check()
    run(
        ctx,
        lambda session: work.lifecycle(session, whose, csv=format_ is Format.CSV),
        formats=("table", "json", "yaml"),
    )
