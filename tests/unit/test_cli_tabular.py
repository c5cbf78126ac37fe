"""CSV for spreadsheets: nothing in it is a formula, and everything can be read back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.cli import output, tabular


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("a=1", "a=1"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (-3, "-3"),
        (0.5, "0.5"),
    ],
)
def test_cells(value: object, cell: str) -> None:
    assert tabular.cell(value) == cell


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_every_row_is_read_back_as_one_row(texts: list[str]) -> None:
    written = tabular.text(["a", "b"], [{"a": text, "b": 1} for text in texts])
    header, *lines = csv.reader(io.StringIO(written, newline=""))
    assert header == ["a", "b"]
    assert [line[0].removeprefix("'") for line in lines] == [
        text.removeprefix("'") for text in texts
    ]
    assert not any(line[0].lstrip()[:1] in tuple("=+-@") for line in lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fraud → 2 é 字", "fraud → 2 é 字"),
        ("a\x1b[2Jb\n", "a\\u001b[2Jb\\u000a"),
        ("abc\u202edef", "abc\\u202edef"),
    ],
)
def test_text_of_others_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert output.plain(text) == shown
