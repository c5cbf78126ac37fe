"""LabEnvironment: one learner's lab, as an instructor writes it and as the operator reports it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from practicum.api.base import (
    ApiModel,
    DnsLabel,
    Duration,
    IntOrString,
    SubjectKind,
    Timestamp,
    cel,
)
from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.names import API_VERSION
from practicum.api.usage import IdlePolicy

_SUBJECT_RULE = (
    "!self.name.startsWith('system:')",
    "subjects named system:* are refused: name a person or a group of your identity provider",
)
_SPEC_RULES = (
    (
        "self.template == oldSelf.template",
        "spec.template cannot change: create another LabEnvironment with the template you want",
    ),
    (
        "has(self.parameters) == has(oldSelf.parameters) && "
        "(!has(self.parameters) || self.parameters == oldSelf.parameters)",
        "spec.parameters cannot change: create another LabEnvironment with these parameters",
    ),
    (
        "!has(oldSelf.learner) || (has(self.learner) && self.learner == oldSelf.learner)",
        "spec.learner is set once: create another LabEnvironment for another learner",
    ),
)
_TTL_RULES = (
    (
        "duration(self) >= duration('15m')",
        "spec.ttl must be at least 15m: a shorter lab ends before it is of use",
    ),
    (
        "duration(self) <= duration('2160h')",
        "spec.ttl must be at most 2160h (90 days): extend the lab later instead",
    ),
)


class Subject(ApiModel):
    """A person or group of the cluster's identity provider."""

    model_config = {"json_schema_extra": cel(_SUBJECT_RULE)}

    kind: Annotated[SubjectKind, Field(description="What name is of.")] = "User"
    name: Annotated[
        str, Field(min_length=1, max_length=253, description="As the identity provider says it.")
    ]


class Learner(ApiModel):
    """Who the lab is for."""

    id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=254,
            pattern=r"^[A-Za-z0-9]([A-Za-z0-9._@+-]*[A-Za-z0-9])?$",
            description="Stable identifier: an e-mail address or a student number.",
        ),
    ]
    display_name: Annotated[
        Annotated[str, Field(max_length=128)] | None, Field(description="What people call them.")
    ] = None
    subjects: Annotated[
        list[Subject],
        Field(
            max_length=8,
            description="Identities of the cluster's identity provider that get the same access.",
        ),
    ] = []


class Persona(ApiModel):
    """Hands one of the module's roles to a real person; absent, the learner plays it."""

    subject: Subject


class LabEnvironmentSpec(ApiModel):
    """What an instructor asks for."""

    model_config = {"json_schema_extra": cel(*_SPEC_RULES)}

    template: Annotated[
        DnsLabel,
        Field(description="LabTemplate: the course's own first, then the shared catalogue."),
    ]
    learner: Annotated[
        Learner | None,
        Field(description="Absent: a spare lab without access. Set once."),
    ] = None
    personas: Annotated[
        dict[str, Persona],
        Field(max_length=16, description="Roles of the template that others play, by name."),
    ] = {}
    ttl: Annotated[
        Duration,
        Field(
            json_schema_extra=cel(*_TTL_RULES),
            description="Life of the lab from its creation, for example 8h. Editable both ways.",
        ),
    ] = "8h"
    end_at: Annotated[
        Timestamp | None,
        Field(description="When the lab ends, instead of by its ttl; a time that is over: now."),
    ] = None
    size: Annotated[
        DnsLabel | None,
        Field(description="One of the template's sizes; absent: the template's default."),
    ] = None
    parameters: Annotated[
        dict[str, IntOrString],
        Field(max_length=32, description="Values for the template's parameters."),
    ] = {}
    suspended: Annotated[
        bool,
        Field(description="Scale to nothing and revoke access; the data and the clock stay."),
    ] = False
    access_revoked: Annotated[
        bool, Field(description="Nobody gets into the lab, which runs on; until it is false again.")
    ] = False
    idle: Annotated[
        IdlePolicy | None,
        Field(description="When a lab that nobody uses is suspended; absent: as the chart says."),
    ] = None
    on_expiry: Annotated[
        Literal["Delete", "Archive"],
        Field(description="Archive: nothing is deleted before its archive was verified."),
    ] = "Delete"
    waived_checks: Annotated[
        list[DnsLabel],
        Field(max_length=48, description="Checks of the template that this lab does without."),
    ] = []


class LabEnvironment(ApiModel):
    """The whole object; ``metadata`` stays a plain dict, as Kubernetes sends it."""

    metadata: dict[str, Any]
    spec: LabEnvironmentSpec
    status: LabEnvironmentStatus = LabEnvironmentStatus()

    @property
    def uid(self) -> str:
        """The API server's identity of this very object."""
        return str(self.metadata["uid"])

    def apply_body(self) -> dict[str, Any]:
        """Return the head of an apply to this very object: a re-created one is not met."""
        meta = {"name": self.metadata["name"], "namespace": self.metadata["namespace"]}
        return {
            "apiVersion": API_VERSION,
            "kind": "LabEnvironment",
            "metadata": {**meta, "uid": self.uid},
        }

    @property
    def deleting(self) -> bool:
        """Whether somebody has deleted the LabEnvironment."""
        return "deletionTimestamp" in self.metadata

    @property
    def in_use(self) -> bool:
        """Whether a learner can be at work in the lab."""
        return self.spec.learner is not None and self.status.phase.runs and not self.deleting
