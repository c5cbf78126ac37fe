"""What of a lab is archived, who can read its volumes, and how its objects stand in another lab."""

import json
from datetime import timedelta
from typing import Any

import pytest

from practicum.api.archives import ArchiveRecord, Volume
from practicum.api.names import REPLICAS
from practicum.policy import archiving
from practicum.policy.archiving import Move

Object = dict[str, Any]
MOVE = Move(
    ("ada", "ada-back"), ("lab-ada-111111", "lab-ada-back-222222"), ("8c1f8b5e", "99999999")
)


def thing(kind: str, name: str = "x", spec: Object | None = None, **meta: Any) -> Object:
    body: Object = {"kind": kind, "metadata": {"name": name, **meta}}
    return body | ({"spec": spec} if spec is not None else {})


def pod(claim: str, **security: int) -> Object:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": claim}}
    return {"containers": [{"name": "c"}], "volumes": [volume], "securityContext": security}


def claim(name: str, phase: str = "Bound", **meta: Any) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "volumeName": "pv-1"}
    return thing("PersistentVolumeClaim", name, spec, **meta) | {"status": {"phase": phase}}


OURS = {"labels": {"app.kubernetes.io/managed-by": "practicum"}}


@pytest.mark.parametrize(
    ("body", "theirs"),
    [
        (thing("ConfigMap"), True),
        (thing("ConfigMap", **OURS), False),
        (thing("ConfigMap", "kube-root-ca.crt"), False),
        (thing("Deployment", ownerReferences=[{"kind": "X"}]), False),
    ],
)
def test_only_what_learners_made_is_theirs(body: Object, theirs: bool) -> None:
    assert archiving.learners(body) is theirs


@pytest.mark.parametrize(
    ("body", "patch"),
    [
        (
            thing("Deployment", spec={"replicas": 3}),
            {"metadata": {"annotations": {REPLICAS: "3"}}, "spec": {"replicas": 0}},
        ),
        (thing("StatefulSet", spec={"replicas": 0}), None),
        (thing("CronJob", spec={}), {"spec": {"suspend": True}}),
        (thing("Job", spec={"suspend": True}), None),
        (thing("Job", spec={}), {"spec": {"suspend": True}}),
        (
            thing("Job", spec={})
            | {"status": {"conditions": [{"type": "Complete", "status": "True"}]}},
            None,
        ),
    ],
)
def test_everything_stops_once(body: Object, patch: Object | None) -> None:
    assert archiving.quiet(body) == patch


def test_an_object_is_kept_without_what_the_cluster_said_of_it() -> None:
    body = thing(
        "Deployment",
        spec={"replicas": 0},
        uid="1",
        resourceVersion="2",
        namespace="lab-ada-111111",
        labels={"app": "web"},
        annotations={REPLICAS: "2", "practicum.dev/policy-status": "x", "mine": "y"},
    )
    assert archiving.portable(body | {"status": {"a": 1}}, "learner") == {
        "kind": "Deployment",
        "side": "learner",
        "metadata": {"name": "x", "labels": {"app": "web"}, "annotations": {"mine": "y"}},
        "spec": {"replicas": 2},
    }
    service = thing("Service", spec={"clusterIP": "10.0.0.1", "ports": [1]})
    assert archiving.portable(service, "team-a")["spec"] == {"ports": [1]}


def test_a_volume_is_read_by_who_wrote_it() -> None:
    template = {"template": {"spec": pod("db", runAsUser=70, runAsGroup=70, fsGroup=71)}}
    own = {"volumeClaimTemplates": [thing("X", "data")]}
    makers = [
        thing("Deployment", "db", template),
        thing("StatefulSet", "kv", {"template": {"spec": pod("-", runAsUser=5)}, **own}),
        thing("CronJob", "night", {"jobTemplate": {"spec": template}}),
    ]
    claims = [claim("db", **OURS), claim("data-kv-0"), claim("new", "Pending"), claim("alone")]
    spec = {"accessModes": ["ReadWriteOnce"]}
    assert archiving.volumes(claims, makers, "platform") == [
        Volume(side="platform", claim="db", user=70, group=71),
        Volume(side="platform", claim="data-kv-0", user=5, spec=spec),
        Volume(side="platform", claim="alone", spec=spec),
    ]


def test_objects_move_to_another_lab() -> None:
    subjects = [
        {"kind": "ServiceAccount", "name": "ada.team-a-dev", "namespace": "course-a"},
        {"kind": "ServiceAccount", "name": "adam.team-a-dev", "namespace": "course-a"},
        {"kind": "User", "name": "ada.lovelace"},
    ]
    peers = {
        "kubernetes.io/metadata.name": "lab-ada-111111-team-a",
        "practicum.dev/lab-uid": "8c1f8b5e",
    }
    bodies = [
        thing("Deployment", spec={}),
        thing("RoleBinding") | {"subjects": subjects},
        thing("NetworkPolicy", spec={"peers": peers}),
        thing("ConfigMap") | {"data": {"a.md": "ada. In lab-ada-111111."}},
        thing("ChangeRequest", spec={}),
        thing("PersistentVolumeClaim", spec={}),
    ]
    moved = archiving.transplanted(json.dumps(bodies), MOVE)
    assert [one["kind"] for one in moved] == [
        *("ConfigMap", "NetworkPolicy", "RoleBinding", "Deployment"),
    ]
    assert moved[0]["data"] == {"a.md": "ada. In lab-ada-back-222222."}
    assert moved[1]["spec"]["peers"] == {
        "kubernetes.io/metadata.name": "lab-ada-back-222222-team-a",
        "practicum.dev/lab-uid": "99999999",
    }
    named = [one["name"] for one in moved[2]["subjects"]]
    assert named == ["ada-back.team-a-dev", "adam.team-a-dev", "ada.lovelace"]


@pytest.mark.parametrize("text", ["{}", "[1]", "["])
def test_what_is_no_list_of_objects_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"list of objects|Expecting"):
        archiving.transplanted(text, MOVE)


def test_pauses_grow_up_to_a_limit() -> None:
    pauses = [archiving.backoff(number) for number in (1, 2, 3, 7, 1000)]
    assert pauses == [timedelta(seconds=number) for number in (15, 30, 60, 900, 900)]


def test_a_record_is_read_as_it_was_written() -> None:
    record = ArchiveRecord(
        uid="8c1f8b5e",
        origin="8c1f8b5e",
        lab="ada",
        course="course-a",
        template="mod-506",
        revision="mod-506-1",
        spec={"template": "mod-506"},
        made_at="2026-11-21T12:00:00Z",
        volumes=[Volume(side="learner", claim="data", spec={"a": 1})],
        manifest="0" * 64,
        files=1,
        size=2,
    )
    body = record.config_map()
    assert body["metadata"]["name"] == "archive-8c1f8b5e"
    assert ArchiveRecord.read(body) == record
    assert record.path == "course-a/ada-8c1f8b5e"
    with pytest.raises(ValueError, match="no record"):
        ArchiveRecord.read({"metadata": {"name": "x"}, "data": {}})
