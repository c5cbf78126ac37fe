"""What counts as drift, and that a repair leaves nothing of a stranger's."""

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.policy.drift import fingerprint, repairs

Object = dict[str, Any]
KEYS = st.sampled_from(["a", "b", "c", "d/e", "f~g", "h"])
NAMES = st.sampled_from(["one", "two", "three", "four"])
FLAT = st.dictionaries(KEYS, st.sampled_from(["1", "2"]), max_size=4)
LABELS = st.dictionaries(
    st.sampled_from(
        ["practicum.dev/lab", "practicum.dev/x", "app.kubernetes.io/part-of", "mine", "theirs"]
    ),
    st.just("v"),
)
FOREIGN = ("practicum.dev/", "app.kubernetes.io/")


def entries(**fields: Any) -> st.SearchStrategy[list[Object]]:
    return st.lists(
        st.fixed_dictionaries({"name": NAMES, **fields}),
        max_size=4,
        unique_by=lambda entry: entry["name"],
    )


PODS = st.fixed_dictionaries(
    {
        "containers": entries(env=entries(value=st.just("x"))),
        "initContainers": entries(env=entries()),
        "volumes": entries(),
    }
)
WORKLOADS = st.builds(lambda pod: {"spec": {"template": {"spec": pod}}}, PODS)
GUARDS = st.fixed_dictionaries(
    {"spec": st.fixed_dictionaries({"hard": FLAT, "podSelector": st.builds(dict, x=FLAT)})}
)
CONFIGS = st.fixed_dictionaries({"data": FLAT})
BODIES: dict[str, st.SearchStrategy[Object]] = {
    "Deployment": WORKLOADS,
    "StatefulSet": WORKLOADS,
    "ResourceQuota": GUARDS,
}
BODIES |= {"NetworkPolicy": GUARDS, "ConfigMap": CONFIGS, "Secret": CONFIGS}


def meta(labels: Object | None = None, annotations: Object | None = None) -> Object:
    return {
        "name": "x",
        "resourceVersion": "7",
        "labels": labels or {},
        "annotations": annotations or {},
    }


def merged(desired: Any, strange: Any) -> Any:
    """Do what a forced server-side apply does: ours win, what strangers added stays."""
    if isinstance(desired, dict):
        more = {key: value for key, value in strange.items() if key not in desired}
        both = {key: merged(desired[key], strange[key]) for key in desired if key in strange}
        return {**more, **desired, **both}
    if isinstance(desired, list):
        ours = {entry["name"]: entry for entry in desired}
        theirs = {entry["name"]: entry for entry in strange}
        order = list(dict.fromkeys([*theirs, *ours]))
        return [
            merged(ours[name], theirs[name])
            if name in ours and name in theirs
            else ours.get(name, theirs.get(name))
            for name in order
        ]
    return desired


def without_strangers(live: Object, desired: Object) -> None:
    """Compare everything but the order of lists and labels that are nobody's business."""
    live, desired = copy.deepcopy(live), copy.deepcopy(desired)
    for body in (live, desired):
        for part in ("labels", "annotations"):
            kept = {k: v for k, v in body["metadata"][part].items() if k.startswith(FOREIGN)}
            body["metadata"][part] = kept
    assert _sorted(live) == _sorted(desired)


def _sorted(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _sorted(child) for key, child in node.items()}
    if isinstance(node, list):
        return sorted((_sorted(child) for child in node), key=lambda entry: str(entry["name"]))
    return node


@pytest.mark.parametrize("kind", BODIES)
@given(data=st.data())
def test_a_repaired_object_has_no_strangers(kind: str, data: st.DataObject) -> None:
    desired: Object = data.draw(BODIES[kind])
    strange: Object = data.draw(BODIES[kind])
    for body in (desired, strange):
        body |= {"kind": kind, "metadata": meta(data.draw(LABELS), data.draw(LABELS))}
    live = merged(desired, strange)
    operations = repairs(desired, live)
    without_strangers(jsonpatch.apply_patch(live, operations), desired)
    assert repairs(desired, jsonpatch.apply_patch(live, operations)) == []


def config_map(**data: str) -> Object:
    return {"kind": "ConfigMap", "metadata": meta(), "data": data}


def test_a_repair_fails_when_the_object_has_changed_meanwhile() -> None:
    live = config_map(a="1", evil="1")
    test, removal = repairs(config_map(a="1"), live)
    assert test == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert removal == {"op": "remove", "path": "/data/evil"}
    live["metadata"]["resourceVersion"] = "8"
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(live, [test, removal])


def test_nothing_strange_needs_no_repair() -> None:
    live = config_map(a="1") | {"status": {}, "immutable": False}
    assert repairs(config_map(a="1"), live) == []


def test_binary_data_of_strangers_goes_too() -> None:
    """A key of binaryData becomes a file in the pod, as one of data does."""
    live = config_map(a="1") | {"binaryData": {"evil.rego": "eA=="}}
    repaired = jsonpatch.apply_patch(live, repairs(config_map(a="1"), live))
    assert not repaired.get("binaryData")


def test_a_secret_without_data_may_get_none() -> None:
    desired: Object = {"kind": "Secret", "metadata": meta()}
    operations = repairs(desired, desired | {"data": {"a/b": "1"}})
    assert operations[1:] == [{"op": "remove", "path": "/data/a~1b"}]


def test_labels_of_others_stay() -> None:
    desired = config_map()
    desired["metadata"] = meta({"practicum.dev/lab": "ada"})
    live = copy.deepcopy(desired)
    live["metadata"]["labels"] |= {"their.org/x": "1", "practicum.dev/side": "platform"}
    assert [one["path"] for one in repairs(desired, live)[1:]] == [
        "/metadata/labels/practicum.dev~1side"
    ]


def deployment() -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta({"app": "x"}, {"practicum.dev/a": "1"}) | {"generation": 1},
        "spec": {"replicas": 1},
        "status": {"replicas": 0},
    }


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("status", {"replicas": 5}),
        ("resourceVersion", "99"),
        ("generation", 9),
        ("managedFields", [{}]),
        ("annotations", {"practicum.dev/a": "1", "deployment.kubernetes.io/revision": "2"}),
    ],
)
def test_bookkeeping_is_no_drift(part: str, value: Any) -> None:
    body = deployment()
    (body if part == "status" else body["metadata"])[part] = value
    assert fingerprint(body) == fingerprint(deployment())


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("spec", {"replicas": 2}),
        ("labels", {"app": "y"}),
        ("labels", {"app": "x", "more": "1"}),
        ("annotations", {}),
        ("annotations", {"practicum.dev/a": "2"}),
        ("ownerReferences", [{"uid": "1"}]),
        ("deletionTimestamp", "2026-11-21T12:00:00Z"),
    ],
)
def test_everything_else_is_drift(part: str, value: Any) -> None:
    body = deployment()
    (body if part == "spec" else body["metadata"])[part] = value
    assert fingerprint(body) != fingerprint(deployment())


def test_the_volume_that_a_claim_gets_is_no_drift() -> None:
    meta = {"name": "data", "namespace": "lab-a", "labels": {}}
    claim = {"kind": "PersistentVolumeClaim", "metadata": meta, "spec": {"accessModes": ["x"]}}
    bound = claim | {"spec": {"accessModes": ["x"], "volumeName": "pv-1"}}
    other = claim | {"spec": {"accessModes": ["y"], "volumeName": "pv-1"}}
    assert fingerprint(claim) == fingerprint(bound) != fingerprint(other)
