"""``practicum audit`` on logs of labs that are gone: listed, and read by the lab's uid."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from practicum import errors
from practicum.cli import main
from practicum.cli.exits import Exit
from practicum.governance.chain import link
from tests import samples
from tests.unit.changes import Cluster, cluster, connected, lab, segment

__all__ = ["cluster", "connected"]
KEY = b"of the operator"
NEW, OLD, ELSEWHERE = samples.UID, samples.OTHER_UID, "22222222-2222-4333-8444-555555555555"
FORBIDDEN = errors.Forbidden(403, "Forbidden", "no")
OPEN = "without --head nobody can tell whether records at the end are missing"
Record = dict[str, Any]


def run(*words: str) -> Result:
    return CliRunner().invoke(main.app, list(words))


def history(course: str, name: str, day: int, count: int = 3) -> list[Record]:
    made: list[Record] = []
    for number in range(count):
        event = {
            "id": f"e{number}",
            "at": f"2026-11-{day:02}T12:0{number}:00Z",
            "type": "AliasMoved",
            "lab": {"course": course, "name": name},
            "outcome": {"name": f"model-{day}", "alias": "champion"},
        }
        made.append(link(event, made[-1] if made else None, KEY))
    return made


@pytest.fixture
def logs(connected: Cluster) -> Cluster:
    """Have lab ada, a lab of that name that is gone, and one of another course."""
    for uid, records in (
        (NEW, history("course-a", "ada", 20)),
        (OLD, history("course-a", "ada", 10)),
        (ELSEWHERE, history("course-b", "eve", 15, count=1)),
    ):
        connected.put(segment(uid, 1, records))
    anchor(connected, history("course-a", "ada", 20)[-1])
    return connected


def anchor(cluster: Cluster, record: Record) -> None:
    cluster.put(lab(audit={"seq": record["seq"], "hash": record["hash"]}))


def leave(cluster: Cluster) -> None:
    """Have lab ada go as well."""
    del cluster.objects["LabEnvironment", "course-a", "ada"]


def test_the_logs_of_a_course_are_listed(logs: Cluster) -> None:
    header, *rows = (line.split() for line in run("audit", "list").stdout.splitlines())
    assert header == ["COURSE", "LAB", "UID", "RECORDS", "FIRST", "LAST", "STATE"]
    old, new = ((f"2026-11-{day}T12:00:00Z", f"2026-11-{day}T12:02:00Z") for day in (10, 20))
    assert rows == [
        ["course-a", "ada", OLD, "3", *old, "gone"],
        ["course-a", "ada", NEW, "3", *new, "live"],
    ]


@pytest.mark.parametrize(
    ("words", "uids"),
    [
        ((), [OLD, NEW]),
        (("-n", "course-b"), [ELSEWHERE]),
        (("-n", "course-c"), []),
        (("-A",), [OLD, NEW, ELSEWHERE]),
        (("--all-namespaces", "-n", "course-c"), [OLD, NEW, ELSEWHERE]),
    ],
)
def test_logs_are_listed_of_the_chosen_course_or_all(
    words: tuple[str, ...], uids: list[str], logs: Cluster
) -> None:
    assert [
        one["uid"] for one in json.loads(run("audit", "list", *words, "-o", "json").stdout)
    ] == (uids)


def test_what_the_list_holds_as_data(logs: Cluster) -> None:
    (one,) = json.loads(run("audit", "list", "-n", "course-b", "-o", "json").stdout)
    assert one == {
        "course": "course-b",
        "lab": "eve",
        "uid": ELSEWHERE,
        "records": 1,
        "first": "2026-11-15T12:00:00Z",
        "last": "2026-11-15T12:00:00Z",
        "state": "gone",
    }
    assert run("audit", "list", "-o", "name").exit_code == Exit.USAGE
    assert f"uid: {ELSEWHERE}" in run("audit", "list", "-A", "-o", "yaml").stdout


def test_whether_a_lab_lives_is_unknown_to_who_may_not_list_labs(logs: Cluster) -> None:
    logs.refusals["list", "LabEnvironment"] = FORBIDDEN
    found = json.loads(run("audit", "list", "-o", "json").stdout)
    assert [one["state"] for one in found] == ["unknown", "unknown"]


def test_a_log_that_nobody_can_read_is_listed_among_all(connected: Cluster) -> None:
    body = segment(OLD, 1, [])
    body["data"] = {"00000001": "nonsense"}
    connected.put(body)
    assert run("audit", "list", "-A").stdout.splitlines()[1].split() == (
        ["-", "-", OLD, "1", "-", "-", "unknown"]
    )
    result = run("audit", "list")
    assert (result.stdout, result.stderr) == ("", "no audit logs of labs in namespace course-a\n")


def test_who_may_not_read_logs_gets_no_list(logs: Cluster) -> None:
    logs.refusals["list", "ConfigMap"] = FORBIDDEN
    result = run("audit", "list")
    assert result.exit_code == Exit.FORBIDDEN
    assert "you may not read the audit logs in namespace practicum-audit" in result.stderr


def test_a_log_is_shown_and_exported_by_uid(logs: Cluster, tmp_path: Path) -> None:
    assert json.loads(run("audit", "show", "--uid", OLD, "-o", "json").stdout) == (
        history("course-a", "ada", 10)
    )
    path = tmp_path / "ada.jsonl"
    result = run("audit", "export", "--uid", OLD, "--file", str(path))
    assert result.stderr == f"wrote 3 records of the lab with uid {OLD} to {path}\n"
    assert OPEN in run("audit", "verify", str(path)).stderr


def test_the_log_of_a_lab_that_lives_has_its_head_by_uid_too(logs: Cluster, tmp_path: Path) -> None:
    result = run("audit", "export", "--uid", NEW, "--file", str(tmp_path / "ada.jsonl"))
    assert "check it: practicum audit verify" in result.stderr
    result = run("audit", "verify", "--uid", NEW)
    assert (result.stdout, result.stderr) == ("the chain holds: 3 records\n", "")
    logs.put(segment(NEW, 1, history("course-a", "ada", 20)[:2]))
    assert "Truncated" in run("audit", "verify", "--uid", NEW).stdout


@pytest.mark.parametrize(
    ("uid", "refused", "why"),
    [
        (OLD, "", "lab ada of course-a is gone, and so is its head"),
        (ELSEWHERE, "", "lab eve of course-b is gone, and so is its head"),
        (NEW, "get", "you may not read lab ada of course-a, whose status has the head"),
    ],
)
def test_without_a_head_the_end_is_open(uid: str, refused: str, why: str, logs: Cluster) -> None:
    logs.refusals[refused, "LabEnvironment"] = FORBIDDEN
    result = run("audit", "verify", "--uid", uid)
    assert result.exit_code == 0
    assert result.stdout.startswith("the chain holds: ")
    assert result.stderr == f"{why}: {OPEN}\n"
    body = json.loads(run("audit", "verify", "--uid", uid, "-o", "json").stdout)
    assert (body["holds"], body["anchored"]) == (True, False)


@pytest.mark.parametrize(
    ("kept", "reason"), [(3, ""), (2, "Truncated"), (1, "Truncated"), (5, "BeyondHead")]
)
def test_a_head_that_was_kept_elsewhere_closes_the_end(
    kept: int, reason: str, logs: Cluster
) -> None:
    end = history("course-a", "ada", 10)[-1]
    logs.put(segment(OLD, 1, history("course-a", "ada", 10, count=kept)))
    head = f"{end['seq']}:{end['hash']}"
    result = run("audit", "verify", "--uid", OLD, "--head", head, "-o", "json")
    said = json.loads(result.stdout)
    assert (said["reason"], said["anchored"]) == (reason, True)
    assert result.exit_code == (Exit.FAILURE if reason else 0)


def test_a_gone_labs_log_that_was_altered_is_found(logs: Cluster) -> None:
    records = history("course-a", "ada", 10)
    records[1] |= {"type": "Invented"}
    logs.put(segment(OLD, 1, records))
    result = run("audit", "verify", "--uid", OLD)
    assert result.exit_code == Exit.FAILURE
    assert "RecordAltered: record 2" in result.stdout


@pytest.mark.parametrize("text", ["nonsense", "[]", "3", "null"])
def test_a_record_that_is_none_is_named(text: str, logs: Cluster) -> None:
    body = segment(OLD, 1, history("course-a", "ada", 10))
    body["data"]["00000002"] = text
    logs.put(body)
    for verb in ("show", "verify"):
        result = run("audit", verb, "--uid", OLD)
        assert result.exit_code == Exit.FAILURE
        assert f"record 2 of the lab with uid {OLD} is not a JSON object" in result.stderr


@pytest.mark.parametrize(
    "verb",
    [
        ("audit", "show"),
        ("audit", "export", "--file", "-"),
        ("audit", "verify"),
        ("report", "lifecycle"),
    ],
)
class TestWhichLab:
    """What is named wrongly is said with the option, the value and the next step."""

    @pytest.mark.parametrize(
        ("uid", "code", "trouble"),
        [
            ("a,b=c", Exit.USAGE, "--uid a,b=c is not the uid of a lab"),
            ("-x", Exit.USAGE, "--uid -x is not the uid of a lab"),
            ("7" * 64, Exit.USAGE, f"--uid {'7' * 64} is not the uid of a lab"),
            ("nobodys", Exit.NOT_FOUND, "--uid nobodys: there is no audit log of a lab with this"),
        ],
    )
    def test_bad_uid(
        self, verb: tuple[str, ...], uid: str, code: Exit, trouble: str, logs: Cluster
    ) -> None:
        result = run(*verb, f"--uid={uid}")
        assert result.exit_code == code
        assert trouble in result.stderr
        assert "see: practicum audit list -A" in result.stderr

    def test_name_of_a_lab_that_is_gone(self, verb: tuple[str, ...], logs: Cluster) -> None:
        leave(logs)
        name = ("--lab", "ada") if verb[-1] == "verify" else ("ada",)
        result = run(*verb, *name)
        assert result.exit_code == Exit.NOT_FOUND
        assert result.stderr == (
            "practicum: lab ada not found in namespace course-a; the newest log of a lab of that "
            f"name is kept, use --uid {NEW}; all: practicum audit list -n course-a\n"
        )
        assert run(*verb, "--uid", NEW).exit_code == 0
        logs.refusals["list", "ConfigMap"] = FORBIDDEN
        assert "see: practicum get -n course-a" in run(*verb, *name).stderr

    def test_name_that_no_lab_had(self, verb: tuple[str, ...], logs: Cluster) -> None:
        name = ("--lab", "eve") if verb[-1] == "verify" else ("eve",)
        result = run(*verb, *name)
        assert result.exit_code == Exit.NOT_FOUND
        assert "see: practicum get -n course-a" in result.stderr


@pytest.mark.parametrize("words", [(), ("ada", "--uid", OLD)])
def test_one_lab_is_named(words: tuple[str, ...]) -> None:
    for verb in (("show",), ("export", "--file", "-")):
        result = run("audit", *verb, *words)
        assert result.exit_code == Exit.USAGE
        assert "give either LAB or --uid UID; see: practicum audit list" in result.stderr


@pytest.mark.parametrize(
    ("words", "moves"),
    [
        ((), {"model-20": 3}),
        (("--uid", OLD), {"model-10": 3}),
        (("ada", "--uid", OLD, "--uid", ELSEWHERE), {"model-10": 3, "model-15": 1, "model-20": 3}),
        (("ada", "ada", "--uid", NEW), {"model-20": 3}),
    ],
)
def test_a_report_counts_each_log_once(
    words: tuple[str, ...], moves: dict[str, int], logs: Cluster
) -> None:
    body = json.loads(run("report", "lifecycle", *words, "-o", "json").stdout)
    assert {one["name"]: one["moves"] for one in body["models"]} == moves
