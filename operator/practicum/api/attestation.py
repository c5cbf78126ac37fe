"""Attestation: a person's rating of what no check can judge, under a rubric and with their name."""

from typing import Annotated, Any

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, cel, listed_by
from practicum.api.change import Username

_SCORE_RULES = (
    ("self.score <= self.max", "spec.rubric: a score must be at most its max: lower it"),
)
_FIXED = "spec.passed stays as it was given, and so does all of spec: make another Attestation"


class Rating(ApiModel):
    """What was given under one criterion."""

    model_config = {"json_schema_extra": cel(*_SCORE_RULES)}

    criterion: Annotated[DnsLabel, Field(description="Of the rubric.")]
    score: Annotated[int, Field(ge=0, le=1000, description="At most max.")]
    max: Annotated[int, Field(ge=1, le=1000, description="The most that can be given.")]
    comment: Annotated[str, Field(max_length=1024, description="On this criterion.")] = ""


class AttestationSpec(ApiModel):
    """One rating; whoever changes their mind makes another."""

    model_config = {"json_schema_extra": cel(("self == oldSelf", _FIXED))}

    lab: Annotated[
        DnsLabel,
        Field(description="Name of the LabEnvironment, in the same namespace."),
    ]
    subject: Annotated[
        DnsLabel,
        Field(description="What is rated: a task, a check, or whatever the rubric is about."),
    ]
    rubric: Annotated[
        list[Rating],
        Field(
            min_length=1,
            max_length=32,
            json_schema_extra=listed_by("criterion"),
            description="What was given, criterion by criterion.",
        ),
    ]
    passed: Annotated[
        bool,
        Field(description="The verdict; the rater's own, for no sum of scores says it."),
    ]
    rater: Annotated[
        Username,
        Field(description="Who rates; must be the name under which the rating is made."),
    ]
    comment: Annotated[str, Field(max_length=4096, description="On the whole.")] = ""


class Attestation(ApiModel):
    """The whole object."""

    metadata: dict[str, Any]
    spec: AttestationSpec
