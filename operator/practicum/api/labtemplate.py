"""LabTemplate: one module packed into one object, components included.

``lab-templates/<module>/`` is the source; ``catalog.pack`` makes this object out of it.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from practicum.api.base import ApiModel, DnsLabel, Duration, IntOrString, Quantity, ShortText, cel
from practicum.api.change import Action

Side = Literal["learner", "platform"]
SIDES: Final[tuple[Side, ...]] = ("learner", "platform")

QuotaKey = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=65536)]
OPEN_OBJECT: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class Parameter(ApiModel):
    """One value that a LabEnvironment may choose."""

    type: Literal["string", "integer", "boolean"] = "string"
    description: ShortText = ""
    default: IntOrString
    enum: Annotated[list[IntOrString], Field(max_length=32)] = []
    minimum: int | None = None
    maximum: int | None = None


class SideQuota(ApiModel):
    """The three ResourceQuotas of one namespace, by what they count."""

    compute: Annotated[dict[QuotaKey, Quantity], Field(max_length=8)]
    jobs: Annotated[dict[QuotaKey, Quantity], Field(max_length=8)]
    storage: Annotated[dict[QuotaKey, Quantity], Field(max_length=8)]


class Resources(ApiModel):
    """Container resources."""

    requests: Annotated[dict[QuotaKey, Quantity], Field(max_length=4)] = {}
    limits: Annotated[dict[QuotaKey, Quantity], Field(max_length=4)] = {}


class Size(ApiModel):
    """One size of the lab."""

    quota: Annotated[dict[Side, SideQuota], Field(max_length=2)]
    resources: Annotated[
        dict[DnsLabel, Annotated[dict[DnsLabel, Resources], Field(max_length=8)]],
        Field(max_length=16),
    ] = {}


class TemplatePersona(ApiModel):
    """A role of the module's story."""

    name: DnsLabel
    title: ShortText
    role: DnsLabel


class File(ApiModel):
    """One packed file, named by its path in the source folder."""

    path: Annotated[str, Field(min_length=1, max_length=253)]
    content: Text


class Component(ApiModel):
    """One component with its manifests; ``placement`` says on which side it runs."""

    name: DnsLabel
    title: ShortText = ""
    version: ShortText = ""
    placement: Side = "platform"
    settings: Annotated[dict[str, Any], Field(json_schema_extra=OPEN_OBJECT)] = {}
    manifests: Annotated[list[File], Field(max_length=32)] = []
    files: Annotated[list[File], Field(max_length=32)] = []


class TemplateService(ApiModel):
    """A service that learners use; its pod is ``<name>-0``, so that access can name it."""

    name: DnsLabel
    component: DnsLabel
    port: Annotated[int, Field(ge=1, le=65535)]
    path: ShortText = "/"
    health: ShortText = "/"


class Login(ApiModel):
    """A service login delivered to the learner; the password is derived from ``secret``."""

    service: DnsLabel
    username: DnsLabel
    secret: ShortText
    persona: DnsLabel | None = None
    kind: Literal["basic", "bearer"] = "basic"


class Task(ApiModel):
    """Something to do in the lab, as Markdown."""

    name: DnsLabel
    title: ShortText
    text: Text = ""


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


class LabTemplateSpec(ApiModel):
    """A module, self-contained."""

    model_config = {
        "json_schema_extra": cel(
            (
                "self.defaultSize in self.sizes",
                "spec.defaultSize must be one of spec.sizes: add the size or name another",
            )
        )
    }

    title: ShortText
    module: Annotated[str, Field(max_length=32)] = ""
    hours: Annotated[int, Field(ge=0, le=1000)] = 0
    objectives: Annotated[list[ShortText], Field(max_length=32)] = []
    max_ttl: Annotated[Duration, Field(alias="maxTTL")] = "72h"
    default_size: DnsLabel = "standard"
    sizes: Annotated[dict[DnsLabel, Size], Field(max_length=8)]
    parameters: Annotated[dict[str, Parameter], Field(max_length=32)] = {}
    images: Annotated[dict[DnsLabel, ShortText], Field(max_length=16)] = {}
    allowed_images: Annotated[list[ShortText], Field(max_length=64)] = []
    personas: Annotated[list[TemplatePersona], Field(max_length=16)] = []
    components: Annotated[list[Component], Field(max_length=16)] = []
    services: Annotated[list[TemplateService], Field(max_length=16)] = []
    logins: Annotated[list[Login], Field(max_length=32)] = []
    tasks: Annotated[list[Task], Field(max_length=64)] = []
    changes: Changes | None = None

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that its labs have: no platform where nothing is placed on it."""
        placed = {component.placement for component in self.components}
        return tuple(side for side in SIDES if side == "learner" or side in placed)
