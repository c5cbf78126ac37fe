"""Orphans: proven twice, never many, and never somebody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from practicum.api.names import ADOPT, LAB_UID
from practicum.errors import ApiError
from practicum.kube.client import Kube
from practicum.reconcile.sweep import Sweep, orphans, too_many
from practicum.settings import Settings
from tests import samples

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def namespace(name: str = "lab-ada-123456", lab: str | None = "gone", **meta: Any) -> Object:
    labels = {} if lab is None else {LAB_UID: lab}
    return {"metadata": {"name": name, "uid": f"uid-of-{name}", "labels": labels, **meta}}


def test_a_namespace_without_its_lab_is_an_orphan() -> None:
    assert list(orphans([namespace()], set())) == ["lab-ada-123456"]
    assert list(orphans([namespace()], {samples.UID})) == ["lab-ada-123456"]


@pytest.mark.parametrize(
    "body",
    [
        namespace(lab=samples.UID),
        namespace(name="production"),
        namespace(name="kube-system"),
        namespace(lab=None),
        namespace(lab=""),
        namespace(annotations={ADOPT: "true"}),
        namespace(deletionTimestamp="2026-11-21T12:00:00Z"),
        {"metadata": {"name": "lab-x", "uid": "u"}},
    ],
    ids=["alive", "name", "system", "no label", "empty", "adopted", "deleting", "bare"],
)
def test_no_orphans(body: Object) -> None:
    assert orphans([body], {samples.UID}) == {}


@pytest.mark.parametrize(
    ("found", "total", "halts"),
    [
        *((0, 0, False), (0, 50, False), (1, 1, False), (1, 5, False), (5, 50, False)),
        *((6, 50, True), (10, 100, False), (11, 100, True), (11, 10_000, True), (3, 3, True)),
    ],
)
def test_too_many(found: int, total: int, halts: bool) -> None:
    assert too_many(found, total) is halts


class Cluster:
    """Namespaces and labs, and what was deleted: all that a sweep asks for."""

    def __init__(self, *namespaces: Object, labs: tuple[str, ...] = ()) -> None:
        self.namespaces = list(namespaces)
        self.labs = [{"metadata": {"uid": uid}} for uid in labs]
        self.deleted: list[tuple[str, str]] = []
        self.skew = timedelta(0)
        self.broken = False

    async def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        assert not namespace
        if self.broken and kind == "LabEnvironment":
            raise ApiError(410, "Expired", "the continue token is too old")
        if kind == "Namespace":
            assert labels == "app.kubernetes.io/managed-by=practicum"
        return self.namespaces if kind == "Namespace" else self.labs

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str) -> bool:
        assert (kind, namespace) == ("Namespace", "")
        self.deleted.append((name, uid))
        return True


class Sweeping:
    """A sweep whose clock the test turns."""

    def __init__(self, cluster: Cluster) -> None:
        self.now = NOW
        settings = Settings(sweep_interval=timedelta(minutes=10))
        self.sweep = Sweep(cast(Kube, cluster), settings, lambda: self.now)

    async def after(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)
        await self.sweep.run()


def labs(number: int) -> tuple[list[Object], tuple[str, ...]]:
    """Return the namespaces of living labs, two each, and their uids."""
    uids = tuple(f"lab-{index}" for index in range(number))
    made = [namespace(f"lab-{uid}{side}", uid) for uid in uids for side in ("", "-platform")]
    return made, uids


ORPHANS = [namespace("lab-ada-1"), namespace("lab-ada-1-platform")]
NAMES = [("lab-ada-1", "uid-of-lab-ada-1"), ("lab-ada-1-platform", "uid-of-lab-ada-1-platform")]


async def test_an_orphan_goes_at_its_second_listing() -> None:
    others, uids = labs(30)
    cluster = Cluster(*others, *ORPHANS, labs=uids)
    sweeping = Sweeping(cluster)
    await sweeping.after(0)
    await sweeping.after(9)
    assert cluster.deleted == []
    await sweeping.after(1)
    assert cluster.deleted == NAMES


async def test_the_orphans_of_one_lab_go_in_a_small_cluster_too() -> None:
    """One lab has two namespaces: they are not `too many`, however few labs there are."""
    cluster = Cluster(*ORPHANS)
    sweeping = Sweeping(cluster)
    await sweeping.after(0)
    await sweeping.after(11)
    assert cluster.deleted == NAMES


async def test_a_lab_seen_in_between_clears_the_suspicion() -> None:
    others, uids = labs(30)
    cluster = Cluster(*others, *ORPHANS, labs=(*uids, "gone"))
    sweeping = Sweeping(cluster)
    cluster.labs, with_lab = [{"metadata": {"uid": uid}} for uid in uids], cluster.labs
    await sweeping.after(0)
    without = cluster.labs
    cluster.labs = with_lab
    await sweeping.after(6)
    cluster.labs = without
    await sweeping.after(6)
    assert cluster.deleted == []


async def test_a_listing_that_breaks_off_proves_nothing() -> None:
    others, uids = labs(30)
    cluster = Cluster(*others, *ORPHANS, labs=uids)
    sweeping = Sweeping(cluster)
    await sweeping.after(0)
    cluster.broken = True
    with pytest.raises(ApiError):
        await sweeping.after(11)
    assert cluster.deleted == []
    cluster.broken = False
    await sweeping.after(1)
    assert cluster.deleted == NAMES


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_clocks_that_disagree_halt_the_sweep(seconds: int) -> None:
    others, uids = labs(30)
    cluster = Cluster(*others, *ORPHANS, labs=uids)
    sweeping = Sweeping(cluster)
    await sweeping.after(0)
    cluster.skew = timedelta(seconds=seconds)
    await sweeping.after(11)
    assert cluster.deleted == []


async def test_a_restored_namespace_is_left_to_its_adopter() -> None:
    """A backup brings namespaces back under the uids of labs that are no more."""
    others, uids = labs(30)
    restored = namespace("lab-bob-1")
    restored["metadata"]["annotations"] = {ADOPT: "restored on Friday"}
    cluster = Cluster(*others, restored, labs=uids)
    sweeping = Sweeping(cluster)
    await sweeping.after(0)
    await sweeping.after(20)
    assert cluster.deleted == []


async def test_many_orphans_halt_the_sweep() -> None:
    others, _ = labs(30)
    cluster = Cluster(*others)
    sweeping = Sweeping(cluster)
    await sweeping.after(0)
    await sweeping.after(20)
    await sweeping.after(20)
    assert cluster.deleted == []
