"""What reports are on, and by what they count: words that the command line begins with."""

from enum import StrEnum


class Subject(StrEnum):
    """What a report is on."""

    USAGE = "usage"
    COST = "cost"
    PROGRESS = "progress"
    ACTIVITY = "activity"


class By(StrEnum):
    """What the rows of a report are."""

    LAB = "lab"
    LEARNER = "learner"
    COHORT = "cohort"
    TEMPLATE = "template"
    COURSE = "course"
