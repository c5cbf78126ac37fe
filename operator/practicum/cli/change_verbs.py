"""``practicum change`` and ``practicum rollback``: what they take, and who does the work."""

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from practicum.api.times import format_duration
from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.lab_verbs import Timeout, span
from practicum.cli.session import run

if TYPE_CHECKING:
    from practicum.cli.changes import Where
    from practicum.governance.desk import Verdict

app = typer.Typer(
    help="Ask for governed changes of a lab, answer them, and see what came of them.",
    no_args_is_help=True,
    epilog=EPILOG,
)


class Word(StrEnum):
    """What can be asked for, as one types it."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    APPROVE_FEATURES = "approve-features"
    RELEASE_POLICY = "release-policy"


_FORMATS = ("table", "json", "yaml", "name")
_ACTIONS = {
    Word.PROMOTE: "PromoteModel",
    Word.ROLLBACK: "RollbackModel",
    Word.APPROVE_FEATURES: "ApproveFeatures",
    Word.RELEASE_POLICY: "ReleasePolicy",
}
Lab = Annotated[
    str,
    typer.Option(
        "--lab", metavar="NAME", help="The lab; default: the context's own, or the only one."
    ),
]
As = Annotated[str, typer.Option("--as", metavar="PERSONA", help="Act as this persona of the lab.")]
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="Name of the ChangeRequest.")]
Target = Annotated[
    str, typer.Argument(metavar="NAME", help="Model, feature service or policy package.")
]
Version = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="Model version or policy revision.")
]
Alias = Annotated[
    str, typer.Option("--alias", metavar="ALIAS", help="Alias that moves; default: champion.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")]
Within = Annotated[
    str, typer.Option("--within", metavar="DURATION", help="Expires unanswered after, e.g. 8h.")
]
Name = Annotated[
    str, typer.Option("--name", metavar="REQUEST", help="Name of the request; default: made up.")
]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="What to say with it.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Follow it until a person is needed or it is over.")
]


@app.command(epilog=EPILOG)
def request(
    ctx: typer.Context,
    action: Annotated[Word, typer.Argument(metavar="ACTION", help=" | ".join(Word))],
    target: Target,
    reason: Reason,
    version: Version = "",
    alias: Alias = "",
    within: Within = "",
    name: Name = "",
    lab: Lab = "",
    persona: As = "",
    wait: Wait = False,
    timeout: Timeout = "10m",
) -> None:
    """Ask for a change.

    The operator gathers the evidence, people approve, the lab's policy decides. With --wait it
    exits 1 when the request is denied, rejected or expired.
    """
    if action is Word.PROMOTE and not version:
        raise CliError("--version is needed: which model version to promote", code=Exit.USAGE)
    options = {"version": version, "alias": alias, "within": _within(within), "name": name}
    _ask(ctx, (lab, persona), _limit(wait, timeout), action, target, reason, **options)


def rollback(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="NAME", help="The registered model.")],
    reason: Reason,
    version: Annotated[
        str,
        typer.Option("--version", metavar="VERSION", help="Back to this; default: the previous."),
    ] = "",
    alias: Alias = "",
    lab: Lab = "",
    persona: As = "",
    wait: Wait = False,
    timeout: Timeout = "10m",
) -> None:
    """Ask for a model to go back to an earlier version.

    The same as: practicum change request rollback NAME.
    """
    limit = _limit(wait, timeout)
    _ask(ctx, (lab, persona), limit, Word.ROLLBACK, model, reason, version=version, alias=alias)


def _ask(
    ctx: typer.Context,
    where: tuple[str, str],
    limit: timedelta | None,
    action: Word,
    target: str,
    reason: str,
    **options: str,
) -> None:
    from practicum.api.change import Action
    from practicum.cli import changes
    from practicum.governance.desk import Ask

    wanted = Ask(Action(_ACTIONS[action]), target, reason, **options)
    place = changes.Where(*where)
    run(ctx, lambda session: changes.ask(session, place, wanted, limit), formats=_FORMATS)


@app.command(epilog=EPILOG)
def approve(
    ctx: typer.Context,
    request: Request,
    comment: Comment = "",
    lab: Lab = "",
    persona: As = "",
    wait: Wait = False,
    timeout: Timeout = "10m",
) -> None:
    """Approve a request, for the evidence that it has now.

    What is approved is shown; an approval is void once the evidence changes.
    """
    _give(ctx, (lab, persona), request, ("Approve", comment), _limit(wait, timeout))


@app.command(epilog=EPILOG)
def reject(
    ctx: typer.Context,
    request: Request,
    comment: Comment = "",
    lab: Lab = "",
    persona: As = "",
) -> None:
    """Reject a request: one rejection that counts ends it."""
    _give(ctx, (lab, persona), request, ("Reject", comment), None)


def _give(
    ctx: typer.Context,
    where: tuple[str, str],
    request: str,
    given: "tuple[Verdict, str]",
    limit: timedelta | None,
) -> None:
    from practicum.cli import changes

    place = changes.Where(*where)
    run(
        ctx,
        lambda session: changes.give(session, place, request, given, limit),
        formats=_FORMATS,
    )


@app.command(epilog=EPILOG)
def withdraw(ctx: typer.Context, request: Request, lab: Lab = "", persona: As = "") -> None:
    """Take a request back, as the persona who made it."""
    _run(ctx, (lab, persona), "withdraw", request)


@app.command(epilog=EPILOG)
def status(
    ctx: typer.Context,
    request: Request,
    lab: Lab = "",
    persona: As = "",
    wait: Wait = False,
    timeout: Timeout = "10m",
) -> None:
    """Show where a request is, what is missing, its evidence, every reason and every answer.

    With --wait it exits 1 when the request is denied, rejected or expired.
    """
    _run(ctx, (lab, persona), "status", request, _limit(wait, timeout))


@app.command("list", epilog=EPILOG)
def list_(ctx: typer.Context, lab: Lab = "", persona: As = "") -> None:
    """List the requests of a lab, oldest first."""
    _run(ctx, (lab, persona), "listing")


def _run(ctx: typer.Context, where: tuple[str, str], work: str, *arguments: Any) -> None:
    from practicum.cli import changes

    place: Where = changes.Where(*where)
    verb = getattr(changes, work)
    run(ctx, lambda session: verb(session, place, *arguments), formats=_FORMATS)


def _limit(wait: bool, timeout: str) -> timedelta | None:
    limit = span(timeout)
    return limit if wait else None


def _within(text: str) -> str:
    """Return ``--within`` as Go writes it: people may write days."""
    return format_duration(span(text, "--within")) if text else ""
