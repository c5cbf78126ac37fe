"""Usernames become people: whoever plays a persona is known, and nobody is two."""

from typing import Any

import pytest

from practicum.governance.people import actors
from tests import samples

GRACE = {"subject": {"kind": "User", "name": "grace@example.org"}}
LEARNER = {
    "id": "ada@example.org",
    "subjects": [{"kind": "User", "name": "ada-at-work@example.org"}],
}


def people(**spec: Any) -> dict[str, tuple[str, str, bool]]:
    found = actors(samples.lab(**{"learner": LEARNER, **spec}))
    return {name: (actor.persona, actor.person, actor.simulated) for name, actor in found.items()}


def account(persona: str) -> str:
    return f"system:serviceaccount:course-a:ada.{persona}"


PERSONAS = [persona.name for persona in samples.lab().template.personas]


def test_a_learner_alone_plays_all() -> None:
    assert people() == {
        account(persona): (persona, "ada@example.org", True) for persona in PERSONAS
    }


def test_a_persona_that_was_handed_over_is_that_person_and_no_account() -> None:
    found = people(personas={PERSONAS[0]: GRACE})
    assert found["grace@example.org"] == (PERSONAS[0], "grace@example.org", False)
    assert account(PERSONAS[0]) not in found
    assert len(found) == len(PERSONAS)


def test_the_learners_other_name_is_the_learner() -> None:
    own = {"subject": {"kind": "User", "name": "ada-at-work@example.org"}}
    found = people(personas={PERSONAS[0]: own})
    assert found["ada-at-work@example.org"] == (PERSONAS[0], "ada@example.org", False)


def test_a_group_is_nobody() -> None:
    tutors = {"subject": {"kind": "Group", "name": "tutors"}}
    assert PERSONAS[0] not in {
        persona for persona, *_ in people(personas={PERSONAS[0]: tutors}).values()
    }


@pytest.mark.parametrize("other", PERSONAS[1:])
def test_one_name_is_one_actor(other: str) -> None:
    found = people(personas={PERSONAS[0]: GRACE, other: GRACE})
    assert found["grace@example.org"][0] == PERSONAS[0]


def test_without_a_learner_there_is_nobody() -> None:
    assert people(learner=None) == {}


def test_roles_are_the_templates() -> None:
    lab = samples.lab()
    roles = {persona.name: persona.role for persona in lab.template.personas}
    assert {actor.persona: actor.role for actor in actors(lab).values()} == roles
