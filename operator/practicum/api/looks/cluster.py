"""What checks look at in the API server and its network."""

from typing import Annotated, Literal

from pydantic import Field

from practicum.api.base import ApiModel
from practicum.api.looks.terms import Account, Assertion, Count, SideName, Tree


class ObjectCheck(ApiModel):
    """Objects of the API server, read with the operator's rights."""

    kind: Literal[
        "ConfigMap",
        "CronJob",
        "Deployment",
        "Job",
        "LimitRange",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Pod",
        "ResourceQuota",
        "RoleBinding",
        "Service",
        "StatefulSet",
    ]
    namespace: SideName = "learner"
    name: Annotated[str, Field(max_length=253)] = ""
    labels: Annotated[str, Field(max_length=256, description="Label selector.")] = ""
    own: Annotated[bool, Field(description="Look at the learner's objects alone.")] = True
    match: Tree = {}
    expect: Annotated[list[Assertion], Field(alias="assert", max_length=16)] = []
    count: Count = Count()


class Right(ApiModel):
    """One thing that somebody may do, or may not."""

    verb: Annotated[str, Field(min_length=1, max_length=32)]
    resource: Annotated[
        str, Field(min_length=1, max_length=63, description="Plural, with /subresource.")
    ]
    group: Annotated[str, Field(max_length=253)] = ""
    namespace: SideName
    name: Annotated[str, Field(max_length=253)] = ""
    expect: bool = True


class AccessCheck(ApiModel):
    """What the API server's authorizer says of somebody (SubjectAccessReview)."""

    as_: Annotated[Account, Field(alias="as")] = "learner"
    can: Annotated[list[Right], Field(min_length=1, max_length=16)]


class DryRunCheck(ApiModel):
    """What becomes of an object that somebody would create; nothing is created."""

    as_: Annotated[Account, Field(alias="as")]
    manifest: Tree
    expect: Literal["denied", "allowed"] = "denied"
    reason: Annotated[str, Field(max_length=256, description="Part of the refusal.")] = ""


class ReachCheck(ApiModel):
    """Whether a pod of one side gets a TCP connection."""

    from_: Annotated[SideName, Field(alias="from")]
    to: Annotated[
        str,
        Field(
            min_length=3,
            max_length=253,
            pattern=r"^[A-Za-z0-9.{}-]+:[0-9]{1,5}$",
            description="Host and port, such as web.{{ns.team-b}}.svc:8080.",
        ),
    ]
    expect: Literal["blocked", "open"] = "open"
