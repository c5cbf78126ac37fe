"""Who is who in a lab: the one table from Kubernetes' names to personas, roles and people.

What asks for a change or answers is a username. Whose it is follows from the lab alone: a persona
that was handed to somebody is that person, and every other is played by the learner.
"""

from practicum.desired import access
from practicum.desired.lab import Lab
from practicum.policy.floor import Actor


def actors(lab: Lab) -> dict[str, Actor]:
    """Return everybody who may ask or answer, by username.

    Groups are left out: who is in one only the identity provider knows, so it cannot be told
    whether two of its members are one person.
    """
    learner = lab.resource.spec.learner
    if learner is None:
        return {}
    same = {subject.name for subject in learner.subjects}
    given = lab.resource.spec.personas if lab.settings.allow_subjects else {}
    found: dict[str, Actor] = {}
    for persona in lab.template.personas:
        handed = given.get(persona.name)
        if handed is None:
            username = f"system:serviceaccount:{lab.course}:{access.account(lab, persona.name)}"
            actor = Actor(username, persona.name, persona.role, learner.id, simulated=True)
        elif handed.subject.kind == "User":
            username = handed.subject.name
            person = learner.id if username in same else username
            actor = Actor(username, persona.name, persona.role, person)
        else:
            continue
        # Somebody with two personas acts in the first of them: a username tells no more.
        found.setdefault(username, actor)
    return found
