"""The verbs on labs and on the cluster: what they take, and which function does the work."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from practicum.cli import moments
from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.session import run

Lab = Annotated[str, typer.Argument(metavar="LAB", help="Name of the LabEnvironment.")]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of every course.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Keep showing what changes.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is done.")]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="How long to wait, e.g. 10m.")
]


def span(text: str, option: str = "--timeout") -> timedelta:
    """Read an option that is a duration.

    Raises:
        CliError: it is none.
    """
    try:
        return moments.duration(text)
    except ValueError as error:
        raise CliError(f"{option}: {error}", code=Exit.USAGE) from error


def apply(
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Option("--filename", "-f", metavar="FILE", help="- for stdin; repeatable."),
    ],
    wait: Wait = False,
    timeout: Timeout = "10m",
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Overrule who set a field otherwise.")
    ] = False,
) -> None:
    """Create or change labs and templates.

    With --wait it follows the labs until they are ready.
    """
    from practicum.cli import apply as work

    request = work.Request(tuple(files), wait, span(timeout), force_conflicts)
    run(ctx, lambda session: work.apply(session, request), formats=("table", "name"))


def get(
    ctx: typer.Context,
    lab: Annotated[str, typer.Argument(metavar="[LAB]", help="Only this one.")] = "",
    everywhere: Everywhere = False,
    watch: Watch = False,
) -> None:
    """List the labs of a course, or show one."""
    if lab and everywhere:
        raise CliError("a lab is in one namespace: leave out -A", code=Exit.USAGE)
    from practicum.cli.getting import Listing

    async def work(session: Any) -> None:
        listing = Listing(session, lab, everywhere)
        await (listing.watch() if watch else listing.show())

    run(ctx, work, formats=("table", "wide", "json", "yaml", "name"))


def status(ctx: typer.Context, lab: Lab, watch: Watch = False, timeout: Timeout = "10m") -> None:
    """Show where a lab is in its life.

    Exits 1 while it is not ready. With --watch it ends when the lab is ready or cannot become so.
    """
    from practicum.cli import status as work

    limit = span(timeout)
    formats = ("table",) if watch else ("table", "json", "yaml")
    run(ctx, lambda session: work.status(session, lab, watch, limit), formats=formats)


def explain(ctx: typer.Context, lab: Lab) -> None:
    """Say why a lab is not ready, and what to do about it."""
    from practicum.cli import explain as work

    run(ctx, lambda session: work.explain(session, lab), formats=("table", "json", "yaml"))


def token(
    ctx: typer.Context,
    lab: Annotated[str, typer.Option("--lab", help="Name of the lab.")],
    user: Annotated[str, typer.Option("--user", help="Whose token, as in tokens.json.")],
) -> None:
    """Print a token for kubectl (a credential plugin)."""
    from practicum.cli import token_verb

    if not (namespace := ctx.obj.namespace):
        raise CliError("--namespace is needed: the course of the lab", code=Exit.USAGE)
    token_verb.token(lab, namespace, user)


def open_(
    ctx: typer.Context,
    lab: Lab,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="For example mlflow.")],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Local port; default: its own.")
    ] = 0,
    show: Annotated[
        bool, typer.Option("--print", help="Only print the addresses and kubectl's command.")
    ] = False,
) -> None:
    """Reach a service of a lab from this machine."""
    from practicum.cli import open_verb

    run(ctx, lambda session: open_verb.open_service(session, lab, service, port, show))


def extend(
    ctx: typer.Context,
    lab: Lab,
    duration: Annotated[
        str, typer.Argument(metavar="[DURATION]", help="By how much, e.g. 2h or 1d.")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="18:00, or 2026-11-21T18:00.")
    ] = "",
) -> None:
    """Move the expiry of a lab.

    Later by DURATION, or to TIME, which may be earlier too.
    """
    if bool(duration) == bool(until):
        raise CliError("give either DURATION or --until TIME", code=Exit.USAGE)
    by = span(duration, "DURATION") if duration else None
    from practicum.cli import edit

    run(ctx, lambda session: edit.extend(session, lab, by, until))


def suspend(ctx: typer.Context, lab: Lab) -> None:
    """Stop a lab but keep its data.

    It is scaled to nothing and access is revoked; its clock runs on.
    """
    from practicum.cli import edit

    run(ctx, lambda session: edit.set_suspended(session, lab, True))


def resume(ctx: typer.Context, lab: Lab, wait: Wait = False, timeout: Timeout = "10m") -> None:
    """Bring a suspended lab back."""
    from practicum.cli import edit

    limit = span(timeout)
    run(ctx, lambda session: edit.resume(session, lab, wait, limit))


def delete(
    ctx: typer.Context,
    lab: Lab,
    wait: Wait = False,
    timeout: Timeout = "10m",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End a lab, with everything in it.

    With --wait it returns when the lab and its namespaces are gone.
    """
    from practicum.cli import delete as work

    limit = span(timeout)
    run(ctx, lambda session: work.delete(session, lab, yes=yes, wait=wait, limit=limit))


def tasks(
    ctx: typer.Context,
    lab: Lab,
    task: Annotated[str, typer.Argument(metavar="[TASK]", help="Show this one.")] = "",
) -> None:
    """List what there is to do in a lab, or show one task."""
    from practicum.cli import tasks as work

    run(ctx, lambda session: work.tasks(session, lab, task), formats=("table", "json", "yaml"))


def check(
    ctx: typer.Context,
    lab: Lab,
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="[CHECK]...", help="Only these.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Show what was found last, and ask for nothing.")
    ] = False,
    timeout: Timeout = "10m",
) -> None:
    """Look at a lab's checks, and show what is missing.

    Exits 1 while something is.
    """
    from practicum.cli import check as work

    wanted = work.Wanted(tuple(checks or ()), not last, span(timeout))
    formats = ("table", "json", "yaml")
    run(ctx, lambda session: work.check(session, lab, wanted), formats=formats)


def drill(
    ctx: typer.Context,
    lab: Lab,
    name: Annotated[str, typer.Argument(metavar="[DRILL]", help="Absent: list them.")] = "",
    timeout: Timeout = "2m",
) -> None:
    """Let something go wrong in a lab that its template offers."""
    from practicum.cli import drill as work

    limit = span(timeout)
    formats = ("table", "json", "yaml")
    run(ctx, lambda session: work.drill(session, lab, name, limit), formats=formats)


def doctor(
    ctx: typer.Context,
    system: Annotated[
        str, typer.Option("--system-namespace", metavar="NAME", help="Where the operator runs.")
    ] = "practicum-system",
    labs: Annotated[
        int, typer.Option("--labs", min=0, help="Warn unless so many labs of each module fit.")
    ] = 1,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Try networking, quotas and storage out in a namespace."),
    ] = False,
    image: Annotated[
        str, typer.Option("--probe-image", metavar="IMAGE", help="Of its pods: the operator's.")
    ] = "",
) -> None:
    """Examine the cluster: what labs need, and what keeps them apart.

    Before an installation and after it. Exits 1 when a check fails; what you may not look at is
    unknown. Nothing is changed, but for a namespace that --probe makes and removes.
    """
    from practicum.cli import doctor as work
    from practicum.cli.patient import Asked

    asked = Asked(system, labs, probe, image)
    run(ctx, lambda session: work.doctor(session, asked), formats=("table", "json", "yaml"))


def register(app: typer.Typer) -> None:
    """Add every verb to the command, in the order in which a lab is lived."""
    verbs = (apply, get, status, explain, open_, tasks, check, drill)
    for verb in (*verbs, extend, suspend, resume, delete, token, doctor):
        app.command(verb.__name__.rstrip("_"), epilog=EPILOG)(verb)
