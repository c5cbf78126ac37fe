"""What several checks want to know from one side is asked by one pod."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from practicum.api.labtemplate import PLATFORM
from practicum.api.looks.services import HttpRequest
from practicum.checks import prober as module
from practicum.checks.outcomes import LearnerFailed, LookBroken, Unsupported
from practicum.checks.prober import Prober
from practicum.checks.repeating import Asked
from practicum.desired.check_pods import CheckPod
from practicum.desired.lab import Lab
from tests import samples

from .scenes import SETTINGS, PlayedPods

REQUEST = HttpRequest(url="http://web.lab-x.svc:8080/score", method="POST", json={"a": 1})
ANSWERED = {"status": 200, "headers": {"a": "b"}, "body": {"ok": True}, "seconds": [0.1]}


class Echo:
    """A pod that answers every question with the question's own host or URL."""

    def __init__(self) -> None:
        self.ran: list[CheckPod] = []

    async def run(self, _: Lab, wanted: CheckPod) -> str:
        self.ran.append(wanted)
        questions = json.loads(wanted.environment["QUESTIONS"])
        return "noise\n" + json.dumps(
            [
                {"open": one["connect"][0] == "open"}
                if "connect" in one
                else {"status": 200, "headers": {}, "body": one["url"], "seconds": [0.1]}
                for one in questions
            ]
        )


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0.01)


def prober(pods: Any, settings: Any = SETTINGS) -> Prober:
    return Prober(samples.lab(settings=settings), pods)


async def test_everybody_gets_their_own_answer_from_one_pod() -> None:
    pods = Echo()
    one = prober(pods)
    hosts = ["open", "shut", "open", "shut"]
    asked = [one.connects("learner", host, 80) for host in hosts]
    assert await asyncio.gather(*asked) == [True, False, True, False]
    (pod,) = pods.ran
    assert (pod.side, pod.image) == ("learner", SETTINGS.check_image)
    assert pod.command == ["python", "-m", "practicum.checks.knocking"]
    assert not pod.config_maps


async def test_each_side_has_a_pod_of_its_own() -> None:
    pods = Echo()
    one = prober(pods)
    asked = [one.connects(side, "open", 80) for side in ("learner", "team-a", "learner")]
    assert all(await asyncio.gather(*asked))
    assert sorted(pod.side for pod in pods.ran) == ["learner", "team-a"]


async def test_who_asks_later_gets_another_pod() -> None:
    pods = Echo()
    one = prober(pods)
    assert await one.connects("learner", "open", 80)
    assert not await one.connects("learner", "shut", 80)
    assert len(pods.ran) == 2


async def test_services_of_learners_are_asked_from_the_platforms_side() -> None:
    pods = PlayedPods(json.dumps([ANSWERED]))
    asked = await prober(pods).http(REQUEST, 3)
    assert asked == Asked(200, {"a": "b"}, {"ok": True}, [0.1])
    assert pods.ran[0].side == PLATFORM
    (question,) = json.loads(pods.ran[0].environment["QUESTIONS"])
    assert question["times"] == 3
    assert (question["method"], question["url"]) == ("POST", REQUEST.url)
    assert question["json"] == {"a": 1}


async def test_a_service_that_does_not_answer_is_the_learners() -> None:
    pods = PlayedPods(json.dumps([{"error": "nobody there"}]))
    with pytest.raises(LearnerFailed, match="nobody there"):
        await prober(pods).http(REQUEST, 1)


@pytest.mark.parametrize("said", ["", "no JSON", "{}", "[]", '[{"open": true}, {}]', "[1]x"])
async def test_a_pod_that_says_something_else_is_the_labs_trouble(said: str) -> None:
    with pytest.raises(LookBroken, match="the pod that looks from within said"):
        await prober(PlayedPods(said)).connects("learner", "open", 80)


async def test_everybody_is_told_of_a_pod_that_could_not_be_made() -> None:
    pods = PlayedPods(LookBroken("no room"))
    one = prober(pods)
    asked = [one.connects("learner", "open", port) for port in (80, 81)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in found] == ["no room", "no room"]
    assert all(isinstance(error, LookBroken) for error in found)
    assert len(pods.ran) == 1


async def test_who_gives_up_does_not_cost_the_others_their_answer() -> None:
    one = prober(Echo())
    first = asyncio.create_task(one.connects("learner", "open", 80))
    second = asyncio.create_task(one.connects("learner", "open", 81))
    await asyncio.sleep(0)
    first.cancel()
    assert await second


async def test_without_an_image_nobody_can_tell() -> None:
    pods = Echo()
    with pytest.raises(Unsupported, match="no image"):
        await prober(pods, replace(SETTINGS, check_image="")).connects("learner", "open", 80)
    assert not pods.ran


async def test_the_same_question_is_asked_once_unless_asking_changes_something() -> None:
    pods = Echo()
    one = prober(pods)
    get = HttpRequest(url="http://web.lab-x.svc:8080/openapi.json")
    asked = [get, get, REQUEST, REQUEST, get]
    replies = await asyncio.gather(*(one.http(request, 1) for request in asked))
    assert [reply.body for reply in replies] == [request.url for request in asked]
    (pod,) = pods.ran
    assert len(json.loads(pod.environment["QUESTIONS"])) == 3
