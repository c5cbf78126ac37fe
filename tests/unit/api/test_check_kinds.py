"""Each check looks at its lab in exactly one way, by its type and by its schema."""

from typing import Any

import pytest
from pydantic import ValidationError

from practicum.api import crd
from practicum.api.checks import COSTLY, Check, Looks, Part
from practicum.api.labtemplate import LabTemplateSpec
from tests.unit.checks.checks import body, template

Object = dict[str, Any]
PLAN: Object = {"kind": "ConfigMap", "name": "plan"}
KINDS: Object = {
    "object": PLAN,
    "access": {"can": [{"verb": "get", "resource": "pods", "namespace": "learner"}]},
    "dryRun": {"as": "learner", "manifest": {"kind": "ConfigMap", "metadata": {"name": "x"}}},
    "reach": {"from": "learner", "to": "web:80"},
    "http": {"service": "app"},
    "decision": {"path": "lab/gate"},
    "model": {"name": "fraud"},
    "features": {"view": "customer"},
    "audit": {"absent": [{"match": {"type": "AliasMoved"}}]},
    "metrics": {"service": "app", "metric": "up"},
    "policy": {"package": "lab.gate"},
    "pit": {"data": "data.py", "featureService": "x", "golden": "golden.json"},
    "document": {"key": "plan.yaml"},
    "job": {"repositories": ["repo"], "command": ["pytest"]},
    "attest": {},
    "all": [{"object": PLAN}],
    "any": [{"object": PLAN}],
    "not": {"object": PLAN},
}
"""One of each kind, as it is written."""


def check(**looks: Any) -> Check:
    return Check.model_validate({"id": "a", "title": "A", "task": "do", **looks})


def test_there_is_one_of_each_kind_here() -> None:
    assert set(KINDS) == {field.alias or name for name, field in Looks.model_fields.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_of_one_kind(kind: str) -> None:
    made = check(**{kind: KINDS[kind]})
    assert made.kind == kind
    assert made.look is not None
    parts = 1 if kind in ("all", "any", "not") else 0
    assert len(made.parts) == 1 + parts


@pytest.mark.parametrize("kind", KINDS)
def test_two_kinds_are_refused(kind: str) -> None:
    for other in KINDS.keys() - {kind}:
        with pytest.raises(ValidationError, match="keep exactly one kind"):
            check(**{kind: KINDS[kind], other: KINDS[other]})


def test_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="has no kind: keep exactly one kind"):
        check()
    with pytest.raises(ValidationError, match="has no kind"):
        check(object=None)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {f.alias for f in Part.model_fields.values()}))
def test_what_is_no_part_is_no_part(kind: str) -> None:
    for composed in ({"all": [{kind: KINDS[kind]}]}, {"not": {kind: KINDS[kind]}}):
        with pytest.raises(ValidationError):
            check(**composed)


def test_a_part_has_one_kind_too() -> None:
    with pytest.raises(ValidationError, match="keep exactly one kind"):
        check(any=[{"object": PLAN, "audit": KINDS["audit"]}])
    with pytest.raises(ValidationError, match="has no kind"):
        check(**{"not": {}})


@pytest.mark.parametrize("kind", KINDS)
def test_what_starts_pods_is_costly(kind: str) -> None:
    assert check(**{kind: KINDS[kind]}).costly is (kind in COSTLY)


@pytest.mark.parametrize("composed", ["all", "any"])
def test_what_is_made_of_costly_parts_is_costly(composed: str) -> None:
    assert check(**{composed: [{"object": PLAN}, {"reach": KINDS["reach"]}]}).costly
    assert check(**{"not": {"reach": KINDS["reach"]}}).costly


def test_who_asks_a_service_of_the_learner_visits() -> None:
    url = {"url": "http://web.lab.svc:8080/"}
    assert not check(http={"service": "app"}).visits
    visiting = [
        check(http=url),
        check(all=[{"http": {"service": "app"}}, {"http": url}]),
        check(**{"not": {"http": url}}),
        check(document={"key": "a", "facts": [{"name": "x", "http": url}]}),
    ]
    assert all(one.visits and one.costly for one in visiting)


@pytest.mark.parametrize("kind", KINDS)
def test_checks_survive_the_wire_and_say_no_more_than_they_do(kind: str) -> None:
    spec = template(body("a", **{kind: KINDS[kind]}))
    (written,) = spec.wire()["checks"]
    assert written == {"id": "a", "title": "Check a", "task": "do", kind: written[kind]}
    assert LabTemplateSpec.model_validate(spec.wire()) == spec


def test_the_schema_says_the_same() -> None:
    (version,) = crd.crds()["labtemplates.yaml"]["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    items = spec["properties"]["checks"]["items"]
    (rule,) = items["x-kubernetes-validations"]
    assert all(f"has(self.{kind})" in rule["rule"] for kind in KINDS)
    assert rule["rule"].count("has(self.") == len(KINDS)
    assert set(KINDS) < set(items["properties"])


@pytest.mark.parametrize(
    "change",
    [
        {"id": "Upper"},
        {"points": 101},
        {"points": -1},
        {"fresh": "maybe"},
        {"within": "soon"},
        {"needs": ["x"] * 9},
        {"hint": "x" * 513},
        {"sevrity": 1},
    ],
)
def test_bad_checks_are_refused(change: Object) -> None:
    with pytest.raises(ValidationError):
        Check.model_validate(body(**change))
