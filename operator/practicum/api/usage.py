"""What a lab has asked for and used over its life, what that costs, and when it was last used."""

from typing import Annotated, Final

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, Duration, Timestamp, cel, listed_by

Amount = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$", max_length=19)]
"""Money, as a decimal number; the platform team's rate card says in which currency."""
SOURCES: Final = 8

_IDLE_RULES = (
    (
        "duration(self.warnBefore) < duration(self.suspendAfter)",
        "spec.idle.warnBefore must be shorter than idle.suspendAfter: the warning comes that long "
        "before a lab is suspended",
    ),
)
_SUSPEND_RULES = (
    (
        "duration(self) >= duration('1m') && duration(self) <= duration('720h')",
        "spec.idle.suspendAfter must be between 1m and 720h: that is a minute and thirty days",
    ),
)


class IdlePolicy(ApiModel):
    """A lab in which nothing happens is suspended; its data and its clock stay."""

    model_config = {"json_schema_extra": cel(*_IDLE_RULES)}

    suspend_after: Annotated[
        Duration,
        Field(json_schema_extra=cel(*_SUSPEND_RULES), description="How long nothing may happen."),
    ]
    warn_before: Annotated[
        Duration, Field(description="How long before that Idle becomes True.")
    ] = "15m"


class Requests(ApiModel):
    """What the pods and volumes of a lab ask for at a moment."""

    cpu_millicores: Annotated[int, Field(ge=0)] = 0
    memory_bytes: Annotated[int, Field(ge=0)] = 0
    storage_bytes: Annotated[int, Field(ge=0)] = 0


class Peak(ApiModel):
    """The most that was measured of a lab at once."""

    cpu_millicores: Annotated[int, Field(ge=0)] = 0
    memory_bytes: Annotated[int, Field(ge=0)] = 0


class RequestedTime(ApiModel):
    """Requests times the time for which they stood."""

    cpu_millicore_seconds: Annotated[int, Field(ge=0)] = 0
    memory_byte_seconds: Annotated[int, Field(ge=0)] = 0
    storage_byte_seconds: Annotated[int, Field(ge=0)] = 0


class UsedTime(ApiModel):
    """Measured use times the time for which it was measured."""

    cpu_millicore_seconds: Annotated[int, Field(ge=0)] = 0
    memory_byte_seconds: Annotated[int, Field(ge=0)] = 0
    measured_seconds: Annotated[
        int, Field(ge=0, description="For how long the metrics API told what is used.")
    ] = 0


class UsageStatus(ApiModel):
    """What a lab has used up to now."""

    since: Annotated[Timestamp, Field(description="When metering began.")]
    metered_at: Annotated[Timestamp, Field(description="Up to when this counts.")]
    running_seconds: Annotated[
        int, Field(ge=0, description="For how long pods of the lab have run.")
    ] = 0
    requests: Annotated[Requests, Field(description="As they are now.")] = Requests()
    requested: RequestedTime = RequestedTime()
    used: UsedTime = UsedTime()
    peak: Peak = Peak()
    cost: Annotated[Amount, Field(description="By the rate card, of what was requested.")] = "0"
    currency: Annotated[str, Field(max_length=16, description="Of the rate card.")] = ""


class ActivitySource(ApiModel):
    """One kind of sign that a lab is in use."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=32, description="What kind of sign it is, such as Objects."),
    ]
    at: Annotated[Timestamp, Field(description="When it was seen last.")]
    count: Annotated[int, Field(ge=0, description="At how many looks it was new.")] = 1
    mark: Annotated[
        str, Field(max_length=64, description="What tells a new sign from the one seen last.")
    ] = ""


class ActivityStatus(ApiModel):
    """When somebody was last at work in the lab, and by what that is known."""

    last_activity_at: Annotated[Timestamp, Field(description="When something was last seen.")]
    source: Annotated[str, Field(min_length=1, max_length=32, description="By what that is known.")]
    sources: Annotated[
        list[ActivitySource],
        Field(
            max_length=SOURCES,
            json_schema_extra=listed_by("name"),
            description="Every kind of sign, as seen last.",
        ),
    ] = []


class UsageRow(ApiModel):
    """What is kept of a lab when its LabEnvironment goes: a line of the course's books."""

    uid: Annotated[str, Field(min_length=1, max_length=64)]
    lab: DnsLabel
    course: DnsLabel
    cohort: Annotated[str, Field(max_length=63)] = ""
    template: DnsLabel
    learner: Annotated[str, Field(max_length=254)] = ""
    created_at: Timestamp
    ended_at: Timestamp | None = None
    ready_seconds: Annotated[int | None, Field(ge=0)] = None
    checks: Annotated[str, Field(max_length=16)] = ""
    points: Annotated[int, Field(ge=0)] = 0
    last_activity_at: Timestamp | None = None
    usage: UsageStatus
