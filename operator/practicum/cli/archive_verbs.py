"""``practicum archive``: the archives of labs that ended, taken along, or brought back."""

from pathlib import Path
from typing import Annotated

import typer

from practicum.cli.exits import EPILOG
from practicum.cli.lab_verbs import Everywhere, Timeout, Wait, span
from practicum.cli.session import run

app = typer.Typer(
    help="List archives of labs that ended, take one along, or bring a lab back from it.",
    no_args_is_help=True,
    epilog=EPILOG,
)
Archive = Annotated[
    str, typer.Argument(metavar="ARCHIVE", help="Uid of the lab that it was, or its name.")
]


@app.command(name="list", epilog=EPILOG)
def list_(
    ctx: typer.Context,
    everywhere: Everywhere = False,
) -> None:
    """List the archives of a course.

    Who may not read the namespace of archives sees those whose LabEnvironment is still there.
    """
    from practicum.cli import archives

    run(
        ctx,
        lambda session: archives.show(session, everywhere=everywhere),
        formats=("table", "json", "yaml"),
    )


@app.command(epilog=EPILOG)
def get(
    ctx: typer.Context,
    archive: Archive,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="A new or empty folder.", file_okay=False)
    ],
) -> None:
    """Copy an archive into a folder, and hold every file against its digest.

    It takes the rights of ClusterRole practicum-archivist in namespace practicum-audit.
    """
    from practicum.cli import archives_copy

    archives_copy.check(to)
    run(ctx, lambda session: archives_copy.copy(session, archive, to), formats=("table", "json"))


@app.command(epilog=EPILOG)
def restore(
    ctx: typer.Context,
    archive: Archive,
    name: Annotated[
        str,
        typer.Option("--name", metavar="LAB", help="The new lab; default: as it was."),
    ] = "",
    ttl: Annotated[
        str,
        typer.Option("--ttl", metavar="DURATION", help="Its life; default: as before."),
    ] = "",
    wait: Wait = False,
    timeout: Timeout = "15m",
) -> None:
    """Bring a lab back from its archive, as a new lab of the same course."""
    from practicum.cli import archives

    if ttl:
        span(ttl, "--ttl")
    limit = span(timeout) if wait else None
    run(
        ctx,
        lambda session: archives.restore(session, archives.Wish(archive, name, ttl), limit),
        formats=("table", "name"),
    )
