"""How many labs the nodes have room for, by what their pods request. Pure."""

import functools
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from practicum.api.labtemplate import Size
from practicum.api.quantities import amount
from practicum.policy.pods import has_ended

Object = Mapping[str, Any]

_KEEPS_OFF: Final = ("NoSchedule", "NoExecute")


class Room(NamedTuple):
    """What is requested, or free: cores, bytes, and pods."""

    cpu: Decimal = Decimal(0)
    memory: Decimal = Decimal(0)
    pods: Decimal = Decimal(0)

    def plus(self, other: "Room") -> "Room":
        """Return both combined."""
        return Room(*(one + two for one, two in zip(self, other, strict=True)))

    def less(self, other: "Room") -> "Room":
        """Return what is left of it, nothing below 0."""
        return Room(*(max(one - two, Decimal(0)) for one, two in zip(self, other, strict=True)))

    def times(self, need: "Room") -> int:
        """Return how often a need fits in; what needs nothing is not counted."""
        return min(
            (int(have // want) for have, want in zip(self, need, strict=True) if want), default=0
        )


def usable(nodes: Iterable[Object], selector: Mapping[str, str]) -> list[Object]:
    """Return the Nodes that take labs: Ready, with these labels, and no taint to be tolerated."""
    return [node for node in nodes if _takes_labs(node, selector)]


def free(nodes: Iterable[Object], pods: Iterable[Object]) -> Room:
    """Return what the cluster's Pods leave free on some Nodes, all of them combined."""
    left = {
        node["metadata"]["name"]: _of(node["status"].get("allocatable", {}), pods="pods")
        for node in nodes
    }
    for pod in pods:
        name = pod["spec"].get("nodeName")
        if name in left and not has_ended(pod):
            left[name] = left[name].less(_of_pod(pod["spec"]))
    return combined(left.values())


def at_start(size: Size) -> Room:
    """Return what a lab's own components request, its seeding Jobs among them."""
    return combined(
        _of(container.requests)._replace(pods=Decimal(1))
        for component in size.resources.values()
        for container in component.values()
    )


def at_most(size: Size) -> Room:
    """Return what a lab may request in all: the quotas of its sides."""
    return combined(
        _of(hard, "requests.", pods="pods")
        for side in size.quota.values()
        for hard in (side.compute, side.jobs)
    )


def _takes_labs(node: Object, selector: Mapping[str, str]) -> bool:
    spec, labels = node.get("spec", {}), node["metadata"].get("labels", {})
    return (
        not spec.get("unschedulable")
        and not any(taint["effect"] in _KEEPS_OFF for taint in spec.get("taints", []))
        and selector.items() <= labels.items()
        and any(
            one["type"] == "Ready" and one["status"] == "True"
            for one in node["status"].get("conditions", [])
        )
    )


def _of_pod(spec: Object) -> Room:
    """Return a pod's requests as the scheduler counts them: the largest init container or all."""
    firsts = [(one, _requests(one)) for one in spec.get("initContainers", [])]
    lasting = [room for one, room in firsts if one.get("restartPolicy") == "Always"]
    running = combined((*lasting, *map(_requests, spec["containers"])))
    passing = [room for one, room in firsts if one.get("restartPolicy") != "Always"]
    cpu = max(room.cpu for room in (running, *passing))
    memory = max(room.memory for room in (running, *passing))
    overhead = _of(spec.get("overhead", {}))
    return Room(cpu, memory, Decimal(1)).plus(overhead)


def _requests(container: Object) -> Room:
    return _of(container.get("resources", {}).get("requests", {}))


def _of(amounts: Mapping[str, Any], prefix: str = "", *, pods: str = "") -> Room:
    found = (amounts.get(f"{prefix}cpu"), amounts.get(f"{prefix}memory"), amounts.get(pods))
    return Room(*map(amount, found))


def combined(rooms: Iterable[Room]) -> Room:
    """Return all rooms as one."""
    return functools.reduce(Room.plus, rooms, Room())
