"""What checks look at of a learner's own work, policies, features, documents and code."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from practicum.api.base import ApiModel, DnsLabel, Duration, cel, require_some
from practicum.api.looks.cluster import ObjectCheck
from practicum.api.looks.services import DecisionCheck, HttpRequest, MetricsCheck
from practicum.api.looks.terms import Asset


class OpaTest(ApiModel):
    """What the learner's own tests have to be like."""

    min_tests: Annotated[int, Field(ge=1, le=500)] = 1
    coverage: Annotated[int, Field(ge=0, le=100, description="Percent.")] = 0


class Mutants(ApiModel):
    """Faulty copies of a correct policy, which the learner's tests have to tell from it."""

    reference: Annotated[
        list[Asset], Field(min_length=1, max_length=4, description="The correct policy's files.")
    ]
    edits: Annotated[Asset, Field(description="YAML: a list of {name, file, find, replace}.")]
    killed: Annotated[int, Field(ge=1, le=100, description="Percent.")] = 80


class PolicyCheck(ApiModel):
    """Policies that the learner wrote, run in a sandbox; http.send and the like are not there."""

    config_map: DnsLabel = "policies"
    package: Annotated[str, Field(max_length=128, pattern=r"^lab(\.[a-z_][a-z0-9_]*)+$")]
    opa_test: OpaTest | None = None
    vectors: Annotated[
        Asset | None,
        Field(description="JSON: a list of {name, input, expect: {allow, codes}}."),
    ] = None
    mutants: Mutants | None = None


class PitCheck(ApiModel):
    """Whether what the learner's definitions join is what was known at each moment."""

    repository: Annotated[
        DnsLabel, Field(description="ConfigMap of the learner with the definitions.")
    ] = "feature-repo"
    data: Annotated[Asset, Field(description="Python: write(folder) makes the module's data.")]
    feature_service: Annotated[str, Field(min_length=1, max_length=128)]
    golden: Annotated[Asset, Field(description="JSON: {entities: [...], rows: [...]}.")]
    tolerance: Annotated[float, Field(ge=0, le=1)] = 1e-6
    deadline: Duration = "180s"


class LifecycleFacts(ApiModel):
    """The lab's own report on its governed changes."""


class Fact(ApiModel):
    """Something that is so, for a document to be held against."""

    model_config = {
        "json_schema_extra": cel(
            (
                "[has(self.object), has(self.http), has(self.decision), has(self.metrics), "
                "has(self.lifecycle)].filter(one, one).size() == 1",
                "spec.checks[].document.facts[]: each fact has one source: keep one of object, "
                "http, decision, metrics and lifecycle",
            )
        )
    }

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
    object: ObjectCheck | None = None
    http: HttpRequest | None = None
    decision: DecisionCheck | None = None
    metrics: MetricsCheck | None = None
    lifecycle: LifecycleFacts | None = None

    @model_validator(mode="after")
    def _looks_at_something(self) -> Self:
        require_some(self, "object", "http", "decision", "metrics", "lifecycle")
        return self


class DocumentCheck(ApiModel):
    """A document of the learner: its form by a schema, its sense by rules and facts."""

    config_map: DnsLabel = "docs"
    key: Annotated[str, Field(min_length=1, max_length=128)]
    format: Annotated[
        Literal["yaml", "text"], Field(description="text: rules get it as one string.")
    ] = "yaml"
    schema_: Annotated[
        Asset | None, Field(alias="schema", description="JSON Schema, draft 2020-12.")
    ] = None
    rules: Annotated[
        Asset | None,
        Field(
            description="Rego: package lab.docs with a set `deny` of messages; input has "
            "document, facts, services and lab."
        ),
    ] = None
    facts: Annotated[list[Fact], Field(max_length=12)] = []


class JobCheck(ApiModel):
    """The learner's own code, run on the learner's side in a pod that nobody gets into.

    Its files are in the pod's specification, which learners may read; and code of theirs that runs
    beside tests could tell their outcome wrongly, however much is done against it. What must not be
    forged is looked at from outside: by ``pit``, ``http``, ``object``.
    """

    repositories: Annotated[
        list[DnsLabel],
        Field(min_length=1, max_length=8, description="ConfigMaps, whose keys become files."),
    ]
    files: Annotated[
        list[Asset],
        Field(max_length=16, description="Laid beside them; all tests in them have to pass."),
    ] = []
    command: Annotated[
        list[Annotated[str, Field(max_length=512)]],
        Field(min_length=1, max_length=32, description="Writes JUnit XML to $JUNIT_XML."),
    ]
    min_tests: Annotated[int, Field(ge=1, le=500)] = 1
    coverage: Annotated[
        int, Field(ge=0, le=100, description="Percent, by coverage.py's JSON in $COVERAGE_JSON.")
    ] = 0
    deadline: Duration = "120s"


class AttestCheck(ApiModel):
    """Ratings by people; nobody rates a lab of their own."""

    subject: Annotated[DnsLabel | None, Field(description="Absent: the check's id.")] = None
    min: Annotated[
        int, Field(ge=0, le=100, description="Percent of the points, in the mean of the raters.")
    ] = 0
    raters: Annotated[int, Field(ge=1, le=16, description="Different people.")] = 1
