"""The ``practicum`` command: global options, verbs, and the one place that reports errors.

Verbs import what they need when they run: ``--help`` and ``token`` must be quick.
"""

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from practicum import __version__
from practicum.cli import (
    archive_verbs,
    attest_verbs,
    audit_verbs,
    change_verbs,
    cohort_verbs,
    credential_verbs,
    lab_verbs,
    report_verbs,
    template_verbs,
)
from practicum.cli.exits import EPILOG, CliError, Exit, explain_error, sentence
from practicum.cli.session import FORMATS, Options

_VALUED = frozenset(("--kubeconfig", "--context", "--namespace", "-n", "--output", "-o"))
_BARE = frozenset(("--verbose", "-v"))
_ATTACHED = ("--kubeconfig=", "--context=", "--namespace=", "--output=")


def hoist(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that they may stand after the verb too."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            rest += [word, *waiting]
            break
        if word in _VALUED:
            front += [word, *waiting[:1]]
            waiting = waiting[1:]
        elif word in _BARE or word.startswith(_ATTACHED) or _is_glued(word):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def _is_glued(word: str) -> bool:
    """Whether a word is a short global option with its value, such as ``-ojson``."""
    return len(word) > 2 and word[:2] in ("-n", "-o") and word[1] != "-"


class _Root(TyperGroup):
    """Takes global options anywhere and turns every error into one line and a code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, hoist(args))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(words, *rest, **extra)
        except typer.Abort:
            code = _report(CliError("interrupted", code=Exit.INTERRUPTED), words)
        except Exception as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                print(error, file=sys.stderr)
                sys.exit(Exit.USAGE)
            if {"-v", "--verbose"} & set(words):
                raise
            code = _report(_told(error), words)
        sys.exit(code if isinstance(code, int) else 0)


def _told(error: Exception) -> CliError:
    """Return what to tell; an error that is a mistake of ours is not dressed up as one of theirs.

    Raises:
        Exception: the error itself, if neither typer nor this package raised it on purpose.
    """
    from practicum.errors import PracticumError

    if isinstance(error, PracticumError):
        return explain_error(error)
    if isinstance(error, typer.TyperException):
        return _usage(error)
    raise error


def _usage(error: typer.TyperException) -> CliError:
    context = getattr(error, "ctx", None)
    hint = f"see: {context.command_path} --help" if context else ""
    return CliError(error.format_message().rstrip("."), hint=hint, code=Exit.USAGE)


def _report(error: CliError, words: Sequence[str]) -> int:
    if _wants_json(words):
        body = {
            "error": {
                "reason": error.reason,
                "message": str(error),
                "hint": error.hint,
                "code": int(error.code),
            }
        }
        print(json.dumps(body, ensure_ascii=False), file=sys.stderr)
    else:
        print(sentence(error), file=sys.stderr)
    return int(error.code)


def _wants_json(words: Sequence[str]) -> bool:
    pairs = pairwise(words)
    asked = any(one in ("-o", "--output") and two == "json" for one, two in pairs)
    return asked or "--output=json" in words or "-ojson" in words


app = typer.Typer(
    name="practicum",
    cls=_Root,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
lab_verbs.register(app)
app.command("rollback", epilog=EPILOG)(change_verbs.rollback)
app.add_typer(credential_verbs.app, name="credentials")
app.add_typer(cohort_verbs.app, name="cohort")
app.add_typer(change_verbs.app, name="change")
app.add_typer(template_verbs.app, name="template")
app.add_typer(attest_verbs.app, name="attest")
app.add_typer(audit_verbs.app, name="audit")
app.add_typer(archive_verbs.app, name="archive")
app.add_typer(report_verbs.app, name="report")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"practicum {__version__}")
        raise typer.Exit


@app.callback()
def practicum(
    ctx: typer.Context,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Kubeconfig file to use.")
    ] = None,
    context: Annotated[str | None, typer.Option("--context", help="Context to use.")] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The course; default: of the context.")
    ] = "",
    output: Annotated[str, typer.Option("--output", "-o", help="|".join(FORMATS))] = "",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show where an error comes from.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Labs of an MLOps curriculum: make them, look into them, hand them out, end them.

    Global options may stand before or after the verb.
    """
    if output and output not in FORMATS:
        raise CliError(f"--output {output} is not one of {', '.join(FORMATS)}", code=Exit.USAGE)
    ctx.obj = Options(kubeconfig, context, namespace, output, verbose)


def main() -> None:
    """Run the command; the entry point of ``practicum`` and ``kubectl-practicum``."""
    app()
