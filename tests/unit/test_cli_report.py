"""``practicum report``: one set of figures in every format; a page that obeys nobody's text."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from practicum import errors
from practicum.cli import course_report, main
from practicum.cli.exits import Exit
from tests import reports
from tests.unit.changes import Cluster, connected

__all__ = ["connected"]
EVIL = "<script>alert('x')</script><img src=x onerror=y> $x^2$ & \"co\"\x1b[2J"
FORMULA = '=HYPERLINK("http://evil")'
IDS = ("catalog", "vision", "quotas", "network", "annex")
CLASS = reports.class_of(8, IDS, cohorts=("autumn", "spring"))
LEARNERS = {body["spec"]["learner"]["id"] for body in CLASS}
VERBS = ("usage", "cost", "progress", "activity")


@pytest.fixture
def cluster() -> Cluster:
    gone = (reports.gone("g-1", learner=EVIL), reports.gone("g-2", lab="mal", learner=FORMULA))
    return Cluster(*CLASS, reports.book(*gone))


def run(*words: str) -> Result:
    return CliRunner().invoke(main.app, ["report", *words])


def data(*words: str) -> Any:
    result = run(*words, "-o", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("by", ["lab", "learner", "cohort", "template", "course"])
def test_every_format_has_every_row(connected: Cluster, verb: str, by: str) -> None:
    words = (verb, "--by", by)
    found = data(*words)
    assert sum(row.get("labs", 1) for row in found["rows"]) == 10 == found["total"]["labs"]
    lines = list(csv.reader(io.StringIO(run(*words, "-o", "csv").stdout, newline="")))
    assert len(lines) == 1 + len(found["rows"])
    text = run(*words).stdout
    table = text.splitlines()
    assert len(table) == 2 + len(found["rows"])
    assert table[-1].startswith("all ")
    assert "\x1b" not in text


def test_figures_as_data(connected: Cluster) -> None:
    head = data("cost", "--by", "course", "--since", "2026-11-01", "--until", "2026-11-30")
    assert head["report"] == "cost"
    assert (head["currency"], head["by"], head["place"]) == ("EUR", "course", "namespace course-a")
    assert (head["cluster"], head["madeAt"]) == (
        *("https://cluster.example:6443", "2026-11-21T13:00:00Z"),
    )
    (row,) = head["rows"]
    hours = sum(body["status"]["usage"]["runningSeconds"] // 3600 for body in CLASS)
    cost = sum(int(body["status"]["usage"]["cost"].replace(".", "")) for body in CLASS) + 20000
    assert row["cost"] == cost / 10000
    assert row["costShareRatio"] == 1
    (used,) = data("usage", "--by", "course")["rows"]
    assert used["requestedCpuCoreHours"] == used["runningHours"] == hours + 8
    assert used["cpuEfficiencyRatio"] == pytest.approx(
        used["usedCpuCoreHours"] / used["requestedCpuCoreHours"], abs=1e-6
    )
    progress = {row["lab"]: row for row in data("progress")["rows"]}
    for body in CLASS:
        found = progress[body["metadata"]["name"]]
        results = body["status"]["checks"]["results"]
        assert found["checkStates"] == {one["id"]: one["state"] for one in results}
    assert progress["eve"]["checkStates"] == {}
    assert data("all")["activity"]["total"]["labs"] == 10


def test_a_lab_in_the_books_that_is_still_there_counts_once(connected: Cluster) -> None:
    live = CLASS[0]["metadata"]
    connected.put(reports.book(reports.gone(live["uid"]), name="practicum-usage-2026-10"))
    rows = [row for row in data("usage")["rows"] if row["uid"] == live["uid"]]
    assert [row["lab"] for row in rows] == [live["name"]]


def test_what_is_chosen(connected: Cluster) -> None:
    connected.put(reports.lab("far", course="course-b"))
    assert {row["course"] for row in data("usage", "-A")["rows"]} == {"course-a", "course-b"}
    assert data("usage", "--cohort", "spring")["total"]["labs"] == 4
    assert data("usage", "--until", "2026-11-21")["total"]["labs"] == 10
    for words in (("--since", "2026-11-23"), ("--until", "2026-11-19"), ("--cohort", "none")):
        result = run("usage", *words)
        assert (result.exit_code, result.stdout) == (0, "")
        assert "no labs to report on in namespace course-a" in result.stderr
        assert "There are no labs to report on." in run("all", *words).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("usage", "--since", "monday"), "'monday' is not a time"),
        (("usage", "--since", "2026-11-22", "--until", "2026-11-20"), "--until 2026-11-20 is not"),
        (("usage", "--by", "phase"), "--by"),
        (("usage", "-o", "yaml"), "--output yaml is not one of table, csv, json, html here"),
        (("all", "-o", "csv"), "--output csv is not one of html, json here"),
        (("usage", "ada", "-A"), "a lab is in one namespace: leave out -A"),
        (("usage", "--file", "x"), "--file takes no table: add -o csv|json|html"),
    ],
)
def test_what_cannot_be_asked_for(connected: Cluster, words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert result.exit_code == Exit.USAGE
    assert said in result.stderr


def test_what_one_may_not_read_is_told(connected: Cluster) -> None:
    no = errors.Forbidden(403, "Forbidden", "no")
    connected.refusals["list", "ConfigMap"] = no
    result = run("cost", "-o", "json")
    assert "ConfigMaps of namespace course-a: labs that are gone are missing" in result.stderr
    found = json.loads(result.stdout)
    assert (found["currency"], found["total"]["labs"], len(found["notes"])) == ("EUR", 8, 1)
    connected.refusals["list", "LabEnvironment"] = no
    for words, hint in (((), "practicum-viewer"), (("-A",), "with -n")):
        refused = run("cost", *words)
        assert refused.exit_code == Exit.FORBIDDEN
        assert "you may not list the labs of" in refused.stderr
        assert hint in refused.stderr


def test_who_may_only_read_their_own_lab_gets_its_figures(connected: Cluster) -> None:
    for kind in ("LabEnvironment", "ConfigMap"):
        connected.refusals["list", kind] = errors.Forbidden(403, "Forbidden", "no")
    name = CLASS[2]["metadata"]["name"]
    result = run("usage", name, name, "-o", "json")
    assert result.stderr == ""
    assert [row["lab"] for row in json.loads(result.stdout)["rows"]] == [name]
    assert run("usage", "nobodys").exit_code == Exit.NOT_FOUND


def test_what_cannot_be_read_is_told_and_left_out(connected: Cluster) -> None:
    broken = reports.book(name="practicum-usage-2026-09")
    connected.put(broken | {"data": {"x": "{", "y": "{}"}})
    odd = reports.lab("odd", usage={"since": "yesterday"})
    connected.put(odd)
    result = run("usage", "-o", "json")
    assert json.loads(result.stdout)["total"]["labs"] == 10
    assert "ConfigMap course-a/practicum-usage-2026-09: y cannot be read" in result.stderr
    assert "lab course-a/odd cannot be read and is left out: status.usage" in result.stderr


def test_a_book_speaks_of_its_own_course_alone(connected: Cluster) -> None:
    connected.put(reports.book(reports.gone("g-3", course="course-a"), course="course-b"))
    rows = {row["uid"]: row for row in data("usage", "-A")["rows"]}
    assert rows["g-3"]["course"] == "course-b"


def test_a_spreadsheet_runs_nothing(connected: Cluster) -> None:
    text = run("progress", "-o", "csv").stdout_bytes.decode()
    assert text.count("\r\n") == 11
    rows = {row["lab"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert rows["mal"]["learner"] == f"'{FORMULA}"
    assert {f"checkStates.{one}" for one in IDS} < set(rows["mal"])


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for one, attributes in self.tags if one == tag]


PAGES: list[str] = []


@pytest.fixture
def page(connected: Cluster) -> Page:
    """The page of everything, made once."""
    if not PAGES:
        PAGES.append(run("all").stdout)
    return Page(PAGES[0])


def test_a_page_needs_and_runs_nothing(page: Page) -> None:
    assert not {tag for tag, _ in page.tags} & {
        *("script", "img", "iframe", "object", "embed", "link", "base", "form", "image"),
    }
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), tag
            if name in ("href", "xlink:href", "src"):
                assert (value or "").startswith("#"), (tag, value)
    (policy,) = [one["content"] for one in page.of("meta") if "http-equiv" in one]
    assert (policy or "").startswith("default-src 'none';")
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import", "".join(page.texts))


def test_a_page_has_every_learner_in_every_part(page: Page) -> None:
    shown = [text.replace("\\u001b", "\x1b") for text in page.texts]
    for learner in (*LEARNERS, EVIL, FORMULA):
        # Usage, cost and activity by lab, and the matrix of progress.
        assert shown.count(learner) >= 4, learner


def test_a_page_is_accessible(page: Page) -> None:
    assert page.of("html")[0]["lang"] == "en"
    assert all("scope" in one for one in page.of("th"))
    images = [one for one in page.of("div") if one.get("role") == "img"]
    assert len(images) == len(page.of("svg")) == 4
    assert all(len(one["aria-label"] or "") > 30 for one in images)
    known = [one["id"] for _, one in page.tags if "id" in one]
    assert len(known) == len(set(known))
    states = [one for one in page.of("td") if (one.get("class") or "").startswith("state ")]
    assert len(states) == len(CLASS) * len(IDS)
    # Colour is never alone.
    letters = re.findall(r"[PFEWU.]", "".join(text for text in page.texts if len(text) == 1))
    assert len(letters) >= len(states)


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_of_one_subject(connected: Cluster, verb: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    result = run(verb, "-o", "html", "--by", "cohort", "--file", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith(f"wrote a report on 10 labs to {file}\n")
    page = Page(file.read_text(encoding="utf-8"))
    assert [one["id"] for one in page.of("section") if "id" in one] == [verb]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_page_of_many(connected: Cluster) -> None:
    for body in reports.class_of(300, IDS, seed=2):
        connected.put(body)
    text = run("all").stdout
    assert len(text) < 1_000_000
    assert Page(text).texts.count("learner.299@example.org") == 4


def test_plots_are_an_extra_of_the_installation(
    connected: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course_report.importlib.util, "find_spec", lambda _: None)
    result = run("usage", "-o", "html")
    assert result.exit_code == Exit.FAILURE
    assert "need matplotlib" in result.stderr
    assert "pip install 'practicum[report]'" in result.stderr
    assert run("usage", "-o", "csv").exit_code == 0
