"""ChangeRequest and ChangeApproval: somebody asks for a change, and the right people answer."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, Duration, ShortText, cel
from practicum.api.conditions import Conditions

Username = Annotated[str, Field(min_length=1, max_length=320)]
"""As the API server knows somebody; an admission policy compares it with who is asking."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", min_length=64, max_length=64)]
"""SHA-256, hexadecimal."""
Moment = Annotated[str, Field(max_length=32)]


class Action(StrEnum):
    """What can be asked for."""

    PROMOTE_MODEL = "PromoteModel"
    ROLLBACK_MODEL = "RollbackModel"
    APPROVE_FEATURES = "ApproveFeatures"
    RELEASE_POLICY = "ReleasePolicy"


class State(StrEnum):
    """One word for where a request is."""

    REQUESTED = "Requested"
    AWAITING_APPROVAL = "AwaitingApproval"
    APPROVED = "Approved"
    EXECUTED = "Executed"
    DENIED = "Denied"
    REJECTED = "Rejected"
    WITHDRAWN = "Withdrawn"
    EXPIRED = "Expired"
    ROLLED_BACK = "RolledBack"


_REQUEST_RULES = (
    (
        "self.action == oldSelf.action && self.target == oldSelf.target && "
        "self.requester == oldSelf.requester && self.reason == oldSelf.reason && "
        "self.answerWithin == oldSelf.answerWithin",
        "spec can change in spec.withdrawn alone: withdraw this request and make another",
    ),
    (
        "!oldSelf.withdrawn || self.withdrawn",
        "spec.withdrawn is final: make another request",
    ),
)
_VERSION_RULES = (
    (
        "self.action != 'PromoteModel' || has(self.target.version)",
        "spec.target.version is required by PromoteModel: name the model version, such as 2",
    ),
    (
        "self.action in ['PromoteModel', 'RollbackModel'] || !has(self.target.alias)",
        "spec.target.alias belongs to models: leave it out",
    ),
)
_WITHIN_RULES = (
    (
        "duration(self) >= duration('1m') && duration(self) <= duration('720h')",
        "spec.answerWithin must be between 1m and 720h: that is a minute and thirty days",
    ),
)


class ChangeTarget(ApiModel):
    """What is to change."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
            description="Registered model that has the version, feature service, or policies.",
        ),
    ]
    version: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
            description="Model version or policy revision. Absent in RollbackModel: the previous.",
        ),
    ] = None
    alias: Annotated[
        DnsLabel | None,
        Field(description="Alias that moves to the model version; absent: champion."),
    ] = None


class ChangeRequestSpec(ApiModel):
    """What somebody asks for, and why. Evidence is gathered by the operator, never stated here."""

    model_config = {"json_schema_extra": cel(*_REQUEST_RULES, *_VERSION_RULES)}

    action: Action
    target: ChangeTarget
    requester: Annotated[
        Username,
        Field(description="Who asks; must be the name under which the request is made."),
    ]
    reason: Annotated[
        str, Field(min_length=1, max_length=1024, description="Why; it goes on record.")
    ]
    answer_within: Annotated[
        Duration,
        Field(
            json_schema_extra=cel(*_WITHIN_RULES),
            description="An unanswered request expires after this time.",
        ),
    ] = "24h"
    withdrawn: Annotated[
        bool,
        Field(description="Set by the requester to take the request back."),
    ] = False


class EvidenceStatus(ApiModel):
    """What the operator found out about the target, kept by its digest."""

    digest: Annotated[Digest, Field(description="What approvals name.")]
    gathered_at: Annotated[Moment, Field(description="When it was gathered.")]
    document: Annotated[
        str,
        Field(max_length=16384, description="Canonical JSON; its SHA-256 is the digest."),
    ]


class AnswerStatus(ApiModel):
    """One ChangeApproval as it counts."""

    name: Annotated[str, Field(max_length=253, description="ChangeApproval.")]
    approver: Username
    persona: Annotated[ShortText, Field(description="Who its author is in the lab.")] = ""
    role: Annotated[ShortText, Field(description="Of the persona.")] = ""
    verdict: Literal["Approve", "Reject"]
    counts: bool
    """Whether it is an answer to this evidence by somebody who may give one."""
    message: Annotated[ShortText, Field(description="Why it does not count.")] = ""


class ReasonStatus(ApiModel):
    """One reason against a change."""

    control: Annotated[ShortText, Field(description="Control that refuses, such as PRM-4.")]
    message: Annotated[str, Field(max_length=1024, description="In words.")]


class DecisionStatus(ApiModel):
    """What policy said."""

    allow: Annotated[bool, Field(description="Whether the change may happen.")]
    decision_id: Annotated[ShortText, Field(description="Of OPA's decision log.")] = ""
    policy_revision: Annotated[ShortText, Field(description="Revision that decided.")] = ""
    input_digest: Annotated[
        Digest | None, Field(description="SHA-256 of what policy was asked.")
    ] = None
    decided_at: Annotated[Moment, Field(description="When.")]
    reasons: Annotated[
        list[ReasonStatus], Field(max_length=32, description="What speaks against it.")
    ] = []


class OutcomeStatus(ApiModel):
    """What the change moves, from where and to where."""

    name: Annotated[str, Field(max_length=128)]
    """Registered model, feature service or policy package that is changed."""
    alias: Annotated[str, Field(max_length=63, description="That moves.")] = ""
    before: Annotated[str, Field(max_length=64, description="Version that it was on.")] = ""
    after: Annotated[str, Field(max_length=64, description="Version that it is on.")] = ""
    definition: Annotated[
        Digest | None,
        Field(description="Of a feature service: digest of what it consists of."),
    ] = None
    digest: Annotated[
        Digest | None,
        Field(description="Of the bundle that is released; absent: the template's own policies."),
    ] = None
    served_at: Annotated[
        Moment | None,
        Field(description="When the new version was first seen in the lab's traffic."),
    ] = None


class ChangeRequestStatus(ApiModel):
    """What became of it."""

    state: State = State.REQUESTED
    transitions: Annotated[
        int,
        Field(ge=0, description="How many transitions of it the audit log holds."),
    ] = 0
    message: Annotated[
        str, Field(max_length=1024, description="What it waits for, or why it ended.")
    ] = ""
    expires_at: Annotated[Moment | None, Field(description="Until when it is to be answered.")] = (
        None
    )
    approvals: Annotated[
        str,
        Field(max_length=16, description="How many count, of how many that are needed: 1/2."),
    ] = ""
    evidence: EvidenceStatus | None = None
    answers: Annotated[
        list[AnswerStatus], Field(max_length=32, description="Every ChangeApproval, as it counts.")
    ] = []
    decision: DecisionStatus | None = None
    outcome: OutcomeStatus | None = None
    executed_at: Annotated[Moment | None, Field(description="When it took effect.")] = None
    observed_generation: Annotated[
        int, Field(ge=0, description="metadata.generation that this is about.")
    ] = 0
    conditions: Conditions = []


class ChangeRequest(ApiModel):
    """The whole object; ``metadata`` stays a plain dict, as Kubernetes sends it."""

    metadata: dict[str, Any]
    spec: ChangeRequestSpec
    status: ChangeRequestStatus = ChangeRequestStatus()


class ChangeApprovalSpec(ApiModel):
    """One answer; whoever changes their mind gives another."""

    model_config = {
        "json_schema_extra": cel(
            ("self == oldSelf", "spec.verdict stays as it was given: make another ChangeApproval")
        )
    }

    request: Annotated[
        DnsLabel,
        Field(description="Name of the ChangeRequest, in the same namespace."),
    ]
    verdict: Annotated[Literal["Approve", "Reject"], Field(description="The answer.")]
    approver: Annotated[
        Username,
        Field(description="Who answers; must be the name under which the answer is given."),
    ]
    evidence_digest: Annotated[
        Digest,
        Field(description="Evidence that was seen: the answer is void once it has changed."),
    ]
    comment: Annotated[str, Field(max_length=1024, description="It goes on record.")] = ""


class ChangeApproval(ApiModel):
    """The whole object."""

    metadata: dict[str, Any]
    spec: ChangeApprovalSpec
