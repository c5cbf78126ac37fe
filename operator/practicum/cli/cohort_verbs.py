"""``practicum cohort``: what its verbs take, and who does the work."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.lab_verbs import Timeout, Wait, Watch, span
from practicum.cli.session import run

app = typer.Typer(
    help="Classes: make them from a roster, see how they do, move and end them.",
    no_args_is_help=True,
    epilog=EPILOG,
)
_DATA = ("table", "json", "yaml")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the LabCohort.")]
Learners = Annotated[
    list[str] | None,
    typer.Option("--learner", metavar="ID", help="Only of this learner; repeatable."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Ending(StrEnum):
    """How a class ends."""

    SOFT = "soft"
    CUT_OFF = "cut-off"


class Access(StrEnum):
    """When learners get into their labs."""

    WHEN_READY = "when-ready"
    AT_START = "at-start"


class OnExpiry(StrEnum):
    """What becomes of a lab that ends."""

    DELETE = "delete"
    ARCHIVE = "archive"


class Removal(StrEnum):
    """What becomes of the labs of those who are taken off the roster."""

    KEEP = "keep"
    SUSPEND = "suspend"
    DELETE = "delete"


def _camel(word: StrEnum | None) -> str:
    return word.value.title().replace("-", "") if word else ""


def _moment(option: str, what: str) -> Any:
    return typer.Option(option, metavar="TIME", help=f"{what}: 18:00, or 2026-11-21T18:00.")


@app.command("import", epilog=EPILOG)
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The roster, .csv or .json.")],
    name: Annotated[str, typer.Option("--name", metavar="COHORT", help="The class.")],
    templates: Annotated[
        list[str] | None,
        typer.Option("--template", metavar="TEMPLATE", help="A module of the class; repeatable."),
    ] = None,
    provision_at: Annotated[str, _moment("--provision-at", "When labs begin to be made")] = "",
    start_at: Annotated[str, _moment("--start-at", "The bell")] = "",
    end_at: Annotated[str, _moment("--end-at", "When the class ends")] = "",
    ending: Annotated[Ending | None, typer.Option("--ending", help="How it ends.")] = None,
    access: Annotated[
        Access | None, typer.Option("--access", help="When learners get into their labs.")
    ] = None,
    on_expiry: Annotated[
        OnExpiry | None, typer.Option("--on-expiry", help="What becomes of labs that end.")
    ] = None,
    idle: Annotated[
        str, typer.Option("--idle", metavar="DURATION", help="Suspend labs unused for so long.")
    ] = "",
    budget: Annotated[
        str, typer.Option("--budget", metavar="AMOUNT", help="What the class may cost.")
    ] = "",
    ttl: Annotated[
        str, typer.Option("--ttl", metavar="DURATION", help="Life of a lab without --end-at.")
    ] = "",
    removal: Annotated[
        Removal | None,
        typer.Option("--removal-policy", help="What becomes of labs of who is taken off."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Make a class from a roster, or bring its roster to what the file says.

    Of a class that is there only the roster changes, and what options name. A file with bad rows
    changes nothing; all of them are named.
    """
    from practicum.api.times import format_duration
    from practicum.cli import cohort_import as work

    times = {"provisionAt": provision_at, "startAt": start_at, "endAt": end_at}
    schedule = times | {"ending": _camel(ending), "access": _camel(access)}
    spec = {
        "ttl": format_duration(span(ttl, "--ttl")) if ttl else "",
        "removalPolicy": _camel(removal),
        "onExpiry": _camel(on_expiry),
        "idle": {"suspendAfter": format_duration(span(idle, "--idle"))} if idle else {},
        "budget": {"amount": budget} if budget else {},
    }
    request = work.Request(
        file, name, templates or (), _given(schedule), _given(spec), dry_run, yes
    )
    run(ctx, lambda session: work.import_(session, request), formats=_DATA)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value}


@app.command("list", epilog=EPILOG)
def list_(ctx: typer.Context) -> None:
    """List the classes of a course."""
    from practicum.cli import cohorts

    run(ctx, cohorts.listing, formats=(*_DATA, "name"))


@app.command(epilog=EPILOG)
def show(ctx: typer.Context, name: Name) -> None:
    """Show where a class is: its times, its labs, who waits and why, and what it costs."""
    from practicum.cli import cohorts

    run(ctx, lambda session: cohorts.show(session, name), formats=_DATA)


@app.command(epilog=EPILOG)
def explain(ctx: typer.Context, name: Name) -> None:
    """Say what is wrong with a class, and what to do about it.

    Exits 1 while something is.
    """
    from practicum.cli import cohorts

    run(ctx, lambda session: cohorts.explain(session, name), formats=_DATA)


@app.command(epilog=EPILOG)
def progress(ctx: typer.Context, name: Name, watch: Watch = False) -> None:
    """Show which checks of which learner passed."""
    from practicum.cli import cohorts

    formats = ("table",) if watch else ("table", "json", "csv")
    run(ctx, lambda session: cohorts.progress(session, name, watch), formats=formats)


@app.command(epilog=EPILOG)
def pause(ctx: typer.Context, name: Name, learners: Learners = None) -> None:
    """Suspend every lab of a class, and begin none; data and times stay."""
    _set_paused(ctx, name, learners, True)


@app.command(epilog=EPILOG)
def resume(ctx: typer.Context, name: Name, learners: Learners = None) -> None:
    """Bring a paused class back."""
    _set_paused(ctx, name, learners, False)


def _set_paused(ctx: typer.Context, name: str, learners: list[str] | None, paused: bool) -> None:
    from practicum.cli import cohort_edit as work

    run(ctx, lambda session: work.set_paused(session, name, learners or (), paused))


@app.command(epilog=EPILOG)
def extend(
    ctx: typer.Context,
    name: Name,
    by: Annotated[str, typer.Option("--by", metavar="DURATION", help="For example 30m.")] = "",
    until: Annotated[str, _moment("--until", "The end, which may be earlier too")] = "",
    learners: Learners = None,
) -> None:
    """Move the end of a class, or of some learners' labs."""
    if bool(by) == bool(until):
        raise CliError("give either --by DURATION or --until TIME", code=Exit.USAGE)
    longer: timedelta | None = span(by, "--by") if by else None
    from practicum.cli import cohort_edit as work

    later = work.Later(longer, until)
    run(ctx, lambda session: work.extend(session, name, later, learners or ()))


@app.command(epilog=EPILOG)
def reprovision(
    ctx: typer.Context,
    name: Name,
    learner: Annotated[str, typer.Argument(metavar="LEARNER", help="Id of the learner.")],
    template: Annotated[
        str, typer.Option("--template", metavar="TEMPLATE", help="Of which of their labs.")
    ] = "",
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = "10m",
) -> None:
    """Delete a learner's lab, with everything in it, and have it made again.

    With --wait it returns when the new one is ready.
    """
    from practicum.cli import cohort_edit as work

    again = work.Again(learner, template, yes, wait, span(timeout))
    run(ctx, lambda session: work.reprovision(session, name, again))
