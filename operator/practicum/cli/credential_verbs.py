"""``practicum credentials``: of a lab by its name, or by verbs of a lab or a class."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from practicum.cli.cohort_verbs import Learners
from practicum.cli.exits import EPILOG
from practicum.cli.lab_verbs import Lab, Timeout, Wait, span
from practicum.cli.session import run

if TYPE_CHECKING:
    from practicum.cli.class_credentials import Target

_SHOW = "show"


class _Group(TyperGroup):
    """``practicum credentials LAB`` is short for ``practicum credentials show LAB``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if own else [_SHOW, *args])


app = typer.Typer(
    cls=_Group,
    help="Hand out, renew and take back what learners get into their labs with. "
    "LAB alone is short for: show LAB.",
    no_args_is_help=True,
    epilog=EPILOG,
)
AnyLab = Annotated[str, typer.Argument(metavar="[LAB]", help="Name of the LabEnvironment.")]
Cohort = Annotated[
    str, typer.Option("--cohort", metavar="NAME", help="Of every lab of this LabCohort.")
]


@app.command(_SHOW, epilog=EPILOG)
def show(
    ctx: typer.Context,
    lab: Lab,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="PATH", help="Kubeconfig into a file.")
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Into your own kubeconfig.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the kubeconfig.")] = False,
    service: Annotated[
        str, typer.Option("--service", metavar="NAME", help="Print a service's login.")
    ] = "",
    renewing: Annotated[
        bool | None,
        typer.Option(
            "--exec/--no-exec",
            help="Start with the context that renews itself by `practicum token`; "
            "default for files.",
        ),
    ] = None,
) -> None:
    """Hand out the kubeconfig and the service logins of a lab."""
    from practicum.cli import credentials as work

    request = work.Request(write, merge, stdout, service, renewing)
    request.check()
    run(
        ctx,
        lambda session: work.credentials(session, lab, request),
        formats=("table", "json", "yaml"),
    )


@app.command(epilog=EPILOG)
def export(
    ctx: typer.Context,
    cohort: Annotated[str, typer.Option("--cohort", metavar="NAME", help="The LabCohort.")],
    folder: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="A directory; made for your eyes only.")
    ],
    learners: Learners = None,
    force: Annotated[
        bool, typer.Option("--force", help="Into a directory that is there already.")
    ] = False,
) -> None:
    """Write the kubeconfigs of a class, a file for each learner and lab, and an index.

    Exits 1 when some could not be written; whose, is told.
    """
    from practicum.cli import class_credentials as work

    target = work.Target(cohort=cohort, learners=learners or ())
    run(ctx, lambda session: work.export(session, target, folder, force))


@app.command(epilog=EPILOG)
def rotate(
    ctx: typer.Context,
    lab: AnyLab = "",
    cohort: Cohort = "",
    learners: Learners = None,
    wait: Wait = False,
    timeout: Timeout = "2m",
) -> None:
    """Make void every token that was handed out, and issue new ones."""
    target, limit = _target(lab, cohort, learners, wait, timeout)
    from practicum.cli import class_credentials as work

    run(ctx, lambda session: work.rotate(session, target, limit))


@app.command(epilog=EPILOG)
def revoke(
    ctx: typer.Context,
    lab: AnyLab = "",
    cohort: Cohort = "",
    learners: Learners = None,
    wait: Wait = False,
    timeout: Timeout = "2m",
) -> None:
    """Take access to labs away, until it is given back; the labs run on."""
    _set_revoked(ctx, True, _target(lab, cohort, learners, wait, timeout))


@app.command(epilog=EPILOG)
def grant(
    ctx: typer.Context,
    lab: AnyLab = "",
    cohort: Cohort = "",
    learners: Learners = None,
    wait: Wait = False,
    timeout: Timeout = "2m",
) -> None:
    """Give back access that was taken away, by new credentials."""
    _set_revoked(ctx, False, _target(lab, cohort, learners, wait, timeout))


def _set_revoked(
    ctx: typer.Context, revoked: bool, meant: "tuple[Target, timedelta | None]"
) -> None:
    from practicum.cli import class_credentials as work

    run(ctx, lambda session: work.set_revoked(session, meant[0], revoked, meant[1]))


def _target(
    lab: str, cohort: str, learners: list[str] | None, wait: bool, timeout: str
) -> "tuple[Target, timedelta | None]":
    from practicum.cli.class_credentials import Target

    target, limit = Target(lab, cohort, learners or ()), span(timeout)
    target.check()
    return target, limit if wait else None
