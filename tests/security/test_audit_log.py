"""The audit logs: out of reach for all whom they are about, and the operator only adds to them."""

import pytest

from .actors import JSON_PATCH, MERGE, Actor, Object
from .cases import Case, create, delete, edit, table
from .conftest import World
from .objects import OURS, at, binding, container, pod, raw, thing
from .test_operator_confined import SELF

PLACE = "practicum-audit"
LABEL = "practicum.dev/audit-log"
LABELS = {LABEL: "segment", "practicum.dev/lab-uid": "of-a-lab"}
LOG, FULL, FOREIGN = "audit-of-a-lab-000001", "audit-of-a-lab-000002", "settings"
RBAC, ONLY, GROWS, WHOSE = "cannot", "only ConfigMaps named audit-*", "only grows", "it stays"
ELSEWHERE = "outside labs the operator writes"


def segment(name: str = LOG, records: int = 2, size: int = 1000, **meta: object) -> Object:
    """Return a segment as the operator writes it."""
    data = {f"{number:08}": f"{number:0{size}}" for number in range(1, records + 1)}
    return thing("ConfigMap", name, {"labels": LABELS, **meta}, data=data)


def add(name: str, key: str) -> Case:
    """Add a record as the operator does."""
    patch = [{"op": "add", "path": f"/data/{key}", "value": "{{}}"}]
    return edit(
        f"{key} added", *("ConfigMap", name, patch), namespace=PLACE, content_type=JSON_PATCH
    )


def bent(title: str, patch: object, refusal: str, name: str = LOG, kind: str = MERGE) -> Case:
    """Change a segment that is there."""
    return edit(title, *("ConfigMap", name, patch, refusal), namespace=PLACE, content_type=kind)


ANYBODY_CASES = table(
    Case("a log read", "GET", at("ConfigMap", PLACE, LOG), None, RBAC),
    Case("all logs", "GET", at("ConfigMap", PLACE), None, RBAC),
    create("a log", segment("audit-mine-000001"), RBAC, PLACE),
    bent("a record added", {"data": {"00000003": "mine"}}, RBAC),
    bent("a record altered", {"data": {"00000001": "mine"}}, RBAC),
    delete("a log deleted", "ConfigMap", LOG, RBAC, PLACE),
    delete("all logs deleted", "ConfigMap", "", RBAC, PLACE),
    create("a pod beside them", pod(), RBAC, PLACE),
    create("a right of one's own", binding("practicum-auditor", SELF), RBAC, PLACE),
)

OPERATOR_CASES = table(
    Case("a log read", "GET", at("ConfigMap", PLACE, LOG)),
    create("a new log", segment("audit-another-000001"), namespace=PLACE),
    create("an unlabelled log", segment("audit-x", labels=OURS), ONLY, PLACE),
    create("a log of another name", segment("x-000001"), ONLY, PLACE),
    create("a log in a course", segment("audit-x"), ELSEWHERE, "{course}"),
    add(LOG, "00000003"),
    add(FULL, "00000256"),
    bent("a record altered", {"data": {"00000001": "else"}}, GROWS),
    bent("a record dropped", {"data": {"00000002": None}}, GROWS),
    bent("all records dropped", {"data": None}, GROWS),
    bent("the last record of many altered", {"data": {"00000255": "else"}}, GROWS, FULL),
    bent(
        "a record replaced by another",
        [
            {"op": "remove", "path": "/data/00000002"},
            {"op": "add", "path": "/data/00000003", "value": "else"},
        ],
        *(GROWS, LOG, JSON_PATCH),
    ),
    bent("a log unlabelled", {"metadata": {"labels": {LABEL: None}}}, ONLY),
    bent("given to another lab", {"metadata": {"labels": {"practicum.dev/lab-uid": "b"}}}, WHOSE),
    bent("given to no lab", {"metadata": {"labels": {"practicum.dev/lab-uid": None}}}, WHOSE),
    bent("somebody else's written", {"data": {"a": "b"}}, ONLY, FOREIGN),
    bent("somebody else's taken", {"metadata": {"labels": LABELS}}, ONLY, FOREIGN),
    delete("somebody else's deleted", "ConfigMap", FOREIGN, ONLY, PLACE),
    delete("all logs at once", "ConfigMap", "", RBAC, PLACE),
    delete("a log whose time is over", "ConfigMap", LOG, namespace=PLACE),
    delete("the place itself", "Namespace", PLACE, "namespaces named lab-*"),
    create("a binding there", binding("practicum-learner", SELF), ONLY, PLACE),
    (
        create(
            f"{kind} there",
            thing(kind, meta={"labels": OURS}),
            ONLY if kind == "Secret" else RBAC,
            PLACE,
        )
        for kind in ("Secret", "ServiceAccount")
    ),
    create("a pod there", pod(automountServiceAccountToken=False), ONLY, PLACE),
)


@pytest.fixture(scope="module", autouse=True)
def logs(world: World) -> None:
    """Two logs by the operator, one of them all but full, and a ConfigMap of somebody else's."""
    for actor, body in (
        (world.operator, segment()),
        (world.operator, segment(FULL, 255)),
        (world.admin, thing("ConfigMap", FOREIGN, data={"a": "a"})),
    ):
        answer = world.attempt(actor, "POST", at("ConfigMap", PLACE), body, dry_run=False)
        assert answer.granted, answer


@pytest.mark.parametrize("case", ANYBODY_CASES)
def test_learner(world: World, case: Case) -> None:
    case.check(world, world.ada)


@pytest.mark.parametrize("case", ANYBODY_CASES)
def test_persona(world: World, case: Case) -> None:
    case.check(world, world.persona)


@pytest.mark.parametrize("case", ANYBODY_CASES)
def test_instructor(world: World, tutor: Actor, case: Case) -> None:
    case.check(world, tutor)


@pytest.mark.parametrize("case", OPERATOR_CASES)
def test_operator(world: World, case: Case) -> None:
    case.check(world, world.operator)


def test_no_pod_there_mounts_a_log(world: World) -> None:
    """Not even one that an administrator starts, nor a token."""
    log = {"name": "log", "configMap": {"name": LOG}}
    named = {"name": "LOG", "valueFrom": {"configMapKeyRef": {"name": LOG, "key": "00000001"}}}
    silent = {"automountServiceAccountToken": False}
    for title, body in (
        ("mounted", pod(volumes=[log], **silent)),
        ("in a variable", pod(containers=[container(env=[named])], **silent)),
        ("with a token", pod()),
    ):
        create(title, body, "no pod in practicum-audit mounts", PLACE).check(world, world.admin)
    create("without any", pod(**silent), namespace=PLACE).check(world, world.admin)


def test_auditors_read_and_no_more(world: World) -> None:
    role = world.attempt(
        world.admin,
        *("GET", raw("rbac.authorization.k8s.io/v1", "clusterroles", "", "practicum-auditor")),
    ).body
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}
    assert role["rules"] == [rule]
