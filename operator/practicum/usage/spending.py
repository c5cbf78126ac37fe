"""What courses and cohorts have cost, and whether another lab is within a course's budget."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import structlog

from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import LabKey
from practicum.api.usage import UsageRow
from practicum.observe import metrics
from practicum.policy.readiness import READY, Readiness
from practicum.policy.verdict import OVER_BUDGET
from practicum.settings import Settings

log = structlog.get_logger()


class Spending:
    """Sums of what labs have cost, those that are gone among them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._courses: dict[str, Decimal] | None = None
        self._cohorts: dict[LabKey, Decimal] = {}

    def take_in(self, rows: Iterable[UsageRow]) -> None:
        """Replace what is known; of one lab of a course the first row counts."""
        courses: dict[str, Decimal] = defaultdict(Decimal)
        cohorts: dict[LabKey, Decimal] = defaultdict(Decimal)
        seen = set()
        for row in rows:
            if (row.course, row.uid) in seen:
                continue
            seen.add((row.course, row.uid))
            courses[row.course] += Decimal(row.usage.cost)
            if row.cohort:
                cohorts[LabKey(row.course, row.cohort)] += Decimal(row.usage.cost)
        self._courses, self._cohorts = dict(courses), dict(cohorts)
        for course, amount in courses.items():
            metrics.COURSE_COST.labels(course).set(float(amount))
            percent = self.percent(course)
            if percent is not None and percent >= self._settings.budget_warning:
                log.warning("a course has nearly spent its budget", course=course, percent=percent)

    def of_course(self, course: str) -> Decimal:
        """Return what a course has cost."""
        return (self._courses or {}).get(course, Decimal(0))

    def of_cohort(self, cohort: LabKey) -> Decimal:
        """Return what a cohort has cost."""
        return self._cohorts.get(cohort, Decimal(0))

    def percent(self, course: str) -> int | None:
        """Return how much of its budget a course has spent; None where it has none."""
        budget = self._settings.budgets.get(course)
        if budget is None:
            return None
        return int(100 * self.of_course(course) / budget) if budget else 100

    def admit(self, lab: LabEnvironment) -> Readiness:
        """Return whether a new lab is within its course's budget."""
        course = lab.metadata["namespace"]
        percent = self.percent(course)
        if percent is None:
            return READY
        if self._courses is None:
            return Readiness(False, OVER_BUDGET, f"what course {course} has spent is added up")
        if percent < 100:
            return READY
        card, budget = self._settings.rate_card, self._settings.budgets[course]
        text = (
            f"course {course} has spent {self.of_course(course)} of {budget} {card.currency} "
            "(chart value usage.budgets): ask the platform team for more, or end labs of no use"
        )
        return Readiness(False, OVER_BUDGET, text)
