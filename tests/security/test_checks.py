"""Checks: what looks from within is nobody's to enter, and what was found is nobody's to write."""

from collections.abc import Iterator

import pytest

from .actors import APPLY, Actor
from .cases import Case, create, delete, edit, table
from .conftest import World
from .objects import OURS, at, pod, thing

LOOK = "practicum-check-x7k2q"
SHELL = "nobody works inside the platform's pods, or in those of checks"
MANAGED, RESERVED, RBAC = "belong to the lab", "reserved for the lab", "cannot"
MARK = {"app.kubernetes.io/managed-by": "practicum"}
"""All that a report is labelled with."""
REPORT = {"report.json": '["fail"]'}
FORGED = {"data": {"report.json": '["pass"]'}}
STREAMS = {"command": "sh", "stdin": "true", "stdout": "true"}
SHELLS = ("exec", "attach")


@pytest.fixture(scope="module", autouse=True)
def looked_at(world: World) -> Iterator[None]:
    """Reports in two labs, and a pod that looks, as the operator makes them."""
    for place in ("{learner}", "{bob}"):
        report = thing("ConfigMap", "check-report", {"labels": MARK}, data=REPORT)
        world.put(world.operator, report, place)
    look = pod({"labels": {**OURS, "practicum.dev/check": "pod"}})
    look["metadata"]["name"] = LOOK
    world.put(world.operator, look, "{learner}")
    yield
    world.attempt(world.operator, "DELETE", at("Pod", "{learner}", LOOK), dry_run=False)


def shell(world: World, actor: Actor, name: str, verb: str, method: str = "POST") -> str:
    """Try to open a shell in a pod of the learner's side; returns why it does not open."""
    path = at("Pod", "{learner}", name, verb)
    answer = world.attempt(actor, method, path, dry_run=False, query=STREAMS)
    assert not answer.granted, answer
    return answer.message


@pytest.mark.parametrize("verb", SHELLS)
@pytest.mark.parametrize("name", [LOOK, "practicum-check-", "practicum-check-gone"])
def test_nobody_opens_a_shell_in_what_looks_from_within(world: World, name: str, verb: str) -> None:
    for method in ("POST", "GET"):
        assert SHELL in shell(world, world.ada, name, verb, method)


@pytest.mark.parametrize("verb", SHELLS)
@pytest.mark.parametrize("name", ["mine-0", "practicum-checks", "x-practicum-check-1"])
def test_in_pods_of_their_own_learners_work(world: World, name: str, verb: str) -> None:
    """There are none: past the policy the API server says so."""
    assert "not found" in shell(world, world.ada, name, verb)


@pytest.mark.parametrize("verb", SHELLS)
def test_a_persona_opens_no_shell_anywhere(world: World, verb: str) -> None:
    for name in (LOOK, "mine-0"):
        assert RBAC in shell(world, world.persona, name, verb)


def test_a_pod_that_is_called_like_one_is_nobodys_to_enter_either(world: World) -> None:
    """A learner may call a pod so, and has made one that they cannot enter."""
    called = pod()
    called["metadata"]["name"] = "practicum-check-mine"
    path = at("Pod", "{learner}")
    made = world.attempt(world.ada, "POST", path, called, dry_run=False)
    assert made.granted, made
    try:
        assert SHELL in shell(world, world.ada, "practicum-check-mine", "exec")
    finally:
        gone = world.attempt(world.ada, "DELETE", f"{path}/practicum-check-mine", dry_run=False)
        assert gone.granted, gone


DEBUGGER = {"spec": {"ephemeralContainers": [{"name": "in", "image": "busybox:1.36"}]}}
CASES = table(
    delete("a look cut short", "Pod", LOOK, MANAGED),
    edit("a look's labels stripped", "Pod", LOOK, {"metadata": {"labels": None}}, MANAGED),
    edit("a look's image changed", "Pod", LOOK, {"spec": {"containers": [{"name": "main",
         "image": "busybox:1"}]}}, MANAGED, content_type="application/strategic-merge-patch+json"),
    edit("a debugger beside a look", "Pod", LOOK, DEBUGGER, RBAC,
         subresource="ephemeralcontainers",
         content_type="application/strategic-merge-patch+json"),
    create("a pod that poses as a look", pod({"labels": {"practicum.dev/check": "pod"}}), RESERVED),
    edit("a report edited", "ConfigMap", "check-report", FORGED, MANAGED),
    edit("a report's labels stripped", "ConfigMap", "check-report", {"metadata": {"labels": None}},
         MANAGED),
    edit("a report replaced by apply", "ConfigMap", "check-report",
         thing("ConfigMap", "check-report", **FORGED), MANAGED, content_type=APPLY),
    delete("a report deleted", "ConfigMap", "check-report", MANAGED),
    delete("all ConfigMaps deleted", "ConfigMap", "", MANAGED),
    edit("another lab's report edited", "ConfigMap", "check-report", FORGED, RBAC,
         namespace="{bob}"),
    create("a request for another lab's checks", thing("ConfigMap", "check-request",
           data={"requested": "x"}), RBAC, "{bob}"),
    create("a request for the own lab's", thing("ConfigMap", "check-request",
           data={"requested": "x"})),
    edit("a request in the staff's name", "LabEnvironment", "ada",
         {"metadata": {"annotations": {"practicum.dev/check-requested": "x"}}}, RBAC,
         namespace="{course}"),
    edit("checks waived", "LabEnvironment", "ada", {"spec": {"waivedChecks": ["roles"]}}, RBAC,
         namespace="{course}"),
    edit("a pass of one's own", "LabEnvironment", "ada", {"status": {"checks": {"passed": 99}}},
         RBAC, namespace="{course}", subresource="status"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_learner(world: World, case: Case) -> None:
    if case.content_type == APPLY:
        query = {"fieldManager": "kubectl", "force": "true"}
        answer = world.attempt(
            world.ada, case.method, case.path, case.body, content_type=APPLY, query=query
        )
        assert answer.status == 403 and case.refusal in answer.message, answer
        return
    case.check(world, world.ada)


def test_no_second_report_is_made_over_the_operators(world: World) -> None:
    body = thing("ConfigMap", "check-report", **FORGED)
    answer = world.attempt(world.ada, "POST", at("ConfigMap", "{learner}"), body)
    assert answer.status == 409, answer
    marked = thing("ConfigMap", "check-report", {"labels": MARK}, **FORGED)
    answer = world.attempt(world.ada, "POST", at("ConfigMap", "{learner}"), marked)
    assert answer.status == 403 and MANAGED in answer.message, answer


def test_a_report_is_read_in_its_own_lab_alone(world: World) -> None:
    def read(actor: Actor, place: str) -> int:
        return world.attempt(actor, "GET", at("ConfigMap", place, "check-report")).status

    assert (read(world.ada, "{learner}"), read(world.learners["bob"], "{bob}")) == (200, 200)
    assert (read(world.ada, "{bob}"), read(world.learners["bob"], "{learner}")) == (403, 403)
    assert (read(world.persona, "{bob}"), read(world.tenancy["tia"], "{learner}")) == (403, 403)
    for actor in (world.ada, world.persona):
        assert world.attempt(actor, "GET", at("ConfigMap", "{bob}")).status == 403
    # Whose lab it is, it says to them.
    answer = world.attempt(world.ada, "GET", at("ConfigMap", "{learner}", "check-report"))
    assert answer.body["data"] == REPORT


@pytest.mark.parametrize(
    ("kind", "place", "name"),
    [
        ("ConfigMap", "{system}", "mod-506-answers"),
        ("ConfigMap", "{course}", "tenancy-answers"),
        ("ControllerRevision", "{system}", ""),
        ("LabTemplate", "{system}", "mod-506"),
        ("LabTemplate", "{course}", "tenancy"),
    ],
)
def test_what_checks_know_is_not_for_learners(
    world: World, kind: str, place: str, name: str
) -> None:
    path = at(kind, place, name)
    for actor in (world.ada, world.persona, *world.tenancy.values()):
        answer = world.attempt(actor, "GET", path)
        assert answer.status == 403 and RBAC in answer.message, answer
    there = world.attempt(world.admin, "GET", path)
    assert there.status == (404 if name == "tenancy-answers" else 200), there
