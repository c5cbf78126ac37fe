"""Runbooks have commands, and what kubectl is asked to do anywhere in the documentation exists."""

import re
import subprocess

import pytest

from e2e import test_readme as readme
from tests import commands
from tests.apiserver.conftest import tool
from tests.apiserver.operator_process import ROOT

DOCS = ROOT / "docs"
PAGES = {page: page.read_text() for page in (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))}
_PAIRS = ("auth", "config", "create", "rollout", "top")
_EVERYWHERE = ("--as", "--kubeconfig", "--context", "--namespace")
LINES = {
    line
    for text in PAGES.values()
    for _, line in readme.commands(text)
    if any(words[0] == "kubectl" for words in commands.simple(line))
}


def test_every_runbook_has_commands() -> None:
    books = {page.name: text for page, text in PAGES.items() if page.parent.name == "runbooks"}
    assert [name for name, text in books.items() if not [*readme.commands(text)]] == []


@pytest.mark.parametrize("line", sorted(LINES))
def test_command(line: str) -> None:
    look_up(line)


@pytest.mark.parametrize(
    "line", ["kubectl frobnicate", "kubectl logs x --frobnicate", "kubectl -n x auth frobnicate"]
)
def test_what_does_not_exist_is_found(line: str) -> None:
    with pytest.raises(AssertionError):
        look_up(line)


def look_up(line: str) -> None:
    """Fail where a verb of kubectl, or an option of it, does not exist."""
    for program, *words in commands.simple(line):
        if program != "kubectl":
            continue
        while words[0].startswith("-"):
            words = words[1 if "=" in words[0] else 2 :]
        path = words[: 2 if words[0] in _PAIRS else 1]
        command = [tool("kubectl"), *path, "--help"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        # Asked for a verb that it has not, kubectl tells of itself.
        assert f"kubectl {' '.join(path)} " in told, line
        for word in words[: words.index("--")] if "--" in words else words:
            if word.startswith("--") and word.split("=")[0] not in _EVERYWHERE:
                assert re.search(rf"^\s.*{word.split('=')[0]}\b", told, re.MULTILINE), word
