"""Archives are the platform team's: nobody in a lab reaches one, forges one or enters its pods."""

import pytest

from .actors import Object
from .cases import Case, create, delete, edit, table
from .conftest import World
from .objects import OURS, at, claim, container, pod, thing
from .test_checks import SHELL, SHELLS, shell

AUDIT, RBAC = "practicum-audit", "cannot"
OUTSIDE = "in practicum-audit the operator writes and deletes only"
VOLUMES = "spec.volumes: "
MANAGED = "belong to the lab"
NAMED: Object = {"name": "archive-1", "labels": {"practicum.dev/archive": "keeper"}}
SHELF: Object = {"name": "v", "persistentVolumeClaim": {"claimName": "practicum-archive"}}


def named(kind: str, **meta: object) -> Object:
    return thing(kind, meta=NAMED | meta)


def keeper(*volumes: Object, **meta: object) -> Object:
    body = pod(meta=NAMED | meta, volumes=list(volumes), containers=[container()])
    body["spec"]["automountServiceAccountToken"] = False
    return body


def claim_of(name: str) -> Object:
    body = claim()
    return body | {"metadata": {"name": name}}


def secret(name: str) -> Object:
    return {"name": "in", "projected": {"sources": [{"secret": {"name": name}}]}}


OPERATOR = table(
    create("keeper", keeper(SHELF, secret("archive-1-input-000")), namespace=AUDIT),
    create("record", named("ConfigMap"), namespace=AUDIT),
    create("input", named("Secret"), namespace=AUDIT),
    create("keeper of another name", keeper(SHELF, name="miner"), OUTSIDE, AUDIT),
    create("keeper without the label", keeper(SHELF, labels={}), OUTSIDE, AUDIT),
    create("Secret of another name", named("Secret", name="x"), OUTSIDE, AUDIT),
    create("keeper with another Secret", keeper(secret("root-key")), VOLUMES, AUDIT),
    create(
        "keeper with an audit log",
        keeper({"name": "log", "configMap": {"name": "audit-1-000001"}}),
        *(VOLUMES, AUDIT),
    ),
    create(
        "keeper with another volume",
        keeper({"name": "v", "persistentVolumeClaim": {"claimName": "other"}}),
        *(VOLUMES, AUDIT),
    ),
    create("the shelf", claim_of("practicum-archive"), namespace=AUDIT),
    create("claim beside the shelf", claim_of("archive-mine"), OUTSIDE, AUDIT),
    delete("the shelf itself", "PersistentVolumeClaim", "practicum-archive", RBAC, AUDIT),
    delete("the policy around it", "NetworkPolicy", "archive", RBAC, AUDIT),
    Case("exec in a keeper", "POST", at("Pod", AUDIT, "archive-1", "exec"), None, RBAC),
)


@pytest.mark.parametrize("case", OPERATOR)
def test_operator(world: World, case: Case) -> None:
    case.check(world, world.operator)


def test_a_record_stays_as_it_was_written(world: World) -> None:
    body = named("ConfigMap") | {"data": {"record.json": "as it was"}}
    path = at("ConfigMap", AUDIT)
    assert world.attempt(world.operator, "POST", path, body, dry_run=False).granted
    try:
        patch = {"data": {"record.json": "another"}}
        changed = edit("it", "ConfigMap", "archive-1", patch, "stay as they were", namespace=AUDIT)
        changed.check(world, world.operator)
    finally:
        gone = world.attempt(world.operator, "DELETE", f"{path}/archive-1", dry_run=False)
        assert gone.granted, gone


PORTER = "practicum-archive-0123456789"
FORGED = {"labels": {"practicum.dev/archive": "porter"}}
LEARNER = table(
    (
        Case(f"{kind}s of archives", "GET", at(kind, AUDIT), None, RBAC)
        for kind in ("ConfigMap", "Secret", "Pod", "PersistentVolumeClaim")
    ),
    create("pod beside the shelf", keeper(SHELF), RBAC, AUDIT),
    create("porter of one's own", pod(meta=FORGED), "reserved"),
    create("porter that is ours", pod(meta={"labels": OURS | FORGED["labels"]}), MANAGED),
    create("request to be archived", thing("LabEnvironment"), RBAC, "{course}"),
    *(
        edit(
            f"{note} of the own lab",
            *("LabEnvironment", "ada", {"metadata": {"annotations": {note: "x"}}}, RBAC),
            namespace="{course}",
        )
        for note in ("practicum.dev/skip-archive", "practicum.dev/restore-from")
    ),
)


@pytest.mark.parametrize("case", LEARNER)
def test_learner(world: World, case: Case) -> None:
    case.check(world, world.ada)


@pytest.mark.parametrize("verb", SHELLS)
def test_nobody_opens_a_shell_beside_a_volume(world: World, verb: str) -> None:
    assert SHELL in shell(world, world.ada, PORTER, verb)
