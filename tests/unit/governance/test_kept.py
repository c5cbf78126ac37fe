"""Which audit logs there are, as their segments tell it, whatever somebody wrote into one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from practicum.governance import kept
from practicum.governance.kept import Kept, Owner
from tests.unit.changes import Cluster, FakeKube, segment

ADA = {"lab": {"course": "course-a", "name": "ada"}}
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def record(seq: int, minute: int, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "at": f"2026-11-21T12:{minute:02}:00Z", **(more or ADA)}


def told(*bodies: dict[str, Any]) -> Kept:
    log = Kept("u")
    for body in bodies:
        log.add(body)
    return log


def test_segments_add_up_in_any_order() -> None:
    one = segment("u", 1, [record(1, 0), record(2, 1)])
    two = segment("u", 2, [record(3, 5)])
    expected = Kept("u", Owner("course-a", "ada"), 3, NOON, NOON.replace(minute=5))
    assert told(one, two) == told(two, one) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, Kept("u")),
        ({}, Kept("u")),
        ({"1": "nonsense"}, Kept("u", records=1)),
        ({"1": "[]", "2": "3"}, Kept("u", records=2)),
        ({"1": '{"at": 5, "lab": "ada"}'}, Kept("u", records=1)),
        ({"1": '{"at": "0001-01-01T00:00:00+14:00"}'}, Kept("u", records=1)),
        ({"1": '{"lab": {"name": "ada"}}'}, Kept("u", records=1)),
        (
            {"1": "nonsense", "2": json.dumps(record(2, 0))},
            Kept("u", Owner("course-a", "ada"), 2, NOON, NOON),
        ),
    ],
)
def test_what_cannot_be_read_is_left_open(data: Any, expected: Kept) -> None:
    assert told({"data": data}) == expected


async def test_logs_are_in_the_order_of_labs_and_then_of_time() -> None:
    eve, bob = ({"lab": {"course": "course-a", "name": name}} for name in ("eve", "bob"))
    cluster = Cluster(
        segment("eve", 1, [record(1, 3, **eve)]),
        segment("bob-later", 1, [record(1, 2, **bob)]),
        segment("bob", 1, [record(1, 1, **bob)]),
        segment("elsewhere", 1, [record(1, 0, lab={"course": "course-b", "name": "ada"})]),
        {"kind": "ConfigMap", "metadata": {"name": "another", "namespace": "practicum-audit"}},
    )
    # More segments than a page holds.
    for number in range(2, 40):
        cluster.put(segment("eve", number, [record(number, 4, **eve)]))
    kube: Any = FakeKube(cluster, "auditor")
    found = await kept.logs(kube)
    assert [one.uid for one in found] == ["bob", "bob-later", "eve", "elsewhere"]
    assert [one.records for one in found] == [1, 1, 39, 1]
