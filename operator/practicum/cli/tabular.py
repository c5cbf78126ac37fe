"""CSV that a spreadsheet may open: others' text in it is never a formula."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_FORMULA = frozenset("=+-@＝＋－＠\t\r\n")


def text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV (RFC 4180) with a header; what a row lacks stays empty."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(column)) for column in columns])
    return stream.getvalue()


def cell(value: Any) -> str:
    """Return one value; an apostrophe keeps text from being read as a formula.

    Numbers are numbers, negative ones too.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    said = str(value)
    first = said.lstrip(" \u00a0\u3000")[:1]
    return f"'{said}" if first in _FORMULA and first else said
