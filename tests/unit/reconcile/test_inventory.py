"""Which watch events are news."""

from typing import Any

import pytest

from practicum.api.names import LAB_UID, key_of
from practicum.reconcile.inventory import Inventory
from tests import samples

Object = dict[str, Any]
OTHER = samples.OTHER_UID


def desired(**data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "lab-a", "labels": {LAB_UID: samples.UID}},
        "data": data,
    }


def live(version: int, uid: str = "u1", **data: str) -> Object:
    body = desired(**data)
    body["metadata"] |= {"resourceVersion": str(version), "uid": uid}
    return body


def job(version: int, **status: Any) -> Object:
    body = live(version) | {"kind": "Job", "spec": {}, "status": status}
    del body["data"]
    return body


@pytest.fixture
def inventory() -> Inventory:
    """Knows one ConfigMap, applied with a=1 as version 5."""
    made = Inventory()
    made.applied(desired(a="1"), live(5, a="1"))
    return made


KEY = key_of(desired())


def test_our_own_write_is_no_news(inventory: Inventory) -> None:
    assert not inventory.event(live(5, a="1"), deleted=False)
    assert inventory.fresh(desired(a="1"))


def test_what_should_change_is_not_fresh(inventory: Inventory) -> None:
    assert not inventory.fresh(desired(a="2"))
    assert not Inventory().fresh(desired(a="1"))


def test_old_events_are_ignored(inventory: Inventory) -> None:
    assert not inventory.event(live(4, a="old"), deleted=False)
    assert inventory.fresh(desired(a="1"))


def test_versions_are_compared_as_numbers(inventory: Inventory) -> None:
    assert inventory.event(live(10, a="2"), deleted=False)
    assert not inventory.event(live(9, a="1"), deleted=False)


def test_drift_is_news_and_no_longer_fresh(inventory: Inventory) -> None:
    assert inventory.event(live(6, a="2"), deleted=False)
    assert not inventory.fresh(desired(a="1"))


def test_drift_stays_drift_until_it_is_repaired(inventory: Inventory) -> None:
    inventory.event(live(6, a="2"), deleted=False)
    assert inventory.event(live(7, a="2"), deleted=False)
    inventory.applied(desired(a="1"), live(8, a="1"))
    assert inventory.fresh(desired(a="1"))
    assert not inventory.event(live(8, a="1"), deleted=False)


def test_a_mere_change_of_bookkeeping_is_no_news(inventory: Inventory) -> None:
    body = live(6, a="1")
    body["metadata"]["managedFields"] = [{}]
    assert not inventory.event(body, deleted=False)
    assert inventory.fresh(desired(a="1"))


def test_a_change_of_readiness_is_news() -> None:
    made = Inventory()
    body = job(5) | {"status": {}}
    made.applied(job(5), body)
    assert not made.event(job(6, active=1), deleted=False)
    done = {"type": "Complete", "status": "True"}
    assert made.event(job(7, conditions=[done]), deleted=False)
    assert not made.event(job(8, conditions=[done], active=0), deleted=False)


def test_what_was_never_seen_is_news() -> None:
    assert Inventory().event(live(5), deleted=False)


def test_a_deletion_is_news_and_forgotten(inventory: Inventory) -> None:
    assert inventory.event(live(6, a="1"), deleted=True)
    assert inventory.get(samples.UID, KEY) is None
    assert not inventory.fresh(desired(a="1"))


def test_an_object_does_not_rise_from_events_that_its_end_overtook(inventory: Inventory) -> None:
    assert inventory.event(live(9, a="1"), deleted=True)
    assert not inventory.event(live(8, a="1"), deleted=False)
    assert inventory.get(samples.UID, KEY) is None


def test_a_late_deletion_does_not_hide_the_successor(inventory: Inventory) -> None:
    inventory.applied(desired(a="1"), live(8, uid="u2", a="1"))
    inventory.event(live(7, uid="u1", a="1"), deleted=True)
    assert inventory.fresh(desired(a="1"))


def test_a_successor_is_taken_in_whatever_its_version(inventory: Inventory) -> None:
    assert inventory.event(live(3, uid="u2", a="2"), deleted=False)
    seen = inventory.get(samples.UID, KEY)
    assert seen and seen.uid == "u2"


def test_what_controllers_own_is_ignored() -> None:
    made, body = Inventory(), live(5)
    body["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "uid": "r", "controller": True}]
    assert not made.event(body, deleted=False)
    assert not made.event(body, deleted=True)
    assert list(made.keys(samples.UID)) == []


def test_what_the_lab_owns_is_not(inventory: Inventory) -> None:
    body = live(6, a="1")
    body["metadata"]["ownerReferences"] = [{"kind": "LabEnvironment", "uid": samples.UID}]
    assert inventory.event(body, deleted=False)


def test_an_answer_that_the_watch_has_overtaken(inventory: Inventory) -> None:
    inventory.event(live(7, a="evil"), deleted=False)
    inventory.applied(desired(a="1"), live(6, a="1"))
    assert not inventory.fresh(desired(a="1"))
    inventory.event(live(8, a="1"), deleted=False)
    inventory.applied(desired(a="1"), live(8, a="1"))
    assert inventory.fresh(desired(a="1"))


def test_a_relabelled_object_is_missed_by_its_lab(inventory: Inventory) -> None:
    stolen = live(6, a="1")
    stolen["metadata"]["labels"] = {LAB_UID: OTHER}
    inventory.event(stolen, deleted=False)
    assert not inventory.fresh(desired(a="1"))
    assert inventory.get(OTHER, KEY)


def test_labs_are_kept_apart(inventory: Inventory) -> None:
    inventory.forget(OTHER)
    assert list(inventory.keys(samples.UID)) == [KEY]
    inventory.forget(samples.UID)
    assert list(inventory.keys(samples.UID)) == []


def test_distrust_forgets_kinds(inventory: Inventory) -> None:
    inventory.distrust(samples.UID, frozenset({"Secret"}))
    assert inventory.fresh(desired(a="1"))
    inventory.distrust(samples.UID, frozenset({"ConfigMap"}))
    assert not inventory.fresh(desired(a="1"))


def test_forgotten_labs_leave_nothing_behind(inventory: Inventory) -> None:
    """Their last objects' deletions arrive after the lab is gone."""
    inventory.forget(samples.UID)
    inventory.event(live(9), deleted=True)
    inventory.get(OTHER, KEY)
    assert not inventory._labs


def test_an_answer_that_comes_after_the_deletion_is_not_believed(inventory: Inventory) -> None:
    """Otherwise the object would be thought to be there, and never come back."""
    inventory.event(live(5, a="1"), deleted=True)
    inventory.applied(desired(a="1"), live(6, a="1"))
    assert not inventory.fresh(desired(a="1"))
    inventory.applied(desired(a="1"), live(8, "u2", a="1"))
    assert inventory.fresh(desired(a="1"))


def test_a_listing_drops_what_it_lacks(inventory: Inventory) -> None:
    assert inventory.listed("Secret", set(), 9) == set()
    assert inventory.listed("ConfigMap", {KEY}, 9) == set()
    assert inventory.listed("ConfigMap", set(), 4) == set(), "it is younger than the listing"
    assert inventory.listed("ConfigMap", set(), 9) == {samples.UID}
    assert not inventory.fresh(desired(a="1"))


def quota(name: str, version: int, *, counted: bool) -> Object:
    body = live(version, uid=name) | {"kind": "ResourceQuota", "spec": {"hard": {"pods": "1"}}}
    body["metadata"] = body["metadata"] | {"name": name}
    del body["data"]
    return body | {"status": {"hard": {"pods": "1"}} if counted else {}}


def test_the_last_quota_to_be_counted_is_news() -> None:
    made = Inventory()
    for name in ("one", "two"):
        made.applied(quota(name, 1, counted=False), quota(name, 1, counted=False))
    assert not made.event(quota("one", 2, counted=True), deleted=False)
    assert made.event(quota("two", 3, counted=True), deleted=False)


def test_a_seal_is_believed_only_if_nothing_changed(inventory: Inventory) -> None:
    seal = inventory.seal([desired(a="1")], "basis")
    assert seal
    assert inventory.seal([desired(a="2")], "basis") == "", "it is not as it should be"
    cases = [
        (live(9, a="1"), desired(a="1"), "basis", True),
        (live(9, a="2"), desired(a="1"), "basis", False),
        (live(9, a="1"), desired(a="2"), "basis", False),
        (live(9, a="1"), desired(a="1"), "another", False),
    ]
    for body, wanted, basis, believed in cases:
        anew = Inventory()
        anew.event(body, deleted=False)
        assert anew.unseal(seal, [wanted], basis) is believed
        assert anew.fresh(wanted) is believed
    assert not Inventory().unseal(seal, [desired(a="1")], "basis"), "it is not there"


def test_what_others_delete_is_lost_until_it_is_there_again(inventory: Inventory) -> None:
    assert not inventory.lost(samples.UID, KEY)
    inventory.event(live(6, a="1"), deleted=True)
    assert inventory.lost(samples.UID, KEY)
    inventory.applied(desired(a="1"), live(7, "u2", a="1"))
    assert not inventory.lost(samples.UID, KEY)
    inventory.listed("ConfigMap", set(), 9)
    assert inventory.lost(samples.UID, KEY)
    inventory.forget(samples.UID)
    assert not inventory.lost(samples.UID, KEY)


@pytest.mark.parametrize("told_first", [True, False])
def test_what_we_delete_is_not_lost(inventory: Inventory, told_first: bool) -> None:
    """The watch may tell of it before or after the answer is read."""
    steps = [
        lambda: inventory.event(live(6, a="1"), deleted=True),
        lambda: inventory.drop(samples.UID, KEY),
    ]
    for step in steps if told_first else reversed(steps):
        step()
    assert not inventory.lost(samples.UID, KEY)
