"""Writes to the terminal: tables for people, JSON and YAML for programs."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

Row = Sequence["str | Text"]
_ANY_WIDTH = 100_000


def console(*, stderr: bool = False) -> "Console":
    """Return a console; into a pipe it neither colours nor folds lines."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _ANY_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=width is not None)


def interactive() -> bool:
    """Whether a person is looking: live views need that."""
    return sys.stdout.isatty()


def data(value: Any, output: str) -> None:
    """Print a value as JSON or YAML."""
    write(dump(value, output))


def write(text: str) -> None:
    """Print text as it is."""
    sys.stdout.write(text)


def dump(value: Any, output: str) -> str:
    """Return a value as JSON or YAML text."""
    if output == "yaml":
        import yaml

        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def line(text: str = "") -> None:
    """Print one plain line at once, so that a pipe's reader sees it in time."""
    print(text, flush=True)


def note(text: str) -> None:
    """Say something that is not the answer: it goes to stderr."""
    print(text, file=sys.stderr, flush=True)


def show(what: "RenderableType") -> None:
    """Print a rich table, tree or document."""
    console().print(what)


def plain(text: str) -> str:
    """Return others' text without what a terminal would obey or hide: escapes, direction marks."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def facts(
    rows: Sequence[Mapping[str, Any]],
    output: str,
    headers: Sequence[str],
    none: str,
    told: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> None:
    """Print facts as data, or as a table.

    Args:
        rows: the facts.
        output: how.
        headers: those that a table has, by the names of the facts.
        none: what is said where there are no rows.
        told: turns a row into what a table has of it.
    """
    from rich.text import Text

    if output != "table":
        data(list(rows), output)
    elif rows:
        cells = [[Text(plain(str(row[one] or "-"))) for one in headers] for row in map(told, rows)]
        show(table(headers, cells))
    else:
        note(none)


def table(headers: Sequence[str], rows: Sequence[Row]) -> "RenderableType":
    """Return a table in kubectl's manner: no lines, as wide as it must be."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for number, header in enumerate(headers):
        last = number == len(headers) - 1
        grid.add_column(header.upper(), no_wrap=not last, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid
