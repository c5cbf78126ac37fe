"""``practicum report``: what the labs of a course come to, and what their audit logs do."""

from typing import Annotated

import typer

from practicum.cli import moments
from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.lab_verbs import Everywhere
from practicum.cli.session import run
from practicum.policy.report_terms import By, Subject

app = typer.Typer(
    help="Reports on the labs of a course.",
    no_args_is_help=True,
    epilog=EPILOG,
)


@app.callback()
def report() -> None:
    """Reports on the labs of a course."""


Labs = Annotated[
    list[str] | None, typer.Argument(metavar="LAB", help="Default: all of the course.")
]
Cohort = Annotated[str, typer.Option("--cohort", metavar="NAME", help="Only of this LabCohort.")]
Since = Annotated[
    str, typer.Option("--since", metavar="DATE", help="Only labs created then or later.")
]
Until = Annotated[
    str, typer.Option("--until", metavar="DATE", help="Only labs created before; a day: up to it.")
]
Rows = Annotated[By, typer.Option("--by", help="What a row is.")]
File = Annotated[str, typer.Option("--file", metavar="FILE", help="Where to; else to stdout.")]


def _verb(name: str, subjects: tuple[Subject, ...], formats: tuple[str, ...], text: str) -> None:
    def verb(
        ctx: typer.Context,
        labs: Labs = None,
        everywhere: Everywhere = False,
        cohort: Cohort = "",
        since: Since = "",
        until: Until = "",
        by: Rows = By.LAB,
        file: File = "",
    ) -> None:
        try:
            period = moments.period(since, until, moments.zone())
        except ValueError as error:
            raise CliError(str(error), code=Exit.USAGE) from error
        if labs and everywhere:
            raise CliError("a lab is in one namespace: leave out -A", code=Exit.USAGE)
        if file and (ctx.obj.output or formats[0]) == "table":
            raise CliError("--file takes no table: add -o csv|json|html", code=Exit.USAGE)
        from practicum.cli import course_report as work
        from practicum.policy.reporting import Choice

        asked = work.Asked(subjects, by, Choice(*period, cohort), everywhere, file, labs or ())
        run(ctx, lambda session: work.report(session, asked), formats=formats)

    app.command(name, help=text, epilog=EPILOG)(verb)


_FORMATS = ("table", "csv", "json", "html")
_verb(
    "usage",
    (Subject.USAGE,),
    _FORMATS,
    "Show what labs asked for and what they used of it, in hours.",
)
_verb(
    "cost",
    (Subject.COST,),
    _FORMATS,
    "Show what labs cost by the platform's rate card: whole, per learner, per point and check.",
)
_verb(
    "progress",
    (Subject.PROGRESS,),
    _FORMATS,
    "Show who passed which checks, who is behind, and how long labs took to become ready.\n\n"
    "P pass, F fail, E error, W waived, U unsupported, . not looked at.",
)
_verb(
    "activity",
    (Subject.ACTIVITY,),
    _FORMATS,
    "Show when somebody was last at work in a lab, by what that is known, and who never began.",
)
_verb("all", tuple(Subject), ("html", "json"), "Write all of these as one HTML page, with plots.")


@app.command(epilog=EPILOG)
def lifecycle(
    ctx: typer.Context,
    labs: Labs = None,
    uids: Annotated[
        list[str] | None,
        typer.Option("--uid", metavar="UID", help="Also of a lab that is gone; repeatable."),
    ] = None,
) -> None:
    """Show how long governed changes take, by model and by persona, over all labs named.

    Lead time: from the making of a request to its execution. Approval: from the first wait for it
    to the last that counts; of a persona, to its answers. Refused: of those that were executed,
    denied or rejected. Moved: aliases found moved by nobody's request. In CSV times are seconds.
    """
    from practicum.cli import report as work
    from practicum.cli.audit_reading import Which

    whose = [Which(lab) for lab in labs or ()] + [Which(uid=uid) for uid in uids or ()]
    for which in whose:
        which.check()
    run(
        ctx,
        lambda session: work.lifecycle(session, whose),
        formats=("table", "csv", "json", "yaml"),
    )
