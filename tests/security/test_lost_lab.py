"""An instructor strips the finalizer while the operator is down: access dies with the lab."""

from .actors import MERGE, Actor
from .conftest import World, until
from .objects import at, binding, raw


def instructor(world: World) -> Actor:
    """Somebody who may order labs in the course, and nothing more."""
    subject = {
        "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "tutor@example.org"
    }  # fmt: skip
    bound = binding("practicum-instructor", subject, labels={})
    path = at("RoleBinding", "{other_course}")
    assert world.attempt(world.admin, "POST", path, bound, dry_run=False).granted
    return world.impersonated("tutor@example.org")


def test_access_dies_with_the_lab_although_nobody_tears_it_down(world: World) -> None:
    tutor, mal, lab = instructor(world), world.learners["mal"], "{other_course}"
    assert world.attempt(mal, "GET", at("Pod", "{mal}")).granted
    personas = [
        world.account(lab, body["metadata"]["name"])
        for body in world.attempt(world.admin, "GET", at("ServiceAccount", lab)).body["items"]
        if body["metadata"]["name"].startswith("mal.")
    ]
    assert len(personas) == 6, "the learner and mod-506's five personas"
    path = at("LabEnvironment", lab, "mal")
    until(lambda: world.attempt(tutor, "GET", path).granted, "the instructor's binding")
    assert world.attempt(tutor, "DELETE", path, dry_run=False).granted
    assert "deletionTimestamp" in world.attempt(tutor, "GET", path).body["metadata"]
    patch = {"metadata": {"finalizers": None}}
    answer = world.attempt(tutor, "PATCH", path, patch, content_type=MERGE, dry_run=False)
    assert answer.granted, answer
    assert world.attempt(tutor, "GET", path).status == 404

    def refused() -> bool:
        answers = [world.attempt(one, "GET", at("Pod", "{mal}")) for one in (mal, *personas)]
        return {answer.status for answer in answers} == {401}

    until(refused, "every token is refused")
    credentials = at("Secret", lab, "mal-credentials")
    until(lambda: world.attempt(world.admin, "GET", credentials).status == 404, "the credentials")
    # A new ServiceAccount of the same name does not bring the old token back.
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mal.learner"}}
    where = at("ServiceAccount", lab)
    assert world.attempt(world.admin, "POST", where, account, dry_run=False).granted
    assert world.attempt(mal, "GET", at("Pod", "{mal}")).status == 401
    assert world.attempt(world.admin, "DELETE", f"{where}/mal.learner", dry_run=False).granted
    # What is left of it is closed to everybody but the platform; the sweep removes it.
    assert world.attempt(world.admin, "GET", raw("v1", "pods", "{mal}")).granted
    assert not world.attempt(world.ada, "GET", at("Pod", "{mal}")).granted
