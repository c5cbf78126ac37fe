"""Documents of learners: their form by a schema, their sense by rules that OPA itself runs."""

import json
from typing import Any

import pytest

from practicum.checks import forms
from practicum.checks.evaluation import Evaluator
from practicum.checks.findings import Finding
from practicum.checks.looks.policies import PolicyLooks
from practicum.checks.values import Malformed
from practicum.errors import ServiceError
from practicum.governance.http import Answer
from practicum.governance.opa import Opa
from practicum.governance.vetting import Vetter
from tests.apiserver.conftest import tool

from .checks import body, template
from .scenes import Stage, config_map

Object = dict[str, Any]
OPA = str(tool("opa"))
SCHEMA: Object = {
    "type": "object",
    "required": ["steps"],
    "properties": {
        "steps": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["owner"],
                "properties": {"owner": {"enum": ["ds", "mle"]}, "hours": {"type": "number"}},
            },
        }
    },
}
GOOD = "steps:\n  - owner: ds\n    hours: 2\n"
RULES = """\
package lab.docs

import rego.v1

deny contains "more hours than a day has" if {
	some step in input.document.steps
	step.hours > 24
}

deny contains {"msg": sprintf("%s does not run", [name])} if {
	some name in input.document.uses
	not name in {one.name | some one in input.services}
}

deny contains "the service says otherwise" if input.document.claim != input.facts.served.body.claim

deny contains "it lies elsewhere" if input.document.namespace != input.lab.namespaces.learner
"""
FACTS = [{"name": "served", "http": {"service": "app", "path": "/claim"}}]


async def looked(
    text: str | None,
    *,
    rules: str = "",
    facts: Any = (),
    stage: Any = None,
    opa: str = OPA,
    evaluator: Evaluator | None = None,
    **look: Any,
) -> Finding:
    """Return what is found of a document; with ``schema``, of one with that schema."""
    written = [] if text is None else [config_map("docs", plan__yaml=text)]
    assets = {"plan.json": json.dumps(look.pop("schema"))} if "schema" in look else {}
    asked = {"key": "plan.yaml", "facts": list(facts), **look}
    asked |= {"schema": "plan.json"} if assets else {}
    asked |= {"rules": "plan.rego"} if rules else {}
    answers = {"plan.rego": rules} if rules else {}
    visible = [{"path": path, "content": content} for path, content in assets.items()]
    spec = template(body(document=asked), assets=visible)
    made = Stage(spec, written, answers=answers, opa=opa, **(stage or {}))
    evaluator = evaluator or Evaluator(PolicyLooks(Vetter(Opa(opa))))
    found = await evaluator.evaluate(made.scene, spec.checks, None, asked=True)
    return found["plan"]


def failed(found: Finding, *said: str) -> bool:
    assert found.state.value == "fail", found
    return all(text in found.message for text in said) or bool(pytest.fail(found.message))


async def test_a_document_that_is_in_form_passes() -> None:
    assert (await looked(GOOD, schema=SCHEMA)).state.value == "pass"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no ConfigMap docs"),
        ("a: [", "docs/plan.yaml is no YAML: "),
        ("a: &x 1\nb: *x\n", "anchors and aliases are not read: write it out"),
        ("\x07", "docs/plan.yaml is no YAML: "),
        ("!!python/object/apply:os.system [id]", "docs/plan.yaml is no YAML: "),
        ("[" * 3000, "docs/plan.yaml is no YAML: "),
        ("2026-11-21: a date as a key", "docs/plan.yaml is no YAML: keys must be str"),
        ("? !!binary aGk=\n: x", "docs/plan.yaml is no YAML: keys must be str"),
        ("hours: .nan", "docs/plan.yaml is no YAML: Out of range float values"),
        ("hours: -.inf", "docs/plan.yaml is no YAML: Out of range float values"),
        ("x" * 65537, "docs/plan.yaml has more than 65536 characters"),
        ("{}", "the document: 'steps' is a required property"),
        ("", "the document: None is not of type 'object'"),
        ("steps: 1", "steps: 1 is not of type 'array'"),
        ("steps: []", "steps: "),
        ("steps: [{owner: ds}, {owner: me}]", "steps.1.owner: 'me' is not one of"),
        ("steps: [{owner: ds, hours: two}]", "steps.0.hours: 'two' is not of type 'number'"),
    ],
)
async def test_what_is_wrong_is_named_by_its_path(text: str | None, said: str) -> None:
    assert failed(await looked(text, schema=SCHEMA), said)


async def test_a_key_that_is_not_there_is_named() -> None:
    assert failed(await looked(GOOD, key="other.yaml"), "ConfigMap docs has no key other.yaml")


async def test_a_bomb_does_not_go_off() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert failed(await looked("\n".join(lines)), "anchors and aliases are not read")


async def test_dates_are_read_as_texts() -> None:
    schema = {"properties": {"on": {"type": "string", "pattern": "^2026-11-21$"}}}
    assert (await looked("'on': 2026-11-21\n", schema=schema)).state.value == "pass"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "nothing"}, "'nothing' is not valid"),
        ({"$ref": "https://example.org/a.json"}, "Unresolvable: https://example.org/a.json"),
        ({"$ref": "file:///etc/passwd"}, "Unresolvable: file:///etc/passwd"),
        ({"propertyNames": {"pattern": "("}}, "'(' is not a 'regex'"),
    ],
)
async def test_a_schema_that_is_none_is_not_the_learners_mistake(schema: Object, said: str) -> None:
    found = await looked(GOOD, schema=schema)
    assert found.state.value == "error"
    assert found.message.startswith("the check is malformed: the schema is none: ")
    assert said in found.message


def test_out_of_form_tells_the_author_apart() -> None:
    assert forms.out_of_form({"steps": [{"owner": "ds"}]}, json.dumps(SCHEMA)) == ""
    for schema in ('{"minItems": "x"}', "{", '{"pattern": "(?=a)"}', '{"patternProperties": {}}'):
        with pytest.raises(Malformed):
            forms.out_of_form({}, schema)


def test_what_is_too_little_says_how_much_is_needed() -> None:
    schema = {"properties": {"roles": {"type": "array", "minItems": 3, "uniqueItems": True}}}
    text = json.dumps(schema)
    assert forms.out_of_form({"roles": ["a"]}, text) == "roles: 1 entries, 3 or more are needed"
    twice = {"roles": [{"a": 1, "b": 2}, 1, {"b": 2, "a": 1}]}
    assert forms.out_of_form(twice, text).endswith("has an entry twice")


async def test_what_was_found_before_is_not_looked_for_again() -> None:
    """Of two evaluations that see the same, the second asks OPA nothing."""
    evaluator = Evaluator(PolicyLooks(Vetter(Opa(OPA))))
    first = await looked(GOOD, rules=RULES, schema=SCHEMA, evaluator=evaluator)
    again = await looked(GOOD, rules=RULES, schema=SCHEMA, evaluator=evaluator, opa="/nowhere")
    other = await looked(
        f"{GOOD} ", rules=RULES, schema=SCHEMA, evaluator=evaluator, opa="/nowhere"
    )
    assert [one.state.value for one in (first, again, other)] == ["pass", "pass", "error"]


async def test_two_of_one_name_are_the_learners_to_mend() -> None:
    rules = "package lab.docs\n\nof[one.owner] := one.hours if some one in input.document.steps\n"
    rules += 'deny contains "idle" if of.ds == 0\n'
    twice = "steps:\n  - {owner: ds, hours: 1}\n  - {owner: ds, hours: 2}\n"
    assert failed(await looked(twice, rules=rules), "two entries bear the same name")


async def test_text_is_one_string() -> None:
    rules = 'package lab.docs\n\ndeny contains "too short" if count(input.document) < 10\n'
    assert failed(await looked("short", format="text", rules=rules), "plan.yaml: too short")
    assert (await looked("a: [ long enough", format="text", rules=rules)).state.value == "pass"


async def test_rules_see_the_lab_and_its_services() -> None:
    spaces = Stage().scene().lab.namespaces
    good = f"{GOOD}uses: [app]\nnamespace: {spaces['learner']}\n"
    assert (await looked(good, rules=RULES, schema=SCHEMA)).state.value == "pass"
    bad = f"{GOOD}uses: [app, db]\nnamespace: elsewhere\n"
    found = await looked(bad, rules=RULES)
    assert failed(found, "docs/plan.yaml: db does not run")
    assert found.observed == "db does not run; it lies elsewhere"


async def test_rules_come_after_the_form() -> None:
    assert failed(await looked("steps: [{hours: 30}]", rules=RULES, schema=SCHEMA), "steps.0: ")
    assert failed(await looked("steps: [{hours: 30}]", rules=RULES), "more hours than a day has")


async def test_a_document_is_held_against_facts() -> None:
    served = {"services": {"/claim": Answer(200, {"claim": 42})}}
    right = await looked("claim: 42", rules=RULES, facts=FACTS, stage=served)
    assert right.state.value == "pass"
    wrong = await looked("claim: 41", rules=RULES, facts=FACTS, stage=served)
    assert failed(wrong, "the service says otherwise")


async def test_without_a_fact_nobody_can_tell() -> None:
    stage = {"services": {"/claim": ServiceError("NotRunning", "app does not run")}}
    found = await looked("claim: 41", rules=RULES, facts=FACTS, stage=stage)
    assert (found.state.value, found.message) == ("error", "app: app does not run")


async def test_facts_are_what_they_say() -> None:
    rules = """\
package lab.docs

deny contains msg if {
	some name, fact in input.facts
	msg := sprintf("%s=%s", [name, json.marshal(fact)])
}
"""
    facts = [
        {"name": "objects", "object": {"kind": "ConfigMap", "name": "none"}},
        {"name": "life", "lifecycle": {}},
    ]
    found = await looked("{}", rules=rules, facts=facts)
    assert "objects=[]" in found.observed
    assert 'life={"' in found.observed


async def test_a_few_objections_are_told_at_once() -> None:
    rules = (
        'package lab.docs\n\ndeny contains sprintf("no %d", [n]) if some n in numbers.range(1, 9)\n'
    )
    found = await looked("{}", rules=rules)
    assert found.observed.count("no ") == 5 and found.observed.endswith("(and 4 more)")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("package lab.docs\n\ndeny contains x if true\n", "rules plan.rego: "),
        ("package lab.docs\n\ndeny contains http.send({}) if true\n", "undefined function"),
        ("package lab.docs\n\ndeny := 1 if true\n\ndeny := 2 if true\n", "rules plan.rego: "),
    ],
)
async def test_rules_that_do_not_work_are_the_labs_trouble(rules: str, said: str) -> None:
    found = await looked("{}", rules=rules)
    assert (found.state.value, said in found.message) == ("error", True), found


async def test_rules_that_are_not_there_are_the_authors_mistake() -> None:
    spec = template(body(document={"key": "plan.yaml", "rules": "gone.rego"}))
    stage = Stage(spec, [config_map("docs", plan__yaml="{}")], opa=OPA)
    evaluator = Evaluator(PolicyLooks(Vetter(Opa(OPA))))
    found = (await evaluator.evaluate(stage.scene, spec.checks, None, asked=True))["plan"]
    assert found.message == "the check is malformed: asset gone.rego is not there"
