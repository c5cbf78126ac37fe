"""Checks on a real API server: the learner acts, asks, and is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.control_plane import ControlPlane
from practicum.api.names import DRILL
from practicum.errors import Forbidden
from practicum.kube.client import Kube

from .checked import CHECKS, COURSE, PLAN, Pupil, PupilMaker, pupils, states
from .command import practicum
from .conftest import LabMaker, condition, eventually, read, told, until
from .operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")
GOOD = """\
package lab.gate

default allow := false

allow if input.auc > 0.8
"""
TESTS = """\
package lab.gate_test

import data.lab.gate

test_good if gate.allow with input as {"auc": 0.9}
"""
MALFORMED = {
    "id": "odd",
    "object": {**PLAN["object"], "match": {}, "assert": [{"path": "data.a[(", "value": "42"}]},
}
HIDDEN = {"id": "secret", "hidden": True, "hint": "look at the plan again", **PLAN}


@pytest.fixture
async def pupil_in(kube: Kube, make_lab: LabMaker, tmp_path: Path) -> AsyncIterator[PupilMaker]:
    async with pupils(kube, make_lab, tmp_path) as make:
        yield make


async def test_a_new_lab_has_everything_left_to_do(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in(*CHECKS)
    status = await pupil.looked()
    assert states(status) == dict.fromkeys((one["id"] for one in CHECKS), "fail")
    assert (status["summary"], status["points"], status["maxPoints"]) == ("0/6", 0, 8)
    assert all(one["message"] for one in status["results"])
    assert all(one["attempts"] == 0 for one in status["results"]), "nobody asked"
    report = await pupil.report()
    assert [row["id"] for row in report["checks"]] == [one["id"] for one in CHECKS]
    assert report["criteria"] == [
        {"id": "shown", "text": "It is shown.", "met": False, "checks": ["plan"]}
    ]


async def test_a_learner_gets_it_done_step_by_step(
    pupil_in: PupilMaker, control_plane: ControlPlane
) -> None:
    pupil = await pupil_in(*CHECKS)
    await pupil.write("plan", a="41")
    status = await pupil.ask()
    assert "data.a is 41" in status["results"][0]["message"]

    await pupil.write("plan", a="42")
    await pupil.admit()
    await pupil.write("docs", plan__yaml="owner: ds\n")
    status = await pupil.ask()
    done = {one for one, state in states(status).items() if state == "pass"}
    assert done == {"plan", "rights", "admitted", "paper"}, status["results"]
    assert (status["summary"], status["points"]) == ("4/6", 6)

    await pupil.write("policies", gate__rego=GOOD.replace("0.8", "0.0"), gate_test__rego=TESTS)
    status = await pupil.ask("gate")
    assert "1 of 2 cases are decided wrongly, such as bad" in status["results"][4]["message"]
    await pupil.write("policies", gate__rego=GOOD, gate_test__rego=TESTS)
    assert states(await pupil.ask("gate"))["gate"] == "pass"

    words = ("attest", pupil.name, "demo", "--score", "clear=4/5", "--passed")
    given = practicum(control_plane.kubeconfig, *words)
    assert given.returncode == 0, given.stderr
    status = await pupil.ask()
    assert (status["summary"], status["points"]) == ("6/6", 8)
    event = await told(pupil.kube, pupil.lab, "ChecksPassed")
    assert event["message"].endswith("all 6 checks passed: 8 of 8 points")
    report = await pupil.report()
    assert report["criteria"][0]["met"] is True
    assert {row["state"] for row in report["checks"]} == {"pass"}


async def test_what_was_undone_is_done_no_more(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in({"id": "plan", **PLAN}, {"id": "once", "latch": True, **PLAN})
    await pupil.write("plan", a="42")
    assert set(states(await pupil.ask()).values()) == {"pass"}
    await pupil.learner.delete("ConfigMap", pupil.space, "plan")
    assert states(await pupil.ask()) == {"plan": "fail", "once": "pass"}


async def test_a_restarted_operator_knows_what_passed_once(
    pupil_in: PupilMaker, operator: OperatorProcess
) -> None:
    pupil = await pupil_in({"id": "once", "latch": True, **PLAN}, {"id": "plan", **PLAN})
    await pupil.write("plan", a="42")
    before = await pupil.ask()
    operator.kill()
    await pupil.learner.delete("ConfigMap", pupil.space, "plan")
    operator.start()
    after = await pupil.ask()
    assert states(after) == {"once": "pass", "plan": "fail"}
    assert after["results"][0] == before["results"][0]
    assert after["results"][1]["attempts"] == 1, "it had passed"


async def test_only_what_is_asked_for_is_looked_at(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in({"id": "one", **PLAN}, {"id": "two", **PLAN})
    await pupil.looked()
    await pupil.write("plan", a="42")
    first = await pupil.ask("two")
    assert states(first) == {"one": "fail", "two": "pass"}
    assert [one["attempts"] for one in first["results"]] == [0, 1]
    assert states(await pupil.ask("one"))["one"] == "pass"


async def test_the_same_request_is_answered_once(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in({"id": "plan", **PLAN})
    status = await pupil.ask()
    await pupil.write("check-request", requested=status["request"], checks="plan")
    await pupil.write("plan", a="42")
    status = await pupil.ask()
    assert status["results"][0]["attempts"] == 2


async def test_staff_asks_for_checks_too(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in({"id": "plan", **PLAN})
    await pupil.write("plan", a="42")
    status = await pupil.ask_as_staff()
    assert states(status) == {"plan": "pass"}
    assert status.get("request", "") == ""


async def test_a_request_for_a_drill_that_there_is_not_is_answered(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in({"id": "plan", **PLAN})
    status = await pupil.ask(drill="fire")
    assert status["message"] == "there is no drill fire; there are: none"
    assert (await pupil.ask_as_staff(**{DRILL: "flood"}))["message"].startswith("there is no drill")


async def test_staff_does_without_a_check(pupil_in: PupilMaker) -> None:
    checks = ({"id": "one", **PLAN}, {"id": "two", "needs": ["one"], **PLAN})
    pupil = await pupil_in(*checks, waivedChecks=["one"])
    await pupil.write("plan", a="42")
    status = await pupil.ask()
    assert states(status) == {"one": "waived", "two": "pass"}
    assert (status["summary"], status["maxPoints"]) == ("1/1", 1)
    back = {"spec": {"waivedChecks": []}}
    await pupil.kube.merge_patch("LabEnvironment", COURSE, pupil.name, back)
    await eventually(partial(_seen, pupil))
    assert states(await pupil.ask()) == {"one": "pass", "two": "pass"}


async def test_a_hidden_check_shows_its_hint_and_nothing_else(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in(HIDDEN, {"id": "open", **PLAN})
    await pupil.write("plan", a="the wrong answer")
    (hidden, shown) = (await pupil.ask())["results"]
    assert (hidden["state"], hidden["message"]) == ("fail", "look at the plan again")
    assert "the wrong answer" in shown["message"]
    (row, other) = (await pupil.report())["checks"]
    assert row["message"] == "look at the plan again"
    assert not {"expected", "observed"} & set(row)
    assert other["expected"] == "data.a is 42"
    assert "the wrong answer" not in json.dumps([hidden, row])


async def test_a_check_that_cannot_be_evaluated_is_the_labs_trouble(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in(MALFORMED, {"id": "plan", **PLAN})
    await pupil.write("plan", a="42")
    status = await pupil.ask()
    assert states(status) == {"odd": "error", "plan": "pass"}
    assert status["errors"] == 1
    assert status["results"][0]["message"].startswith("the check is malformed: path 'data.a[('")
    found = await until(pupil.kube, pupil.lab, "ChecksWork", "False", reason="ChecksErrored")
    assert found["message"].startswith("check odd: the check is malformed")
    event = await told(pupil.kube, pupil.lab, "ChecksErrored")
    assert event["type"] == "Warning" and "check odd" in event["message"]
    assert (await read(pupil.kube, pupil.lab))["status"]["phase"] == "Ready"

    without = {"spec": {"waivedChecks": ["odd"]}}
    await pupil.kube.merge_patch("LabEnvironment", COURSE, pupil.name, without)

    async def mended() -> bool:
        assert states(await pupil.ask()) == {"odd": "waived", "plan": "pass"}
        with pytest.raises(KeyError):
            await condition(pupil.kube, pupil.lab, "ChecksWork")
        return True

    await eventually(mended)


async def test_a_report_is_the_operators_alone(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in({"id": "plan", **PLAN})
    await pupil.looked()
    assert await pupil.report()
    forged: dict[str, Any] = {"data": {"report.json": '{"checks": []}'}}
    space, learner = pupil.space, pupil.learner
    with pytest.raises(Forbidden, match="belong to the lab"):
        await learner.merge_patch("ConfigMap", space, "check-report", forged)
    with pytest.raises(Forbidden, match="belong to the lab"):
        await learner.delete("ConfigMap", space, "check-report")
    with pytest.raises(Forbidden, match="belong to the lab"):
        await pupil.write("check-report", a="b")
    assert (await pupil.report())["checks"][0]["id"] == "plan"


async def test_a_report_that_is_gone_comes_back_with_the_next_news(pupil_in: PupilMaker) -> None:
    pupil = await pupil_in({"id": "plan", **PLAN})
    await pupil.looked()
    await pupil.kube.delete("ConfigMap", pupil.space, "check-report")
    await pupil.ask()
    assert (await pupil.report())["checks"][0]["state"] == "fail"


async def test_half_a_character_does_not_stop_the_checks(pupil_in: PupilMaker) -> None:
    look = {"key": "plan.yaml", "schema": "plan.json"}
    pupil = await pupil_in({"id": "paper", "document": look}, {"id": "plan", **PLAN})
    await pupil.write("docs", plan__yaml='owner: "\\ud800"\n')
    await pupil.write("plan", a="42")
    status = await pupil.ask()
    assert states(status) == {"paper": "fail", "plan": "pass"}
    assert "\\ud800" in status["results"][0]["message"]


async def test_where_nobody_looks_unasked_it_is_looked_when_somebody_asks(
    kube: Kube,
    make_lab: LabMaker,
    control_plane: ControlPlane,
    operator_with: Callable[..., OperatorProcess],
    tmp_path: Path,
) -> None:
    operator_with(check_interval="0s", learner_server=control_plane.server)
    async with pupils(kube, make_lab, tmp_path) as make:
        pupil = await make({"id": "plan", **PLAN})
        await _stir(pupil, "9h")
        with pytest.raises(KeyError):
            await pupil.status()
        assert states(await pupil.ask()) == {"plan": "fail"}
        await pupil.write("plan", a="42")
        await _stir(pupil, "10h")
        assert await pupil.state("plan") == "fail"
        assert states(await pupil.ask()) == {"plan": "pass"}


async def _stir(pupil: Pupil, ttl: str) -> None:
    """Have the operator look at a lab for another reason."""
    patch = {"spec": {"ttl": ttl}}
    await pupil.kube.merge_patch("LabEnvironment", COURSE, pupil.name, patch)
    await eventually(partial(_seen, pupil))
    await asyncio.sleep(1)


async def _seen(pupil: Pupil) -> bool:
    lab = await read(pupil.kube, pupil.lab)
    return bool(lab["status"]["observedGeneration"] == lab["metadata"]["generation"])
