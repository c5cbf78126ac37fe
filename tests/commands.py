"""Commands that documentation shows, read as a shell and the command line itself would."""

import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from practicum.cli.main import app

_UNSAID = {"attest": "give", "credentials": "show"}
"""Verbs that may be left out."""
_APART = ("|", "||", "&&", ";")


def simple(line: str) -> Iterator[list[str]]:
    """Yield the simple commands of a line, without redirections, assignments and comments."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.commenters, words.whitespace_split = "#", True
    found: list[str] = []
    skip = False
    for word in [*words, ";"]:
        if word in _APART:
            if found:
                yield found
            found = []
        elif skip or word in (">", "<", ">>"):
            skip = not skip
        elif found or "=" not in word:
            found.append(word)


@cache
def _root() -> Any:
    return get_command(app)


def parse(words: Sequence[str]) -> None:
    """Fail where an argument of ``practicum`` is none: verbs, options, values that it needs.

    Files need not be there.

    Raises:
        TyperException: the command line refuses it.
    """
    command, words = _root(), list(words)
    while isinstance(command, TyperGroup):
        context = command.make_context("practicum", words)
        words = [*context._protected_args, *context.args]
        assert words and words[0] in command.commands, words
        command = command.commands[words.pop(0)]
    try:
        command.make_context("practicum", words)
    except TyperException as error:
        if "does not exist" not in str(error):
            raise


def check_verb(words: Sequence[str]) -> None:
    """Fail where verbs or long options do not exist; arguments may be left out."""
    command, known = _root(), set[str]()
    for word in words:
        known |= {option for one in command.params for option in one.opts + one.secondary_opts}
        if word.startswith("--"):
            assert word in known, word
        elif isinstance(command, TyperGroup) and not word.startswith("-"):
            assert word in command.commands or command.name in _UNSAID, word
            command = command.commands[word if word in command.commands else _UNSAID[command.name]]
