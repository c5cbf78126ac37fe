"""LabTemplate: one module packed into one object, components included.

``lab-templates/<module>/`` is the source; ``catalog.pack`` makes this object out of it.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from practicum.api import wholeness
from practicum.api.base import ApiModel, DnsLabel, Duration, IntOrString, Quantity, ShortText, cel
from practicum.api.checks import Check
from practicum.api.drills import Drill
from practicum.api.governing import Changes

LEARNER: Final = "learner"
PLATFORM: Final = "platform"
Side = DnsLabel
"""Which of a lab's namespaces: the learner's own, the platform's, or a tenant's by its name."""

QuotaKey = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=65536)]
OPEN_OBJECT: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class Parameter(ApiModel):
    """One value that a LabEnvironment may choose."""

    type: Literal["string", "integer", "boolean"] = "string"
    description: Annotated[ShortText, Field(description="What it is for.")] = ""
    default: Annotated[IntOrString, Field(description="Where a lab says nothing.")]
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

    quota: Annotated[dict[Side, SideQuota], Field(max_length=6, description="By side of the lab.")]
    resources: Annotated[
        dict[DnsLabel, Annotated[dict[DnsLabel, Resources], Field(max_length=8)]],
        Field(max_length=16),
    ] = {}


class TenantGrant(ApiModel):
    """What a persona may do in a tenant's namespace."""

    tenant: DnsLabel
    role: Annotated[
        Literal["tenancy-admin", "tenant-developer", "tenant-viewer"],
        Field(description="ClusterRole of the chart, without the prefix practicum-."),
    ]


class TemplatePersona(ApiModel):
    """A role of the module's story."""

    name: Annotated[DnsLabel, Field(description="Its accounts are called <lab>.<name>.")]
    title: ShortText
    role: Annotated[DnsLabel, Field(description="By which rules of changes go.")]
    grants: Annotated[list[TenantGrant], Field(max_length=8)] = []


class Tenant(ApiModel):
    """A namespace beside the learner's own, for a tenant of the module's story."""

    model_config = {
        "json_schema_extra": cel(
            (
                "!(self.name in ['learner', 'platform'])",
                "spec.tenants[].name: learner and platform are sides already: call the tenant "
                "something else",
            )
        )
    }

    name: Annotated[DnsLabel, Field(max_length=20)]
    title: ShortText = ""


class File(ApiModel):
    """One packed file, named by its path in the source folder."""

    path: Annotated[
        str, Field(min_length=1, max_length=253, description="Relative to the module's folder.")
    ]
    content: Annotated[Text, Field(description="Text.")]


class Component(ApiModel):
    """One component with its manifests; ``placement`` says on which side it runs."""

    name: DnsLabel
    title: ShortText = ""
    version: ShortText = ""
    placement: Annotated[Side, Field(description="Side on which it runs.")] = "platform"
    settings: Annotated[
        dict[str, Any], Field(json_schema_extra=OPEN_OBJECT, description="What its manifests read.")
    ] = {}
    manifests: Annotated[list[File], Field(max_length=32)] = []
    exhibits: Annotated[
        list[File],
        Field(
            max_length=32,
            description="Manifests of what becomes the learner's own: made once, never repaired.",
        ),
    ] = []
    files: Annotated[list[File], Field(max_length=32)] = []


class TemplateService(ApiModel):
    """A service that learners use; its pod has a stable name, so that access can name it."""

    name: DnsLabel
    component: Annotated[DnsLabel, Field(description="Component behind it.")]
    port: Annotated[int, Field(ge=1, le=65535)]
    path: Annotated[ShortText, Field(description="Where its page begins.")] = "/"
    health: Annotated[ShortText, Field(description="Path that answers when it is well.")] = "/"
    workload: Annotated[
        DnsLabel | None,
        Field(description="StatefulSet with one replica behind it; absent: of the same name."),
    ] = None

    @property
    def pod(self) -> str:
        """Name of its pod."""
        return f"{self.workload or self.name}-0"


class Login(ApiModel):
    """A service login delivered to the learner; the password is derived from ``secret``."""

    service: DnsLabel
    username: DnsLabel
    secret: Annotated[ShortText, Field(description="Purpose from which the password is derived.")]
    persona: Annotated[DnsLabel | None, Field(description="Whose login it is.")] = None
    kind: Literal["basic", "bearer"] = "basic"


class Task(ApiModel):
    """Something to do in the lab, as Markdown."""

    name: DnsLabel
    title: ShortText
    text: Text = ""


class Criterion(ApiModel):
    """A line of the module's roadmap that checks are there to prove."""

    id: DnsLabel
    text: ShortText
    source: Literal["objective", "activity", "criterion", "evidence", "content", "quality"]


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
    module: Annotated[
        str, Field(max_length=32, description="Number of the module, such as MOD-506.")
    ] = ""
    hours: Annotated[int, Field(ge=0, le=1000, description="Of work.")] = 0
    objectives: Annotated[list[ShortText], Field(max_length=32)] = []
    max_ttl: Annotated[Duration, Field(alias="maxTTL", description="Longest life of a lab.")] = (
        "72h"
    )
    default_size: Annotated[DnsLabel, Field(description="For labs that name none.")] = "standard"
    sizes: Annotated[
        dict[DnsLabel, Size], Field(max_length=8, description="Quotas and resources, by name.")
    ]
    parameters: Annotated[
        dict[str, Parameter], Field(max_length=32, description="What a lab may choose.")
    ] = {}
    images: Annotated[
        dict[DnsLabel, ShortText],
        Field(max_length=16, description="Images of components, by name."),
    ] = {}
    allowed_images: Annotated[
        list[ShortText],
        Field(
            max_length=64,
            description="More images that learners may run; * stands for any but a slash.",
        ),
    ] = []
    personas: Annotated[
        list[TemplatePersona], Field(max_length=16, description="Roles of the module's story.")
    ] = []
    components: Annotated[
        list[Component], Field(max_length=16, description="What runs in a lab.")
    ] = []
    services: Annotated[
        list[TemplateService], Field(max_length=16, description="What learners use of it.")
    ] = []
    logins: Annotated[
        list[Login], Field(max_length=32, description="What learners get of it.")
    ] = []
    tasks: Annotated[list[Task], Field(max_length=64, description="What there is to do.")] = []
    tenants: Annotated[
        list[Tenant], Field(max_length=4, description="Namespaces beside the learner's own.")
    ] = []
    criteria: Annotated[
        list[Criterion], Field(max_length=64, description="Lines of the roadmap.")
    ] = []
    checks: Annotated[list[Check], Field(max_length=48, description="What proves them.")] = []
    assets: Annotated[
        list[File],
        Field(max_length=64, description="What checks refer to and learners may see: schemas."),
    ] = []
    answers: Annotated[
        str,
        Field(
            max_length=64,
            pattern=r"^([0-9a-f]{64})?$",
            description="SHA-256 of what checks refer to and nobody may see who learns: kept in "
            "ConfigMap <template>-answers beside the template.",
        ),
    ] = ""
    drills: Annotated[
        list[Drill], Field(max_length=8, description="What can be made to go wrong.")
    ] = []
    changes: Annotated[Changes | None, Field(description="What is governed; absent: nothing.")] = (
        None
    )

    @model_validator(mode="after")
    def _is_whole(self) -> "LabTemplateSpec":
        """Refuse what names something that is not there.

        Raises:
            ValueError: naming the field, the value and what there is.
        """
        if problem := next(wholeness.problems(self), None):
            raise ValueError(problem)
        return self

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that its labs have: no platform where nothing is placed on it."""
        placed = {component.placement for component in self.components}
        platform = (PLATFORM,) if PLATFORM in placed else ()
        return (LEARNER, *platform, *(tenant.name for tenant in self.tenants))

    def wire(self) -> dict[str, Any]:
        """Return the spec as it goes to the API server; of checks only what they say."""
        checks = [
            one.model_dump(mode="json", by_alias=True, exclude_defaults=True) for one in self.checks
        ]
        return super().wire() | {"checks": checks}
