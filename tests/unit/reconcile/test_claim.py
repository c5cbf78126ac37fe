"""Namespaces are claimed: whatever happens between a look at one and a write to it."""

from typing import Any, cast

import pytest

from practicum.api.names import LAB_UID
from practicum.errors import Conflict, InvalidLab
from practicum.kube.client import Kube
from practicum.reconcile.apply import Applier
from practicum.reconcile.claim import Claims
from practicum.reconcile.inventory import Inventory

Object = dict[str, Any]
NAME, UID, OTHER = "lab-ada-123456", "uid-of-the-lab", "uid-of-another"


def namespace(lab: str = UID) -> Object:
    labels = {LAB_UID: lab, "practicum.dev/lab": "ada"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME, "labels": labels}}


class OneNamespace:
    """An API server with one namespace, which others may get at whenever it is asked."""

    def __init__(self, live: Object | None = None) -> None:
        self.live = live
        self.asked: list[str] = []
        self.thief = ""
        """After which request somebody else relabels the namespace."""

    async def find(self, kind: str, namespace: str, name: str) -> Object | None:
        assert (kind, namespace, name) == ("Namespace", "", NAME)
        return self._answer("find", self.live)

    async def create(self, body: Object) -> Object:
        if self.live:
            raise Conflict(409, "AlreadyExists", "it exists")
        self.live = _with(body, resourceVersion="1", uid="n", creationTimestamp="now")
        return cast(Object, self._answer("create", self.live))

    async def apply(self, body: Object) -> Object:
        assert self.live
        meta = body["metadata"]
        if meta.get("resourceVersion") != self.live["metadata"]["resourceVersion"]:
            self.asked.append("conflict")
            raise Conflict(409, "Conflict", "the object has been modified")
        version = str(int(meta["resourceVersion"]) + 1)
        self.live = _with(self.live, labels=meta["labels"], resourceVersion=version)
        return cast(Object, self._answer("apply", self.live))

    def _answer(self, request: str, live: Object | None) -> Object | None:
        self.asked.append(request)
        if request == self.thief and self.live:
            self.live = _with(self.live, labels={LAB_UID: OTHER}, resourceVersion="99")
        return live


def _with(body: Object, **meta: Any) -> Object:
    return {**body, "status": {"phase": "Active"}, "metadata": {**body["metadata"], **meta}}


def live(lab: str = UID, **meta: Any) -> Object:
    return _with(namespace(lab), resourceVersion="7", uid="n", **meta)


async def claim(cluster: OneNamespace, *had: str, known: Object | None = None) -> Inventory:
    inventory, kube = Inventory(), cast(Kube, cluster)
    if known:
        inventory.applied(namespace(), known)
    await Claims(kube, inventory, Applier(kube, inventory)).claim([namespace()], had)
    assert inventory.fresh(namespace())
    return inventory


async def test_what_is_not_there_is_created() -> None:
    cluster = OneNamespace()
    await claim(cluster)
    assert cluster.asked == ["create"]


async def test_what_stands_as_it_should_costs_nothing() -> None:
    cluster = OneNamespace(live())
    await claim(cluster, NAME, known=live())
    assert cluster.asked == []


@pytest.mark.parametrize("had", [(), (NAME,)], ids=["half-made", "drifted"])
async def test_what_is_the_labs_is_put_right(had: tuple[str, ...]) -> None:
    cluster = OneNamespace(live())
    await claim(cluster, *had)
    assert cluster.asked == ["find", "apply"]


@pytest.mark.parametrize(
    ("found", "had", "reason"),
    [
        (None, (NAME,), "NamespaceLost"),
        (live(deletionTimestamp="now"), (NAME,), "NamespaceLost"),
        (live(deletionTimestamp="now"), (), "NamespaceLost"),
        (live(OTHER), (NAME,), "NamespaceTaken"),
        (live(OTHER), (), "NamespaceTaken"),
        (_with(namespace(), resourceVersion="7", uid="n", labels={}), (), "NamespaceTaken"),
    ],
)
async def test_what_is_not_the_labs_is_left_alone(
    found: Object | None, had: tuple[str, ...], reason: str
) -> None:
    cluster = OneNamespace(found)
    with pytest.raises(InvalidLab) as refused:
        await claim(cluster, *had)
    assert refused.value.reason == reason
    assert cluster.asked == ["find"]


async def test_what_is_taken_between_the_look_and_the_write_is_not_taken_back() -> None:
    cluster = OneNamespace(live())
    cluster.thief = "find"
    with pytest.raises(Conflict):
        await claim(cluster, NAME)
    assert cluster.asked == ["find", "conflict"]
    assert cluster.live
    assert cluster.live["metadata"]["labels"] == {LAB_UID: OTHER}
