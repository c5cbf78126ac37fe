"""Whether a LabEnvironment fits its template: what only the operator can know of bad input."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from practicum.api.labenvironment import LabEnvironmentSpec
from practicum.api.labtemplate import LabTemplateSpec, Parameter
from practicum.api.names import PLACEHOLDER
from practicum.api.times import format_duration, parse_duration, rfc3339
from practicum.errors import InvalidLab
from practicum.policy import expiry

Value = int | str | bool


def choose(spec: LabEnvironmentSpec, template: LabTemplateSpec) -> tuple[str, dict[str, Value]]:
    """Return a lab's size and its parameters, defaults filled in.

    Raises:
        InvalidLab: naming the field, the value and what would be accepted.
    """
    size = spec.size or template.default_size
    if size not in template.sizes:
        sizes = ", ".join(sorted(template.sizes))
        raise InvalidLab("SizeUnknown", f"spec.size {size!r} is not one of: {sizes}")
    known = {persona.name for persona in template.personas}
    for name in sorted(set(spec.personas) - known):
        names = ", ".join(sorted(known)) or "none"
        raise InvalidLab(
            "PersonasInvalid", f"spec.personas.{name} is unknown; this template has: {names}"
        )
    return size, parameters(spec.parameters, template.parameters)


def check_end(spec: LabEnvironmentSpec, created: datetime, template: LabTemplateSpec) -> None:
    """Check the wished end against the template's longest life.

    Raises:
        InvalidLab: spec.ttl is above maxTTL, or spec.endAt further away than that.
    """
    longest = parse_duration(template.max_ttl)
    if expiry.wished_end(spec, created) <= created + longest:
        return
    if spec.end_at:
        most, wished = rfc3339(created + longest), f"spec.endAt {spec.end_at}"
    else:
        most, wished = format_duration(longest), f"spec.ttl {spec.ttl}"
    raise InvalidLab(
        "TTLAboveMaximum", f"{wished} is above the template's maxTTL: set at most {most}"
    )


def parameters(
    given: Mapping[str, int | str], declared: Mapping[str, Parameter]
) -> dict[str, Value]:
    """Return every declared parameter's value.

    Raises:
        InvalidLab: a parameter is unknown or its value is not accepted.
    """
    for name in sorted(set(given) - set(declared)):
        known = ", ".join(sorted(declared)) or "none"
        raise InvalidLab(
            "ParametersInvalid", f"spec.parameters.{name} is unknown; this template has: {known}"
        )
    values: dict[str, Value] = {}
    for name, parameter in declared.items():
        value = _typed(given.get(name, parameter.default), parameter)
        for problem in _problems(value, parameter):
            raise InvalidLab("ParametersInvalid", f"spec.parameters.{name} {value!r} {problem}")
        values[name] = value
    return values


def _typed(value: int | str, parameter: Parameter) -> Value:
    if parameter.type == "boolean" and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    if parameter.type == "integer" and re.fullmatch(r"-?\d{1,18}", str(value)):
        return int(value)
    return str(value) if parameter.type == "string" else value


def _problems(value: Value, parameter: Parameter) -> Iterator[str]:
    expected = {"string": str, "integer": int, "boolean": bool}[parameter.type]
    if type(value) is not expected:
        yield f"is not of type {parameter.type}"
        return
    if parameter.enum and value not in parameter.enum:
        yield "is not one of: " + ", ".join(str(choice) for choice in parameter.enum)
    if PLACEHOLDER in str(value):
        yield f"must not contain {PLACEHOLDER}"
    if isinstance(value, int) and parameter.minimum is not None and value < parameter.minimum:
        yield f"is below the minimum {parameter.minimum}"
    if isinstance(value, int) and parameter.maximum is not None and value > parameter.maximum:
        yield f"is above the maximum {parameter.maximum}"
