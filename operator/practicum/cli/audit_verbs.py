"""``practicum audit``: look at a lab's audit log, take it along, and see that it holds."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from practicum.cli import output
from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.session import Options, check_format
from practicum.governance.chain import Head, Verdict

app = typer.Typer(
    help="Read, verify and export the audit log of a lab.",
    no_args_is_help=True,
    epilog=EPILOG,
)


@app.command(epilog=EPILOG)
def verify(
    ctx: typer.Context,
    export: Annotated[
        Path, typer.Argument(help="JSONL written by practicum audit export.", dir_okay=False)
    ],
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
) -> None:
    """Check an export without a cluster, and name the first record that is not good."""
    from practicum.governance import chain

    check_format(ctx.obj, ("table", "json"))
    records = read(export)
    key = key_file.read_bytes().strip() if key_file else None
    verdict = chain.verify(records, parse_head(head) if head else None, key)
    _tell(verdict, ctx.obj, anchored=bool(head))
    if not verdict.holds:
        raise typer.Exit(Exit.FAILURE)


def _tell(verdict: Verdict, options: Options, *, anchored: bool) -> None:
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
        if not anchored:
            output.note("without --head nobody can tell whether records at the end are missing")
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
