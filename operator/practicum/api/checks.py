"""Checks of a LabTemplate: what has to be so in a lab for a learner to be done.

Each check says in exactly one way what it looks at. Composition is one level deep, because schemas
of CustomResourceDefinitions cannot refer to themselves. In texts, ``{{ns.<side>}}``,
``{{persona.<name>}}`` and ``{{learner}}`` stand for a lab's own values.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from practicum.api.base import ApiModel, DnsLabel, Duration, ShortText, cel
from practicum.api.looks.cluster import AccessCheck, DryRunCheck, ObjectCheck, ReachCheck
from practicum.api.looks.services import (
    AuditCheck,
    DecisionCheck,
    FeaturesCheck,
    HttpCheck,
    MetricsCheck,
    ModelCheck,
)
from practicum.api.looks.work import AttestCheck, DocumentCheck, JobCheck, PitCheck, PolicyCheck


class CheckState(StrEnum):
    """What became of a check."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    """The learner has something left to do."""
    ERROR = "error"
    """The lab, or the check itself, is broken: nobody's fault who learns here."""
    PENDING = "pending"
    """It was not looked at yet, or waits for another check."""
    WAIVED = "waived"
    """The course's staff does without it."""
    UNSUPPORTED = "unsupported"
    """This cluster cannot tell."""

    @property
    def settled(self) -> bool:
        """Whether nobody has anything left to do about it."""
        return self in (CheckState.PASS, CheckState.WAIVED, CheckState.UNSUPPORTED)

    @property
    def counts(self) -> bool:
        """Whether it is one of those that a learner has to pass."""
        return self not in (CheckState.WAIVED, CheckState.UNSUPPORTED)

    @property
    def letter(self) -> str:
        """It in one letter, as matrices of progress have it; a dot: it was not looked at."""
        return "." if self is CheckState.PENDING else self.value[0].upper()


COSTLY: Final = frozenset({"reach", "pit", "job"})
"""Kinds that start pods: looked at when somebody asks, and not as time goes by."""


def _kinds(model: type[ApiModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _exactly_one(model: type[ApiModel]) -> str:
    there = ", ".join(f"has(self.{kind})" for kind in _kinds(model))
    return f"[{there}].filter(one, one).size() == 1"


class Part(ApiModel):
    """What a check looks at, in exactly one way."""

    object: ObjectCheck | None = None
    access: AccessCheck | None = None
    dry_run: DryRunCheck | None = None
    reach: ReachCheck | None = None
    http: HttpCheck | None = None
    decision: DecisionCheck | None = None
    model: ModelCheck | None = None
    features: FeaturesCheck | None = None
    audit: AuditCheck | None = None
    metrics: MetricsCheck | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Part":
        """Refuse what looks at nothing, or in two ways at once.

        Raises:
            ValueError: naming the kinds that are there.
        """
        there = [name for name, value in self if name in self._looks() and value is not None]
        if len(there) != 1:
            raise ValueError(f"has {', '.join(there) or 'no kind'}: keep exactly one kind")
        return self

    @classmethod
    def _looks(cls) -> frozenset[str]:
        return frozenset(Part.model_fields)

    @property
    def kind(self) -> str:
        """Name of the kind, as it is written."""
        return next(
            field.alias or name
            for name, field in type(self).model_fields.items()
            if name in self._looks() and getattr(self, name) is not None
        )

    @property
    def look(self) -> Any:
        """What the kind says."""
        return next(value for name, value in self if name in self._looks() and value is not None)


Parts = Annotated[list[Part], Field(min_length=1, max_length=8)]


class Looks(Part):
    """All kinds, those included that are no parts of others."""

    policy: PolicyCheck | None = None
    pit: PitCheck | None = None
    document: DocumentCheck | None = None
    job: JobCheck | None = None
    attest: AttestCheck | None = None
    all_: Annotated[Parts | None, Field(alias="all")] = None
    any_: Annotated[Parts | None, Field(alias="any")] = None
    not_: Annotated[Part | None, Field(alias="not")] = None

    @classmethod
    def _looks(cls) -> frozenset[str]:
        return frozenset(Looks.model_fields)


class Check(Looks):
    """Something that has to be so for a learner to be done."""

    model_config = {
        "json_schema_extra": cel(
            (
                _exactly_one(Looks),
                "spec.checks[]: each check looks at its lab in one way: keep exactly one of "
                + ", ".join(_kinds(Looks)),
            )
        )
    }

    id: DnsLabel
    title: ShortText
    task: Annotated[DnsLabel, Field(description="One of spec.tasks.")]
    criteria: Annotated[
        list[DnsLabel], Field(max_length=8, description="Of spec.criteria; none: it proves none.")
    ] = []
    points: Annotated[int, Field(ge=0, le=100)] = 1
    hidden: Annotated[
        bool, Field(description="What was found stays untold; learners see the hint alone.")
    ] = False
    hint: Annotated[str, Field(max_length=512)] = ""
    within: Annotated[
        Duration | None, Field(description="It is asked again for so long, when somebody asks.")
    ] = None
    latch: Annotated[
        bool, Field(description="Once passed, passed: for drills, whose traces may go.")
    ] = False
    needs: Annotated[
        list[DnsLabel], Field(max_length=8, description="Checks that have to pass before.")
    ] = []
    fresh: Annotated[
        Literal["fail", "pass", "pending"],
        Field(description="What a new lab has to say of it; pass: it proves no criterion."),
    ] = "fail"

    @property
    def parts(self) -> list[Part]:
        """It itself, and what it is composed of."""
        return [self, *(self.all_ or ()), *(self.any_ or ()), *([self.not_] if self.not_ else ())]

    @property
    def visits(self) -> bool:
        """Whether it asks a service that the learner makes."""
        requests = [part.http for part in self.parts if part.http]
        facts = self.document.facts if self.document else []
        return any(one.url for one in (*requests, *(fact.http for fact in facts if fact.http)))

    @property
    def costly(self) -> bool:
        """Whether it starts pods."""
        return self.visits or any(part.kind in COSTLY for part in self.parts)
