"""Plots of a report as SVG that goes into its page; matplotlib is there only if it is asked for."""

import io
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from practicum.api.times import parse_rfc3339
from practicum.cli.output import plain
from practicum.policy import figures, reporting
from practicum.policy.report_terms import By, Subject
from practicum.policy.reporting import Lab

_WIDTH: Final = 9.5
_MOST_BARS: Final = 20
_MOST_NAMES: Final = 40
_BLUE, _ORANGE, _GREEN, _GREY = "#0b5cad", "#d55e00", "#1b7f4d", "#6b7480"
_STYLE: Final[Any] = {
    "date.converter": "concise",
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "practicum",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
}
_HEAD: Final = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>", re.DOTALL)
_IDS: Final = re.compile(r'(\bid="|href="#|url\(#)')


@dataclass(frozen=True)
class Plot:
    """One figure of the page."""

    name: str
    title: str
    svg: Markup
    alt: str
    """What it shows, in words."""


Bar = tuple[str, list[Lab]]


def bars(labs: Sequence[Lab], by: By) -> tuple[By, list[Bar]]:
    """Return groups of labs, few enough for bars, the most expensive first, and what they are."""
    if by is By.LAB:
        by = reporting.coarsest(labs, (By.COURSE, By.COHORT, By.TEMPLATE, By.LEARNER))
    groups = sorted(
        reporting.grouped(labs, by).items(), key=lambda one: figures.money(one[1]), reverse=True
    )
    told = [(_name(key), some) for key, some in groups]
    first, rest = told[:_MOST_BARS], told[_MOST_BARS:]
    others = list(itertools.chain.from_iterable(some for _, some in rest))
    return by, [*first, *([(f"{len(rest)} others", others)] if rest else [])]


def _name(key: Sequence[str]) -> str:
    said = " / ".join(plain(part) or "none" for part in key)
    return said if len(said) <= 44 else f"{said[:43]}…"


def cost(labs: Sequence[Lab], by: By, currency: str) -> Plot:
    """Bars: what each group cost."""
    by, groups = bars(labs, by)
    names = [name for name, _ in groups]
    values = [float(figures.money(some)) for _, some in groups]
    figure, (axes,) = _figure(_height(groups))
    drawn = axes.barh(range(len(names)), values, color=_BLUE, height=0.65)
    axes.bar_label(drawn, labels=[f"{value:.2f}" for value in values], padding=4)
    _rows(axes, names)
    axes.set_xlabel(f"cost, {currency}" if currency else "cost")
    axes.margins(x=0.12)
    told = "; ".join(f"{one} {value:.2f}" for one, value in zip(names, values, strict=True))
    return _plot("cost", f"Cost by {_WORDS[by]}", figure, f"{told} {currency}".rstrip())


_PANELS: Final = (
    ("CPU core hours", "requestedCpuCoreHours", "usedCpuCoreHours"),
    ("memory GiB hours", "requestedMemoryGibHours", "usedMemoryGibHours"),
)


def usage(labs: Sequence[Lab], by: By) -> Plot:
    """Pairs of bars: what each group asked for, and what was measured of it."""
    by, groups = bars(labs, by)
    rows, whole = [figures.usage(some) for _, some in groups], figures.usage(labs)
    figure, panels = _figure(_height(groups) + 0.6, 2)
    told = []
    for axes, (unit, *pair) in zip(panels, _PANELS, strict=True):
        for field, shift, colour, hatch in zip(
            pair, (-0.19, 0.19), (_BLUE, _ORANGE), (None, "//"), strict=True
        ):
            values = [float(row[field] or 0) for row in rows]
            places = [place + shift for place in range(len(rows))]
            label = "measured" if hatch else "requested"
            axes.barh(places, values, 0.36, color=colour, label=label, hatch=hatch, ec="white")
        axes.set_xlabel(unit)
        _rows(axes, [name for name, _ in groups])
        asked, used = (None if whole[one] is None else f"{float(whole[one]):.1f}" for one in pair)
        told.append(f"{unit}: {asked} requested, {used or 'none'} measured")
    panels[1].set_yticklabels([])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return _plot("usage", f"Requested and measured, by {_WORDS[by]}", figure, "; ".join(told))


def lead_times(labs: Sequence[Lab]) -> Plot | None:
    """Histogram of the times from creation to Ready, and how many labs were ready by then."""
    minutes = [one / 60 for one in sorted(figures.lead_times(labs))]
    if not minutes:
        return None
    figure, (axes,) = _figure(3.2)
    axes.hist(minutes, bins="auto" if len(minutes) > 10 else 5, color="#a9c7e8", ec="white")
    axes.margins(y=0.12)
    axes.set_xlabel("minutes from creation to Ready")
    axes.set_ylabel("labs")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    share = axes.twinx()
    share.ecdf(minutes, color=_BLUE, linewidth=1.8)
    share.set_ylabel("share of labs ready")
    share.yaxis.set_major_formatter("{x:.0%}")
    share.set_ylim(0, 1.12)
    told = [f"{len(minutes)} of {len(labs)} labs became ready"]
    for percent, align in ((50, "right"), (95, "left")):
        value = (figures.percentile(figures.lead_times(labs), percent) or 0) / 60
        share.axvline(value, color=_ORANGE, linestyle="--", linewidth=1.2)
        told.append(f"p{percent} {value:.1f} minutes")
        text = f" p{percent} {value:.1f} min "
        share.text(value, 1.04, text, color="#a34700", ha=align, weight="bold")
    return _plot("lead-times", "From creation to Ready", figure, "; ".join(told))


def activity(labs: Sequence[Lab]) -> Plot:
    """A line for each lab, from its creation to when somebody was last at work in it."""
    ordered = sorted(labs, key=lambda lab: lab.row.last_activity_at or lab.row.created_at)
    few = len(ordered) <= _MOST_NAMES
    figure, (axes,) = _figure(1.3 + 0.22 * len(ordered) if few else 4.2)
    begun = {True: 0, False: 0}
    for place, lab in enumerate(ordered):
        born: Any = parse_rfc3339(lab.row.created_at)
        last: Any = parse_rfc3339(lab.row.last_activity_at or lab.row.created_at)
        worked = figures.started(lab) is not False
        begun[worked] += 1
        axes.plot([born, last], [place, place], color="#b8c4d0", linewidth=1.5, zorder=1)
        axes.plot(
            last, place, "o" if worked else "X", color=_GREEN if worked else _ORANGE, markersize=6
        )
    axes.plot([], [], "o", color=_GREEN, label="last activity")
    axes.plot([], [], "X", color=_ORANGE, label="never started")
    figure.legend(loc="outside upper right", ncols=2)
    if few:
        names = [_name((lab.row.learner or lab.row.lab,)) for lab in ordered]
        axes.set_yticks(range(len(names)), names)
    else:
        axes.set_ylabel("labs, by last activity")
    axes.set_xlabel("UTC")
    text = f"{begun[True]} labs with activity, {begun[False]} never started; the table has each"
    return _plot("activity", "Last activity", figure, text)


_WORDS: Final = {
    By.COURSE: "course",
    By.COHORT: "cohort",
    By.TEMPLATE: "module",
    By.LEARNER: "learner",
}


def _height(groups: Sequence[Any]) -> float:
    return 1.2 + 0.32 * len(groups)


def _figure(height: float, panels: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)


def _plot(name: str, title: str, figure: Figure, alt: str) -> Plot:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    # Several stand in one page, and each names its own parts.
    text = _IDS.sub(rf"\g<1>{name}-", _HEAD.sub("", stream.getvalue()))
    return Plot(name, title, Markup(text), alt)  # noqa: S704


def plots(labs: Sequence[Lab], subject: Subject, by: By, currency: str) -> list[Plot]:
    """Return the plots of a subject; of no labs there are none."""
    work: dict[Subject, Callable[[], Plot | None]] = {
        Subject.COST: lambda: cost(labs, by, currency),
        Subject.USAGE: lambda: usage(labs, by),
        Subject.PROGRESS: lambda: lead_times(labs),
        Subject.ACTIVITY: lambda: activity(labs),
    }
    with matplotlib.rc_context(_STYLE):
        made = work[subject]()
    return [made] if made else []
