"""``practicum audit`` on the log in the cluster: shown, exported, verified, reported on."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from practicum import errors
from practicum.cli import audit_log, audit_reading, main, report
from practicum.cli.exits import Exit
from practicum.governance.chain import link
from tests import samples
from tests.unit.changes import Cluster, cluster, connected, lab, segment

__all__ = ["cluster", "connected"]
KEY = b"of the operator"
Record = dict[str, Any]
DS = {"username": "u", "persona": "ds", "role": "data-scientist", "person": "p", "simulated": True}
RISK = DS | {"persona": "reviewer-risk", "simulated": False}
COMMON: Record = {
    "lab": {"course": "course-a", "name": "ada"},
    "request": {"name": "promote-fraud-2", "uid": "r-1", "createdAt": "2026-11-21T12:00:00Z"},
    "action": "PromoteModel",
    "target": {"name": "fraud", "version": "2", "alias": "champion"},
}
OUTCOME = {"name": "fraud", "alias": "champion", "before": "1", "after": "2"}
EVENTS: list[Record] = [
    {"type": "Baseline", "outcome": OUTCOME | {"before": "", "after": "1"}, "message": "as found"},
    COMMON | {"type": "StateChanged", "state": "AwaitingApproval", "actor": DS},
    COMMON
    | {"type": "Answered", "verdict": "Approve", "actor": RISK, "message": '=HYPERLINK("x")'},
    COMMON | {"type": "StateChanged", "state": "Approved", "actor": DS},
    COMMON
    | {
        "type": "StateChanged",
        "state": "Executed",
        "actor": DS,
        "outcome": OUTCOME,
        "decision": {"allow": True, "reasons": [{"control": "A", "message": "b"}]},
    },
    {"type": "AliasMoved", "outcome": OUTCOME | {"before": "2", "after": "7"}},
]


def run(*words: str) -> Result:
    return CliRunner().invoke(main.app, list(words))


@pytest.fixture
def records() -> list[Record]:
    made: list[Record] = []
    for number, event in enumerate(EVENTS):
        body = {"id": f"e{number}", "at": f"2026-11-21T12:0{number}:00Z", **event}
        made.append(link(body, made[-1] if made else None, KEY))
    return made


@pytest.fixture
def log(connected: Cluster, records: list[Record]) -> Cluster:
    """Have the records in two segments, and the lab's status name the last one."""
    for number, part in enumerate((records[:4], records[4:]), 1):
        connected.put(segment(samples.UID, number, part))
    anchor(connected, records[-1])
    return connected


def anchor(cluster: Cluster, record: Record) -> None:
    cluster.put(lab(audit={"seq": record["seq"], "hash": record["hash"]}))


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("   ") if cell.strip()] for line in text.splitlines()
    ]


def test_the_log_is_shown(log: Cluster) -> None:
    header, *shown = rows(run("audit", "show", "ada").stdout)
    assert header == ["SEQ", "AT", "EVENT", "ACTOR", "TARGET", "MESSAGE"]
    assert [cells[2:5] for cells in shown] == [
        ["Baseline", "operator", "fraud@champion: none → 1"],
        ["AwaitingApproval", "ds (simulated)", "fraud 2 → champion"],
        ["Answered Approve", "reviewer-risk", "fraud 2 → champion"],
        ["Approved", "ds (simulated)", "fraud 2 → champion"],
        ["Executed", "ds (simulated)", "fraud@champion: 1 → 2"],
        ["AliasMoved", "operator", "fraud@champion: 2 → 7"],
    ]


def test_only_what_came_after(log: Cluster, records: list[Record]) -> None:
    assert (
        json.loads(run("audit", "show", "ada", "--since", "4", "-o", "json").stdout)
        == (records[4:])
    )
    result = run("audit", "show", "ada", "--since", "6")
    assert (result.stdout, result.stderr) == ("", "no records of lab ada after 6\n")


@pytest.mark.parametrize("verb", [("show",), ("export", "--file", "-"), ("verify", "--lab")])
def test_who_may_not_read_logs_is_told_who_may(verb: tuple[str, ...], log: Cluster) -> None:
    log.refusals["list", "ConfigMap"] = errors.Forbidden(403, "Forbidden", "configmaps: no")
    result = run("audit", *verb, "ada")
    assert result.exit_code == Exit.FORBIDDEN
    assert "you may not read the audit logs in namespace practicum-audit" in result.stderr
    assert "ask them for an export" in result.stderr


def test_an_export_can_be_verified_as_it_says(log: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "ada.jsonl"
    result = run("audit", "export", "ada", "--file", str(path))
    assert f"wrote 6 records of lab ada to {path}" in result.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    command = result.stderr.rpartition("check it: practicum ")[2].split()
    assert run(*command).stdout == "the chain holds: 6 records\n"
    assert run("audit", "export", "ada", "--file", "-").stdout == path.read_text()


def test_a_csv_has_stable_columns_and_no_formulas(log: Cluster) -> None:
    text = run("audit", "export", "ada", "--file", "-", "--format", "csv").stdout
    header, *lines = csv.reader(io.StringIO(text))
    assert tuple(header) == audit_log.COLUMNS
    assert {len(line) for line in lines} == {len(header)}
    told = [dict(zip(header, line, strict=True)) for line in lines]
    assert told[2]["message"] == '\'=HYPERLINK("x")'
    assert (told[2]["verdict"], told[2]["simulated"]) == ("Approve", "false")
    assert (told[4]["state"], told[4]["before"], told[4]["after"]) == ("Executed", "1", "2")
    assert (told[4]["allow"], told[4]["reasons"]) == ("true", "A: b")
    assert (told[0]["actor"], told[0]["requestUid"]) == ("", "")
    assert [line["seq"] for line in told] == ["1", "2", "3", "4", "5", "6"]


def test_the_live_log_is_verified_against_the_status(log: Cluster, records: list[Record]) -> None:
    assert run("audit", "verify", "--lab", "ada").stdout == "the chain holds: 6 records\n"
    anchor(log, records[4])
    assert run("audit", "verify", "--lab", "ada").exit_code == 0


def test_a_live_log_that_was_cut_is_found(log: Cluster, records: list[Record]) -> None:
    del log.objects["ConfigMap", "practicum-audit", f"audit-{samples.UID}-000002"]
    result = run("audit", "verify", "--lab", "ada", "-o", "json")
    assert result.exit_code == Exit.FAILURE
    assert json.loads(result.stdout)["reason"] == "Truncated"


def test_what_goes_beyond_the_head_is_looked_at_again(
    log: Cluster, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reading, "_PAUSE", 0)
    anchor(log, records[2])
    result = run("audit", "verify", "--lab", "ada")
    assert (result.exit_code, result.stdout[:10]) == (Exit.FAILURE, "BeyondHead")

    async def caught_up(_: float) -> None:
        anchor(log, records[-1])

    monkeypatch.setattr("asyncio.sleep", caught_up)
    assert run("audit", "verify", "--lab", "ada").exit_code == 0


def test_a_live_log_without_a_head(log: Cluster) -> None:
    log.put(lab())
    result = run("audit", "verify", "--lab", "ada")
    assert result.exit_code == 0
    assert "the status of lab ada has no head" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("file", "--lab", "ada"),
        ("file", "--uid", samples.UID),
        ("--lab", "ada", "--uid", samples.UID),
        ("--lab", "ada", "--head", "1:" + "0" * 64),
    ],
)
def test_verify_takes_one_log(words: tuple[str, ...]) -> None:
    result = run("audit", "verify", *words)
    assert result.exit_code == Exit.USAGE
    assert "give one of FILE or --uid UID, each with --head, or --lab NAME" in result.stderr


def test_the_report(log: Cluster) -> None:
    for words in ((), ("ada",)):
        text = run("report", "lifecycle", *words).stdout
        shown = {cells[0]: cells[1:] for cells in rows(text) if cells}
        assert shown["fraud"] == [
            *("1", "1", "0 (0%)", "0", "0", "4m (4m)", "2m (2m)", "-", "0", "1", "1")
        ]
        assert shown["ds"] == ["1", "1", "0 (0%)", "0", "0", "4m (4m)", "-", "-", "0", "0"]
        assert shown["reviewer-risk"] == ["0", "0", "0", "0", "0", "-", "1m (1m)", "-", "0", "1"]


def test_the_report_as_data(log: Cluster) -> None:
    body = json.loads(run("report", "lifecycle", "-o", "json").stdout)
    (model,) = body["models"]
    assert model["leadTime"] == {"count": 1, "median": 240.0, "longest": 240.0}
    assert (model["refusalRate"], model["moves"]) == (0.0, 1)
    text = run("report", "lifecycle", "-o", "csv").stdout
    lines = list(csv.DictReader(io.StringIO(text)))
    assert tuple(lines[0]) == report.COLUMNS
    assert [(line["by"], line["name"]) for line in lines] == [
        ("model", "fraud"),
        ("persona", "ds"),
        ("persona", "reviewer-risk"),
    ]
    assert (lines[0]["leadTimeMedian"], lines[1]["approvalMedian"]) == ("240.0", "")
    assert run("report", "lifecycle", "-o", "html").exit_code == Exit.USAGE


def test_a_report_on_nothing(connected: Cluster) -> None:
    result = run("report", "lifecycle")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no governed changes in the audit logs of namespace course-a" in result.stderr
    connected.refusals["list", "LabEnvironment"] = errors.Forbidden(403, "Forbidden", "no")
    result = run("report", "lifecycle")
    assert result.exit_code == Exit.FORBIDDEN
    assert "name them: practicum report lifecycle LAB" in result.stderr
    assert run("report", "lifecycle", "eve").exit_code == Exit.NOT_FOUND
