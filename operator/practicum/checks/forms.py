"""The form of documents: YAML as it may come from anybody, and JSON Schemas that take little time.

What a learner writes may be made to be slow to read. So there are no aliases, patterns are RE2's,
and whether entries are unique is told by their texts.
"""

import json
from collections.abc import Iterator, Sized
from functools import lru_cache
from typing import Any, Final, cast

import yaml
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from practicum.checks import values
from practicum.checks.values import Malformed

_TOO_FEW: Final = {"minItems": "entries", "minLength": "characters", "minProperties": "entries"}
_FOREIGN: Final = ("patternProperties", "$dynamicRef")


class _Loader(yaml.SafeLoader):
    """Reads YAML without aliases: a document of a few bytes must not become one of gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("anchors and aliases are not read: write it out")
        return super().compose_node(parent, index)


def read(text: str) -> Any:
    """Read YAML as the JSON that schemas and rules are about; dates are texts.

    Raises:
        ValueError: it is no YAML, or has what JSON has not.
    """
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506
        return json.loads(json.dumps(found, default=str, allow_nan=False))
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error


@lru_cache(maxsize=256)
def validator(schema: str) -> Draft202012Validator:
    """Return what holds documents against a JSON Schema, draft 2020-12.

    Args:
        schema: its text.

    Raises:
        Malformed: it is none, or has patterns that are none.
    """
    try:
        body = json.loads(schema)
        Draft202012Validator.check_schema(body)
    except ValueError as error:
        raise Malformed(f"the schema is no JSON: {error}") from error
    except SchemaError as error:
        raise Malformed(f"the schema is none: {error.message}") from error
    for pattern in _patterns(body):
        values.matches(pattern, "")
    # An empty registry: what a schema refers to is never fetched.
    return cast(Draft202012Validator, _FORM(body, registry=Registry()))


def out_of_form(document: Any, schema: str) -> str:
    """Return where a document is not as a schema says; empty: it is.

    Raises:
        Malformed: the schema is none.
    """
    try:
        worst: ValidationError | None = best_match(validator(schema).iter_errors(document))
    except Unresolvable as error:
        raise Malformed(f"the schema is none: {error}") from error
    if worst is None:
        return ""
    place = ".".join(str(part) for part in worst.absolute_path) or "the document"
    if what := _TOO_FEW.get(str(worst.validator)):
        there = len(cast(Sized, worst.instance))
        return f"{place}: {there} {what}, {worst.validator_value} or more are needed"
    return f"{place}: {values.shown(worst.message, 200)}"


def _patterns(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _patterns(one)
    elif isinstance(node, dict):
        if there := next((one for one in _FOREIGN if one in node), ""):
            raise Malformed(f"the schema has {there}, which is not for documents of learners")
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for one in node.values():
            yield from _patterns(one)


def _pattern(form: Validator, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    if form.is_type(instance, "string") and not values.matches(pattern, instance):
        yield ValidationError(f"{values.shown(instance)} does not match {pattern}")


def _unique(form: Validator, wanted: bool, instance: Any, _: Any) -> Iterator[ValidationError]:
    if wanted and form.is_type(instance, "array"):
        texts = {json.dumps(one, sort_keys=True) for one in instance}
        if len(texts) < len(instance):
            yield ValidationError(f"{values.shown(instance)} has an entry twice")


_FORM: Final[Any] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique}
)
