"""``practicum report usage|cost|progress|activity``: labs' figures as table, CSV, JSON or HTML."""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from practicum.api.checks import CheckState
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.cli import output, report_reading, tabular
from practicum.cli.exits import CliError
from practicum.cli.kubeconfigs import write_private
from practicum.cli.moments import elapsed
from practicum.cli.session import Object, Session
from practicum.policy.figures import Row, table
from practicum.policy.report_terms import By, Subject
from practicum.policy.reporting import Choice, Lab

if TYPE_CHECKING:
    from rich.console import RenderableType

HEADINGS: Final[Mapping[str, str]] = {
    "course": "course",
    "lab": "lab",
    "cohort": "cohort",
    "template": "module",
    "learner": "learner",
    "phase": "phase",
    "labs": "labs",
    "learners": "learners",
    "runningHours": "running h",
    "requestedCpuCoreHours": "CPU core h",
    "usedCpuCoreHours": "CPU used",
    "cpuEfficiencyRatio": "CPU eff.",
    "peakCpuCores": "CPU peak",
    "requestedMemoryGibHours": "memory GiB h",
    "usedMemoryGibHours": "memory used",
    "memoryEfficiencyRatio": "memory eff.",
    "peakMemoryGib": "memory peak",
    "requestedStorageGibHours": "storage GiB h",
    "measuredHours": "measured h",
    "cost": "cost",
    "costShareRatio": "share",
    "costPerLearner": "per learner",
    "costPerPoint": "per point",
    "costPerCheckPassed": "per check passed",
    "checkStates": "checks",
    "checksPassed": "passed",
    "checksTotal": "of",
    "points": "points",
    "behind": "behind",
    "labsReady": "ready",
    "readySecondsP50": "ready in",
    "readySecondsP95": "ready in, p95",
    "readySecondsLongest": "longest",
    "started": "started",
    "neverStarted": "never started",
    "lastActivityAt": "last activity",
    "lastActivitySource": "source",
    "idleSeconds": "idle for",
    "signsBySource": "signs by source",
}
"""Of a table, in its order; what is not here is for programs alone."""
TEXT: Final = frozenset(
    (
        *("course", "lab", "cohort", "template", "learner", "phase", "checkStates"),
        *("lastActivityAt", "lastActivitySource", "signsBySource"),
    )
)
"""What is read from its left end; anything else is a number."""
_OF_MANY: Final = frozenset(
    ("labs", "learners", "labsReady", "readySecondsP95", "readySecondsLongest")
)
"""What says nothing of a single lab."""
_ALWAYS: Final = frozenset(("cost", "checksPassed", "requestedCpuCoreHours"))


@dataclass(frozen=True)
class Asked:
    """What is to be reported, and where to."""

    subjects: Sequence[Subject]
    by: By
    choice: Choice
    everywhere: bool = False
    file: str = ""
    labs: Sequence[str] = ()
    """By name; none: all."""


@dataclass(frozen=True)
class Section:
    """One subject's rows, and the row of all labs together."""

    subject: Subject
    rows: Sequence[Row]
    total: Row


@dataclass(frozen=True)
class Report:
    """All that a report says, and where it is from."""

    asked: Asked
    place: str
    cluster: str
    made_at: datetime
    labs: Sequence[Lab]
    currency: str
    notes: Sequence[str]
    sections: Sequence[Section] = field(default_factory=list)


async def report(session: Session, asked: Asked) -> None:
    """Make a report and show it, or write it into a file."""
    format_ = session.options.output or ("html" if len(asked.subjects) > 1 else "table")
    if format_ == "html" and not importlib.util.find_spec("matplotlib"):
        raise CliError(
            "the plots of an HTML report need matplotlib, which is not installed",
            hint="pip install 'practicum[report]', or use -o table|csv|json",
        )
    made = await _made(session, asked)
    for note in made.notes:
        output.note(f"note: {output.plain(note)}")
    if not made.labs:
        output.note(f"no labs to report on in {made.place}")
    if format_ == "table":
        if made.labs:
            output.show(on_terminal(made))
        return
    text = _text(made, format_)
    if asked.file in ("", "-"):
        output.write(text)
        return
    write_private(Path(asked.file), text)
    output.note(f"wrote a report on {len(made.labs)} labs to {asked.file}")


async def _made(session: Session, asked: Asked) -> Report:
    namespace = "" if asked.everywhere else session.namespace
    books = await report_reading.read(session, namespace, asked.labs)
    labs, now = [lab for lab in books.labs if asked.choice.takes(lab)], session.now()
    sections = [Section(one, *table(one, labs, asked.by, now)) for one in asked.subjects]
    place = report_reading.place(namespace)
    cluster = session.kube.server
    return Report(asked, place, cluster, now, labs, books.currency, books.notes, sections)


def _text(made: Report, format_: str) -> str:
    if format_ == "html":
        from practicum.cli import report_page

        return report_page.page(made)
    if format_ == "json":
        return output.dump(wire(made), format_)
    return csv(made.sections[0])


def wire(made: Report) -> Object:
    """Return a report as programs read it; names of fields carry their units and stay."""
    choice = made.asked.choice
    head = {
        "by": str(made.asked.by),
        "place": made.place,
        "cohort": choice.cohort or None,
        "since": choice.since and rfc3339(choice.since),
        "until": choice.until and rfc3339(choice.until),
        "cluster": made.cluster,
        "madeAt": rfc3339(made.made_at),
        "currency": made.currency or None,
        "notes": list(made.notes),
    }
    bodies = {str(one.subject): _wire(one) for one in made.sections}
    if len(bodies) == 1:
        ((name, body),) = bodies.items()
        return {"report": name, **head, **body}
    return {"report": "all", **head, **bodies}


def _wire(section: Section) -> Object:
    rows = [{key: number(value) for key, value in row.items()} for row in section.rows]
    return {"rows": rows, "total": {key: number(value) for key, value in section.total.items()}}


def number(value: Any) -> Any:
    """Return a fraction as a number with at most six places; anything else as it is."""
    if not isinstance(value, Fraction):
        return value
    return int(value) if value.denominator == 1 else float(round(value, 6))


def csv(section: Section) -> str:
    """Return rows for a spreadsheet: a column for each check, and for each source of activity."""
    flat = [dict(_flat(row)) for row in section.rows]
    header = dict.fromkeys(key for row in (*flat, dict(_flat(section.total))) for key in row)
    return tabular.text(list(header), flat)


def _flat(row: Row) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{part}", one) for part, one in value.items())
        else:
            yield key, number(value)


def on_terminal(made: Report) -> "RenderableType":
    """Return a table for people, the row of all labs last."""
    from rich.text import Text

    (section,) = made.sections
    shown = columns(made, section)
    rows = cells(section, shown)
    return output.table(
        [heading(one, made.currency) for one in shown],
        [[Text(output.plain(one)) for one in row] for row in rows],
    )


def columns(made: Report, section: Section) -> list[str]:
    """Return the fields that a table shows: none that is nothing in every row."""
    rows = (*section.rows, section.total)
    there = {key for row in rows for key, value in row.items() if value or key in _ALWAYS}
    by = made.asked.by
    hidden = _OF_MANY if by is By.LAB else frozenset[str]()
    if by is not By.COURSE and len({lab.row.course for lab in made.labs}) < 2:
        hidden |= {"course"}
    return [one for one in HEADINGS if one in there - hidden]


def cells(section: Section, shown: Sequence[str]) -> list[list[str]]:
    """Return a section's rows as people read them, the row of all labs last."""
    total = {shown[0]: "all", **section.total}
    last = [cell(one, total[one]) if one in total else "" for one in shown]
    return [[cell(one, row.get(one)) for one in shown] for row in section.rows] + [last]


def heading(name: str, currency: str) -> str:
    """Return what is above a column."""
    return f"cost {currency}".rstrip() if name == "cost" else HEADINGS[name]


def cell(name: str, value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return "-"
    if name == "checkStates":
        return "".join(CheckState(one).letter for one in value.values()) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items()) or "-"
    if name.endswith("Ratio"):
        return f"{float(value):.0%}"
    if "Seconds" in name:
        return elapsed(timedelta(seconds=int(value)))
    if name.endswith("At"):
        return parse_rfc3339(value).strftime("%Y-%m-%d %H:%M")
    if name.startswith("cost"):
        return f"{float(value):.4f}"
    return f"{float(value):.2f}" if isinstance(value, Fraction) else str(value)
