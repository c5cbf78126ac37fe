"""``practicum audit verify``: from a file and a head, without a cluster."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from practicum.cli import main
from practicum.governance.chain import link

RUNNER = CliRunner()
KEY = b"\n what bytes of whitespace are \t"
Records = list[dict[str, Any]]


@pytest.fixture
def records() -> Records:
    made: Records = []
    for number in range(4):
        event = {"id": str(number), "type": "Requested"}
        made.append(link(event, made[-1] if made else None, KEY))
    return made


@pytest.fixture
def export(records: Records, tmp_path: Path) -> Path:
    return written(records, tmp_path)


def written(records: Records, folder: Path) -> Path:
    path = folder / "audit.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def head(records: Records) -> str:
    return f"{records[-1]['seq']}:{records[-1]['hash']}"


def test_a_whole_export_holds(export: Path, records: Records) -> None:
    result = RUNNER.invoke(main.app, ["audit", "verify", str(export), "--head", head(records)])
    assert (result.exit_code, result.stdout) == (0, "the chain holds: 4 records\n")
    assert not result.stderr


def test_without_a_head_it_says_what_it_cannot_know(export: Path) -> None:
    result = RUNNER.invoke(main.app, ["audit", "verify", str(export)])
    assert result.exit_code == 0
    assert "nobody can tell" in result.stderr


def test_the_first_bad_record_is_named(records: Records, tmp_path: Path) -> None:
    end = head(records)
    records[2] |= {"type": "Approved"}
    path = written(records, tmp_path)
    result = RUNNER.invoke(main.app, ["audit", "verify", str(path), "--head", end])
    assert result.exit_code == 1
    assert "RecordAltered: record 3 is not as it was written" in result.stdout


def test_a_forgery_takes_the_key(tmp_path: Path) -> None:
    made = [link({"id": "1", "type": "Invented"}, None, b"another")]
    path, key = written(made, tmp_path), tmp_path / "key"
    key.write_text(KEY.hex() + "\n")
    words = ["audit", "verify", str(path), "-o", "json", "--head", head(made)]
    assert json.loads(RUNNER.invoke(main.app, words).stdout)["holds"] is True
    result = RUNNER.invoke(main.app, [*words, "--key-file", str(key)])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"] == "RecordForged"


@pytest.mark.parametrize("text", ["", "no key", "00" * 31, "00" * 33, "schlüssel"])
def test_a_key_that_is_none(export: Path, tmp_path: Path, text: str) -> None:
    key = tmp_path / "key"
    key.write_text(text)
    result = RUNNER.invoke(main.app, ["audit", "verify", str(export), "--key-file", str(key)])
    assert result.exit_code == 2
    assert "64 hexadecimal digits" in result.stderr
    assert "practicum audit key" in result.stderr


def test_a_key_file_that_is_not_there(export: Path) -> None:
    result = RUNNER.invoke(main.app, ["audit", "verify", str(export), "--key-file", "nowhere"])
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_the_operators_own_records_hold_by_the_key(
    export: Path, records: Records, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY.hex() + "\n")
    words = ["audit", "verify", str(export), "--head", head(records), "--key-file", str(key)]
    result = RUNNER.invoke(main.app, words)
    assert (result.exit_code, result.stdout) == (0, "the chain holds: 4 records\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{}\nnonsense\n", "audit.jsonl:2: not JSON"),
        ("[]\n", "audit.jsonl:1: not a JSON object"),
    ],
)
def test_what_is_no_export_is_named_by_line(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text(text)
    result = RUNNER.invoke(main.app, ["audit", "verify", str(path)])
    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize("text", ["4", "x:y", "4:abc", ":" + "0" * 64])
def test_a_head_that_is_none(export: Path, text: str) -> None:
    result = RUNNER.invoke(main.app, ["audit", "verify", str(export), "--head", text])
    assert result.exit_code == 2
    assert "is not SEQ:HASH" in result.stderr
