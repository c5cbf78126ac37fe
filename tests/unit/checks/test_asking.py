"""Requests for checks: whose they are, which are open, and what they ask for."""

from typing import Any

import pytest

from practicum.api.labstatus import ChecksStatus, LabEnvironmentStatus
from practicum.api.names import CHECK_REQUESTED, DRILL, ChildKey, LabKey
from practicum.checks.asking import Request, Requests
from tests import samples

SPACE = "lab-ada-1a2b3c"
ADA = LabKey("course-a", "ada")


def config_map(version: int = 5, namespace: str = SPACE, **data: str) -> dict[str, Any]:
    meta = {"name": "check-request", "namespace": namespace, "resourceVersion": str(version)}
    return {"kind": "ConfigMap", "metadata": meta, "data": data}


class Desk:
    """Requests of one lab, and who was woken by them."""

    def __init__(self) -> None:
        self.woken: list[LabKey] = []
        self.requests = Requests({SPACE: ADA}.get, self.woken.append)

    def say(self, version: int = 5, *, gone: bool = False, **data: str) -> None:
        self.requests.changed(config_map(version, **data), gone)

    def open(self, notes: dict[str, str] | None = None, **answered: str) -> Request | None:
        lab = samples.resource()
        status = LabEnvironmentStatus(checks=ChecksStatus.model_validate(answered))
        meta = {**lab.metadata, "annotations": notes or {}}
        lab = lab.model_copy(update={"metadata": meta, "status": status})
        return self.requests.open(lab, SPACE)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nobody_asked(desk: Desk) -> None:
    assert desk.open() is None
    desk.say(requested="")
    assert desk.open() is None


def test_a_learner_asks_for_all_or_some(desk: Desk) -> None:
    desk.say(requested="now")
    assert desk.open() == Request("now", "request")
    desk.say(6, requested="again", checks=" plan, roles ,,")
    assert desk.open() == Request("again", "request", frozenset({"plan", "roles"}))
    assert desk.woken == [ADA, ADA]


def test_what_was_answered_is_open_no_more(desk: Desk) -> None:
    desk.say(requested="now")
    assert desk.open(request="now") is None
    assert desk.open(request="earlier") == Request("now", "request")
    assert desk.open(staffRequest="now") == Request("now", "request")


def test_staff_comes_before_the_learner(desk: Desk) -> None:
    desk.say(requested="now")
    notes = {CHECK_REQUESTED: "staff"}
    assert desk.open(notes) == Request("staff", "staff_request")
    assert desk.open(notes, staffRequest="staff") == Request("now", "request")
    assert desk.open(notes, staffRequest="staff", request="now") is None


def test_a_drill_is_asked_for_in_the_same_way(desk: Desk) -> None:
    desk.say(requested="now", drill="outage")
    assert desk.open() == Request("now", "request", drill="outage")
    staff = desk.open({CHECK_REQUESTED: "x", DRILL: "outage"})
    assert staff == Request("x", "staff_request", drill="outage")
    assert desk.open({DRILL: "outage"}, request="now") is None


def test_what_is_long_is_cut(desk: Desk) -> None:
    many = ",".join(f"c{number}" for number in range(100))
    desk.say(requested="x" * 100, drill="d" * 100, checks=many)
    found = desk.open()
    assert found and (len(found.text), len(found.drill), len(found.only)) == (64, 64, 48)
    # Answered is what the status can say.
    assert desk.open(request="x" * 64) is None


def test_an_older_version_is_no_news(desk: Desk) -> None:
    desk.say(7, requested="new")
    desk.say(6, requested="old")
    desk.say(7, requested="same")
    assert desk.open() == Request("new", "request")
    assert len(desk.woken) == 1


def test_what_is_gone_asks_for_nothing(desk: Desk) -> None:
    desk.say(requested="now")
    desk.say(6, gone=True)
    assert desk.open() is None


def test_what_went_unseen_is_dropped_and_what_came_since_stays(desk: Desk) -> None:
    desk.say(5, requested="now")
    there = {ChildKey("ConfigMap", SPACE, "check-request")}
    desk.requests.listed("", there, 9)
    assert desk.open() == Request("now", "request")
    desk.requests.listed("", set(), 4)
    assert desk.open() == Request("now", "request")
    desk.requests.listed("", set(), 5)
    assert desk.open() is None


def test_only_labs_are_listened_to(desk: Desk) -> None:
    desk.requests.changed(config_map(namespace="course-a", requested="now"), False)
    desk.requests.changed(config_map(namespace="lab-unknown", requested="now"), False)
    assert desk.woken == []
    assert desk.open() is None


def test_a_config_map_without_data_asks_for_nothing(desk: Desk) -> None:
    desk.requests.changed({**config_map(), "data": None}, False)
    assert desk.open() is None
