"""Cases as data: who tries what, and which words refuse it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from .actors import JSON, MERGE, Object
from .conftest import World
from .objects import at


@dataclass(frozen=True)
class Case:
    """One request; ``refusal`` is a part of the message that refuses it, nothing lets it pass."""

    title: str
    method: str
    path: str
    body: object = None
    refusal: str = ""
    content_type: str = JSON

    def check(self, world: World, actor: Any) -> None:
        """Try it, without doing it."""
        answer = world.attempt(
            actor, self.method, self.path, self.body, content_type=self.content_type
        )
        if not self.refusal:
            assert answer.granted, answer
            return
        assert answer.status in (403, 422), answer
        assert self.refusal in answer.message, answer.message


def create(title: str, body: Object, refusal: str = "", namespace: str = "{learner}") -> Case:
    """Make an object."""
    return Case(title, "POST", at(body["kind"], namespace), body, refusal)


def edit(
    title: str,
    kind: str,
    name: str,
    patch: object,
    refusal: str = "",
    *,
    namespace: str = "{learner}",
    subresource: str = "",
    content_type: str = MERGE,
) -> Case:
    """Change an object that is there."""
    path = at(kind, namespace, name, subresource)
    return Case(title, "PATCH", path, patch, refusal, content_type)


def delete(
    title: str, kind: str, name: str, refusal: str = "", namespace: str = "{learner}"
) -> Case:
    """Delete an object, or all of a kind when it has no name."""
    return Case(title, "DELETE", at(kind, namespace, name), None, refusal)


def table(*cases: Case | Iterable[Case]) -> list[ParameterSet]:
    """Return the cases as pytest's parameters, named by their titles."""
    flat = [c for entry in cases for c in ([entry] if isinstance(entry, Case) else entry)]
    titles = [case.title for case in flat]
    assert len(set(titles)) == len(titles), "titles repeat"
    return [pytest.param(case, id=case.title) for case in flat]
