"""Ratings: signed by who makes them, made by instructors alone, and there as they were given."""

from typing import Any

import pytest

from .actors import APPLY, Actor, Object
from .cases import Case, create, delete, edit, table
from .conftest import World, until
from .objects import at, binding, thing

COURSE = "{course}"
TUTOR, COLLEAGUE, CLEANER = "tutor@example.org", "colleague@example.org", "cleaner@example.org"
SIGNED, RBAC, PLACE, FIXED = "must be the name", "cannot", "in the course", "stays as it was given"
LEARNER = "system:serviceaccount:{course}:ada.learner"
ROLE = {"apiGroups": ["practicum.dev"], "resources": ["attestations"], "verbs": ["delete"]}


def rating(name: str = "good", rater: str = TUTOR, **spec: Any) -> Object:
    made = {
        "lab": "ada",
        "subject": "features",
        "rubric": [{"criterion": "clarity", "score": 3, "max": 5}],
        "passed": True,
        "rater": rater,
        **spec,
    }
    return thing("Attestation", name, spec=made)


def scored(*scores: tuple[str, int, int]) -> Object:
    return rating(rubric=[{"criterion": c, "score": s, "max": m} for c, s, m in scores])


INSTRUCTOR_CASES = table(
    create("a rating", rating(), namespace=COURSE),
    create("a rating in a colleague's name", rating(rater=COLLEAGUE), SIGNED, COURSE),
    create("a rating in nobody's name", rating(rater=""), "spec.rater", COURSE),
    create("a rating in the learner's name", rating(rater=LEARNER), SIGNED, COURSE),
    create("nothing scored", scored(("clarity", 0, 5)), namespace=COURSE),
    create("the most scored", scored(("clarity", 5, 5), ("rigour", 1, 1)), namespace=COURSE),
    create("more than the most", scored(("clarity", 6, 5)), "at most its max", COURSE),
    create("less than nothing", scored(("clarity", -1, 5)), "score", COURSE),
    create("one criterion twice", scored(("a", 1, 5), ("a", 5, 5)), "Duplicate", COURSE),
    create("no criterion", scored(), "spec.rubric", COURSE),
    create("no lab", rating(lab="Ada Lovelace"), "spec.lab", COURSE),
    create("a rating in another course", rating(), RBAC, "{other_course}"),
    Case("reading ratings", "GET", at("Attestation", COURSE)),
    edit(
        "own rating changed",
        *("Attestation", "given", {"spec": {"passed": False}}, RBAC),
        namespace=COURSE,
    ),
    delete("own rating", "Attestation", "given", namespace=COURSE),
    delete("a colleague's rating", "Attestation", "colleagues", namespace=COURSE),
    delete("all ratings", "Attestation", "", RBAC, COURSE),
)

ADMIN_CASES = table(
    create("a rating in the tutor's name", rating(), SIGNED, COURSE),
    create("a rating in a lab", rating(), PLACE, "{learner}"),
    edit(
        "verdict changed",
        *("Attestation", "given", {"spec": {"passed": False}}, FIXED),
        namespace=COURSE,
    ),
    edit(
        "rater changed",
        *("Attestation", "given", {"spec": {"rater": COLLEAGUE}}, FIXED),
        namespace=COURSE,
    ),
    edit(
        "comment added",
        *("Attestation", "given", {"spec": {"comment": "x"}}, FIXED),
        namespace=COURSE,
    ),
    edit(
        "a label",
        *("Attestation", "given", {"metadata": {"labels": {"term": "autumn"}}}),
        namespace=COURSE,
    ),
    delete("a rating", "Attestation", "given", namespace=COURSE),
)

REFUSED_CASES = table(
    create("a rating of oneself", rating(rater=LEARNER), RBAC, COURSE),
    create("a rating in the lab", rating(rater=LEARNER), RBAC),
    Case("reading ratings", "GET", at("Attestation", COURSE), None, RBAC),
    Case("reading one's own", "GET", at("Attestation", COURSE, "given"), None, RBAC),
    edit(
        "a rating changed",
        *("Attestation", "given", {"spec": {"passed": True}}, RBAC),
        namespace=COURSE,
    ),
    delete("a rating", "Attestation", "given", RBAC, COURSE),
)

OPERATOR_CASES = table(
    Case("reading ratings", "GET", at("Attestation", COURSE)),
    create("a rating by no person", rating(), RBAC, COURSE),
    edit(
        "a rating changed",
        *("Attestation", "given", {"spec": {"passed": True}}, RBAC),
        namespace=COURSE,
    ),
    delete("a rating", "Attestation", "given", RBAC, COURSE),
)


@pytest.fixture(scope="module")
def staff(world: World) -> dict[str, Actor]:
    """Two instructors of the course, and somebody who may delete ratings but no labs."""
    people = {who: world.impersonated(who) for who in (TUTOR, COLLEAGUE, CLEANER)}
    cleaning = thing("Role", "cleaning", rules=[{**ROLE, "verbs": ["get", "delete"]}])
    for body in (
        cleaning,
        *(_bound(who, "ClusterRole", "practicum-instructor") for who in (TUTOR, COLLEAGUE)),
        _bound(CLEANER, "Role", "cleaning"),
    ):
        answer = world.attempt(
            world.admin, "PATCH", at(body["kind"], COURSE, body["metadata"]["name"]), body,
            content_type=APPLY, dry_run=False, query={"fieldManager": "tests"},
        )  # fmt: skip
        assert answer.granted, answer
    for actor in people.values():
        until(lambda actor=actor: _lets_in(world, actor), "RBAC has not let them in")
    return people


def _lets_in(world: World, actor: Actor) -> bool:
    return world.attempt(actor, "GET", at("Attestation", COURSE, "none")).status == 404


def _bound(who: str, kind: str, name: str) -> Object:
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": who}
    body = binding(name, subject, labels={})
    body["metadata"]["name"] = who.partition("@")[0] + "-rates"
    body["roleRef"]["kind"] = kind
    return body


@pytest.fixture(scope="module", autouse=True)
def given(world: World, staff: dict[str, Actor]) -> None:
    """A rating by each instructor."""
    for who, name in ((TUTOR, "given"), (COLLEAGUE, "colleagues")):
        body = rating(name, who)
        answer = world.attempt(staff[who], "POST", at("Attestation", COURSE), body, dry_run=False)
        assert answer.granted, answer


@pytest.mark.parametrize("case", INSTRUCTOR_CASES)
def test_instructor(world: World, staff: dict[str, Actor], case: Case) -> None:
    case.check(world, staff[TUTOR])


@pytest.mark.parametrize("case", ADMIN_CASES)
def test_administrators_sign_too(world: World, case: Case) -> None:
    case.check(world, world.admin)


@pytest.mark.parametrize("case", REFUSED_CASES)
def test_learner(world: World, case: Case) -> None:
    case.check(world, world.ada)


@pytest.mark.parametrize("case", REFUSED_CASES)
def test_persona(world: World, case: Case) -> None:
    case.check(world, world.persona)


@pytest.mark.parametrize("case", OPERATOR_CASES)
def test_operator(world: World, case: Case) -> None:
    case.check(world, world.operator)


def test_who_may_delete_no_labs_takes_no_rating_back(world: World, staff: dict[str, Actor]) -> None:
    case = delete("a rating", "Attestation", "given", "who may delete labs", COURSE)
    case.check(world, staff[CLEANER])


def test_what_ends_a_course_deletes_them(world: World) -> None:
    controller = "system:serviceaccount:kube-system:namespace-controller"
    part = world.impersonated(controller, "system:serviceaccounts")
    delete("a rating", "Attestation", "given", namespace=COURSE).check(world, part)
