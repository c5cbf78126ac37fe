"""How many labs the nodes have room for."""

from decimal import Decimal
from typing import Any

import pytest

from practicum.api.labtemplate import Size
from practicum.policy import room
from practicum.policy.room import Room
from tests import samples

Object = dict[str, Any]


def of(cpu: str, memory: int, pods: int) -> Room:
    return Room(Decimal(cpu), Decimal(memory), Decimal(pods))


def node(name: str = "one", *, ready: str = "True", **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "labels": {"pool": name}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "2", "memory": "1000", "pods": "10"},
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


@pytest.mark.parametrize(
    ("body", "selector", "usable"),
    [
        (node(), {}, True),
        (node(), {"pool": "one"}, True),
        (node(), {"pool": "two"}, False),
        (node(ready="Unknown"), {}, False),
        (node(unschedulable=True), {}, False),
        (node(taints=[{"key": "k", "effect": "NoSchedule"}]), {}, False),
        (node(taints=[{"key": "k", "effect": "PreferNoSchedule"}]), {}, True),
    ],
)
def test_which_nodes_take_labs(body: Object, selector: dict[str, str], usable: bool) -> None:
    assert bool(room.usable([body], selector)) is usable


def pod(*cpus: str, on: str = "one", phase: str = "Running", **spec: Any) -> Object:
    containers = [{"resources": {"requests": {"cpu": cpu}}} for cpu in cpus]
    return {"spec": {"nodeName": on, "containers": containers, **spec}, "status": {"phase": phase}}


def init(cpu: str, **more: str) -> Object:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (pod("500m", "250m"), of("1.25", 1000, 9)),
        (pod("500m", on="elsewhere"), of("2", 1000, 10)),
        (pod("500m", phase="Succeeded"), of("2", 1000, 10)),
        (pod("5"), of("0", 1000, 9)),
        (pod("100m", initContainers=[init("1"), init("300m")]), of("1", 1000, 9)),
        (pod("1", initContainers=[init("500m")]), of("1", 1000, 9)),
        (pod("1", initContainers=[init("500m", restartPolicy="Always")]), of("0.5", 1000, 9)),
        (pod("1", overhead={"cpu": "250m", "memory": "100"}), of("0.75", 900, 9)),
        ({"spec": {"containers": [{}]}}, of("2", 1000, 10)),
    ],
)
def test_what_a_pod_leaves_free(body: Object, left: Room) -> None:
    assert room.free([node()], [body]) == left


def test_a_full_node_takes_nothing_from_another() -> None:
    assert room.free([node(), node("two")], [pod("5")]) == of("2", 2000, 19)


@pytest.mark.parametrize(
    ("need", "times"),
    [
        (of("0.5", 0, 1), 4),
        (of("0.5", 400, 1), 2),
        (of("0", 0, 3), 3),
        (of("2.1", 0, 0), 0),
        (of("0", 0, 0), 0),
    ],
)
def test_how_often_a_need_fits(need: Room, times: int) -> None:
    assert of("2", 1000, 10).times(need) == times


def test_a_lab_at_its_start_and_at_most() -> None:
    requests = {"requests": {"cpu": "50m", "memory": "100"}}
    resources = {"mlflow": {"server": requests, "job": requests}, "opa": {"server": {}}}
    size = Size.model_validate(
        {"quota": {"learner": samples.QUOTA, "platform": samples.QUOTA}, "resources": resources}
    )
    assert room.at_start(size) == of("0.1", 200, 3)
    assert room.at_most(size) == of("2", 2 * 2**30, 28)
