"""What all API types share: camelCase on the wire, unknown fields refused, CEL rules attached."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from practicum.api.times import DURATION_PATTERN, TIMESTAMP_PATTERN, parse_duration, parse_rfc3339


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """Attach CEL rules to a schema; each is (expression, message naming field and remedy)."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": text} for rule, text in rules]}


def listed_by(key: str) -> dict[str, Any]:
    """Say of a list that its items are told apart by a field, so that each has one owner."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def require_some(model: BaseModel, *fields: str) -> None:
    """Insist on one of some fields: a check that looks at nothing would always pass.

    Raises:
        ValueError: none of them is there.
    """
    if not any(getattr(model, name) for name in fields):
        names = ", ".join(type(model).model_fields[name].alias or name for name in fields)
        raise ValueError(f"this looks at nothing: give one of {names}")


class ApiModel(BaseModel):
    """Base of every type in the CRDs."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )

    def wire(self) -> dict[str, Any]:
        """Return the object as it goes to the API server: aliases, no empty optionals."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _is_duration(text: str) -> str:
    parse_duration(text)
    return text


def _is_timestamp(text: str) -> str:
    parse_rfc3339(text)
    return text


Duration = Annotated[
    str,
    Field(min_length=2, max_length=20, pattern=DURATION_PATTERN),
    AfterValidator(_is_duration),
]
Timestamp = Annotated[
    str,
    Field(max_length=32, pattern=TIMESTAMP_PATTERN),
    AfterValidator(_is_timestamp),
]
"""RFC 3339, as Kubernetes writes it."""
DnsLabel = Annotated[
    str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
ShortText = Annotated[str, Field(max_length=256)]
IntOrString = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": 256,
        }
    ),
]
Quantity = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
    Field(max_length=24),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": 24,
            "pattern": r"^([0-9]+(\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
        }
    ),
]
SubjectKind = Literal["User", "Group"]
