"""What does not fit together in a template is named: the field, the value, and what there is."""

from typing import Any

import pytest
from pydantic import ValidationError

from practicum.api import wholeness
from practicum.api.labtemplate import LabTemplateSpec
from tests import samples
from tests.unit.checks.checks import body, template

Object = dict[str, Any]
TENANT = {"name": "team-a"}
QUOTAS = dict.fromkeys(("learner", "platform", "team-a"), samples.QUOTA)
SIZES = {"small": {"quota": QUOTAS}}
WHOLE: Object = {
    "sizes": SIZES,
    "tenants": [TENANT],
    "personas": [
        {
            "name": "lead",
            "title": "Lead",
            "role": "lead",
            "grants": [{"tenant": "team-a", "role": "tenancy-admin"}],
        }
    ],
    "changes": {
        "models": [{"name": "fraud", "candidates": "dev", "serving": "app"}],
        "actions": {},
    },
    "drills": [
        {"name": "dark", "title": "Dark", "outage": {"component": "app"}},
        {"name": "moved", "title": "Moved", "moveAlias": {"model": "fraud"}},
    ],
}
CHECKS = [
    body("first", criteria=["shown"]),
    body("second", needs=["first"]),
]


def grant(tenant: str) -> Object:
    grants = [{"tenant": tenant, "role": "tenant-viewer"}]
    return {"personas": [{"name": "lead", "title": "L", "role": "lead", "grants": grants}]}


def drill(**what: Any) -> Object:
    return {"drills": [{"name": "dark", "title": "Dark", **what}]}


def refused(*checks: Object, **changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        template(*(checks or CHECKS), **{**WHOLE, **changes})
    (error,) = caught.value.errors()
    return str(error["msg"])


def test_a_template_that_is_whole() -> None:
    spec = template(*CHECKS, **WHOLE)
    assert list(wholeness.problems(spec)) == []
    assert LabTemplateSpec.model_validate(spec.wire()) == spec


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"components": [{"name": "app", "placement": "team-b"}]},
            "components.app.placement 'team-b' is not there; there are: learner, platform, team-a",
        ),
        (
            {"sizes": {"small": {"quota": {"learner": samples.QUOTA, "platform": samples.QUOTA}}}},
            "sizes.small.quota needs side 'team-a' is not there; there are: learner, platform",
        ),
        (
            {"sizes": {**SIZES, "large": {"quota": {}}}},
            "sizes.large.quota needs side 'learner' is not there; there are: none",
        ),
        (
            grant("team-b"),
            "personas.lead.grants.tenant 'team-b' is not there; there are: team-a",
        ),
        ({"tenants": [], **grant("learner")}, "grants.tenant 'learner' is not there"),
        (drill(outage={"component": "db"}), "drills.dark.outage.component 'db' is not there"),
        (
            drill(moveAlias={"model": "other"}),
            "drills.dark.moveAlias.model 'other' is not there; there are: fraud",
        ),
        (
            {"changes": None, **drill(moveAlias={"model": "fraud"})},
            "drills.dark.moveAlias.model 'fraud' is not there; there are: none",
        ),
        (
            {"drills": [*WHOLE["drills"], WHOLE["drills"][0]]},
            "drills: dark is there 2 times; names are unique",
        ),
        (
            {"criteria": [{"id": "shown", "text": "x", "source": "content"}] * 3},
            "criteria: shown is there 3 times; names are unique",
        ),
    ],
)
def test_a_template_that_is_not(changes: Object, said: str) -> None:
    assert said in refused(**changes)


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ([body("a"), body("a")], "checks: a is there 2 times; names are unique"),
        ([body("a", task="rest")], "checks.a.task 'rest' is not there; there are: do"),
        ([body("a", criteria=["x"])], "checks.a.criteria 'x' is not there; there are: shown"),
        (
            [body("a", needs=["b"]), body("b")],
            "checks.a.needs, of those before it, 'b' is not there; there are: none",
        ),
        ([body("a", needs=["a"])], "checks.a.needs, of those before it, 'a' is not there"),
        ([body("a"), body("b", needs=["c"])], "'c' is not there; there are: a"),
    ],
)
def test_checks_that_name_what_is_not_there(checks: list[Object], said: str) -> None:
    assert said in refused(*checks)


def test_all_problems_are_found_and_the_first_is_told() -> None:
    spec = template(*CHECKS, **WHOLE)
    broken = spec.model_copy(update={"tenants": [], "tasks": [], "criteria": []})
    found = list(wholeness.problems(broken))
    assert len(found) == 4
    assert found[0].startswith("personas.lead.grants.tenant 'team-a'")


@pytest.mark.parametrize("module", samples.MODULES)
def test_modules_are_whole(module: str) -> None:
    assert list(wholeness.problems(samples.module(module))) == []
