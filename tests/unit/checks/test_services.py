"""What services of the lab answer: to requests, as metrics, as decisions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.labstatus import GovernedStatus, LabEnvironmentStatus, PolicyRelease
from practicum.api.labtemplate import LEARNER
from practicum.api.looks.services import DecisionCheck, HttpCheck, Latency, MetricsCheck
from practicum.checks.findings import Finding
from practicum.checks.looks import services
from practicum.checks.outcomes import LearnerFailed, LookBroken
from practicum.checks.repeating import Asked
from practicum.checks.values import Malformed
from practicum.errors import ServiceError
from practicum.governance.http import Answer

from .checks import template
from .scenes import PlayedPods, Stage, basic

Object = dict[str, Any]
METRICS = b"""\
# HELP asked_total Requests.
# TYPE asked_total counter
asked_total{path="/a",code="200"} 3
asked_total{path="/a",code="500"} 1
asked_total{path="/b",code="200"} 5
# TYPE temperature gauge
temperature 21.5
"""
LOGINS = [
    {"service": "app", "username": "learner", "secret": "app/learner"},
    {"service": "app", "username": "rev", "secret": "app/rev", "persona": "reviewer"},
    {"service": "opa", "username": "x", "secret": "opa/x", "persona": "reviewer", "kind": "bearer"},
]
SERVICES = [{"name": name, "component": "app", "port": 8080} for name in ("app", "opa")]
SPEC = template(logins=LOGINS, services=SERVICES)
DOWN = ServiceError("NotRunning", "it does not run")


def stage(path: str, answer: Any, **more: Any) -> Stage:
    return Stage(SPEC, services={path: answer}, **more)


async def http(made: Stage, **look: Any) -> Finding:
    asked = HttpCheck.model_validate({"service": "app", "path": "/x", **look})
    return await services.look_at_http(made.scene(), asked)


@pytest.mark.parametrize(
    ("answer", "look", "message"),
    [
        (Answer(200, b'{"ok": true}'), {}, ""),
        (Answer(200, None), {}, ""),
        (Answer(403, None), {"status": [401, 403]}, ""),
        (
            Answer(403, None),
            {},
            "GET app/x as nobody was answered 403, not 200",
        ),
        (
            Answer(200, b"{}"),
            {"status": [401, 403], "as": "learner"},
            "GET app/x as learner was answered 200, not 401 or 403",
        ),
        (Answer(200, b'{"n": 3}'), {"assert": [{"path": "body.n", "op": "ge", "value": 3}]}, ""),
        (
            Answer(200, b'{"n": 3}'),
            {"assert": [{"path": "body.n", "value": 4}]},
            "GET app/x: expected that body.n is 4; body.n is 3",
        ),
        (Answer(200, b"plain"), {"assert": [{"path": "body", "value": "plain"}]}, ""),
        (Answer(200, b"", {"x-a": "b"}), {"assert": [{"path": 'headers."x-a"', "value": "b"}]}, ""),
    ],
)
async def test_an_answer_is_held_against_what_is_expected(
    answer: Answer, look: Object, message: str
) -> None:
    found = await http(stage("/x", answer), **look)
    assert (found.state.value, found.message) == ("fail" if message else "pass", message)


@pytest.mark.parametrize(
    ("account", "service", "sent"),
    [("learner", "app", "learner"), ("persona/reviewer", "app", "rev"), ("", "app", "")],
)
async def test_a_request_bears_the_login_of_whoever_asks(
    account: str, service: str, sent: str
) -> None:
    made = stage("/x", Answer(200, None))
    await http(made, **{"as": account, "service": service, "headers": {"X-A": "b"}})
    ((_, _, _, headers),) = made.played.asked
    password = made.scene().lab.password(f"app/{sent}")
    assert headers.get("Authorization") == (basic(sent, password) if sent else None)
    assert headers["X-A"] == "b"


async def test_a_bearer_is_sent_as_one_and_strangers_have_no_login() -> None:
    made = stage("/x", Answer(200, None))
    await http(made, **{"as": "persona/reviewer", "service": "opa"})
    token = made.scene().lab.password("opa/x")
    assert made.played.asked[0][3]["Authorization"] == f"Bearer {token}"
    with pytest.raises(Malformed, match="learner has no login for service opa"):
        await http(made, **{"as": "learner", "service": "opa"})


async def test_a_service_that_is_down_is_whose_side_it_runs_on() -> None:
    with pytest.raises(LookBroken, match="app: it does not run"):
        await http(stage("/x", DOWN))
    components = [{"name": "app", "placement": "learner"}]
    of_learner = template(components=components, services=SERVICES, logins=[])
    with pytest.raises(LearnerFailed, match="app: "):
        await http(Stage(of_learner, services={"/x": DOWN}))
    with pytest.raises(Malformed, match="no service other"):
        await http(stage("/x", DOWN), service="other")


async def test_what_the_learner_made_is_asked_by_a_pod() -> None:
    said = '[{"status": 201, "headers": {}, "body": {"id": 1}, "seconds": [0.1]}]'
    pods = PlayedPods(said)
    look = {"service": None, "path": "", "url": "http://web.lab.svc/a", "status": [201]}
    assert (await http(Stage(SPEC, pods=pods), **look)).state.value == "pass"
    assert len(pods.ran) == 1


def p95(seconds: list[float], limit: int = 1000) -> Finding:
    asked = Asked(200, {}, None, [9.0, *seconds])
    return services._in_time(
        Latency(samples=max(2, len(seconds)), p95Milliseconds=limit), asked, "GET x"
    )


@pytest.mark.parametrize(
    ("seconds", "fine"),
    [
        ([0.1] * 20, True),
        ([0.1] * 19 + [5.0], True),
        ([0.1] * 18 + [5.0] * 2, False),
        ([0.5, 1.0], True),
        ([0.5, 1.01], False),
        ([0.1] * 95 + [5.0] * 5, True),
        ([0.1] * 94 + [5.0] * 6, False),
    ],
)
def test_nineteen_of_twenty_answers_are_in_time(seconds: list[float], fine: bool) -> None:
    """The first one warms things up and does not count."""
    found = p95(seconds)
    assert (found.state.value == "pass") is fine
    assert fine or found.message.endswith("ms, at most 1000 ms")


@given(st.lists(st.floats(0, 3), min_size=2, max_size=100))
def test_so_many_are_slower_and_no_more(seconds: list[float]) -> None:
    slow = sum(one > 1 for one in seconds)
    assert (p95(seconds).state.value == "pass") is (slow <= len(seconds) * 0.05)


async def test_what_has_to_be_quick_is_asked_often() -> None:
    made = stage("/x", Answer(200, None))
    found = await http(made, latency={"samples": 4, "p95Milliseconds": 5000})
    assert found.state.value == "pass"
    assert len(made.played.asked) == 5


async def metrics(answer: Any, **look: Any) -> Finding:
    asked = MetricsCheck.model_validate({"service": "app", "metric": "asked_total", **look})
    return await services.look_at_metrics(stage("/metrics", answer).scene(), asked)


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"value": 9}, ""),
        ({"labels": {"path": "/a"}, "op": "eq", "value": 4}, ""),
        ({"labels": {"path": "/a", "code": "200"}, "op": "eq", "value": 3}, ""),
        ({"metric": "temperature", "op": "lt", "value": 22}, ""),
        ({"metric": "none", "op": "eq", "value": 0}, ""),
        ({"value": 10}, "asked_total{} of app is 9, expected ge 10"),
        ({"labels": {"path": "/c"}}, "asked_total{path=/c} of app is 0, expected ge 1"),
    ],
)
async def test_samples_are_summed(look: Object, message: str) -> None:
    found = await metrics(Answer(200, METRICS), **look)
    assert (found.state.value, found.message) == ("fail" if message else "pass", message)


@pytest.mark.parametrize(
    "answer", [Answer(404, None), Answer(200, b"<html>"), Answer(200, b'a{b="c} 1\n'), DOWN]
)
async def test_without_metrics_nobody_can_tell(answer: Any) -> None:
    with pytest.raises(LookBroken, match="app"):
        await metrics(answer)


ALLOWED: Object = {"result": {"allow": True, "deny": []}}
DENIED: Object = {
    "result": {
        "allow": False,
        "deny": [{"control": "PRM-4", "msg": "too low"}, {"code": "OLD"}, "plain"],
    }
}
GATE = "/v1/data/lab/gate"


async def decision(answer: Any, made: Stage | None = None, **look: Any) -> Finding:
    scene = (made or stage(GATE, answer)).scene()
    asked = DecisionCheck.model_validate({"path": "lab/gate", **look})
    return await services.look_at_decision(scene, asked)


@pytest.mark.parametrize(
    ("answer", "look", "message"),
    [
        (ALLOWED, {"match": {"allow": True}}, ""),
        (DENIED, {"match": {"allow": False}, "denies": ["PRM-4", "OLD", "plain"]}, ""),
        (ALLOWED, {"match": {"allow": False}}, "lab/gate: expected that allow is false; allow is"),
        (DENIED, {"denies": ["PRM-5"]}, "lab/gate does not refuse by PRM-5"),
        (ALLOWED, {"denies": ["PRM-5"]}, "lab/gate does not refuse by PRM-5"),
        ({}, {}, "lab/gate is undefined"),
        ({}, {"undefined": True}, ""),
        ({"result": True}, {}, ""),
        ({"result": [{"code": "OLD"}, 3]}, {"denies": ["OLD"]}, ""),
        ({"result": [{"code": "OLD"}]}, {"denies": ["LOW"]}, "lab/gate does not refuse by LOW"),
        ({"result": True}, {"denies": ["LOW"]}, "lab/gate does not refuse by LOW"),
        ({"result": {"deny": 5}}, {"denies": ["LOW"]}, "lab/gate does not refuse by LOW"),
        ({"result": True}, {"match": {"allow": True}}, "lab/gate: expected that it is an object"),
        (ALLOWED, {"undefined": True}, "lab/gate is defined"),
    ],
)
async def test_a_decision_is_held_against_what_is_expected(
    answer: Object, look: Object, message: str
) -> None:
    found = await decision(Answer(200, answer), **look)
    assert found.state.value == ("fail" if message else "pass"), found
    assert found.message.startswith(message)


async def test_opa_is_asked_as_the_operator_with_the_input() -> None:
    made = stage(GATE, Answer(200, ALLOWED))
    await decision(None, made, input={"auc": 0.9})
    ((method, path, body, headers),) = made.played.asked
    assert (method, path.partition("?")[0], body) == ("POST", GATE, {"input": {"auc": 0.9}})
    assert headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize("answer", [Answer(500, None), Answer(200, [1]), DOWN])
async def test_opa_that_does_not_work_is_the_labs_trouble(answer: Any) -> None:
    with pytest.raises(LookBroken, match="opa"):
        await decision(answer)


async def test_policies_that_decide_may_have_to_be_released() -> None:
    made = stage(GATE, Answer(200, ALLOWED))
    found = await decision(None, made, revision="released")
    assert found.message == "the lab still decides by the policies of the template"
    scene = made.scene()
    release = PolicyRelease(revision="r", config_map="c", digest="0" * 64, request="q")
    status = LabEnvironmentStatus(governed=GovernedStatus(policy=release))
    resource = scene.lab.resource.model_copy(update={"status": status})
    scene.lab = type(scene.lab)(resource, scene.lab.template, scene.lab.settings)
    look = DecisionCheck(path="lab/gate", revision="released")
    assert (await services.look_at_decision(scene, look)).state.value == "pass"


async def test_a_service_of_the_platform_that_breaks_is_the_labs_trouble() -> None:
    for expected in ({}, {"status": [200, 404]}):
        with pytest.raises(LookBroken, match="app answered 503 to /x"):
            await http(stage("/x", Answer(503, None)), **expected)
    assert (await http(stage("/x", Answer(503, None)), status=[503])).state.value == "pass"


async def test_a_service_on_the_learners_side_that_breaks_is_theirs() -> None:
    components = [one.model_copy(update={"placement": LEARNER}) for one in SPEC.components]
    spec = SPEC.model_copy(update={"components": components})
    found = await http(Stage(spec, services={"/x": Answer(503, None)}))
    assert found.message == "GET app/x as nobody was answered 503, not 200"
