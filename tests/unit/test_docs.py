"""The documentation as a whole: what leads nowhere, does not exist, or is stale."""

import re
from functools import cache
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from e2e import test_readme as readme
from tests import commands
from tests.samples import ROOT
from tools import api_reference, sizing

PAGES = [
    ROOT / "README.md",
    ROOT / "lab-templates/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
COMMANDS = {
    f"{name}:{number}: {line}": line
    for name, text in TEXTS.items()
    for number, line in readme.commands(text)
}
VERBS = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
PROGRAMS = {
    *("practicum", "kubectl", "helm", "make", "podman", "export", "jq", "python3", "promtool"),
    "docker",
}
"""Whose commands are shown; the last ones are not ours to check."""


def prose(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are rendered."""
    headings = re.findall(r"^#+ (.+)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "code", prose(TEXTS[name]))):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            there = page if not path else page.parent / path
            assert there.exists(), link
            assert not anchor or anchor in anchors(there), link


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([a-z-]+\.md)", TEXTS["docs/README.md"]))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - linked == {"README.md"}


@pytest.mark.parametrize("name", TEXTS)
def test_every_block_is_of_a_known_language(name: str) -> None:
    known = (*readme.LANGUAGES, "csv", "json", "python", "text")
    assert [one.line for one in readme.blocks(TEXTS[name]) if one.language not in known] == []


@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_command(line: str) -> None:
    for program, *words in commands.simple(line):
        assert program in PROGRAMS, program
        if program == "practicum":
            commands.parse(words)
        if program == "make":
            assert set(words) <= VERBS


@pytest.mark.parametrize("name", TEXTS)
def test_commands_within_the_prose(name: str) -> None:
    for line in re.findall(r"`practicum ([a-z][^`]*)`", prose(TEXTS[name])):
        if not re.search(r"[|…]", line):
            commands.check_verb(next(commands.simple(line)))


def test_the_api_reference_is_fresh() -> None:
    assert TEXTS["docs/api.md"] == api_reference.page(), "run: make docs"


def test_the_sizes_are_fresh() -> None:
    text = TEXTS["docs/operations.md"]
    assert text == sizing.page(text), "run: make docs"


def test_every_policy_is_explained_and_names_its_test() -> None:
    policies = (ROOT / "charts/practicum/templates/policies").glob("*.yaml")
    made = {
        name
        for path in policies
        for name in re.findall(r"^  name: (practicum-[a-z-]+)$", path.read_text(), re.MULTILINE)
    }
    rows = dict(
        re.findall(r"^\| `(practicum-[a-z-]+)` \|(.*)$", TEXTS["docs/security.md"], re.MULTILINE)
    )
    assert rows.keys() == made
    assert all("](../tests/security/" in row for row in rows.values())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("practicum get -A", [["practicum", "get", "-A"]]),
        (
            "A=1 practicum get >x.json | jq '.a | .b' # why",
            [["practicum", "get"], ["jq", ".a | .b"]],
        ),
        ("make lint && make test", [["make", "lint"], ["make", "test"]]),
    ],
)
def test_lines_are_read(line: str, found: list[list[str]]) -> None:
    assert list(commands.simple(line)) == found


@pytest.mark.parametrize(
    "words",
    ["frobnicate", "audit verifi", "get --frobnicate", "attest ada --frobnicate", "check"],
)
def test_what_does_not_exist_is_found(words: str) -> None:
    with pytest.raises((AssertionError, TyperException)):
        commands.parse(words.split())
    if words != "check":
        with pytest.raises(AssertionError):
            commands.check_verb(words.split())
