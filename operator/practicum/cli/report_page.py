"""A report as one HTML page: no scripts, nothing from elsewhere, others' text escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from practicum import __version__
from practicum.api.checks import CheckState
from practicum.cli import output, report_plots
from practicum.cli.course_report import TEXT, Report, Section, cell, cells, columns, heading
from practicum.cli.moments import elapsed
from practicum.policy import figures, reporting
from practicum.policy.report_terms import By
from practicum.policy.reporting import Lab

_FOLDER = __file__.rpartition("/")[0]


@dataclass(frozen=True)
class Matrix:
    """Progress of the labs of one module: a row for each, a column for each check."""

    template: str
    checks: Sequence[str]
    rows: Sequence["MatrixRow"]

    @property
    def several(self) -> bool:
        """Whether learners do not tell the rows apart."""
        return len({row.lab.row.learner for row in self.rows}) < len(self.rows)


@dataclass(frozen=True)
class MatrixRow:
    """How far one lab is."""

    lab: Lab
    states: Sequence[CheckState | None]
    """None: it is not known of this check, for the lab is gone or its template had none."""
    behind: bool

    @property
    def ready(self) -> str:
        """How long it took to become ready."""
        seconds = self.lab.row.ready_seconds
        return "not yet" if seconds is None else elapsed(timedelta(seconds=seconds))


def matrices(labs: Sequence[Lab]) -> Iterator[Matrix]:
    """Yield the progress matrix of each module."""
    late = figures.behind(labs)
    for (template,), some in reporting.grouped(labs, By.TEMPLATE).items():
        checks = figures.columns(some)
        ordered = sorted(some, key=lambda lab: (lab.row.learner, lab.row.lab))
        yield Matrix(
            template,
            checks,
            [
                MatrixRow(
                    lab,
                    [figures.states(lab).get(check) for check in checks],
                    lab.row.uid in late,
                )
                for lab in ordered
            ],
        )


def page(made: Report) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": output.plain, "moment": _moment}
    names = [str(one.subject) for one in made.sections]
    return environment.get_template("report.html.j2").render(
        made=made,
        title=f"Labs: {', '.join(names)}",
        version=__version__,
        parts=[(one, _table(made, one), _plots(made, one)) for one in made.sections],
        matrices=list(matrices(made.labs)) if "progress" in names else [],
        states=list(CheckState),
        tiles=_tiles(made),
    )


@dataclass(frozen=True)
class Table:
    """A section's rows as text, and which columns are text."""

    headings: Sequence[str]
    classes: Sequence[str]
    rows: Sequence[Sequence[str]]


def _table(made: Report, section: Section) -> Table:
    shown = [one for one in columns(made, section) if one != "checkStates"]
    return Table(
        [heading(one, made.currency) for one in shown],
        ["text" if one in TEXT else "" for one in shown],
        cells(section, shown) if made.labs else [],
    )


def _plots(made: Report, section: Section) -> list[report_plots.Plot]:
    return (
        report_plots.plots(made.labs, section.subject, made.asked.by, made.currency)
        if made.labs
        else []
    )


def _moment(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M UTC") if value else ""


def _tiles(made: Report) -> Iterator[tuple[str, str | Markup]]:
    """Yield what somebody in a hurry wants to know."""
    total = {key: one for section in made.sections for key, one in section.total.items()}
    yield "labs", str(len(made.labs))
    wanted = {
        "learners": "learners",
        "checksPassed": "checks passed",
        "behind": "behind",
        "readySecondsP50": "ready in, p50",
        "readySecondsP95": "ready in, p95",
        "requestedCpuCoreHours": "CPU core hours requested",
        "cpuEfficiencyRatio": "CPU efficiency",
        "memoryEfficiencyRatio": "memory efficiency",
        "cost": f"cost {made.currency}".rstrip(),
        "costPerLearner": "cost per learner",
        "neverStarted": "never started",
    }
    for field, words in wanted.items():
        if field in total:
            value = cell(field, total[field])
            yield words, f"{value} of {total['checksTotal']}" if field == "checksPassed" else value
