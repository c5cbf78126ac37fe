"""The policies leave the cluster's own parts alone, whatever they are called there.

A controller manager works under ServiceAccounts of its own (kubeadm, kind) or under one user; both
have to be able to do their work on managed objects, and on what learners made.
"""

import contextlib
from collections.abc import Iterator

import pytest

from .actors import MERGE, Actor, Answer, Object
from .cases import delete, edit
from .conftest import World, until
from .objects import OURS, at, binding, pod

GROUP = "system:serviceaccounts"


def part(world: World, name: str) -> Actor:
    if name.startswith("system:"):
        return world.impersonated(name)
    return world.impersonated(f"system:serviceaccount:kube-system:{name}", GROUP)


@pytest.mark.parametrize("name", ["generic-garbage-collector", "namespace-controller"])
def test_what_ends_a_lab_may_delete_what_is_ours(world: World, name: str) -> None:
    delete("ours", "ConfigMap", "ours").check(world, part(world, name))


@pytest.mark.parametrize(
    "name", ["replicaset-controller", "statefulset-controller", "job-controller"]
)
def test_what_makes_pods_may_label_them_as_ours(world: World, name: str) -> None:
    body = pod({"labels": OURS})
    answer = world.attempt(part(world, name), "POST", at("Pod"), body)
    assert answer.granted, answer


@pytest.mark.parametrize("name", ["deployment-controller"])
def test_what_writes_status_and_revisions_may_touch_what_is_ours(world: World, name: str) -> None:
    body = world.attempt(world.admin, "GET", at("Deployment", "{learner}", "ours")).body
    answer = world.attempt(part(world, name), "PUT", at("Deployment", "{learner}", "ours"), body)
    assert answer.granted, answer


def test_the_administrator_may_repair_by_hand(world: World) -> None:
    patch = {"data": {"a": "c"}}
    edit("ours", "ConfigMap", "ours", patch).check(world, world.admin)
    edit("ours", "ConfigMap", "ours", patch).check(world, world.operator)


@contextlib.contextmanager
def bound_by_mistake(world: World, role: str, subject: Object, place: str) -> Iterator[None]:
    """Somebody with more rights in a lab than we ever give."""
    path = at("RoleBinding", place)
    body = binding(role, subject, {})
    answer = world.attempt(world.admin, "POST", path, body, dry_run=False)
    assert answer.granted, answer
    try:
        yield
    finally:
        world.attempt(world.admin, "DELETE", f"{path}/tried", dry_run=False)


def test_a_part_that_may_do_nothing_in_kube_system_is_no_part(world: World) -> None:
    """A name of kube-system is no exemption."""
    account = {"kind": "ServiceAccount", "name": "not-a-controller", "namespace": "kube-system"}
    actor = part(world, "not-a-controller")
    with bound_by_mistake(world, "edit", account, "{learner}"):
        refused_by(world, actor, "PATCH", at("ConfigMap", "{learner}", "ours"), "belong to the lab")


def test_a_learner_bound_too_far_still_opens_no_shell_on_the_platform(world: World) -> None:
    """RBAC refuses exec there; were it granted by mistake, the policy refuses it."""
    account = {"kind": "ServiceAccount", "name": "ada.learner", "namespace": "{course}"}
    paths = [at("Pod", "{platform}", "mlflow-0", verb) for verb in ("exec", "attach")]
    for path in paths:
        answer = world.attempt(world.ada, "POST", path, dry_run=False)
        assert "cannot create" in answer.message, answer
    with bound_by_mistake(world, "practicum-learner", account, "{platform}"):
        for path in paths:
            refused_by(world, world.ada, "POST", path, "nobody works inside")


def refused_by(world: World, actor: Actor, method: str, path: str, words: str) -> None:
    """Try until RBAC, a watch behind, lets it pass; then a policy has to refuse it."""
    query = {"command": "sh", "container": "mlflow", "stdout": "true"} if method == "POST" else None
    body = {"data": {"a": "c"}} if method == "PATCH" else None

    def decided() -> Answer | None:
        answer = world.attempt(
            actor, method, path, body, content_type=MERGE, dry_run=method == "PATCH", query=query
        )
        return None if ' resource "' in answer.message else answer

    answer = until(decided, f"RBAC lets nobody past: {method} {path}")
    assert words in answer.message, answer
