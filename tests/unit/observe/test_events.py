"""Events are told once, whoever tells them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from practicum.observe.events import event
from tests import samples

NOW = datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)
META = samples.resource().metadata


def made(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "kind": "Normal",
        "reason": "Ready",
        "message": "the lab is ready",
        "now": NOW,
    }
    return event(META, **(given | changes))


def test_the_same_news_has_the_same_name() -> None:
    assert made() == made()
    assert made(now=NOW + timedelta(microseconds=5)) == made()


@pytest.mark.parametrize(
    "changes",
    [{"reason": "Other"}, {"message": "other"}, {"now": NOW + timedelta(seconds=1)}],
)
def test_other_news_has_another(changes: dict[str, Any]) -> None:
    assert made(**changes)["metadata"]["name"] != made()["metadata"]["name"]


def test_labs_of_one_name_are_told_apart() -> None:
    other = event(
        META | {"uid": samples.OTHER_UID}, kind="Normal", reason="Ready", message="x", now=NOW
    )
    assert other["metadata"]["name"] != made(message="x")["metadata"]["name"]


def test_it_is_about_the_lab() -> None:
    body = made(kind="Warning", message="x" * 5000)
    assert body["metadata"]["namespace"] == body["involvedObject"]["namespace"] == "course-a"
    assert body["involvedObject"]["uid"] == samples.UID
    assert body["type"] == "Warning"
    assert len(body["message"]) <= 1024
    assert body["firstTimestamp"] == "2026-11-21T12:00:00Z"
