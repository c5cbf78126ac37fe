"""Policies practicum-managed-objects and practicum-learner-*: ours stays ours, and all ends."""

import base64

import pytest

from .cases import Case, create, delete, edit, table
from .conftest import World
from .objects import (
    OURS,
    WORKLOADS,
    claim,
    pod,
    service,
    thing,
    with_claim,
    with_ephemeral,
    workload,
)

MANAGED = "belong to the lab"
RESERVED = "reserved for the lab"
FINALIZERS = "a lab must be able to end"
TOO_BIG = "65536"
NOTES = "metadata.annotations: more than"
RBAC = "cannot"
MARK = {"labels": {"practicum.dev/x": "1"}}
STUCK = {"finalizers": ["example.org/stuck"]}


def encoded(size: int) -> str:
    return base64.b64encode(b"x" * size).decode()


def config(name: str = "mine", meta: dict[str, object] | None = None, **data: object):
    return thing("ConfigMap", name, meta, data=data)


def notes(size: int) -> dict[str, object]:
    return {"annotations": {"a": "x" * (size - 10), "b": "x" * 10}}


FOREIGN = "belong to others"
FOREIGN_VOLUMES = (
    ("volume by its name", {"volumeName": "pv-of-another-lab"}),
    ("volume by labels", {"selector": {"matchLabels": {"app": "x"}}}),
    ("volume without a class", {"storageClassName": ""}),
)

OWN = table(
    create("own ConfigMap", config()),
    create("own Secret", thing("Secret")),
    create("own Service", service()),
    create("own claim", claim()),
    create("own pod", pod()),
    (create(f"own {kind}", workload(kind)) for kind in WORKLOADS),
    create("own claim template", with_claim()),
    create("own ephemeral volume", with_ephemeral()),
    create(
        "label of another tool", config(meta={"labels": {"app.kubernetes.io/managed-by": "Helm"}})
    ),
)

MANAGED_CASES = table(
    create(
        "forged label",
        config(meta={"labels": {"app.kubernetes.io/managed-by": "practicum"}}),
        MANAGED,
    ),
    create("forged pair of labels", config(meta={"labels": OURS}), MANAGED),
    create("reserved label", config(meta=MARK), RESERVED),
    create("reserved annotation", config(meta={"annotations": {"practicum.dev/x": "1"}}), RESERVED),
    edit("edit of a ConfigMap of ours", "ConfigMap", "ours", {"data": {"a": "c"}}, MANAGED),
    edit("labels stripped off ours", "ConfigMap", "ours", {"metadata": {"labels": None}}, MANAGED),
    edit("edit of the endpoints", "ConfigMap", "lab-endpoints", {"data": {"a": "c"}}, MANAGED),
    edit("edit of a Secret of ours", "Secret", "ours", {"stringData": {"a": "c"}}, MANAGED),
    edit(
        "Service of ours aimed elsewhere",
        "Service",
        "ours",
        {"spec": {"selector": {"app": "mine"}}},
        MANAGED,
    ),
    edit("edit of a Deployment of ours", "Deployment", "ours", {"spec": {"replicas": 0}}, MANAGED),
    edit(
        "scale of ours",
        "Deployment",
        "ours",
        {"spec": {"replicas": 0}},
        "scale your own",
        subresource="scale",
    ),
    (
        delete(f"deletion of a {kind} of ours", kind, "ours", MANAGED)
        for kind in ("ConfigMap", "Secret", "Service", "Deployment")
    ),
    delete("deletion of all ConfigMaps", "ConfigMap", "", MANAGED),
    edit("quota raised", "ResourceQuota", "compute", {"spec": {"hard": {"pods": "99"}}}, RBAC),
    delete("quota deleted", "ResourceQuota", "compute", RBAC),
    delete("limits deleted", "LimitRange", "", RBAC),
    edit("deny-all opened", "NetworkPolicy", "deny-all", {"spec": {"ingress": [{}]}}, RBAC),
    delete("deny-all deleted", "NetworkPolicy", "deny-all", RBAC),
    edit(
        "default account armed",
        "ServiceAccount",
        "default",
        {"automountServiceAccountToken": True},
        RBAC,
    ),
    (create(f"reserved label in a {kind}", workload(kind, MARK), RESERVED) for kind in WORKLOADS),
    (
        create(f"forged label in a {kind}", workload(kind, {"labels": OURS}), MANAGED)
        for kind in WORKLOADS
    ),
    create("reserved label in a claim template", with_claim(MARK), RESERVED),
    create("reserved label in an ephemeral volume", with_ephemeral(MARK), RESERVED),
)

OBJECT_CASES = table(
    create("finalizer", config(meta=STUCK), FINALIZERS),
    create(
        "finalizer of the garbage collector",
        config(meta={"finalizers": ["foregroundDeletion"]}),
        FINALIZERS,
    ),
    create("finalizer on a pod", pod(STUCK), FINALIZERS),
    (create(f"finalizer in a {kind}", workload(kind, STUCK), FINALIZERS) for kind in WORKLOADS),
    create("finalizer in a claim template", with_claim(STUCK), FINALIZERS),
    create("finalizer in an ephemeral volume", with_ephemeral(STUCK), "cannot be set"),
    create("64 KiB", config(a="x" * 65000, b="y" * 536)),
    create("64 KiB and one", config(a="x" * 65000, b="y" * 537), TOO_BIG),
    create("64 KiB counted in bytes", config(a="€" * 22000), TOO_BIG),
    create("a mebibyte", config(a="x" * 1_000_000), TOO_BIG),
    create("64 KiB, binary", {**config(), "binaryData": {"a": encoded(65535)}}),
    create(
        "64 KiB, half binary",
        {**config(b="y" * 40000), "binaryData": {"a": encoded(40000)}},
        TOO_BIG,
    ),
    create("Secret of 60,000 bytes", thing("Secret", data={"a": encoded(60000)})),
    create("Secret of 66,000 bytes", thing("Secret", data={"a": encoded(66000)}), TOO_BIG),
    create("Secret as text", thing("Secret", stringData={"a": "x" * 66000}), TOO_BIG),
    (
        create(f"annotations, {title}", make(notes(size)), refusal)
        for title, make, size, refusal in (
            # The admission plugin LimitRanger adds a note of its own to a pod.
            ("a pod's", pod, 32000, ""),
            ("a pod's, and one", pod, 32769, NOTES),
            ("a Deployment's pods'", lambda meta: workload("Deployment", meta), 32769, NOTES),
            ("a claim template's", with_claim, 32769, NOTES),
            ("a ConfigMap's", lambda meta: config(meta=meta), 131072, ""),
            ("a ConfigMap's, and one", lambda meta: config(meta=meta), 131073, NOTES),
        )
    ),
    create(
        "token Secret",
        thing(
            "Secret",
            meta={"annotations": {"kubernetes.io/service-account.name": "default"}},
            type="kubernetes.io/service-account-token",
        ),
        "without an end",
    ),
    (
        create(f"{title}, in {where}", make(**spec), FOREIGN)
        for title, spec in FOREIGN_VOLUMES
        for where, make in (
            ("a claim", claim),
            ("a StatefulSet", with_claim),
            ("a pod", with_ephemeral),
        )
    ),
    create("claim of a class", claim(storageClassName="standard")),
    create("ClusterIP", service(type="ClusterIP")),
    create("headless", service(clusterIP="None")),
    (create(kind, service(type=kind), "spec.type") for kind in ("NodePort", "LoadBalancer")),
    create("ExternalName", service(type="ExternalName", externalName="example.org"), "spec.type"),
    create("externalIPs", service(externalIPs=["10.0.0.1"]), "spec.externalIPs"),
)


@pytest.mark.parametrize("case", [*OWN, *MANAGED_CASES, *OBJECT_CASES])
def test_learner(world: World, case: Case) -> None:
    case.check(world, world.ada)


@pytest.mark.parametrize("case", OWN)
def test_a_persona_makes_nothing(world: World, case: Case) -> None:
    answer = world.attempt(world.persona, case.method, case.path, case.body)
    assert answer.status == 403, answer
    assert "cannot create resource" in answer.message, answer.message


def test_an_old_finalizer_may_stay_and_go(world: World) -> None:
    """An administrator's finalizer does not lock the learner out of their own object."""
    old = config("old", {"finalizers": ["example.org/old"]})
    assert world.attempt(
        world.admin, "POST", "/api/v1/namespaces/{learner}/configmaps", old, dry_run=False
    ).granted
    for case in (
        edit("keeps it", "ConfigMap", "old", {"data": {"a": "b"}}),
        edit(
            "adds another",
            "ConfigMap",
            "old",
            {"metadata": {"finalizers": ["example.org/old", "example.org/new"]}},
            FINALIZERS,
        ),
        edit("takes it off", "ConfigMap", "old", {"metadata": {"finalizers": None}}),
        edit("grows over the bound", "ConfigMap", "old", {"data": {"a": "x" * 70000}}, TOO_BIG),
    ):
        case.check(world, world.ada)
    patch = {"metadata": {"finalizers": None}}
    path = "/api/v1/namespaces/{learner}/configmaps/old"
    assert world.attempt(
        world.admin,
        "PATCH",
        path,
        patch,
        content_type="application/merge-patch+json",
        dry_run=False,
    ).granted
    assert world.attempt(world.admin, "DELETE", path, dry_run=False).granted
