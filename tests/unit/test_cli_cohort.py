"""Classes on the command line: how they look, what an import says, where credentials go."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from practicum.api.labcohort import RosterLearner
from practicum.cli import class_credentials, cohort_edit, cohort_import, cohortview, main
from practicum.cli.class_credentials import Target
from practicum.cli.exits import CliError, Exit

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CHECKS = [f"check-{number}" for number in range(1, 13)]


def row(lab: str, learner: str = "", phase: str | None = "Ready", **more: Any) -> dict[str, Any]:
    found = {"lab": lab, "learner": learner or f"{lab}@x", "template": "mod-501", **more}
    return found | ({"phase": phase} if phase else {})


def cohort(*labs: dict[str, Any], spec: Any = None, **status: Any) -> dict[str, Any]:
    learners = [{"id": one["learner"]} for one in labs]
    return {
        "metadata": {"name": "class-a", "namespace": "mlops", "generation": 2},
        "spec": {"roster": {"learners": learners}, "templates": [{"name": "mod-501"}]}
        | (spec or {}),
        "status": {"phase": "Running", "observedGeneration": 2, "labs": list(labs), **status},
    }


def condition(kind: str, status: str, reason: str = "Why", message: str = "so") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def text(*parts: Any, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(*parts, sep="\n")
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_row_tells_times_by_how_far_off_they_are() -> None:
    schedule = {"startAt": "2026-11-26T11:00:00Z", "endAt": "2026-11-26T14:30:00Z"}
    body = cohort(spec={"schedule": schedule}, learners=3, ready="1/3", message="\x1b[1m")
    assert cohortview.row(body, NOW) == [
        *("class-a", "Running", "3", "1/3", "1h ago", "in 2h30m", "-", "\\u001b[1m"),
    ]
    assert cohortview.row(cohort() | {"status": None}, NOW)[1:] == [
        "Pending",
        "0",
        *"-----"[:4],
        "",
    ]


def test_a_class_in_lines_begins_with_the_answer_and_says_who_waits() -> None:
    labs = [row(f"l{number}", phase=None) for number in range(12)]
    labs += [row("up"), row("bad", phase="Failed", message="image"), row("off", removed=True)]
    schedule = {"endAt": "2026-11-26T14:30:00Z", "ending": "Soft", "gracePeriod": "30m"}
    spec = {"schedule": schedule, "budget": {"amount": "50", "action": "Warn"}}
    said = list(cohortview.lines(cohort(*labs, spec=spec, learners=15, ready="1/14"), NOW))
    assert said[0] == "class-a in mlops: Running, 15 learners, labs ready 1/14"
    assert "ends        2026-11-26T14:30:00Z (in 2h30m), softly: labs have 30m more" in said
    assert "budget      50, then a word" in said
    waits = said[said.index("not ready") + 1 :]
    assert waits[0] == "  bad@x  lab bad  Failed: image"
    assert len(waits) == 11
    assert waits[-1] == "  and 3 not made yet"


def test_the_matrix_fits_a_terminal_and_legend_and_letters_agree() -> None:
    labs = [
        row("l1", "a" * 60 + "@example.org", states="PFEWU.P.....", passed=2, total=10, points=7),
        row("l2", "eve\u202e", None, removed=True),
    ]
    body = cohort(*labs, templates=[{"name": "mod-501", "checks": CHECKS}, {"name": "other"}])
    lines = text(*cohortview.matrix(body))
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["mod-501", "phase", "passed", "points", "123456789012"]
    assert lines[1].split()[1:] == ["Ready", "2/10", "7", "PFEWU.P....."]
    assert lines[2].startswith("eve\\u202e (removed)")
    assert "12 check-12" in " ".join(lines)
    first, second = cohortview.flat(body)
    assert [first[f"mod-501/{check}"] for check in CHECKS[:6]] == [
        *("pass", "fail", "error", "waived", "unsupported", "pending"),
    ]
    assert set(first) == set(cohortview.columns(body))
    assert "mod-501/check-1" not in second


def test_what_changed_is_a_line_per_lab() -> None:
    before = cohort(row("l1", states="F."), row("l2"))
    after = cohort(row("l1", states="P.", passed=1, total=2), row("l2"), row("l3", phase=None))
    assert list(cohortview.changes(before, after)) == [
        *("l1@x  l1  Ready  1/2  P.", "l3@x  l3  not made  0/0"),
    ]
    assert len(list(cohortview.changes(None, after))) == 3


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (cohort() | {"status": {}}, ["NotObserved"]),
        (cohort(phase="Ended"), ["Ended"]),
        (cohort(spec={"paused": True}), ["Paused"]),
        (cohort(conditions=[condition("Ready", "True")]), []),
        (
            cohort(
                conditions=[
                    condition("WithinBudget", "False", "Spent"),
                    condition("Accepted", "False", "RosterInvalid"),
                    condition("Ready", "True"),
                ]
            ),
            ["RosterInvalid", "Spent"],
        ),
    ],
)
def test_what_is_wrong_with_a_class_has_a_remedy(body: dict[str, Any], reasons: list[str]) -> None:
    found = cohortview.troubles(body)
    assert [one["reason"] for one in found] == reasons
    assert all(one["remedy"] and "NAME" not in one["remedy"] for one in found)


@pytest.mark.parametrize(
    ("learners", "templates", "lost"),
    [
        ([{"id": "a"}, {"id": "b"}], ["mod-501", "mod-503"], []),
        ([{"id": "a"}], ["mod-501", "mod-503"], ["b1"]),
        ([{"id": "a"}, {"id": "b"}], ["mod-503"], ["a1", "b1"]),
        ([{"id": "a", "templates": ["mod-501"]}, {"id": "b"}], ["mod-501", "mod-503"], ["a3"]),
        ([{"id": "a", "templates": ["other"]}, {"id": "b"}], ["mod-501"], ["a1", "a3"]),
    ],
)
def test_labs_that_a_class_names_no_more_are_told(
    learners: list[dict[str, Any]], templates: list[str], lost: list[str]
) -> None:
    before = cohort(
        row("a1", "a"),
        row("a3", "a", template="mod-503"),
        row("b1", "b"),
        row("gone", "b", removed=True),
        row("unmade", "b", None),
    )
    new = [RosterLearner.model_validate(one) for one in learners]
    assert [one["lab"] for one in cohort_import._lost(before, new, templates)] == lost


@pytest.mark.parametrize(
    ("later", "moment"),
    [
        (cohort_edit.Later(by=timedelta(minutes=30)), "13:30"),
        (cohort_edit.Later(until="2026-11-26T12:30:00Z"), "12:30"),
    ],
)
def test_an_end_is_moved(later: cohort_edit.Later, moment: str) -> None:
    end = NOW + timedelta(hours=1)
    assert later.after(end, NOW).strftime("%H:%M") == moment


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (cohort_edit.Later(by=timedelta(minutes=30)), Exit.CONFLICT),
        (cohort_edit.Later(until="2026-11-26T11:59:59Z"), Exit.CONFLICT),
        (cohort_edit.Later(until="soon"), Exit.USAGE),
        (cohort_edit.Later(by=timedelta(days=3_000_000)), Exit.USAGE),
    ],
)
def test_an_end_is_not_moved_into_the_past(later: cohort_edit.Later, code: Exit) -> None:
    with pytest.raises(CliError) as raised:
        later.after(NOW - timedelta(hours=1), NOW)
    assert raised.value.code is code


def test_a_directory_for_credentials_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "class"
    class_credentials.prepare(folder, False)
    assert folder.stat().st_mode & 0o777 == 0o700
    class_credentials.prepare(folder, False)
    (folder / "file").touch()
    with pytest.raises(CliError, match="is not empty"):
        class_credentials.prepare(folder, False)
    class_credentials.prepare(folder, True)
    folder.chmod(0o750)
    with pytest.raises(CliError, match="others may read"):
        class_credentials.prepare(folder, False)
    with pytest.raises(CliError, match="is not a directory"):
        class_credentials.prepare(folder / "file", True)
    with pytest.raises(CliError, match="cannot be made"):
        class_credentials.prepare(folder / "file" / "below", True)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (Target(), "give either LAB or --cohort"),
        (Target(lab="a", cohort="b"), "give either LAB or --cohort"),
        (Target(lab="a", learners=["x"]), "--learner goes with --cohort"),
    ],
)
def test_whose_credentials_is_said_once(target: Target, complaint: str) -> None:
    with pytest.raises(CliError, match=complaint):
        target.check()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["credentials", "ada", "--stdout", "--merge"], "choose one of --write"),
        (["credentials", "--stdout", "--merge", "ada"], "choose one of --write"),
        (["credentials", "show", "ada", "--stdout", "--merge"], "choose one of --write"),
        (["credentials", "rotate"], "give either LAB or --cohort"),
        (["cohort", "extend", "class-a"], "give either --by DURATION or --until TIME"),
        (["cohort", "progress", "class-a", "-o", "yaml"], "is not one of table, json, csv here"),
        (["cohort", "progress", "class-a", "-w", "-o", "json"], "is not one of table here"),
    ],
)
def test_usage_is_told_before_anything_is_asked(words: list[str], complaint: str) -> None:
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code == Exit.USAGE
    assert complaint in result.stderr


def test_an_import_says_every_problem_by_its_line(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes("name,id\nJürgen,s1\n".encode("cp1252"))
    with pytest.raises(CliError, match="is not UTF-8"):
        cohort_import.read(path)
    path.write_text("id,size\ns 1,\ns2,B\n")
    with pytest.raises(CliError, match="has 2 problems"):
        cohort_import.read(path)
    told = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"{path}: ")[:6] for line in told] == ["line 2", "line 3"]
    with pytest.raises(CliError, match="cannot be read: No such file"):
        cohort_import.read(tmp_path / "none.csv")
