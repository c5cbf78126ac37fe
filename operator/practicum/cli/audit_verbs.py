"""``practicum audit``: look at a lab's audit log, take it along, and see that it holds."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from practicum.cli import output
from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.session import Options, Session, check_format, run
from practicum.governance.chain import Head, Verdict

app = typer.Typer(
    help="Read, verify and export the audit log of a lab.",
    no_args_is_help=True,
    epilog=EPILOG,
)


Lab = Annotated[str, typer.Argument(metavar="LAB", help="Name of the LabEnvironment.")]


class Format(StrEnum):
    """How records are exported."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command(epilog=EPILOG)
def show(
    ctx: typer.Context,
    lab: Lab,
    since: Annotated[
        int, typer.Option("--since", min=0, metavar="SEQ", help="Only what came after this one.")
    ] = 0,
) -> None:
    """Show what happened in a lab, oldest first."""
    from practicum.cli import audit_log

    run(
        ctx,
        lambda session: audit_log.show(session, lab, since),
        formats=("table", "json", "yaml"),
    )


@app.command(epilog=EPILOG)
def export(
    ctx: typer.Context,
    lab: Lab,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="- for stdout.")],
    format_: Annotated[
        Format, typer.Option("--format", help="Only jsonl can be verified.")
    ] = Format.JSONL,
) -> None:
    """Write a lab's audit log into a file: whole as JSONL, or as a table for a spreadsheet."""
    from practicum.cli import audit_log

    run(ctx, lambda session: audit_log.export(session, lab, file, format_))


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
        typer.Option("--key-file", help="The log's key, from the platform team: finds forgeries."),
    ] = None,
    lab: Annotated[
        str, typer.Option("--lab", metavar="NAME", help="The live log, against the lab's status.")
    ] = "",
) -> None:
    """Check a log, and name the first record that is not good.

    An export is checked without a cluster; with --lab it is the log in the cluster.
    """
    from practicum.governance import chain

    if bool(file) == bool(lab) or (lab and head):
        raise CliError("give either FILE, with --head, or --lab NAME", code=Exit.USAGE)
    check_format(ctx.obj, ("table", "json"))
    key = key_file.read_bytes().strip() if key_file else None
    if file is None:
        _verify_live(ctx, lab, key)
        return
    verdict = chain.verify(read(file), parse_head(head) if head else None, key)
    doubt = "" if head else "without --head nobody can tell whether records at the end are missing"
    _tell(verdict, ctx.obj, doubt)
    if not verdict.holds:
        raise typer.Exit(Exit.FAILURE)


def _verify_live(ctx: typer.Context, lab: str, key: bytes | None) -> None:
    from practicum.cli import audit_log

    async def work(session: Session) -> Exit:
        verdict, anchored = await audit_log.verdict(session, lab, key)
        doubt = f"the status of lab {lab} has no head: records at the log's end may be missing"
        _tell(verdict, session.options, "" if anchored else doubt)
        return Exit.OK if verdict.holds else Exit.FAILURE

    run(ctx, work, formats=("table", "json"))


def _tell(verdict: Verdict, options: Options, doubt: str) -> None:
    if options.output == "json":
        body = {
            "holds": verdict.holds,
            "records": verdict.records,
            "reason": verdict.reason,
            "message": verdict.message,
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
