"""Puts a lab's own values into what a check says."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from practicum.checks.values import Malformed
from practicum.desired import access
from practicum.desired.lab import Lab

_VALUE: Final = re.compile(r"\{\{\s*([a-z]+(?:\.[a-z0-9-]+)?)\s*\}\}")
Model = TypeVar("Model", bound=BaseModel)


def known_values(lab: Lab) -> dict[str, str]:
    """Return what may stand in a check's texts, by name."""
    learner = lab.resource.spec.learner
    return {
        "learner": learner.id if learner else "",
        "lab": lab.name,
        "course": lab.course,
        **{f"ns.{side}": name for side, name in lab.namespaces.items()},
        **{f"persona.{one.name}": access.account(lab, one.name) for one in lab.template.personas},
    }


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return a JSON value with the lab's values in its texts.

    Raises:
        Malformed: a text names a value that there is not.
    """
    if isinstance(value, str):
        return _VALUE.sub(lambda found: _value(found, values), value)
    if isinstance(value, Mapping):
        return {filled(key, values): filled(child, values) for key, child in value.items()}
    if isinstance(value, list):
        return [filled(child, values) for child in value]
    return value


def filled_in(look: Model, values: Mapping[str, str]) -> Model:
    """Return what a check looks at, with the lab's values in its texts.

    Raises:
        Malformed: a text names a value that there is not.
    """
    said = look.model_dump(by_alias=True, exclude_unset=True)
    return type(look).model_validate(filled(said, values))


def _value(found: re.Match[str], values: Mapping[str, str]) -> str:
    if found[1] not in values:
        raise Malformed(f"{found[0]} is not known; there are: {', '.join(sorted(values))}")
    return values[found[1]]
