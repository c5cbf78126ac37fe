"""LabEnvironment: one learner's lab, as an instructor writes it and as the operator reports it."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from practicum.api.base import (
    ApiModel,
    DnsLabel,
    Duration,
    IntOrString,
    ShortText,
    SubjectKind,
    cel,
)
from practicum.api.conditions import GOVERNED, Condition, Phase
from practicum.api.names import API_VERSION

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

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", min_length=64, max_length=64)]
"""Hexadecimal."""
GOVERNED_FEATURES: Final = 64
"""So many approved feature services are known of a lab at most: those approved last."""


class Subject(ApiModel):
    """A person or group of the cluster's identity provider."""

    model_config = {"json_schema_extra": cel(_SUBJECT_RULE)}

    kind: SubjectKind = "User"
    name: Annotated[str, Field(min_length=1, max_length=253)]


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
    display_name: Annotated[str, Field(max_length=128)] | None = None
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
    personas: Annotated[dict[str, Persona], Field(max_length=16)] = {}
    ttl: Annotated[
        Duration,
        Field(
            json_schema_extra=cel(*_TTL_RULES),
            description="Life of the lab from its creation, for example 8h. Editable both ways.",
        ),
    ] = "8h"
    size: Annotated[
        DnsLabel | None,
        Field(description="One of the template's sizes; absent: the template's default."),
    ] = None
    parameters: Annotated[dict[str, IntOrString], Field(max_length=32)] = {}
    suspended: Annotated[
        bool,
        Field(description="Scale to nothing and revoke access; the data and the clock stay."),
    ] = False
    on_expiry: Literal["Delete"] = "Delete"


class ServiceStatus(ApiModel):
    """One service of the lab, reachable inside the lab at ``url``."""

    name: DnsLabel
    url: ShortText
    ready: bool
    version: ShortText = ""


class CredentialsStatus(ApiModel):
    """Where the learner's credentials are; never what they are."""

    secret_ref: Annotated[str, Field(max_length=253)]
    issued_at: Annotated[str, Field(max_length=32)] | None = None
    expires_at: Annotated[str, Field(max_length=32)]


class TemplateStatus(ApiModel):
    """The frozen revision that this lab stays on."""

    name: ShortText
    revision: ShortText


class AuditStatus(ApiModel):
    """Where the lab's audit log ends; one record may follow, for the head is written after it."""

    seq: Annotated[int, Field(ge=0)]
    hash: Sha256


class GovernedFeatures(ApiModel):
    """A feature service that was approved, as it then was."""

    service: Annotated[str, Field(min_length=1, max_length=128)]
    request: Annotated[str, Field(max_length=253, description="ChangeRequest that asked for it.")]
    approved_by: Annotated[str, Field(max_length=1024, description="Personas, with commas.")]
    approved_at: Annotated[str, Field(max_length=32)]
    evidence_digest: Sha256
    definition: Annotated[
        Sha256,
        Field(description="Digest of what the service consisted of: of another it says nothing."),
    ]


class PolicyRelease(ApiModel):
    """The revision of policies that the lab's OPA is to decide by."""

    revision: Annotated[str, Field(max_length=64)]
    config_map: Annotated[
        str,
        Field(max_length=253, description="Of the platform's namespace, with the signed bundle."),
    ]
    digest: Sha256
    request: Annotated[
        str,
        Field(max_length=253, description="ChangeRequest that released it."),
    ]


class GovernedStatus(ApiModel):
    """What the lab's audit log says should be so, for those who bring it about."""

    features: Annotated[
        list[GovernedFeatures],
        Field(
            max_length=GOVERNED_FEATURES,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["service"],
            },
        ),
    ] = []
    policy: Annotated[
        PolicyRelease | None,
        Field(description="What the lab's OPA decides by; absent: the template's own policies."),
    ] = None


class LabEnvironmentStatus(ApiModel):
    """What the operator has seen."""

    phase: Phase = Phase.PENDING
    phase_since: Annotated[
        str | None,
        Field(max_length=32, description="When the lab entered its phase."),
    ] = None
    ready_at: Annotated[
        str | None,
        Field(max_length=32, description="When the lab was ready for the first time."),
    ] = None
    message: Annotated[str, Field(max_length=1024)] = ""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    expires_at: Annotated[str, Field(max_length=32)] | None = None
    namespaces: Annotated[list[DnsLabel], Field(max_length=8)] = []
    services: Annotated[
        list[ServiceStatus],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = []
    credentials: CredentialsStatus | None = None
    template: TemplateStatus | None = None
    audit: AuditStatus | None = None
    governed: GovernedStatus | None = None
    seal: Annotated[
        str,
        Field(
            max_length=64,
            description="Digest of everything as it was last put right; a restarted operator "
            "that finds it unchanged need not apply anything.",
        ),
    ] = ""
    conditions: Annotated[
        list[Condition],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = []

    def of_reconciler(self) -> "LabEnvironmentStatus":
        """Return the part that the reconciler writes."""
        kept = [one for one in self.conditions if one.type not in GOVERNED]
        return self.model_copy(update={"audit": None, "governed": None, "conditions": kept})

    def of_governance(self) -> dict[str, Any]:
        """Return the part that governance writes: whole, or an apply drops what is left out."""
        kept = [one.wire() for one in self.conditions if one.type in GOVERNED]
        audit = {"audit": self.audit.wire()} if self.audit else {}
        governed = {"governed": self.governed.wire()} if self.governed else {}
        return {**audit, **governed, **({"conditions": kept} if kept else {})}

    def with_governed(self, old: "LabEnvironmentStatus") -> "LabEnvironmentStatus":
        """Return this status with the part of another that governance writes."""
        kept = [one for one in old.conditions if one.type in GOVERNED]
        update = {"audit": old.audit, "governed": old.governed}
        return self.model_copy(update={**update, "conditions": [*self.conditions, *kept]})


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
