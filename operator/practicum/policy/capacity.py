"""Who may start when there is not room for all: first come, first served, course by course."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from practicum.policy.readiness import READY, Readiness
from practicum.policy.verdict import QUEUED


@dataclass(frozen=True)
class Standing:
    """One lab that has room or waits for it."""

    uid: str
    course: str
    created: str
    """RFC 3339, in UTC: it sorts by time."""
    running: bool
    """Whether it has begun; a lab that has stays until it is gone."""


@dataclass(frozen=True)
class Limits:
    """How many labs may run at once; 0 is no limit."""

    labs: int = 0
    per_course: int = 0
    courses: Mapping[str, int] = field(default_factory=dict)

    def any(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.labs or self.per_course or self.courses)

    def of(self, course: str) -> int:
        """Return the limit of one course."""
        return self.courses.get(course, self.per_course)


def place(uid: str, labs: Iterable[Standing], limits: Limits, unscheduled: int = 0) -> Readiness:
    """Decide whether a lab may start now.

    Whoever decides for whichever lab comes to the same order, so two labs never take one place.

    Args:
        uid: the lab that asks.
        labs: all that run or wait, that one among them.
        limits: what the platform team allows.
        unscheduled: running labs whose pods no node takes: while there are any, nobody starts.

    Returns:
        ready, or why not and the place in the queue.
    """
    ranked = sorted(labs, key=lambda lab: (not lab.running, lab.created, lab.uid))
    started: Counter[str] = Counter()
    queued: Counter[str] = Counter()
    for lab in ranked:
        full = "" if lab.running else _full(lab.course, started, limits, unscheduled)
        if not full:
            started[lab.course] += 1
        else:
            queued[full] += 1
        if lab.uid == uid:
            return (
                Readiness(False, QUEUED, f"{full}; place {queued[full]} in the queue")
                if full
                else READY
            )
    return READY


def _full(course: str, started: Counter[str], limits: Limits, unscheduled: int) -> str:
    """Say what is full for the next lab of a course, or nothing."""
    of_course, total = limits.of(course) or inf, limits.labs or inf
    if started[course] >= of_course:
        return f"course {course} has {of_course} of {of_course} labs (chart value capacity)"
    if started.total() >= total:
        return f"the cluster has {total} of {total} labs (chart value capacity)"
    if unscheduled:
        return f"the cluster has no room: pods of {unscheduled} labs wait for a node"
    return ""
