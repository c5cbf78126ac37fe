"""``practicum audit``: look at a lab's audit log, take it along, and see that it holds."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from practicum.cli import output
from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.lab_verbs import Everywhere
from practicum.cli.session import Options, Session, check_format, run
from practicum.governance.chain import Head, Verdict

if TYPE_CHECKING:
    from practicum.cli.audit_reading import Which

app = typer.Typer(
    help="List, read, verify and export the audit log of a lab.",
    no_args_is_help=True,
    epilog=EPILOG,
)


Lab = Annotated[str, typer.Argument(metavar="[LAB]", help="Name of the LabEnvironment.")]
Uid = Annotated[
    str,
    typer.Option(
        "--uid", metavar="UID", help="In place of LAB: of a lab that is gone, in any course."
    ),
]
_OPEN = "without --head nobody can tell whether records at the end are missing"


class Format(StrEnum):
    """How records are exported."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command(name="list", epilog=EPILOG)
def list_(
    ctx: typer.Context,
    everywhere: Everywhere = False,
) -> None:
    """List the audit logs of a course, also those of labs that are gone."""
    from practicum.cli import audit_list

    run(
        ctx,
        lambda session: audit_list.show(session, everywhere=everywhere),
        formats=("table", "json", "yaml"),
    )


@app.command(epilog=EPILOG)
def show(
    ctx: typer.Context,
    lab: Lab = "",
    since: Annotated[
        int, typer.Option("--since", min=0, metavar="SEQ", help="Only what came after this one.")
    ] = 0,
    uid: Uid = "",
) -> None:
    """Show what happened in a lab, oldest first."""
    from practicum.cli import audit_log

    which = _which(lab, uid)
    run(
        ctx,
        lambda session: audit_log.show(session, which, since),
        formats=("table", "json", "yaml"),
    )


@app.command(epilog=EPILOG)
def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="- for stdout.")],
    lab: Lab = "",
    format_: Annotated[
        Format, typer.Option("--format", help="Only jsonl can be verified.")
    ] = Format.JSONL,
    uid: Uid = "",
) -> None:
    """Write a lab's audit log into a file: whole as JSONL, or as a table for a spreadsheet."""
    from practicum.cli import audit_log

    which = _which(lab, uid)
    run(ctx, lambda session: audit_log.export(session, which, file, format_))


def _which(lab: str, uid: str) -> "Which":
    from practicum.cli.audit_reading import Which

    which = Which(lab, uid)
    which.check()
    return which


@app.command(epilog=EPILOG)
def verify(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="JSONL written by practicum audit export.", dir_okay=False
        ),
    ] = None,
    head: Annotated[
        str,
        typer.Option(
            "--head", help="SEQ:HASH of the lab's status.audit; without it the end is open."
        ),
    ] = "",
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file", help="As audit key has it: finds forgeries.", exists=True, dir_okay=False
        ),
    ] = None,
    lab: Annotated[
        str, typer.Option("--lab", metavar="NAME", help="The live log, against the lab's status.")
    ] = "",
    uid: Annotated[
        str,
        typer.Option("--uid", metavar="UID", help="The live log of a lab that may be gone."),
    ] = "",
) -> None:
    """Check a log, and name the first record that is not good.

    An export is checked without a cluster; with --lab or --uid it is the log in the cluster. A
    lab that is gone has no status, so its log wants --head as an export does.
    """
    from practicum.cli import audit_key
    from practicum.governance import chain

    if sum(map(bool, (file, lab, uid))) != 1 or (lab and head):
        text = "give one of FILE or --uid UID, each with --head, or --lab NAME"
        raise CliError(text, code=Exit.USAGE)
    check_format(ctx.obj, ("table", "json"))
    key = audit_key.read(key_file) if key_file else None
    end = parse_head(head) if head else None
    if file is None:
        _verify_live(ctx, _which(lab, uid), key, end)
        return
    verdict = chain.verify(read(file), end, key)
    _tell(verdict, ctx.obj, "" if head else _OPEN)
    if not verdict.holds:
        raise typer.Exit(Exit.FAILURE)


@app.command(epilog=EPILOG)
def key(
    ctx: typer.Context,
    lab: Lab = "",
    uid: Uid = "",
    root_key: Annotated[
        str,
        typer.Option("--secret", metavar="NAME", help="Chart value rootKey.existingSecret."),
    ] = "practicum-root-key",
    system: Annotated[
        str, typer.Option("--system-namespace", metavar="NAME", help="Where the operator runs.")
    ] = "practicum-system",
) -> None:
    """Print the key of a lab's log, for verify --key-file.

    It takes the right to read the root key.
    """
    from practicum.cli import audit_key

    which, place = _which(lab, uid), audit_key.Place(system, root_key)
    run(ctx, lambda session: audit_key.show(session, which, place), formats=("table", "json"))


def _verify_live(ctx: typer.Context, which: "Which", key: bytes | None, head: Head | None) -> None:
    from practicum.cli import audit_reading

    async def work(session: Session) -> Exit:
        verdict, headless = await audit_reading.verdict(session, which, key, head)
        _tell(verdict, session.options, f"{headless}: {_OPEN}" if headless else "")
        return Exit.OK if verdict.holds else Exit.FAILURE

    run(ctx, work, formats=("table", "json"))


def _tell(verdict: Verdict, options: Options, doubt: str) -> None:
    if options.output == "json":
        body = {
            "holds": verdict.holds,
            "records": verdict.records,
            "reason": verdict.reason,
            "message": verdict.message,
            "anchored": not doubt,
        }
        output.data(body, "json")
    elif verdict.holds:
        output.line(f"the chain holds: {verdict.records} records")
        if doubt:
            output.note(doubt)
    else:
        output.line(f"{verdict.reason}: {verdict.message}")
        output.line(f"good records before it: {verdict.records}")


def read(export: Path) -> list[dict[str, Any]]:
    """Read records, one JSON object a line.

    Raises:
        CliError: the file cannot be read, or a line is no JSON object.
    """
    try:
        lines = export.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{export}: {error}", code=Exit.USAGE) from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise CliError(f"{export}:{number}: not JSON: {error}", code=Exit.USAGE) from error
        if not isinstance(record, dict):
            raise CliError(f"{export}:{number}: not a JSON object", code=Exit.USAGE)
        records.append(record)
    return records


def parse_head(text: str) -> Head:
    """Read ``SEQ:HASH``.

    Raises:
        CliError: it is something else.
    """
    seq, _, digest = text.partition(":")
    if not seq.isdigit() or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise CliError(
            f"--head {text} is not SEQ:HASH",
            hint="read it with: practicum status -o json",
            code=Exit.USAGE,
        )
    return Head(int(seq), digest)
