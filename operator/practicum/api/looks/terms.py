"""Words that all kinds of checks share."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from practicum.api.base import ApiModel, DnsLabel

JsonPath = Annotated[
    str,
    Field(
        min_length=1,
        max_length=256,
        description='JMESPath, such as spec.hard."limits.memory".',
    ),
]
Value = Annotated[Any, WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True})]
"""Any JSON."""
Tree = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""A part of an object: what it leaves out may be anything."""
Asset = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$",
        description="File of the module's folder assets, or of answers, which no learner sees.",
    ),
]
Account = Annotated[
    str,
    Field(
        max_length=63,
        pattern=r"^(learner|persona/[a-z0-9]([-a-z0-9]*[a-z0-9])?|)$",
        description="learner, or persona/<name>.",
    ),
]
SideName = Annotated[
    DnsLabel, Field(description="Side of the lab: learner, platform, or a tenant's name.")
]
Op = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "matches", "exists", "len"]


class Assertion(ApiModel):
    """One value against another; quantities and durations are compared as what they are."""

    path: JsonPath
    op: Op = "eq"
    value: Value = None


class Count(ApiModel):
    """How many there have to be."""

    min: Annotated[int, Field(ge=0, le=10000)] = 1
    max: Annotated[int, Field(ge=0, le=10000)] | None = None
