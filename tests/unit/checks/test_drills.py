"""Drills: what is made to go wrong, for how long, and what is said of it."""

from typing import Any

import pytest

from practicum.api.labstatus import ChecksStatus, DrillStatus
from practicum.api.times import parse_rfc3339
from practicum.checks import drills
from practicum.errors import ServiceError
from practicum.governance.http import Answer

from .checks import template
from .scenes import NOW, Stage

Object = dict[str, Any]
ROOT = "/api/2.0/mlflow"
CHANGES = {"models": [{"name": "fraud", "candidates": "dev", "serving": "app"}], "actions": {}}
SPEC = template(
    changes=CHANGES,
    services=[{"name": "mlflow", "component": "app", "port": 5000}],
    logins=[],
    drills=[
        {"name": "dark", "title": "Dark", "outage": {"component": "app", "lasts": "90s"}},
        {"name": "moved", "title": "Moved", "moveAlias": {"model": "fraud"}},
    ],
)


def model(current: str = "2") -> Answer:
    aliases = [{"alias": "champion", "version": current}] if current else []
    return Answer(200, {"registered_model": {"name": "fraud", "aliases": aliases}})


def versions(*found: str) -> Answer:
    return Answer(200, {"model_versions": [{"version": one} for one in found]})


async def started(name: str, **services: Any) -> tuple[str, DrillStatus | None, Any]:
    known = {
        f"{ROOT}/registered-models/get": services.get("model", model()),
        f"{ROOT}/model-versions/search": services.get("versions", versions("1", "2", "10")),
        f"{ROOT}/registered-models/alias": services.get("alias", Answer(200, {})),
    }
    stage = Stage(SPEC, services=known)
    scene = stage.scene()
    message, drill = await drills.start(scene.lab, name, scene.backends, NOW)
    moves = [one for one in stage.played.asked if "alias" in one[1]]
    return message, drill, moves


async def test_an_outage_lasts_as_long_as_it_says() -> None:
    message, drill, _ = await started("dark")
    assert drill == DrillStatus(name="dark", component="app", until="2026-11-21T13:01:30Z")
    assert message == "drill dark: app does not run until 2026-11-21T13:01:30Z"


async def test_an_alias_goes_to_the_newest_version_that_it_is_not_on() -> None:
    message, drill, ((method, _, body, _),) = await started("moved")
    assert (method, body["version"]) == ("POST", "10"), "numbers, not texts"
    assert message == "drill moved: alias champion of fraud went from 2 to 10"
    assert drill is None, "it is over at once"


async def test_where_there_is_no_other_version_it_goes_to_none() -> None:
    message, _, ((method, *_),) = await started("moved", versions=versions("2"))
    assert method == "DELETE"
    assert message.endswith("went from 2 to none")
    message, _, _ = await started("moved", model=model(""), versions=versions("3"))
    assert message.endswith("went from none to 3")


async def test_a_drill_that_there_is_not() -> None:
    message, drill, _ = await started("fire")
    assert (message, drill) == ("there is no drill fire; there are: dark, moved", None)


@pytest.mark.parametrize(
    ("services", "said"),
    [
        ({"model": ServiceError("X", "mlflow does not run")}, "could not be started: mlflow does"),
        ({"alias": Answer(500, None)}, "drill moved could not be started: MLflow answered 500"),
        ({"model": Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})}, "no model fraud"),
    ],
)
async def test_a_drill_that_cannot_be_started_says_why(services: Object, said: str) -> None:
    message, drill, _ = await started("moved", **services)
    assert said in message
    assert drill is None


def test_a_drill_ends_when_the_status_says() -> None:
    assert drills.ends_at(None) is None
    assert drills.ends_at(ChecksStatus()) is None
    drill = DrillStatus(name="dark", component="app", until="2026-11-21T13:01:30Z")
    assert drills.ends_at(ChecksStatus(drill=drill)) == parse_rfc3339("2026-11-21T13:01:30Z")
