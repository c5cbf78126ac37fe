"""LabCohort: a class, as an instructor writes it and as the operator reports it."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from practicum.api.base import (
    ApiModel,
    DnsLabel,
    Duration,
    IntOrString,
    Quantity,
    ShortText,
    Timestamp,
    cel,
    listed_by,
)
from practicum.api.conditions import Conditions, Phase
from practicum.api.labenvironment import Learner, Persona
from practicum.api.usage import Amount, IdlePolicy

MOST_LEARNERS: Final = 500
MOST_TEMPLATES: Final = 8
MOST_LABS: Final = 1000

_ROSTER_RULES = (
    (
        "has(self.configMapRef) != (has(self.learners) && self.learners.size() > 0)",
        "spec.roster needs either learners or configMapRef: leave one of them out",
    ),
)
_SCHEDULE_RULES = (
    (
        "!has(self.startAt) || !has(self.endAt) || timestamp(self.startAt) < timestamp(self.endAt)",
        "spec.schedule.endAt must be after schedule.startAt: move one of them",
    ),
    (
        "!has(self.provisionAt) || !has(self.startAt) || "
        "timestamp(self.provisionAt) <= timestamp(self.startAt)",
        "spec.schedule.provisionAt must not be after startAt: labs are made before the bell",
    ),
    (
        "!has(self.provisionAt) || !has(self.endAt) || "
        "timestamp(self.provisionAt) < timestamp(self.endAt)",
        "spec.schedule.endAt must be after schedule.provisionAt: move one of them",
    ),
)


class RosterLearner(Learner):
    """One learner of the class, with what is otherwise for them than for the class."""

    templates: Annotated[
        list[DnsLabel],
        Field(max_length=MOST_TEMPLATES, description="Of the class; none: all of them."),
    ] = []
    size: Annotated[DnsLabel | None, Field(description="Absent: the module's.")] = None
    end_at: Annotated[Timestamp | None, Field(description="An end of their own.")] = None
    suspended: Annotated[bool, Field(description="Their labs sleep.")] = False
    waived_checks: Annotated[
        list[DnsLabel], Field(max_length=48, description="Their labs do without.")
    ] = []


class ConfigMapKeyRef(ApiModel):
    """A key of a ConfigMap of the cohort's namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern=r"^[-._a-zA-Z0-9]+\.(csv|json)$",
            description="Its ending says how it is written: .csv or .json.",
        ),
    ] = "roster.csv"


class Roster(ApiModel):
    """Who is in the class."""

    model_config = {"json_schema_extra": cel(*_ROSTER_RULES)}

    learners: Annotated[
        list[RosterLearner],
        Field(max_length=MOST_LEARNERS, json_schema_extra=listed_by("id")),
    ] = []
    config_map_ref: ConfigMapKeyRef | None = None


class CohortTemplate(ApiModel):
    """A module of which every learner gets a lab."""

    name: Annotated[DnsLabel, Field(description="LabTemplate.")]
    size: Annotated[DnsLabel | None, Field(description="Absent: the template's default.")] = None
    parameters: Annotated[dict[str, IntOrString], Field(max_length=32)] = {}
    personas: Annotated[dict[str, Persona], Field(max_length=16)] = {}


class Schedule(ApiModel):
    """When the class is; without it labs are made at once and end by their ttl."""

    model_config = {"json_schema_extra": cel(*_SCHEDULE_RULES)}

    provision_at: Annotated[
        Timestamp | None,
        Field(description="When labs begin to be made; absent: half an hour before startAt."),
    ] = None
    start_at: Annotated[Timestamp | None, Field(description="The bell.")] = None
    end_at: Annotated[Timestamp | None, Field(description="Absent: labs end by their ttl.")] = None
    ending: Annotated[
        Literal["Soft", "CutOff"],
        Field(
            description="CutOff: labs end at endAt. Soft: no lab is begun any more, and those "
            "that are there have gracePeriod left."
        ),
    ] = "CutOff"
    grace_period: Annotated[Duration, Field(description="What Soft leaves.")] = "30m"
    access: Annotated[
        Literal["WhenReady", "AtStart"],
        Field(description="AtStart: nobody gets into a lab before startAt."),
    ] = "WhenReady"


class RequestsLimit(ApiModel):
    """The most that running labs of the class may ask for together, by their sizes' quotas."""

    cpu: Quantity | None = None
    memory: Quantity | None = None


class CohortCapacity(ApiModel):
    """How much of the cluster the class may take; labs for which there is no room wait."""

    max_running: Annotated[int | None, Field(ge=1, le=MOST_LABS, description="At once.")] = None
    requests: RequestsLimit = RequestsLimit()


class Budget(ApiModel):
    """What the class may cost, by the platform team's rate card."""

    amount: Annotated[Amount, Field(description="In the rate card's currency.")]
    warn_at_percent: Annotated[int, Field(ge=1, le=100, description="When to warn.")] = 80
    action: Annotated[
        Literal["Block", "Warn"],
        Field(description="Block: no lab is begun once it is spent. Labs that run go on."),
    ] = "Block"


class LabCohortSpec(ApiModel):
    """What an instructor asks for."""

    roster: Roster
    templates: Annotated[
        list[CohortTemplate],
        Field(min_length=1, max_length=MOST_TEMPLATES, json_schema_extra=listed_by("name")),
    ]
    schedule: Schedule = Schedule()
    ttl: Annotated[
        Duration,
        Field(description="Life of each lab where schedule.endAt does not say when it ends."),
    ] = "8h"
    removal_policy: Annotated[
        Literal["Keep", "Suspend", "Delete"],
        Field(description="What becomes of the labs of somebody who is taken off the roster."),
    ] = "Keep"
    max_concurrent_provisioning: Annotated[
        int, Field(ge=1, le=100, description="How many labs are made at once.")
    ] = 10
    capacity: CohortCapacity = CohortCapacity()
    budget: Budget | None = None
    paused: Annotated[
        bool, Field(description="Suspend every lab and begin none, until it is false again.")
    ] = False
    idle: IdlePolicy | None = None
    on_expiry: Literal["Delete", "Archive"] = "Delete"


class CohortPhase(StrEnum):
    """One word for where a class is."""

    PENDING = "Pending"
    SCHEDULED = "Scheduled"
    PROVISIONING = "Provisioning"
    RUNNING = "Running"
    PAUSED = "Paused"
    ENDING = "Ending"
    ENDED = "Ended"


class CohortCondition(StrEnum):
    """The conditions of a LabCohort."""

    ACCEPTED = "Accepted"
    PROVISIONED = "Provisioned"
    READY = "Ready"
    WITHIN_BUDGET = "WithinBudget"


class CohortTemplateStatus(ApiModel):
    """The columns of the progress matrix of one module."""

    name: DnsLabel
    checks: Annotated[list[DnsLabel], Field(max_length=48)] = []


class CohortLab(ApiModel):
    """One lab of the class: a row of the progress matrix."""

    lab: DnsLabel
    learner: Annotated[str, Field(max_length=254)]
    template: DnsLabel
    phase: Annotated[Phase | None, Field(description="Absent: not made yet.")] = None
    message: Annotated[ShortText, Field(description="Why it is in its phase.")] = ""
    ready_seconds: Annotated[
        int | None, Field(ge=0, description="From its creation to its first being ready.")
    ] = None
    expires_at: Timestamp | None = None
    states: Annotated[
        str,
        Field(
            max_length=48,
            description="A letter for each of the template's checks: Pass, Fail, Error, Waived, "
            "Unsupported, and . for those that were not looked at.",
        ),
    ] = ""
    passed: Annotated[int, Field(ge=0, description="Checks passed.")] = 0
    total: Annotated[int, Field(ge=0, description="Checks that count.")] = 0
    points: Annotated[int, Field(ge=0)] = 0
    last_activity_at: Timestamp | None = None
    removed: Annotated[bool, Field(description="Its learner is not on the roster any more.")] = (
        False
    )


class Slowest(ApiModel):
    """Who waits longest, or waited longest, for a lab."""

    lab: DnsLabel
    learner: Annotated[str, Field(max_length=254)]
    seconds: Annotated[int, Field(ge=0)]
    ready: bool


class Spend(ApiModel):
    """What the class has cost up to now."""

    amount: Amount
    currency: ShortText = ""
    percent: Annotated[int | None, Field(ge=0, description="Of the budget.")] = None


class LabCohortStatus(ApiModel):
    """What the operator has seen."""

    phase: CohortPhase = CohortPhase.PENDING
    message: Annotated[str, Field(max_length=1024)] = ""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    learners: Annotated[int, Field(ge=0)] = 0
    ready: Annotated[str, Field(max_length=16, description="Labs ready, of all.")] = ""
    phases: Annotated[
        dict[str, int],
        Field(max_length=16, description="How many labs are in each phase; Waiting: not made yet."),
    ] = {}
    provisioned_at: Annotated[
        Timestamp | None, Field(description="When all labs were ready for the first time.")
    ] = None
    slowest: Slowest | None = None
    spend: Spend | None = None
    templates: Annotated[
        list[CohortTemplateStatus],
        Field(max_length=MOST_TEMPLATES, json_schema_extra=listed_by("name")),
    ] = []
    labs: Annotated[
        list[CohortLab], Field(max_length=MOST_LABS, json_schema_extra=listed_by("lab"))
    ] = []
    conditions: Conditions = []


class LabCohort(ApiModel):
    """The whole object; ``metadata`` stays a plain dict, as Kubernetes sends it."""

    metadata: dict[str, Any]
    spec: LabCohortSpec
    status: LabCohortStatus = LabCohortStatus()

    @property
    def uid(self) -> str:
        """The API server's identity of this very object."""
        return str(self.metadata["uid"])

    @property
    def deleting(self) -> bool:
        """Whether somebody has deleted the LabCohort."""
        return "deletionTimestamp" in self.metadata
