"""``practicum attest``: rate what no check can judge, and see what was rated."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from practicum.cli.exits import EPILOG
from practicum.cli.session import run

_FORMATS = ("table", "json", "yaml", "name")
_UNSAID = "give"


class _Group(TyperGroup):
    """Rates unless another verb is named: ``attest LAB SUBJECT`` is ``attest give LAB SUBJECT``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        said = not args or args[0] in self.commands or args[0] in ("-h", "--help")
        return super().parse_args(ctx, args if said else [_UNSAID, *args])


app = typer.Typer(
    cls=_Group,
    help="Rate work in a lab under a rubric: attest LAB SUBJECT.",
    no_args_is_help=True,
    epilog=EPILOG,
)


@app.command(name=_UNSAID, epilog=EPILOG)
def give(
    ctx: typer.Context,
    lab: Annotated[str, typer.Argument(metavar="LAB", help="Name of the LabEnvironment.")],
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="What is rated, such as a task.")
    ],
    scores: Annotated[
        list[str],
        typer.Option(
            "--score", metavar="CRITERION=N/M", help="Points given, of how many; repeatable."
        ),
    ],
    passed: Annotated[bool, typer.Option("--passed/--not-passed", help="The verdict.")],
    comment: Annotated[str, typer.Option("--comment", help="What the rater has to say.")] = "",
) -> None:
    """Make a rating in your own name; `give` may be left out.

    It stays as it was given: whoever changes their mind makes another.
    """
    from practicum.cli import attest as work

    verdict = work.Verdict(subject, tuple(map(work.score, scores)), passed, comment)
    run(ctx, lambda session: work.give(session, lab, verdict), formats=_FORMATS)


@app.command(name="list", epilog=EPILOG)
def list_(
    ctx: typer.Context,
    lab: Annotated[str, typer.Argument(metavar="[LAB]", help="Only of this one.")] = "",
) -> None:
    """List the ratings of a course, or of one lab."""
    from practicum.cli import attest as work

    run(ctx, lambda session: work.show(session, lab), formats=_FORMATS)
