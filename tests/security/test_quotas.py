"""A learner who fills the lab: every entry of every quota, to the last; no other lab feels it.

Bob does it with his own credentials, for good; the cluster's own quota controller counts.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from .actors import MERGE, Answer, Object
from .conftest import ATTACKED, World
from .objects import at, claim, container, pod, raw, service, thing, workload

EXCEEDED = "exceeded quota: {quota}"
_PATIENCE = 60


def named(make: Callable[[], Object]) -> Callable[[int], Object]:
    """Return a maker of numbered objects that are alike."""

    def numbered(number: int) -> Object:
        body = make()
        body["metadata"]["name"] = f"fill-{number}"
        return body

    return numbered


def idle(kind: str) -> Callable[[int], Object]:
    """Return a maker of workloads that make no pods."""

    def make() -> Object:
        body = workload(kind)
        if kind in ("Job", "CronJob"):
            body["spec"]["suspend"] = True
        else:
            body["spec"]["replicas"] = 0
        return body

    return named(make)


def small_pod(**spec: object) -> Callable[[int], Object]:
    """Return a maker of pods that ask for next to nothing."""
    little = {"cpu": "1m", "memory": "1Mi"}
    resources = {"requests": little, "limits": little}
    return named(lambda: pod(containers=[container(resources=resources)], **spec))


def hungry_pod(each: Object, **spec: object) -> Callable[[int], Object]:
    """Return a maker of pods that ask for much of one thing and for next to nothing of the rest."""
    resources: dict[str, dict[str, str]] = {
        part: {"cpu": "1m", "memory": "1Mi"} for part in ("requests", "limits")
    }
    for entry, amount in each.items():
        part, _, what = entry.partition(".")
        resources["limits"][what] = resources[part][what] = amount
    return named(lambda: pod(containers=[container(resources=resources)], **spec))


@dataclass(frozen=True)
class Fill:
    """One entry of a quota, and what uses it up before any other entry is."""

    entry: str
    quota: str
    make: Callable[[int], Object]
    each: str = "1"
    """How much of it one object takes."""


def counted(entry: str, make: Callable[[int], Object]) -> Fill:
    """Return an entry of the quota that counts objects."""
    return Fill(entry, "objects", make)


def computed(entry: str, amount: str) -> Fill:
    """Return an entry of the quota of running pods."""
    return Fill(entry, "compute", hungry_pod({entry: amount}), amount)


def timed(entry: str, amount: str) -> Fill:
    """Return an entry of the quota of pods with an end."""
    return Fill(entry, "jobs", hungry_pod({entry: amount}, activeDeadlineSeconds=3600), amount)


FILLS = (
    counted("count/configmaps", named(lambda: thing("ConfigMap", data={"a": "x" * 65000}))),
    counted("count/secrets", named(lambda: thing("Secret", stringData={"a": "x" * 60000}))),
    counted("count/services", named(service)),
    counted("count/deployments.apps", idle("Deployment")),
    counted("count/statefulsets.apps", idle("StatefulSet")),
    counted("count/jobs.batch", idle("Job")),
    counted("count/cronjobs.batch", idle("CronJob")),
    counted("persistentvolumeclaims", named(claim)),
    Fill(
        "requests.storage",
        "objects",
        named(lambda: claim(resources={"requests": {"storage": "2Gi"}})),
        "2Gi",
    ),
    Fill("pods", "compute", small_pod()),
    computed("requests.cpu", "300m"),
    computed("requests.memory", "600Mi"),
    computed("limits.cpu", "3"),
    computed("limits.memory", "1500Mi"),
    Fill("pods", "jobs", small_pod(activeDeadlineSeconds=3600)),
    timed("requests.cpu", "200m"),
    timed("requests.memory", "400Mi"),
    timed("limits.cpu", "1500m"),
    timed("limits.memory", "1500Mi"),
)


AT_ONCE = {"propagationPolicy": "Background", "gracePeriodSeconds": "0"}


def quantity(text: str) -> float:
    """Read the few forms that quotas are written in."""
    units = {"m": 1e-3, "k": 1e3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    for unit, factor in sorted(units.items(), key=lambda one: -len(one[0])):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)


def usage(world: World, quota: str, place: str = "{bob}") -> tuple[dict[str, str], dict[str, str]]:
    """Return what is allowed and what is used."""
    answer = world.attempt(world.admin, "GET", at("ResourceQuota", place, quota))
    assert answer.granted, answer
    return answer.body["status"]["hard"], answer.body["status"]["used"]


def settled(world: World, quota: str, wanted: dict[str, str]) -> None:
    """Wait until the quota's controller has counted what was taken away."""
    deadline = time.monotonic() + _PATIENCE
    while (used := usage(world, quota)[1]) != wanted:
        assert time.monotonic() < deadline, (used, wanted)
        time.sleep(0.2)


def full(world: World, quota: str, entry: str, wanted: float) -> None:
    """Wait until all that was made counts.

    The quota's controller counts anew every now and then, by a list that may not have the newest
    objects yet; what it forgets so is counted the next time.
    """
    deadline = time.monotonic() + _PATIENCE
    while (used := quantity(usage(world, quota)[1][entry])) < wanted * 0.999:
        assert time.monotonic() < deadline, (entry, used, wanted)
        time.sleep(0.2)


@pytest.fixture
def emptied(world: World) -> Iterator[None]:
    """Takes away what a test has put there, and waits until it no longer counts."""
    # The lab is young: its own objects may not all be counted yet.
    there = len(world.attempt(world.admin, "GET", at("ConfigMap", "{bob}")).body["items"])
    deadline = time.monotonic() + _PATIENCE
    while (used := usage(world, "objects")[1])["count/configmaps"] != str(there) or any(
        # Kubernetes counts objects of a new kind half a minute after it has come.
        count_of(kind) not in used
        for kind in CHANGES
    ):
        assert time.monotonic() < deadline, (used, there)
        time.sleep(0.2)
    before = {quota: usage(world, quota)[1] for quota in ("objects", "compute", "jobs")}
    yield
    kinds = ("CronJob", "Job", "Deployment", "StatefulSet", "Pod", "Service", "ConfigMap")
    for kind in (*kinds, "Secret", "PersistentVolumeClaim", *CHANGES):
        for body in world.attempt(world.admin, "GET", at(kind, "{bob}")).body["items"]:
            if (name := body["metadata"]["name"]).startswith("fill-"):
                path = at(kind, "{bob}", name)
                world.attempt(world.admin, "DELETE", path, dry_run=False, query=AT_ONCE)
    for quota, wanted in before.items():
        settled(world, quota, wanted)


@pytest.mark.usefixtures("emptied")
@pytest.mark.parametrize("fill", FILLS, ids=lambda fill: f"{fill.quota}: {fill.entry}")
def test_to_the_last_and_not_one_more(world: World, fill: Fill) -> None:
    bob, path = world.learners["bob"], at(fill.make(0)["kind"], "{bob}")
    hard, used = usage(world, fill.quota)
    room = quantity(hard[fill.entry]) - quantity(used[fill.entry])
    fits = int(room / quantity(fill.each))
    assert fits >= 1, f"{fill.entry} is full before anything is made"
    for number in range(fits):
        made = world.attempt(bob, "POST", path, fill.make(number), dry_run=False)
        assert made.granted, (number, fits, made)
    wanted = quantity(used[fill.entry]) + fits * quantity(fill.each)
    full(world, fill.quota, fill.entry, wanted)
    refused = world.attempt(bob, "POST", path, fill.make(fits), dry_run=False)
    if refused.granted:
        # It may have been counted anew, and too low, right then: not so twice.
        name = refused.body["metadata"]["name"]
        gone = world.attempt(world.admin, "DELETE", f"{path}/{name}", dry_run=False, query=AT_ONCE)
        assert gone.granted, gone
        full(world, fill.quota, fill.entry, wanted)
        refused = world.attempt(bob, "POST", path, fill.make(fits + 1), dry_run=False)
    assert refused.status == 403, refused
    assert EXCEEDED.format(quota=fill.quota) in refused.message
    assert fill.entry in refused.message
    # Ada's lab, in the same course, has as much room as before.
    ada = world.attempt(world.ada, "POST", at(fill.make(0)["kind"]), fill.make(0))
    assert ada.granted, ada


BOBS = "system:serviceaccount:{course}:bob.reviewer-ml"
CHANGES = {
    "ChangeRequest": {
        "action": "PromoteModel",
        "target": {"name": "fraud-dev", "version": "2"},
        "requester": BOBS,
        "reason": "again",
    },
    "ChangeApproval": {
        "request": "nothing",
        "verdict": "Approve",
        "approver": BOBS,
        "evidenceDigest": "e" * 64,
    },
}
"""What a persona makes, and a learner does not."""


def count_of(kind: str) -> str:
    return f"count/{kind.lower()}s.practicum.dev"


@pytest.mark.usefixtures("emptied")
@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_asked_and_answered_is_counted_too(world: World, kind: str) -> None:
    persona = world.impersonated(BOBS.format(**world.names), "system:serviceaccounts")
    hard, _ = usage(world, "objects")
    limit = int(hard[count_of(kind)])

    def make(number: int) -> Answer:
        body = thing(kind, f"fill-{number}", spec=CHANGES[kind])
        return world.attempt(persona, "POST", at(kind, "{bob}"), body, dry_run=False)

    for number in range(limit):
        made = make(number)
        assert made.granted, (number, limit, made)
    full(world, "objects", count_of(kind), limit)
    refused = make(limit)
    assert refused.status == 403, refused
    assert EXCEEDED.format(quota="objects") in refused.message


@pytest.mark.usefixtures("emptied")
def test_old_replicasets_are_counted_too(world: World) -> None:
    """A learner makes none, but every change of a Deployment's template leaves one behind."""
    bob, path = world.learners["bob"], at("Deployment", "{bob}")
    hard, _ = usage(world, "objects")
    limit, deployments = int(hard["count/replicasets.apps"]), 12
    assert deployments * 11 > limit, "ten old ones and the current one of each"
    make = idle("Deployment")
    for number in range(deployments):
        assert world.attempt(bob, "POST", path, make(number), dry_run=False).granted
    for revision in range(10):
        for number in range(deployments):
            _new_template(world, f"{path}/fill-{number}", revision)
        if _stuck(world, path):
            break
        _caught_up(world, path)
    full(world, "objects", "count/replicasets.apps", limit)
    _, used = usage(world, "objects")
    # A recount in between may have let some more in.
    assert int(used["count/replicasets.apps"]) < limit + deployments
    assert any("exceeded quota: objects" in message for message in _stuck(world, path))


@pytest.mark.usefixtures("emptied")
def test_old_revisions_do_not_pile_up(world: World) -> None:
    """No quota counts them; a policy bounds how many of each StatefulSet stay."""
    bob, path = world.learners["bob"], at("StatefulSet", "{bob}")
    assert world.attempt(bob, "POST", path, idle("StatefulSet")(0), dry_run=False).granted
    for revision in range(30):
        _new_template(world, f"{path}/fill-0", revision)
        _observed(world, f"{path}/fill-0")
    deadline = time.monotonic() + _PATIENCE
    while (kept := len(_revisions(world))) > 11:
        assert time.monotonic() < deadline, kept
        time.sleep(0.2)
    assert kept > 1, "the changes made no revisions at all"


def _revisions(world: World) -> list[Object]:
    """Return the StatefulSet's old and current revisions."""
    found = world.attempt(world.admin, "GET", at("ControllerRevision", "{bob}")).body["items"]
    return [one for one in found if one["metadata"]["name"].startswith("fill-0-")]


def _observed(world: World, path: str) -> None:
    """Wait until the controller has seen the newest template."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        body = world.attempt(world.admin, "GET", path).body
        if body["status"].get("observedGeneration") == body["metadata"]["generation"]:
            return
        assert time.monotonic() < deadline, body["status"]
        time.sleep(0.02)


def _new_template(world: World, path: str, revision: int) -> None:
    patch = {"spec": {"template": {"metadata": {"labels": {"revision": str(revision)}}}}}
    answer = world.attempt(
        world.learners["bob"], "PATCH", path, patch, content_type=MERGE, dry_run=False
    )
    assert answer.granted, answer


def _deployments(world: World, path: str) -> list[Object]:
    return world.attempt(world.admin, "GET", path).body["items"]


def _stuck(world: World, path: str) -> list[str]:
    """Return what Deployments say that cannot make their ReplicaSet."""
    return [
        condition["message"]
        for body in _deployments(world, path)
        for condition in body.get("status", {}).get("conditions", [])
        if condition["reason"] == "ReplicaSetCreateError"
    ]


def _caught_up(world: World, path: str) -> None:
    """Wait until every Deployment has its newest ReplicaSet, or cannot have it."""
    deadline = time.monotonic() + _PATIENCE
    while not _stuck(world, path):
        bodies = _deployments(world, path)
        if all(
            body["status"].get("observedGeneration") == body["metadata"]["generation"]
            for body in bodies
        ):
            return
        assert time.monotonic() < deadline, bodies
        time.sleep(0.1)


def test_addresses_outside_are_none_at_all(world: World) -> None:
    """The policy refuses them first; were it off, the quota would."""
    for place in ("{learner}", "{platform}"):
        hard, _ = usage(world, "objects", place)
        assert (hard["services.loadbalancers"], hard["services.nodeports"]) == ("0", "0")
    for kind in ("LoadBalancer", "NodePort"):
        answer = world.attempt(world.admin, "POST", at("Service", "{bob}"), service(type=kind))
        assert "exceeded quota: objects" in answer.message, answer


def test_every_entry_of_every_quota_was_tried(world: World) -> None:
    """What a size counts and nobody tried to exhaust would be found here."""
    entries = {
        (quota, entry)
        for quota in ("objects", "compute", "jobs")
        for entry in usage(world, quota)[0]
    }
    others = ("replicasets.apps", "pods")  # by the tests around this one
    changes = {("objects", count_of(kind)) for kind in CHANGES}
    tried = {(fill.quota, fill.entry) for fill in FILLS}
    tried |= {("objects", f"count/{kind}") for kind in others}
    tried |= {("objects", "services.loadbalancers"), ("objects", "services.nodeports")}
    assert entries == tried | changes


@pytest.mark.skipif(bool(ATTACKED), reason="plays the kubelet, and there is a real one")
@pytest.mark.usefixtures("emptied")
def test_pods_that_have_ended_are_counted_too(world: World) -> None:
    """``pods`` forgets them; ``count/pods`` does not, so they do not pile up in etcd."""
    bob, path, make = world.learners["bob"], at("Pod", "{bob}"), small_pod()
    hard, used = usage(world, "objects")
    room = int(hard["count/pods"]) - int(used["count/pods"])
    at_once = int(usage(world, "compute")[0]["pods"])
    for number in range(room):
        if number % at_once == 0:
            _end_all(world, number)
        made = world.attempt(bob, "POST", path, make(number), dry_run=False)
        assert made.granted, (number, made)
    _end_all(world, room)
    full(world, "objects", "count/pods", int(hard["count/pods"]))
    refused = world.attempt(bob, "POST", path, make(room), dry_run=False)
    assert "exceeded quota: objects" in refused.message, refused
    assert "count/pods" in refused.message


def _end_all(world: World, made: int) -> None:
    """Write what a kubelet would of pods that are done, and wait until they no longer run."""
    for number in range(made):
        world.attempt(
            world.admin,
            "PATCH",
            at("Pod", "{bob}", f"fill-{number}", "status"),
            {"status": {"phase": "Succeeded"}},
            content_type=MERGE,
            dry_run=False,
        )
    deadline = time.monotonic() + _PATIENCE
    while usage(world, "compute")[1]["pods"] != "0":
        assert time.monotonic() < deadline, usage(world, "compute")
        time.sleep(0.2)


def test_a_mebibyte_by_the_hundred(world: World) -> None:
    """None is stored; the same one would be, were it not a lab."""
    big = thing("ConfigMap", data={"a": "x" * 1_000_000})
    for number in range(100):
        big["metadata"]["name"] = f"fill-{number}"
        answer = world.ada.call("POST", at("ConfigMap").format(**world.names), big)
        assert (answer.status, "65536" in answer.message) == (422, True), answer
    kept = world.attempt(world.admin, "GET", at("ConfigMap")).body["items"]
    assert [body for body in kept if body["metadata"]["name"].startswith("fill-")] == []
    elsewhere = world.admin.call("POST", raw("v1", "configmaps", "default"), big, dry_run=True)
    assert elsewhere.granted, elsewhere
