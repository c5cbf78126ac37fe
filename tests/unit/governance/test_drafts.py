"""Learners' policies as last seen: what of them is news, and what is kept."""

from typing import Any

from practicum.api.names import POLICY_STATUS, ChildKey, LabKey
from practicum.governance.drafts import Drafts

ADA = LabKey("course-a", "ada")
HOME = "lab-ada-123456"


def config(version: int, *, uid: str = "u1", status: str = "", **more: Any) -> dict[str, Any]:
    annotations = {POLICY_STATUS: status, "kubectl": "x"} if status else {"kubectl": "y"}
    meta = {"name": "policies", "namespace": HOME, "uid": uid, "resourceVersion": str(version)}
    return {
        "kind": "ConfigMap",
        "metadata": {**meta, "annotations": annotations},
        "data": {"a.rego": "package lab.a\n"},
        **more,
    }


def drafts() -> tuple[Drafts, list[LabKey]]:
    woken: list[LabKey] = []
    return Drafts({HOME: ADA}.get, woken.append), woken


def test_what_a_learner_writes_wakes_their_lab() -> None:
    seen, woken = drafts()
    seen.changed(config(1), False)
    seen.changed(config(2, data={"a.rego": "package lab.b\n"}), False)
    draft = seen.at(HOME)
    assert draft and draft.texts == {"a.rego": "package lab.b\n"}
    assert woken == [ADA, ADA]


def test_what_does_not_matter_and_what_is_old_is_no_news() -> None:
    seen, woken = drafts()
    seen.changed(config(2), False)
    seen.changed(config(3, metadata=config(3)["metadata"] | {"labels": {"a": "b"}}), False)
    seen.changed(config(1, data={}), False)
    assert woken == [ADA]
    draft = seen.at(HOME)
    assert draft and draft.version == 3


def test_our_own_word_is_no_news_and_a_strangers_is() -> None:
    seen, woken = drafts()
    seen.changed(config(1), False)
    seen.wrote(config(2, status="ours"))
    seen.changed(config(2, status="ours"), False)
    assert woken == [ADA]
    seen.changed(config(3), False)
    assert woken == [ADA, ADA]


def test_an_edit_that_came_in_with_our_write_stays_news() -> None:
    seen, woken = drafts()
    seen.changed(config(1), False)
    edited = {"a.rego": "package lab.c\n"}
    seen.wrote(config(3, status="ours", data=edited))
    seen.changed(config(2, data=edited), False)
    seen.changed(config(3, status="ours", data=edited), False)
    assert woken == [ADA, ADA, ADA]


def test_what_is_gone_is_forgotten_whoever_saw_it_go() -> None:
    seen, woken = drafts()
    seen.changed(config(1), False)
    seen.changed(config(2), True)
    assert seen.at(HOME) is None
    seen.changed(config(3, uid="u2"), False)
    seen.listed("ConfigMap", {ChildKey("ConfigMap", "elsewhere", "policies")}, 9)
    assert seen.at(HOME) is None
    assert woken == [ADA] * 4


def test_a_listing_that_is_older_drops_nothing() -> None:
    seen, _ = drafts()
    seen.changed(config(5), False)
    seen.listed("ConfigMap", set(), 4)
    assert seen.at(HOME)


def test_what_is_no_text_or_too_long_is_not_kept() -> None:
    seen, _ = drafts()
    seen.changed(config(1, binaryData={"b.rego": "AA=="}), False)
    draft = seen.at(HOME)
    assert draft and draft.problem.startswith("binaryData")
    seen.changed(config(2, data={"a.rego": "x" * 65537}), False)
    draft = seen.at(HOME)
    assert draft and draft.problem.startswith("data: more than") and draft.files == "{}"


def test_other_namespaces_have_nothing_to_do_with_labs() -> None:
    seen, woken = drafts()
    body = config(1)
    body["metadata"]["namespace"] = "kube-system"
    seen.changed(body, False)
    assert seen.at("kube-system") is None
    assert not woken
