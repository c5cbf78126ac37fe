"""Policy practicum-usage-books: whoever edits a course reads what it cost, and alters nothing."""

import pytest

from practicum.api.names import USAGE_BOOK

from .actors import Actor
from .cases import Case, create, delete, edit, table
from .conftest import World
from .objects import at, thing

BOOK, NEXT, OTHER = "practicum-usage-2026-10", "practicum-usage-2026-12", "notes"
COURSE = "{course}"
OURS = "only the operator writes"
LINE = {"data": {"of-a-lab": "{{}}"}}


def _labels(value: str | None) -> object:
    return {"metadata": {"labels": {USAGE_BOOK: value}}}


INSTRUCTOR_CASES = table(
    Case("a book read", "GET", at("ConfigMap", COURSE, BOOK)),
    edit("a line altered", "ConfigMap", BOOK, LINE, OURS, namespace=COURSE),
    edit("all lines dropped", "ConfigMap", BOOK, {"data": None}, OURS, namespace=COURSE),
    edit("a book unlabelled", "ConfigMap", BOOK, _labels(None), OURS, namespace=COURSE),
    delete("a book deleted", "ConfigMap", BOOK, OURS, COURSE),
    delete("all ConfigMaps deleted", "ConfigMap", "", OURS, COURSE),
    create("the next month's, before it begins", thing("ConfigMap", NEXT), OURS, COURSE),
    create(
        "one of one's own", thing("ConfigMap", "x", {"labels": {USAGE_BOOK: "x"}}), OURS, COURSE
    ),
    edit("one's own made a book", "ConfigMap", OTHER, _labels("x"), OURS, namespace=COURSE),
    edit("one's own changed", "ConfigMap", OTHER, LINE, namespace=COURSE),
    delete("one's own deleted", "ConfigMap", OTHER, namespace=COURSE),
)


@pytest.fixture(scope="module", autouse=True)
def books(world: World, tutor: Actor) -> None:
    """A book by the operator, and a ConfigMap of the instructor's."""
    labels = {"app.kubernetes.io/managed-by": "practicum", USAGE_BOOK: "2026-10"}
    for actor, body in (
        (world.operator, thing("ConfigMap", BOOK, {"labels": labels}, **LINE)),
        (tutor, thing("ConfigMap", OTHER, data={"a": "a"})),
    ):
        answer = world.attempt(actor, "POST", at("ConfigMap", COURSE), body, dry_run=False)
        assert answer.granted, answer


@pytest.mark.parametrize("case", INSTRUCTOR_CASES)
def test_instructor(world: World, tutor: Actor, case: Case) -> None:
    case.check(world, tutor)


def test_an_administrator_may(world: World) -> None:
    delete("a book deleted", "ConfigMap", BOOK, namespace=COURSE).check(world, world.admin)
