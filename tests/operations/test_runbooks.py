"""Commands of the runbooks are ones that exist."""

import re
import shlex
import subprocess

import pytest
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from e2e import test_readme as readme
from practicum.cli.main import app
from tests.apiserver.conftest import tool
from tests.apiserver.operator_process import ROOT

PAGES = {page: page.read_text() for page in sorted((ROOT / "docs/runbooks").glob("*.md"))}
LINES = {line for text in PAGES.values() for _, line in readme.commands(text)}


def test_every_page_has_commands() -> None:
    assert [page.name for page, text in PAGES.items() if not [*readme.commands(text)]] == []


@pytest.mark.parametrize("line", sorted(LINES))
def test_command(line: str) -> None:
    look_up(line)


@pytest.mark.parametrize(
    "line",
    [
        *("practicum frobnicate", "practicum audit verify --frobnicate", "practicum audit verifi"),
        *("kubectl frobnicate", "kubectl logs x --frobnicate", "helm list"),
    ],
)
def test_what_does_not_exist_is_found(line: str) -> None:
    with pytest.raises((AssertionError, TyperException)):
        look_up(line)


def look_up(line: str) -> None:
    """Fail where a command line's program, verb or an option of it does not exist."""
    program, *words = shlex.split(line)
    if program == "practicum":
        _parse(words)
        return
    assert program == "kubectl"
    path = words[2:] if words[0] == "-n" else words
    path = path[: 2 if path[0] in ("auth", "top") else 1]
    command = [tool("kubectl"), *path, "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # Asked for a verb that it has not, kubectl tells of itself.
    assert f"kubectl {' '.join(path)} " in told, line
    for word in words:
        if word.startswith("--") and not word.startswith("--as="):
            assert re.search(rf"^\s.*{word.split('=')[0]}\b", told, re.MULTILINE), word


def _parse(words: list[str]) -> None:
    command = get_command(app)
    while isinstance(command, TyperGroup):
        context = command.make_context("practicum", list(words))
        words = [*context._protected_args, *context.args]
        assert words and words[0] in command.commands, words
        command = command.commands[words.pop(0)]
    command.make_context("practicum", words)
