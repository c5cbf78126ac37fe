"""What checks look at in services of the lab, in their registries, and on record."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from practicum.api.base import ApiModel, DnsLabel, Duration, require_some
from practicum.api.looks.terms import Account, Assertion, Asset, Op, Tree, Value

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Latency(ApiModel):
    """How fast answers have to be; the first one, which warms things up, does not count."""

    samples: Annotated[int, Field(ge=2, le=100)] = 20
    p95_milliseconds: Annotated[int, Field(ge=1, le=60000)]


class HttpRequest(ApiModel):
    """One request to a service of the lab."""

    service: Annotated[
        DnsLabel | None, Field(description="Service of the template; absent: url says where.")
    ] = None
    url: Annotated[
        str,
        Field(
            max_length=512,
            pattern=r"^(http://[A-Za-z0-9.{}:_/?&=%,+~-]+)?$",
            description="Of a service that the learner made; a pod of the platform's side asks.",
        ),
    ] = ""
    as_: Annotated[Account, Field(alias="as")] = ""
    method: Method = "GET"
    path: Annotated[str, Field(max_length=512)] = ""
    headers: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
        Field(max_length=8),
    ] = {}
    json_: Annotated[Value, Field(alias="json")] = None


class HttpCheck(HttpRequest):
    """What a service answers."""

    status: Annotated[
        list[Annotated[int, Field(ge=100, le=599)]], Field(min_length=1, max_length=8)
    ] = [200]
    expect: Annotated[
        list[Assertion],
        Field(alias="assert", max_length=16, description="On {status, headers, body}."),
    ] = []
    latency: Latency | None = None


class DecisionCheck(ApiModel):
    """What the lab's OPA decides."""

    path: Annotated[str, Field(max_length=128, pattern=r"^lab(/[A-Za-z_][A-Za-z0-9_]*)+$")]
    input: Tree = {}
    match: Tree = {}
    denies: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(max_length=16, description="Codes or controls that have to be among the reasons."),
    ] = []
    revision: Annotated[
        Literal["", "released"],
        Field(description="released: the policies that decide are not the template's own."),
    ] = ""
    undefined: bool = False


class MetricsCheck(ApiModel):
    """A sum of samples of a service's Prometheus metrics."""

    service: DnsLabel
    path: Annotated[str, Field(max_length=128)] = "/metrics"
    as_: Annotated[Account, Field(alias="as")] = ""
    metric: Annotated[str, Field(min_length=1, max_length=128)]
    labels: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=128)]],
        Field(max_length=8),
    ] = {}
    op: Op = "ge"
    value: float = 1


class ModelCheck(ApiModel):
    """A registered model of MLflow, by alias or version."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    alias: Annotated[str, Field(max_length=64)] = ""
    version: Annotated[str, Field(max_length=16)] = ""
    expect: Annotated[
        list[Assertion],
        Field(alias="assert", max_length=16, description="On {version, tags, run}."),
    ] = []


class OnlineValues(ApiModel):
    """What Feast's feature server answers."""

    service: DnsLabel = "feast-online"
    features: Annotated[list[Annotated[str, Field(max_length=128)]], Field(max_length=16)] = []
    feature_service: Annotated[str, Field(max_length=128)] = ""
    golden: Annotated[
        Asset, Field(description="JSON: {entities: {key: [...]}, values: {feature: [...]}}.")
    ]
    tolerance: Annotated[float, Field(ge=0, le=1)] = 1e-6


class FeaturesCheck(ApiModel):
    """A feature view or a feature service in Feast's registry."""

    service: DnsLabel = "feast"
    project: Annotated[str, Field(max_length=64)] = "lab"
    view: Annotated[str, Field(max_length=128)] = ""
    feature_service: Annotated[str, Field(max_length=128)] = ""
    expect: Annotated[
        list[Assertion],
        Field(alias="assert", max_length=16, description="On the REST API's object."),
    ] = []
    freshness: Annotated[
        Duration | None, Field(description="Most age of the newest event that was measured.")
    ] = None
    online: OnlineValues | None = None

    @model_validator(mode="after")
    def _looks_at_something(self) -> Self:
        require_some(self, "view", "feature_service", "online")
        return self


class Pattern(ApiModel):
    """A record of the audit log."""

    match: Tree = {}
    expect: Annotated[list[Assertion], Field(alias="assert", max_length=8)] = []


class AuditCheck(ApiModel):
    """What the lab's audit log says, once its chain is verified."""

    sequence: Annotated[
        list[Pattern],
        Field(max_length=16, description="Records in this order, with any others in between."),
    ] = []
    absent: Annotated[list[Pattern], Field(max_length=8)] = []

    @model_validator(mode="after")
    def _looks_at_something(self) -> Self:
        require_some(self, "sequence", "absent")
        return self
