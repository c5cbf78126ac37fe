"""What is known of the LabEnvironments themselves, and what of it is news."""

from typing import Any

from practicum.api.conditions import Phase
from practicum.api.names import LabKey
from practicum.reconcile.labs import Labs
from tests import samples

Object = dict[str, Any]
ADA = LabKey("course-a", "ada")


def lab(version: int, *, uid: str = samples.UID, generation: int = 1, phase: str = "") -> Object:
    resource = samples.resource(uid=uid)
    meta = {**resource.metadata, "resourceVersion": str(version), "generation": generation}
    return {
        "apiVersion": "practicum.dev/v1alpha1",
        "kind": "LabEnvironment",
        "metadata": meta | {"managedFields": [{"manager": "kubectl"}]},
        "spec": resource.spec.wire(),
        **({"status": {"phase": phase}} if phase else {}),
    }


def test_a_lab_is_read_without_what_nobody_needs() -> None:
    labs = Labs()
    assert labs.get(ADA) is None
    assert labs.event(lab(1), deleted=False)
    found = labs.get(ADA)
    assert found and found.spec.learner and "managedFields" not in found.metadata
    assert len(labs) == 1
    assert labs.uids() == {ADA: samples.UID}


def test_our_own_write_is_no_news_and_is_seen_by_the_next_pass() -> None:
    labs = Labs()
    labs.event(lab(1), deleted=False)
    labs.answer(lab(2, phase="Ready"))
    found = labs.get(ADA)
    assert found and found.status.phase is Phase.READY
    assert not labs.event(lab(2, phase="Ready"), deleted=False)
    assert labs.event(lab(3), deleted=False)


def test_an_edit_that_came_in_with_our_write_stays_news() -> None:
    labs = Labs()
    labs.event(lab(1), deleted=False)
    labs.answer(lab(3, generation=2, phase="Ready"))
    assert labs.event(lab(2, generation=2), deleted=False)
    assert labs.event(lab(3, generation=2, phase="Ready"), deleted=False)


def test_what_was_read_is_seen_by_the_next_pass_and_stays_news() -> None:
    labs = Labs()
    labs.event(lab(1), deleted=False)
    labs.look(lab(3, generation=2, phase="Ready"))
    labs.answer(lab(4, generation=2, phase="Degraded"))
    found = labs.get(ADA)
    assert found and found.status.phase is Phase.DEGRADED
    assert labs.event(lab(3, generation=2, phase="Ready"), deleted=False)
    assert not labs.event(lab(4, generation=2, phase="Degraded"), deleted=False)
    labs.look(lab(4, generation=2, phase="Degraded"))
    assert not labs.event(lab(4, generation=2, phase="Degraded"), deleted=False)


def test_an_answer_brings_no_lab_back() -> None:
    labs = Labs()
    labs.event(lab(1), deleted=False)
    assert labs.event(lab(2), deleted=True)
    labs.answer(lab(3))
    assert labs.get(ADA) is None
    labs.event(lab(4, uid=samples.OTHER_UID), deleted=False)
    labs.answer(lab(5))
    assert labs.event(lab(2), deleted=True)
    assert labs.uids() == {ADA: samples.OTHER_UID}
    labs.drop(ADA, samples.UID)
    assert len(labs) == 1
    labs.drop(ADA, samples.OTHER_UID)
    assert len(labs) == 0
