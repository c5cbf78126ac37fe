"""What a LabTemplate says of governed changes: what is governed, and whose approval it takes."""

from typing import Annotated

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, ShortText
from practicum.api.change import Action


class ChangeRule(ApiModel):
    """Who asks for an action and whose approval it takes, whatever the lab's own policy says."""

    requesters: Annotated[
        list[DnsLabel],
        Field(max_length=16, description="Roles that may ask for it; none: every role."),
    ] = []
    approvals: Annotated[int, Field(ge=0, le=8)] = 1
    roles: Annotated[
        list[DnsLabel],
        Field(max_length=8, description="Roles that approve, each of which must; none: any."),
    ] = []


class GovernedModel(ApiModel):
    """A registered model whose aliases only the operator moves."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    candidates: Annotated[
        str,
        Field(max_length=128, description="Registered model that candidates are copied from."),
    ] = ""
    alias: DnsLabel = "champion"
    artifact: Annotated[
        str,
        Field(max_length=253, description="Artifact of the run whose digest is evidence."),
    ] = "model/MLmodel"
    serving: Annotated[
        DnsLabel | None,
        Field(description="Service that follows the alias and says which version it serves."),
    ] = None


class Changes(ApiModel):
    """Governed changes of a lab; the services are named ``mlflow``, ``feast`` and ``opa``."""

    policy: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            pattern=r"^lab(/[a-z_]+)+$",
            description="Package that decides, as a path below /v1/data.",
        ),
    ] = "lab/promotion"
    models: Annotated[list[GovernedModel], Field(max_length=8)] = []
    feature_project: ShortText = "lab"
    policies: Annotated[
        DnsLabel,
        Field(description="ConfigMap of the platform's side with the module's own policies."),
    ] = "opa-policies"
    actions: Annotated[dict[Action, ChangeRule], Field(max_length=4)] = {}
