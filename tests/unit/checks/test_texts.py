"""A lab's own values in what its checks say."""

import pytest

from practicum.api.looks.cluster import ObjectCheck, ReachCheck
from practicum.checks import texts
from practicum.checks.values import Malformed
from tests import samples

TENANTS = samples.template(
    sizes={
        "small": {
            "quota": dict.fromkeys(("learner", "platform", "team-a", "team-b"), samples.QUOTA)
        }
    },
    tenants=[{"name": "team-a"}, {"name": "team-b"}],
)
LAB = samples.lab(TENANTS)
VALUES = texts.known_values(LAB)


def test_a_lab_is_known_by_its_names_sides_and_people() -> None:
    assert VALUES["lab"] == "ada"
    assert VALUES["course"] == "course-a"
    assert VALUES["learner"] == "ada@example.org"
    sides = {name.removeprefix("ns.") for name in VALUES if name.startswith("ns.")}
    assert sides == {"learner", "platform", "team-a", "team-b"}
    assert VALUES["ns.team-a"] == LAB.namespaces["team-a"]
    assert VALUES["persona.on-call"] == "ada.on-call"
    assert not [value for value in VALUES.values() if "key" in value.lower()]


def test_a_spare_lab_has_an_empty_learner() -> None:
    assert texts.known_values(samples.lab(TENANTS, learner=None))["learner"] == ""


def test_values_stand_wherever_texts_do() -> None:
    said = {"{{lab}}": ["{{ ns.team-a }}/x", 1, None, True, {"deep": "{{learner}}"}]}
    space = LAB.namespaces["team-a"]
    filled = {"ada": [f"{space}/x", 1, None, True, {"deep": "ada@example.org"}]}
    assert texts.filled(said, VALUES) == filled


@pytest.mark.parametrize("text", ["{{ns.team-c}}", "{{ns}}", "{{persona.nobody}}", "{{secret}}"])
def test_what_is_not_known_is_the_authors_mistake(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        texts.filled({"a": [text]}, VALUES)
    assert f"{text} is not known; there are: course, lab, learner, ns.learner" in str(caught.value)


@pytest.mark.parametrize("text", ["{{Upper}}", "{{ a b }}", "{one}", "{{", "{{}}", "{{a.b.c}}"])
def test_what_looks_like_no_value_stays(text: str) -> None:
    assert texts.filled(text, VALUES) == text


def test_values_are_not_looked_at_again() -> None:
    assert texts.filled("{{a}}", {"a": "{{b}}", "b": "x"}) == "{{b}}"


def test_a_look_stays_what_it_is() -> None:
    look = ReachCheck.model_validate({"from": "team-a", "to": "web.{{ns.team-b}}.svc:8080"})
    filled = texts.filled_in(look, VALUES)
    assert filled == look.model_copy(update={"to": f"web.{LAB.namespaces['team-b']}.svc:8080"})
    match = {"metadata": {"annotations": {"for": "{{ learner }}"}}}
    expect = [{"path": "data.a", "value": "{{lab}}"}]
    written = {"kind": "ConfigMap", "match": match, "assert": expect}
    of_objects = texts.filled_in(ObjectCheck.model_validate(written), VALUES)
    assert of_objects.match["metadata"]["annotations"] == {"for": "ada@example.org"}
    assert of_objects.expect[0].value == "ada"
    assert of_objects.count.min == 1
