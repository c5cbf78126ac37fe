"""What the API server has and would do: objects, rights, and ways from pod to pod."""

from dataclasses import replace
from typing import Any

import pytest

from practicum.api.looks.cluster import AccessCheck, ObjectCheck, ReachCheck
from practicum.checks import prober
from practicum.checks.findings import Finding
from practicum.checks.looks import cluster
from practicum.checks.outcomes import LearnerFailed, LookBroken, Unsupported
from practicum.checks.values import Malformed
from practicum.policy.network import Enforcement

from .scenes import SETTINGS, SPACE, PlayedPods, Stage, config_map

Object = dict[str, Any]
TUTOR = {"reviewer": {"subject": {"kind": "User", "name": "tutor@example.org"}}}
CLASS = {"reviewer": {"subject": {"kind": "Group", "name": "class"}}}
MANAGED = {"app.kubernetes.io/managed-by": "practicum"}


def labelled(name: str, labels: Object, **data: str) -> Object:
    made = config_map(name, **data)
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


OBJECTS = [
    config_map("plan", a="1"),
    config_map("other", a="2"),
    labelled("mine", {"app": "web"}, a="1"),
    labelled("theirs", {"app": "web", **MANAGED}, a="1"),
]


async def objects(**look: Any) -> Finding:
    asked = ObjectCheck.model_validate({"kind": "ConfigMap", **look})
    return await cluster.look_at_objects(Stage(objects=OBJECTS).scene(), asked)


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({}, ""),
        ({"name": "plan"}, ""),
        ({"name": "none"}, "ConfigMap none in learner: 0 found, 1 needed"),
        ({"name": "theirs"}, "ConfigMap theirs in learner: 0 found, 1 needed"),
        ({"name": "theirs", "own": False}, ""),
        ({"labels": "app=web", "count": {"min": 2}}, "ConfigMap in learner: 1 found, 2 needed"),
        ({"labels": "app=web", "count": {"min": 2}, "own": False}, ""),
        ({"match": {"data": {"a": "1"}}, "count": {"min": 2, "max": 2}}, ""),
        (
            {"name": "other", "match": {"data": {"a": "1"}}},
            "ConfigMap other in learner: expected that data.a is 1; data.a is 2",
        ),
        (
            {"name": "plan", "assert": [{"path": "data.b", "op": "exists"}]},
            "ConfigMap plan in learner: expected that data.b is there; data.b is not there",
        ),
        ({"count": {"min": 0, "max": 2}}, "ConfigMap in learner: 3 found, at most 2 may be there"),
        ({"kind": "Service", "count": {"min": 0, "max": 0}}, ""),
        ({"namespace": "platform"}, "ConfigMap in platform: 0 found, 1 needed"),
    ],
)
async def test_objects_are_counted_that_are_as_they_should_be(look: Object, message: str) -> None:
    found = await objects(**look)
    assert (found.state.value, found.message) == ("fail" if message else "pass", message)


async def test_a_side_that_the_lab_has_not_is_the_authors_mistake() -> None:
    with pytest.raises(Malformed, match="team-a is no side of this lab: learner, platform"):
        await objects(namespace="team-a")


async def test_what_several_checks_look_at_is_read_once() -> None:
    stage = Stage(objects=OBJECTS)
    scene = stage.scene()
    first = await scene.objects("ConfigMap", "learner")
    assert await scene.objects("ConfigMap", "learner") is first
    assert await scene.objects("ConfigMap", "learner", "app=web") is not first


LEARNER = "system:serviceaccount:course-a:ada.learner"
READS: Object = {"verb": "get", "resource": "pods/log", "group": "", "namespace": "learner"}


async def access(look: Object, **stage: Any) -> tuple[Finding, Any]:
    made = Stage(**stage)
    found = await cluster.look_at_access(made.scene(), AccessCheck.model_validate(look))
    return found, made.api.reviews


@pytest.mark.parametrize(
    ("allowed", "expect", "message"),
    [
        (True, True, ""),
        (False, False, ""),
        (False, True, "learner may not get pods/log in learner"),
        (True, False, "learner may get pods/log in learner"),
    ],
)
async def test_rights_are_what_the_authorizer_says(
    allowed: bool, expect: bool, message: str
) -> None:
    known = [(LEARNER, "get", SPACE, "pods")] if allowed else []
    found, (review,) = await access({"can": [{**READS, "expect": expect}]}, allowed=known)
    assert (found.state.value, found.message) == ("fail" if message else "pass", message)
    assert review["user"] == LEARNER
    assert review["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:course-a",
        "system:authenticated",
    ]
    wanted = review["resourceAttributes"]
    assert (wanted["resource"], wanted["subresource"]) == ("pods", "log")


async def test_a_persona_that_was_given_away_is_who_has_it() -> None:
    look = {"as": "persona/reviewer", "can": [{**READS, "expect": False}]}
    _, (played,) = await access(look)
    assert played["user"] == "system:serviceaccount:course-a:ada.reviewer"
    _, (given,) = await access(look, lab={"personas": TUTOR})
    assert (given["user"], given["groups"]) == ("tutor@example.org", ["system:authenticated"])
    with pytest.raises(Unsupported, match="persona reviewer is a group"):
        await access(look, lab={"personas": CLASS})


def service(name: str, **selector: str) -> Object:
    meta = {"name": name, "namespace": SPACE}
    return {"kind": "Service", "metadata": meta, "spec": {"selector": selector}}


def pod(ready: bool = True, **labels: str) -> Object:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    meta = {"name": f"web-{ready}", "namespace": SPACE, "labels": labels}
    return {"kind": "Pod", "metadata": meta, "status": {"conditions": conditions}}


async def reach(expect: str, is_open: bool, to: str = "", **stage: Any) -> Finding:
    pods = PlayedPods(f'[{{"open": {str(is_open).lower()}}}]')
    asked = {"from": "learner", "to": to or f"web.{SPACE}.svc:80", "expect": expect}
    there = {"objects": [service("web", app="web"), pod(app="web")], **stage}
    scene = Stage(pods=pods, **there).scene()
    return await cluster.look_at_reach(scene, ReachCheck.model_validate(asked))


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prober, "_QUIET_SECONDS", 0.01)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("expect", ["open", "blocked"])
async def test_a_way_is_open_or_blocked(expect: str, is_open: bool) -> None:
    found = await reach(expect, is_open)
    assert (found.state.value == "pass") is (is_open is (expect == "open"))
    if found.state.value == "fail":
        observed = "open" if is_open else "blocked"
        assert found.message.endswith(f"is {observed}; expected: {expect}")


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [service("web", app="web")],
        [service("web", app="web"), pod(False, app="web")],
        [service("web", app="web"), pod(app="other")],
        [service("web"), pod(app="web")],
        [service("other", app="web"), pod(app="web")],
    ],
)
async def test_a_way_to_nobody_tells_nothing(objects: list[Object]) -> None:
    with pytest.raises(LearnerFailed, match="nothing runs behind web in learner"):
        await reach("blocked", False, objects=objects)


async def test_what_is_no_service_of_the_lab_needs_nobody_there() -> None:
    found = await reach("blocked", False, "kubernetes.default.svc:443", objects=[])
    assert found.state.value == "pass"


@pytest.mark.parametrize("known", [Enforcement.NOT_ENFORCED, Enforcement.UNKNOWN])
async def test_a_cluster_without_network_policies_cannot_tell(known: Enforcement) -> None:
    with pytest.raises(Unsupported, match="does not enforce NetworkPolicy"):
        await reach("open", True, enforcement=known)


async def test_a_cluster_that_was_not_tried_yet_is_asked_about_later() -> None:
    tried = replace(SETTINGS, probe_image="example.org/practicum:1")
    with pytest.raises(LookBroken, match="not known yet"):
        await reach("open", True, enforcement=Enforcement.UNKNOWN, settings=tried)
