"""A lab is looked at once: whose it is to mend what is wrong, and what waits for what."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from practicum import errors
from practicum.api.checks import CheckState
from practicum.api.labstatus import ChecksStatus, CheckStatus
from practicum.checks import evaluation
from practicum.checks.evaluation import Evaluator
from practicum.checks.findings import Finding
from practicum.checks.looks.policies import PolicyLooks
from practicum.checks.outcomes import LookBroken
from practicum.governance.opa import Opa
from practicum.governance.vetting import Vetter
from practicum.policy.network import Enforcement

from .checks import body, template
from .scenes import PlayedPods, Stage, config_map

Object = dict[str, Any]
PLAN: Object = {"kind": "ConfigMap", "name": "plan"}
OTHER: Object = {"kind": "ConfigMap", "name": "other"}
DOCUMENT: Object = {"key": "plan.yaml"}
AUDIT: Object = {"absent": [{"match": {"type": "x"}}]}
REACH: Object = {"from": "learner", "to": "web.example:80"}
MALFORMED: Object = {**PLAN, "assert": [{"path": "a[("}]}
JOB: Object = {"repositories": ["plan"], "command": ["true"]}
THERE = config_map("plan")


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


def evaluator() -> Evaluator:
    return Evaluator(PolicyLooks(Vetter(Opa("/nowhere/opa"))))


async def evaluated(
    stage: Stage,
    *,
    asked: bool = True,
    wanted: Collection[str] = (),
    before: Mapping[str, CheckState] | None = None,
) -> dict[str, Finding]:
    known = [CheckStatus(id=name, state=one, since="x") for name, one in (before or {}).items()]
    return await evaluator().evaluate(
        stage.scene,
        stage.spec.checks,
        ChecksStatus(results=known),
        asked=asked,
        wanted=wanted,
    )


async def states(stage: Stage, **more: Any) -> dict[str, str]:
    return {name: one.state.value for name, one in (await evaluated(stage, **more)).items()}


async def only(look: Object, **stage: Any) -> Finding:
    (found,) = (await evaluated(Stage(template(body(**look)), **stage))).values()
    return found


@pytest.mark.parametrize(
    ("look", "stage", "state", "said"),
    [
        ({"object": PLAN}, {"objects": [THERE]}, "pass", ""),
        ({"object": PLAN}, {}, "fail", "0 found, 1 needed"),
        ({"document": DOCUMENT}, {}, "fail", "there is no ConfigMap docs"),
        ({"audit": AUDIT}, {"records": LookBroken("the log is torn")}, "error", "the log is torn"),
        (
            {"policy": {"package": "lab.x"}},
            {"objects": [config_map("policies", a__rego="package lab.x")]},
            "error",
            "/nowhere/opa is not there",
        ),
        ({"reach": REACH}, {"enforcement": Enforcement.UNKNOWN}, "unsupported", "NetworkPolicy"),
        (
            {"object": MALFORMED},
            {"objects": [THERE]},
            "error",
            "the check is malformed: path 'a[('",
        ),
        (
            {"object": {**PLAN, "name": "{{nobody}}"}},
            {},
            "error",
            "the check is malformed: {{nobody}} is not known",
        ),
        (
            {"object": {**PLAN, "namespace": "team-z"}},
            {},
            "error",
            "the check is malformed: team-z is no side",
        ),
        (
            {"job": JOB},
            {"objects": [THERE], "pods": PlayedPods(RuntimeError("bang"))},
            "error",
            "RuntimeError: bang",
        ),
        (
            {"job": JOB},
            {"objects": [THERE], "pods": PlayedPods(errors.ServiceError("X", "no answer"))},
            "error",
            "no answer",
        ),
    ],
)
async def test_whose_it_is_to_mend(look: Object, stage: Object, state: str, said: str) -> None:
    spec = template(body(**look), images={"workbench": "example.org/bench:1"})
    found = (await evaluated(Stage(spec, **stage)))["plan"]
    assert found.state.value == state, found
    assert said in found.message
    assert bool(found.message) is (state != "pass")


async def test_what_the_api_server_refuses_the_operator_is_the_labs_trouble() -> None:
    stage = Stage(template(body()))
    refusal = errors.Forbidden(403, "Forbidden", "configmaps is forbidden")
    stage.cluster.refusals["list", "ConfigMap"] = refusal
    found = (await evaluated(stage))["plan"]
    assert (found.state, found.message) == (CheckState.ERROR, "configmaps is forbidden")


async def test_one_check_that_breaks_costs_the_others_nothing(logged: list[Any]) -> None:
    bad = body("bad", job=JOB)
    spec = template(bad, body("good", object=PLAN), images={"workbench": "x"})
    pods = PlayedPods(RuntimeError("bang"))
    assert await states(Stage(spec, objects=[THERE], pods=pods)) == {"bad": "error", "good": "pass"}
    assert [(one["event"], one["check"]) for one in logged] == [("check failed", "bad")]


async def test_what_waits_is_not_looked_at() -> None:
    first, second = body("first", object=PLAN), body("second", object=OTHER, needs=["first"])
    third = body("third", object=PLAN, needs=["second"])
    spec = template(first, second, third)
    found = await evaluated(Stage(spec))
    assert found["second"] == Finding(CheckState.PENDING, "waits for check first")
    assert found["third"] == Finding(CheckState.PENDING, "waits for check second")
    assert await states(Stage(spec, objects=[THERE])) == {
        "first": "pass",
        "second": "fail",
        "third": "pending",
    }
    both = [THERE, config_map("other")]
    assert set((await states(Stage(spec, objects=both))).values()) == {"pass"}


async def test_regardless_of_needs_there_is_a_look_and_no_pass() -> None:
    """Who asks for it sees what is missing, and gets no points out of turn."""
    checks = [
        body("first", object=OTHER),
        body("second", object=PLAN, needs=["first"]),
        body("third", object=OTHER, needs=["first"]),
    ]
    stage = Stage(template(*checks), objects=[THERE])
    found = await evaluator().evaluate(
        stage.scene, stage.spec.checks, None, asked=True, regardless=True
    )
    assert found["second"] == Finding(CheckState.PENDING, "waits for check first")
    assert found["third"].state is CheckState.FAIL


async def test_what_is_known_of_a_need_counts_where_it_is_not_looked_at() -> None:
    spec = template(body("first", object=OTHER), body("second", object=PLAN, needs=["first"]))
    stage = Stage(spec, objects=[THERE])
    for known, state in ((CheckState.PASS, "pass"), (CheckState.FAIL, "pending")):
        found = await states(stage, wanted={"second"}, before={"first": known})
        assert found == {"second": state}


async def test_nothing_waits_for_what_was_waived_a_moment_ago() -> None:
    stage = Stage(template(body("first", object=OTHER), body("second", needs=["first"])), [THERE])
    (second,) = [one for one in stage.spec.checks if one.id == "second"]
    before = ChecksStatus(results=[CheckStatus(id="first", state=CheckState.FAIL, since="x")])
    found = await evaluator().evaluate(stage.scene, [second], before, asked=True)
    assert found["second"].state is CheckState.PASS


async def test_only_what_is_wanted_is_looked_at() -> None:
    stage = Stage(template(body("a"), body("b"), body("c")), objects=[THERE])
    assert set(await states(stage, wanted={"b"})) == {"b"}
    assert set(await states(stage)) == {"a", "b", "c"}


async def test_what_is_latched_needs_no_look() -> None:
    stage = Stage(template(body("a", latch=True), body("b")))
    passed = {"a": CheckState.PASS, "b": CheckState.PASS}
    assert await states(stage, before=passed) == {"b": "fail"}
    assert set(await states(stage, before={"a": CheckState.FAIL})) == {"a", "b"}


async def test_costly_checks_are_looked_at_when_somebody_asks() -> None:
    visit = body("visit", http={"url": "http://web.lab.svc/"})
    costly = [
        visit,
        body("job", job=JOB),
        body("reach", reach=REACH),
        body("part", any=[{"reach": REACH}, {"object": PLAN}]),
        body("not", **{"not": {"reach": REACH}}),
    ]
    pods = PlayedPods('[{"error": "x"}]')
    stage = Stage(template(body("cheap"), *costly, images={"workbench": "x"}), [THERE], pods=pods)
    assert await states(stage, asked=False) == {"cheap": "pass"}
    assert not pods.ran
    assert len(await states(stage)) == 6
    assert pods.ran


@pytest.mark.parametrize(
    ("kind", "parts", "state"),
    [
        ("all", [PLAN, PLAN], "pass"),
        ("all", [PLAN, OTHER], "fail"),
        ("any", [OTHER, PLAN], "pass"),
        ("any", [OTHER, OTHER], "fail"),
        ("any", [PLAN, MALFORMED], "pass"),
        ("any", [OTHER, MALFORMED], "error"),
        ("all", [MALFORMED, OTHER], "fail"),
        ("any", [MALFORMED, OTHER], "error"),
        ("all", [MALFORMED], "error"),
    ],
)
async def test_all_and_any(kind: str, parts: list[Object], state: str) -> None:
    looks = [{"object": part} for part in parts]
    assert (await only({kind: looks}, objects=[THERE])).state.value == state


@pytest.mark.parametrize(
    ("part", "state"),
    [
        ({"object": OTHER}, "pass"),
        ({"object": PLAN}, "fail"),
        ({"object": MALFORMED}, "error"),
        ({"http": {"service": "app"}}, "pass"),
        ({"reach": {**REACH, "expect": "blocked"}}, "unsupported"),
    ],
)
async def test_not(part: Object, state: str) -> None:
    stage = {"objects": [THERE], "enforcement": Enforcement.UNKNOWN}
    found = await only({"not": part}, **stage)
    assert found.state.value == state
    assert (found.message == "it is so, and should not be") is (state == "fail")


async def test_the_first_part_that_is_not_so_is_told() -> None:
    found = await only({"all": [{"object": PLAN}, {"object": OTHER}]}, objects=[THERE])
    assert found.message.startswith("ConfigMap other in learner")


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "_PAUSE_SECONDS", 0.01)


async def test_what_takes_a_while_is_looked_at_again_with_fresh_eyes(no_pause: None) -> None:
    stage = Stage(template(body(within="20s")))

    class Late(Stage):
        def scene(self) -> Any:
            if self.made == 2:
                self.cluster.put(THERE)
            return super().scene()

    late = Late(stage.spec)
    assert await states(late) == {"plan": "pass"}
    assert late.made == 3


async def test_nobody_waits_for_what_nobody_asked_for(no_pause: None) -> None:
    stage = Stage(template(body(within="20s")))
    assert await states(stage, asked=False) == {"plan": "fail"}
    assert stage.made == 1


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "_PAUSE_SECONDS", 0.4)
    stage = Stage(template(body(within="1s")))
    assert await states(stage) == {"plan": "fail"}
    assert 1 < stage.made <= 3


async def test_no_password_of_the_lab_is_told() -> None:
    password = Stage().scene().lab.password("app/learner")
    said = config_map("plan", a=f"the password is {password}")
    stage = Stage(template(body(object={**PLAN, "match": {"data": {"a": "x"}}})), [said])
    found = (await evaluated(stage))["plan"]
    assert found.message.endswith("data.a is the password is ***")
    assert password not in found.observed


async def test_every_look_is_measured() -> None:
    def count() -> float:
        labels = {"kind": "object", "state": "fail"}
        return REGISTRY.get_sample_value("practicum_checks_total", labels) or 0

    before = count()
    await states(Stage(template(body("a"), body("b"))))
    assert count() == before + 2
