"""What labs come to: usage, cost, progress and activity of any of them together.

A row is flat: field names carry their units. Times and money are exact fractions; None stands for
what nobody can know.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from practicum.api.checks import CheckState
from practicum.api.times import parse_rfc3339
from practicum.api.usage import ActivitySource
from practicum.policy.activity import Source
from practicum.policy.report_terms import By, Subject
from practicum.policy.reporting import Lab, fields, grouped

Row = dict[str, Any]
_HOUR: Final = 3600
_CORE_HOUR: Final = 1000 * _HOUR
_GIB: Final = 2**30
_NO_WORK: Final = frozenset((Source.LEARNER, Source.READY, Source.RESUMED))
"""Signs of activity that are no work of the learner."""


def usage(labs: Sequence[Lab]) -> Row:
    """Return what labs asked for and used."""
    books = [lab.row.usage for lab in labs]
    asked = [one.requested for one in books]
    used = [one.used for one in books]
    measured = sum(one.measured_seconds for one in used)

    def known(value: Any) -> Any:
        return value if measured else None

    cpu = sum(one.cpu_millicore_seconds for one in asked)
    memory = sum(one.memory_byte_seconds for one in asked)
    cpu_used = known(sum(one.cpu_millicore_seconds for one in used))
    memory_used = known(sum(one.memory_byte_seconds for one in used))
    return {
        "labs": len(labs),
        "runningHours": Fraction(sum(one.running_seconds for one in books), _HOUR),
        "requestedCpuCoreHours": Fraction(cpu, _CORE_HOUR),
        "requestedMemoryGibHours": Fraction(memory, _HOUR * _GIB),
        "requestedStorageGibHours": Fraction(
            sum(one.storage_byte_seconds for one in asked), _HOUR * _GIB
        ),
        "measuredHours": Fraction(measured, _HOUR),
        "usedCpuCoreHours": ratio(cpu_used, _CORE_HOUR),
        "usedMemoryGibHours": ratio(memory_used, _HOUR * _GIB),
        "cpuEfficiencyRatio": ratio(cpu_used, cpu),
        "memoryEfficiencyRatio": ratio(memory_used, memory),
        "peakCpuCores": known(
            Fraction(max((one.peak.cpu_millicores for one in books), default=0), 1000)
        ),
        "peakMemoryGib": known(
            Fraction(max((one.peak.memory_bytes for one in books), default=0), _GIB)
        ),
    }


def ratio(part: Fraction | int | None, whole: Fraction | int) -> Fraction | None:
    """Return a share; None: there is no whole, or the part is not known."""
    return Fraction(part) / whole if part is not None and whole else None


def money(labs: Iterable[Lab]) -> Fraction:
    """Return what labs cost together."""
    return sum((Fraction(Decimal(lab.row.usage.cost)) for lab in labs), Fraction(0))


def cost(labs: Sequence[Lab], whole: Fraction) -> Row:
    """Return what labs cost.

    Args:
        labs: of the row.
        whole: what all labs of the report cost.
    """
    amount = money(labs)
    learners = len(_learners(labs))
    return {
        "labs": len(labs),
        "learners": learners,
        "cost": amount,
        "costShareRatio": ratio(amount, whole),
        "costPerLearner": ratio(amount, learners),
        "costPerPoint": ratio(amount, sum(lab.row.points for lab in labs)),
        "costPerCheckPassed": ratio(amount, sum(lab.passed for lab in labs)),
    }


def _learners(labs: Iterable[Lab]) -> set[str]:
    return {lab.row.learner for lab in labs if lab.row.learner}


def progress(labs: Sequence[Lab], late: Collection[str]) -> Row:
    """Return how far labs are, and how long they took to become ready.

    Args:
        labs: of the row.
        late: uids of labs that are behind.
    """
    took = lead_times(labs)
    return {
        "labs": len(labs),
        "learners": len(_learners(labs)),
        "checksPassed": sum(lab.passed for lab in labs),
        "checksTotal": sum(lab.total for lab in labs),
        "points": sum(lab.row.points for lab in labs),
        "behind": sum(lab.row.uid in late for lab in labs),
        "labsReady": len(took),
        "readySecondsP50": percentile(took, 50),
        "readySecondsP95": percentile(took, 95),
        "readySecondsLongest": max(took, default=None),
    }


def lead_times(labs: Iterable[Lab]) -> list[int]:
    """Return the seconds from creation to the first Ready, of those that came to it."""
    return [one for lab in labs if (one := lab.row.ready_seconds) is not None]


def percentile(values: Sequence[int], percent: int) -> float | None:
    """Return a percentile, between neighbours in proportion; None: of nothing."""
    if len(values) < 2:
        return float(values[0]) if values else None
    return float(statistics.quantiles(values, n=100, method="inclusive")[percent - 1])


def behind(labs: Iterable[Lab]) -> frozenset[str]:
    """Return the uids of labs with fewer than half the passed checks of their module's median."""
    late: set[str] = set()
    for of_template in grouped(labs, By.TEMPLATE).values():
        median = statistics.median(lab.passed for lab in of_template)
        late |= {lab.row.uid for lab in of_template if 2 * lab.passed < median}
    return frozenset(late)


def columns(labs: Iterable[Lab]) -> list[str]:
    """Return the checks that labs of one template have, in their order."""
    return list(dict.fromkeys(check for lab in labs for check in states(lab)))


def states(lab: Lab) -> Mapping[str, CheckState]:
    """Return what became of each check; of a lab that is gone only the sum is known."""
    checks = lab.status and lab.status.checks
    return {one.id: one.state for one in checks.results} if checks else {}


def activity(labs: Sequence[Lab], now: datetime) -> Row:
    """Return when somebody was last at work, and by what that is known.

    Args:
        labs: of the row.
        now: idleness is counted up to it, of labs that run.
    """
    signs: Counter[str] = Counter()
    for lab in labs:
        signs.update({one.name: one.count for one in _sources(lab)})
    begun = [started(lab) for lab in labs]
    seen = [lab for lab in labs if lab.row.last_activity_at]
    last = max(seen, key=_last, default=None)
    running = [_last(lab) for lab in seen if lab.status and lab.status.phase.runs]
    known = last and last.status and last.status.activity
    return {
        "labs": len(labs),
        "started": begun.count(True),
        "neverStarted": begun.count(False),
        "lastActivityAt": last and last.row.last_activity_at,
        "lastActivitySource": known.source if known else None,
        "idleSeconds": max(0, int((now - max(running)).total_seconds())) if running else None,
        "signsBySource": dict(sorted(signs.items())),
    }


def _last(lab: Lab) -> datetime:
    return parse_rfc3339(str(lab.row.last_activity_at))


def _sources(lab: Lab) -> Sequence[ActivitySource]:
    found = lab.status and lab.status.activity
    return found.sources if found else ()


def started(lab: Lab) -> bool | None:
    """Whether its learner was ever seen at work; None: it is gone, and the books do not say."""
    if lab.passed or any(one.count for one in _sources(lab) if one.name not in _NO_WORK):
        return True
    return None if lab.status is None and lab.row.last_activity_at else False


def table(subject: Subject, labs: Sequence[Lab], by: By, now: datetime) -> tuple[list[Row], Row]:
    """Return the rows of a report, each with what names it, and the row of all labs together."""
    whole, late = money(labs), behind(labs)
    work: dict[Subject, Callable[[Sequence[Lab]], Row]] = {
        Subject.USAGE: usage,
        Subject.COST: lambda some: cost(some, whole),
        Subject.PROGRESS: lambda some: progress(some, late),
        Subject.ACTIVITY: lambda some: activity(some, now),
    }
    rows = []
    for key, some in grouped(labs, by).items():
        row: Row = dict(zip(fields(by), key, strict=True)) | work[subject](some)
        if by is By.LAB:
            row |= {"phase": some[0].status and str(some[0].status.phase)}
            if subject is Subject.PROGRESS:
                row |= {"checkStates": {one: str(state) for one, state in states(some[0]).items()}}
        rows.append(row)
    return rows, work[subject](labs)
