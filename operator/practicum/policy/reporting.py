"""Labs of a course, as its reports count them: each once, chosen by time, grouped by what is asked.

A lab that is there is known by its LabEnvironment; of one that is gone a line of the course's books
is left. Everything is exact: times and money are fractions until they are shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.times import parse_rfc3339
from practicum.api.usage import UsageRow
from practicum.policy import usage
from practicum.policy.report_terms import By


@dataclass(frozen=True)
class Lab:
    """A lab that counts."""

    row: UsageRow
    status: LabEnvironmentStatus | None = None
    """None: its LabEnvironment is gone."""

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return _of(self.row.checks)[0]

    @property
    def total(self) -> int:
        """How many checks there are to pass."""
        return _of(self.row.checks)[1]


def _of(checks: str) -> tuple[int, int]:
    """Read ``7/9``; what is not written so is nothing of nothing."""
    passed, _, total = checks.partition("/")
    return (int(passed), int(total)) if passed.isdecimal() and total.isdecimal() else (0, 0)


def row_of(lab: LabEnvironment) -> UsageRow:
    """Return the line of the books that a lab would leave if it went now."""
    status, created = lab.status, parse_rfc3339(lab.metadata["creationTimestamp"])
    over = status.phase_since if status.phase is Phase.EXPIRED else None
    ended_at = over or lab.metadata.get("deletionTimestamp")
    return usage.row(lab, status.usage or usage.begun(created), ended_at)


def merged(there: Iterable[LabEnvironment], booked: Iterable[UsageRow]) -> list[Lab]:
    """Return every lab once, by its uid: as it is, or else as the books have it."""
    labs = {row.uid: Lab(row) for row in booked}
    labs |= {lab.uid: Lab(row_of(lab), lab.status) for lab in there}
    return sorted(labs.values(), key=lambda one: (one.row.course, one.row.lab, one.row.created_at))


@dataclass(frozen=True)
class Choice:
    """Which labs a report is about.

    A lab counts whole, in the period in which it was created: so periods add up.
    """

    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    cohort: str = ""

    def takes(self, lab: Lab) -> bool:
        """Whether a lab is one of them."""
        created = parse_rfc3339(lab.row.created_at)
        late = self.since is None or created >= self.since
        early = self.until is None or created < self.until
        return late and early and self.cohort in ("", lab.row.cohort)


_FIELDS: Final[Mapping[By, tuple[str, ...]]] = {
    By.LAB: ("course", "lab", "cohort", "template", "learner", "uid"),
    By.LEARNER: ("learner",),
    By.COHORT: ("course", "cohort"),
    By.TEMPLATE: ("template",),
    By.COURSE: ("course",),
}


def fields(by: By) -> tuple[str, ...]:
    """Return the fields of a lab that name a row."""
    return _FIELDS[by]


Key = tuple[str, ...]


def grouped(labs: Iterable[Lab], by: By) -> dict[Key, list[Lab]]:
    """Return the labs of each row, by what names it; every lab is in exactly one."""
    groups: dict[Key, list[Lab]] = {}
    for lab in labs:
        key = tuple(getattr(lab.row, field) for field in fields(by))
        groups.setdefault(key, []).append(lab)
    return dict(sorted(groups.items()))


def coarsest(labs: Sequence[Lab], among: Sequence[By]) -> By:
    """Return the first grouping that tells labs apart, or the last one."""
    several: Callable[[By], bool] = lambda by: len(grouped(labs, by)) > 1  # noqa: E731
    return next(filter(several, among), among[-1])
