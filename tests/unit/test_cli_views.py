"""How labs look: rows, trees, and lines of what changed."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from practicum.cli import delete, labview, output
from practicum.cli.follow import Outcome, outcome

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)


def condition(kind: str, status: str = "True", reason: str = "Ok", **more: str) -> dict[str, Any]:
    moment = more.pop("at", "2026-11-21T12:00:05Z")
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": moment} | more


def lab(phase: str = "Ready", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "ada",
            "namespace": "mlops-autumn",
            "uid": "u1",
            "generation": 2,
            "creationTimestamp": "2026-11-21T12:00:00Z",
        },
        "spec": {"template": "mod-506", "ttl": "8h", "learner": {"id": "ada@example.org"}},
        "status": {"phase": phase, "observedGeneration": 2} | status,
    }


SERVICES = [
    {"name": "mlflow", "url": "http://mlflow.x.svc:5000/", "ready": True, "version": "3.17.2"},
    {"name": "opa", "url": "http://opa.x.svc:8181/", "ready": False},
]


def text(renderable: Any) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(renderable)
    written = console.file
    assert isinstance(written, io.StringIO)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def test_a_table_has_a_row_per_lab() -> None:
    body = lab(services=SERVICES, expiresAt="2026-11-21T20:00:00Z", message="waits for opa")
    headers = labview.headers(namespace=True, wide=False)
    shown = text(output.table(headers, [labview.row(body, NOW, namespace=True, wide=False)]))
    head, row = shown.splitlines()
    assert head.split()[:3] == ["NAMESPACE", "NAME", "PHASE"]
    assert row.split("   ")[0] == "mlops-autumn"
    assert "7h50m" in row
    assert "1/2" in row
    assert row.endswith("waits for opa")


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("namespace", [False, True])
def test_a_row_has_a_cell_per_header(namespace: bool, wide: bool) -> None:
    bare = lab() | {"status": {}}
    headers = labview.headers(namespace=namespace, wide=wide)
    assert len(labview.row(bare, NOW, namespace=namespace, wide=wide)) == len(headers)


def test_a_tree_tells_the_time_between_transitions() -> None:
    body = lab(
        "Provisioning",
        services=SERVICES,
        expiresAt="2026-11-21T20:00:00Z",
        namespaces=["lab-ada-1", "lab-ada-1-platform"],
        credentials={"secretRef": "ada-credentials", "expiresAt": "2026-11-21T18:10:00Z"},
        conditions=[
            condition(
                "ComponentsReady",
                "False",
                "ComponentsStarting",
                message="mlflow: 0 of 1 pods ready",
                at="2026-11-21T12:00:09Z",
            ),
            condition("Guarded", at="2026-11-21T12:00:09Z"),
            condition("NamespacesReady"),
            condition("ExpiringSoon", "False", "NotSoon"),
        ],
    )
    assert text(labview.tree(body, NOW)).splitlines() == [
        "ada in mlops-autumn  Provisioning  mod-506, expires in 7h50m",
        "├── conditions",
        "│   ├── ✓ NamespacesReady    +5s       Ok",
        "│   ├── ✓ Guarded            +4s       Ok",
        "│   └── … ComponentsReady    for 9m51s ComponentsStarting: mlflow: 0 of 1 pods ready",
        "├── services 1/2 ready",
        "│   ├── ✓ mlflow             3.17.2    http://mlflow.x.svc:5000/",
        "│   └── … opa                          http://opa.x.svc:8181/",
        "├── namespaces lab-ada-1, lab-ada-1-platform",
        "└── credentials Secret ada-credentials, valid for 6h",
    ]


def test_a_lab_that_nobody_has_seen_has_a_tree_too() -> None:
    body = lab() | {"status": {}}
    shown = text(labview.tree(body, NOW))
    assert "Pending" in shown
    assert "the operator has not looked at this lab" in shown


def test_expiring_soon_holds_while_it_is_false() -> None:
    assert labview.holds(condition("ExpiringSoon", "False"))
    assert not labview.holds(condition("ExpiringSoon", "True"))


def test_only_what_changed_is_told() -> None:
    before = lab("Provisioning", services=SERVICES, conditions=[condition("Guarded")])
    after = lab(
        services=[SERVICES[0], SERVICES[1] | {"ready": True}],
        conditions=[
            condition("Guarded"),
            condition("Ready", message="all there"),
            condition("TemplateCurrent"),
        ],
    )
    assert labview.changes(before, after) == [
        "phase Ready",
        "Ready True Ok: all there",
        "service opa ready",
    ]
    assert labview.changes(after, after) == []
    assert labview.changes(None, before)[0] == "phase Provisioning"


READY = [condition("Ready")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (lab(conditions=READY), Outcome.READY),
        (lab(), Outcome.READY),
        (lab(conditions=[condition("Ready", "False", "ComponentsStarting")]), None),
        (lab("Provisioning"), None),
        (lab("Degraded"), None),
        (lab("Failed"), Outcome.STUCK),
        (lab("Expired"), Outcome.STUCK),
        (lab(observedGeneration=1, conditions=READY), None),
        (lab("Failed", observedGeneration=1), None),
        (lab() | {"status": {}}, None),
        (lab("Ready") | {"spec": {"template": "t", "suspended": True}}, Outcome.STUCK),
        (lab("Suspended", observedGeneration=1), None),
        (lab() | {"metadata": lab()["metadata"] | {"deletionTimestamp": "x"}}, Outcome.STUCK),
    ],
)
def test_waiting_ends_when_nothing_is_left_to_wait_for(
    body: dict[str, Any], expected: Outcome | None
) -> None:
    assert outcome(body) is expected


def test_a_deletion_says_what_goes() -> None:
    said = delete.inventory(lab(namespaces=["lab-ada-1"]))
    assert said == [
        "lab ada in mlops-autumn of ada@example.org (Ready)",
        "  namespace lab-ada-1 with all pods, volumes and data in it",
    ]
