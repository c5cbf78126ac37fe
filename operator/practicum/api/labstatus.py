"""Status of a LabEnvironment: what the reconciler, governance and checks each have to say of it.

Each writes its own part under a field manager of its own, so that none drops what another wrote.
"""

from typing import Annotated, Any, Final

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, ShortText, listed_by
from practicum.api.checks import CheckState
from practicum.api.conditions import (
    EXAMINED,
    GOVERNED,
    METERED,
    OTHERS,
    Condition,
    Conditions,
    ConditionType,
    Phase,
)
from practicum.api.usage import ActivityStatus, UsageStatus

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", min_length=64, max_length=64)]
"""Hexadecimal."""
GOVERNED_FEATURES: Final = 64
"""So many approved feature services are known of a lab at most: those approved last."""


_OF_OTHERS: Final = ("audit", "governed", "checks", "usage", "activity")
"""Fields of the status that are not the reconciler's to write."""


class ServiceStatus(ApiModel):
    """One service of the lab, reachable inside the lab at ``url``."""

    name: Annotated[DnsLabel, Field(description="As the template calls it.")]
    url: Annotated[ShortText, Field(description="Address from pods of the lab.")]
    ready: Annotated[bool, Field(description="Whether its pod is Ready.")]
    version: Annotated[ShortText, Field(description="Of its component.")] = ""
    pod: Annotated[DnsLabel | None, Field(description="Absent: <name>-0.")] = None


class CredentialsStatus(ApiModel):
    """Where the learner's credentials are; never what they are."""

    secret_ref: Annotated[
        str, Field(max_length=253, description="Secret of the course's namespace.")
    ]
    issued_at: Annotated[
        Annotated[str, Field(max_length=32)] | None, Field(description="When all were last issued.")
    ] = None
    expires_at: Annotated[str, Field(max_length=32, description="When the first token ends.")]
    rotation: Annotated[
        str,
        Field(
            max_length=64,
            description="The annotation practicum.dev/rotate-credentials for which they were "
            "issued: all that were issued before are void.",
        ),
    ] = ""


class TemplateStatus(ApiModel):
    """The frozen revision that this lab stays on."""

    name: Annotated[ShortText, Field(description="LabTemplate.")]
    revision: Annotated[ShortText, Field(description="ControllerRevision that holds what it was.")]


class AuditStatus(ApiModel):
    """Where the lab's audit log ends; one record may follow, for the head is written after it."""

    seq: Annotated[int, Field(ge=0, description="Number of the last record.")]
    hash: Annotated[Sha256, Field(description="Of the last record.")]


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
            json_schema_extra=listed_by("service"),
            description="Feature services that are approved.",
        ),
    ] = []
    policy: Annotated[
        PolicyRelease | None,
        Field(description="What the lab's OPA decides by; absent: the template's own policies."),
    ] = None


class CheckStatus(ApiModel):
    """What became of one check."""

    id: Annotated[DnsLabel, Field(description="Of the template's check.")]
    state: CheckState
    points: Annotated[int, Field(ge=0, le=100, description="Given for it.")] = 0
    message: Annotated[ShortText, Field(description="What is missing, or what went wrong.")] = ""
    since: Annotated[str, Field(max_length=32, description="When it came to this state.")]
    attempts: Annotated[
        int, Field(ge=0, description="How often somebody asked before it passed.")
    ] = 0


class DrillStatus(ApiModel):
    """A drill that is going on."""

    name: Annotated[DnsLabel, Field(description="As the template calls it.")]
    component: Annotated[DnsLabel, Field(description="It does not run meanwhile.")]
    until: Annotated[str, Field(max_length=32, description="When the component runs again.")]


class ChecksStatus(ApiModel):
    """What became of the template's checks; the whole report is in ConfigMap check-report."""

    message: Annotated[ShortText, Field(description="What came of the last request.")] = ""
    drill: DrillStatus | None = None

    summary: Annotated[str, Field(max_length=16, description="Passed of all that count.")] = ""
    passed: Annotated[int, Field(ge=0, description="Checks that passed.")] = 0
    total: Annotated[
        int, Field(ge=0, description="Without those that were waived or cannot be told here.")
    ] = 0
    points: Annotated[int, Field(ge=0, description="Points of these.")] = 0
    max_points: Annotated[int, Field(ge=0, description="Points of all that count.")] = 0
    errors: Annotated[int, Field(ge=0, description="Checks that could not be evaluated.")] = 0
    unsupported: Annotated[
        int, Field(ge=0, description="Checks that this cluster cannot tell.")
    ] = 0
    request: Annotated[
        str, Field(max_length=64, description="The learner's last request that was answered.")
    ] = ""
    staff_request: Annotated[
        str, Field(max_length=64, description="The last request of the course's staff.")
    ] = ""
    results: Annotated[
        list[CheckStatus],
        Field(max_length=48, json_schema_extra=listed_by("id"), description="Check by check."),
    ] = []


class RestoredStatus(ApiModel):
    """The archive that the lab begins with."""

    archive: Annotated[str, Field(max_length=64, description="Uid of the lab that it was.")]
    origin: Annotated[
        str, Field(max_length=64, description="Uid of the lab whose passwords its databases know.")
    ]
    manifest: Sha256
    at: Annotated[
        str | None,
        Field(max_length=32, description="When everything was back; absent: it is under way."),
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
    message: Annotated[str, Field(max_length=1024, description="Why the lab is in its phase.")] = ""
    observed_generation: Annotated[
        int, Field(ge=0, description="metadata.generation that this is about.")
    ] = 0
    expires_at: Annotated[
        Annotated[str, Field(max_length=32)] | None, Field(description="When the lab ends.")
    ] = None
    namespaces: Annotated[
        list[DnsLabel],
        Field(max_length=8, description="Of the lab; the learner's own is the first."),
    ] = []
    services: Annotated[
        list[ServiceStatus],
        Field(
            max_length=16,
            json_schema_extra=listed_by("name"),
            description="Services that learners use.",
        ),
    ] = []
    credentials: CredentialsStatus | None = None
    template: TemplateStatus | None = None
    restored: RestoredStatus | None = None
    audit: AuditStatus | None = None
    governed: GovernedStatus | None = None
    checks: ChecksStatus | None = None
    usage: UsageStatus | None = None
    activity: ActivityStatus | None = None
    exhibits_at: Annotated[
        str | None,
        Field(
            max_length=32,
            description="When the learner got the objects that are theirs to change; once.",
        ),
    ] = None
    seal: Annotated[
        str,
        Field(
            max_length=64,
            description="Digest of everything as it was last put right; a restarted operator "
            "that finds it unchanged need not apply anything.",
        ),
    ] = ""
    conditions: Conditions = []

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return one condition, if it is there."""
        return next((one for one in self.conditions if one.type == kind), None)

    def of_reconciler(self) -> "LabEnvironmentStatus":
        """Return the part that the reconciler writes."""
        kept = [one for one in self.conditions if one.type not in OTHERS]
        return self.model_copy(update={**dict.fromkeys(_OF_OTHERS), "conditions": kept})

    def of_governance(self) -> dict[str, Any]:
        """Return the part that governance writes: whole, or an apply drops what is left out."""
        return self._part(("audit", "governed"), GOVERNED)

    def of_examiner(self) -> dict[str, Any]:
        """Return the part that the examiner of checks writes."""
        return self._part(("checks",), EXAMINED)

    def of_meter(self) -> dict[str, Any]:
        """Return the part that the meter writes."""
        return self._part(("usage", "activity"), METERED)

    def with_others(self, old: "LabEnvironmentStatus") -> "LabEnvironmentStatus":
        """Return this status with the parts of another that the reconciler does not write."""
        kept = [one for one in old.conditions if one.type in OTHERS]
        update = {name: getattr(old, name) for name in _OF_OTHERS}
        return self.model_copy(update={**update, "conditions": [*self.conditions, *kept]})

    def _part(self, fields: tuple[str, ...], types: frozenset[ConditionType]) -> dict[str, Any]:
        part = {name: one.wire() for name in fields if (one := getattr(self, name))}
        kept = [one.wire() for one in self.conditions if one.type in types]
        return {**part, **({"conditions": kept} if kept else {})}
