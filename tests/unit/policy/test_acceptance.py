"""Every refusal names the field, the value and the remedy."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.labenvironment import LabEnvironmentSpec
from practicum.api.labtemplate import Parameter
from practicum.errors import InvalidLab
from practicum.policy import acceptance
from tests import samples

DECLARED = {
    "dataset": {"default": "iris", "enum": ["iris", "mnist"]},
    "seed": {"type": "integer", "default": 1, "minimum": 0, "maximum": 9},
    "loud": {"type": "boolean", "default": "false"},
    "code": {"default": "ab"},
}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEFAULTS = {"dataset": "iris", "seed": 1, "loud": False, "code": "ab"}
TEMPLATE = samples.template(parameters=DECLARED)


def spec(**changes: Any) -> LabEnvironmentSpec:
    return LabEnvironmentSpec.model_validate({"template": "mod-1"} | changes)


def refusal(wanted: LabEnvironmentSpec) -> InvalidLab:
    with pytest.raises(InvalidLab) as caught:
        acceptance.check_end(wanted, NOW, TEMPLATE)
        acceptance.choose(wanted, TEMPLATE)
    return caught.value


def test_defaults_are_filled_in() -> None:
    assert acceptance.choose(spec(), TEMPLATE) == ("small", DEFAULTS)
    assert acceptance.choose(spec(size="large"), TEMPLATE)[0] == "large"


@pytest.mark.parametrize(
    ("given_", "name", "value"),
    [
        ({"dataset": "mnist"}, "dataset", "mnist"),
        ({"seed": 0}, "seed", 0),
        ({"seed": "9"}, "seed", 9),
        ({"loud": "True"}, "loud", True),
        ({"loud": "false"}, "loud", False),
        ({"code": "zz"}, "code", "zz"),
    ],
)
def test_accepted(given_: dict[str, Any], name: str, value: Any) -> None:
    _, values = acceptance.choose(spec(parameters=given_), TEMPLATE)
    assert values == DEFAULTS | {name: value}
    assert type(values[name]) is type(value)


@pytest.mark.parametrize(
    ("changes", "reason", "field", "value", "remedy"),
    [
        ({"ttl": "25h"}, "TTLAboveMaximum", "spec.ttl", "25h", "at most 24h"),
        ({"ttl": "24h1s"}, "TTLAboveMaximum", "spec.ttl", "24h1s", "at most 24h"),
        (
            {"endAt": "2026-11-22T12:00:01Z"},
            *(
                "TTLAboveMaximum",
                "spec.endAt",
                "2026-11-22T12:00:01Z",
                "at most 2026-11-22T12:00:00Z",
            ),
        ),
        ({"size": "huge"}, "SizeUnknown", "spec.size", "'huge'", "large, small"),
        (
            {"parameters": {"color": "red"}},
            *("ParametersInvalid", "spec.parameters.color", "unknown"),
            "code, dataset, loud, seed",
        ),
        (
            {"parameters": {"dataset": "cifar"}},
            *("ParametersInvalid", "spec.parameters.dataset", "'cifar'", "iris, mnist"),
        ),
        (
            {"parameters": {"seed": "x"}},
            *("ParametersInvalid", "spec.parameters.seed", "'x'", "type integer"),
        ),
        (
            {"parameters": {"seed": "1.5"}},
            *("ParametersInvalid", "spec.parameters.seed", "'1.5'", "type integer"),
        ),
        (
            {"parameters": {"seed": "9" * 30}},
            *("ParametersInvalid", "spec.parameters.seed", "'999", "type integer"),
        ),
        (
            {"parameters": {"seed": -1}},
            *("ParametersInvalid", "spec.parameters.seed", "-1", "minimum 0"),
        ),
        (
            {"parameters": {"seed": 10}},
            *("ParametersInvalid", "spec.parameters.seed", "10", "maximum 9"),
        ),
        (
            {"parameters": {"loud": "yes"}},
            *("ParametersInvalid", "spec.parameters.loud", "'yes'", "type boolean"),
        ),
        (
            {"parameters": {"code": "<<practicum:secret:mlflow/admin>>"}},
            *("ParametersInvalid", "spec.parameters.code", "secret", "must not contain"),
        ),
        (
            {"personas": {"invented": {"subject": {"name": "x"}}}},
            *("PersonasInvalid", "spec.personas.invented", "unknown", "on-call, reviewer"),
        ),
    ],
)
def test_refused(changes: dict[str, Any], reason: str, field: str, value: str, remedy: str) -> None:
    error = refusal(spec(**changes))
    assert error.reason == reason
    for part in (field, value, remedy):
        assert part in str(error)


def test_a_template_without_parameters_says_so() -> None:
    with pytest.raises(InvalidLab, match="this template has: none"):
        acceptance.parameters({"x": 1}, {})


def test_a_default_that_does_not_fit_is_refused_too() -> None:
    declared = {"seed": Parameter(type="integer", default="x")}
    with pytest.raises(InvalidLab, match=r"spec\.parameters\.seed"):
        acceptance.parameters({}, declared)


VALUES = st.integers(-(10**6), 10**6) | st.text(max_size=12)


@given(st.dictionaries(st.sampled_from(sorted(DECLARED)), VALUES))
def test_whatever_is_given_fits_or_is_refused(values: dict[str, int | str]) -> None:
    declared = TEMPLATE.parameters
    try:
        chosen = acceptance.parameters(values, declared)
    except InvalidLab as error:
        assert error.reason == "ParametersInvalid"
        return
    assert set(chosen) == set(declared)
    assert chosen["dataset"] in ("iris", "mnist")
    assert isinstance(chosen["loud"], bool)
    seed = chosen["seed"]
    assert type(seed) is int
    assert 0 <= seed <= 9


@pytest.mark.parametrize("name", samples.MODULES)
def test_every_module_accepts_its_own_defaults(name: str) -> None:
    module = samples.module(name)
    for size in module.sizes:
        wanted = spec(template=name, size=size, ttl=module.max_ttl)
        acceptance.check_end(wanted, NOW, module)
        assert acceptance.choose(wanted, module)[0] == size
