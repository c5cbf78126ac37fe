"""The public multi-tenancy benchmark (kubernetes-sigs/multi-tenancy), row by row.

The run prints the table. Two rows of level 2 ask that tenants manage policies and roles by
themselves: a lab is a guarded place, so these are refused, and the table says so.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .cases import Case, create, delete, edit
from .conftest import World
from .objects import at, claim, container, pod, raw, secured, service, thing

ANY = "cannot"
PSA = 'violates PodSecurity "restricted'
RBAC = "rbac.authorization.k8s.io/v1"
CLUSTER = (
    *(("v1", name) for name in ("nodes", "namespaces", "persistentvolumes")),
    *(("storage.k8s.io/v1", name) for name in ("storageclasses", "volumeattachments")),
    *((RBAC, name) for name in ("clusterroles", "clusterrolebindings")),
    ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
    ("admissionregistration.k8s.io/v1", "validatingadmissionpolicies"),
    ("scheduling.k8s.io/v1", "priorityclasses"),
    ("certificates.k8s.io/v1", "certificatesigningrequests"),
)
OTHERS = ("{bob}", "{bob_platform}", "{eve}", "{course}", "{system}", "kube-system")
TAKEN = (
    *(("v1", name) for name in ("pods", "secrets", "configmaps", "services", "serviceaccounts")),
    ("apps/v1", "deployments"),
    (RBAC, "rolebindings"),
    ("practicum.dev/v1alpha1", "labenvironments"),
)


@dataclass(frozen=True)
class Row:
    """One row of the benchmark, and what proves it."""

    number: str
    title: str
    proof: tuple[Case, ...] | Callable[[World], None]
    verdict: str = "holds"


def _quotas(*keys: str) -> Callable[[World], None]:
    """Both namespaces enforce these limits by now."""

    def check(world: World) -> None:
        for place in ("{learner}", "{platform}"):
            found = world.attempt(world.admin, "GET", at("ResourceQuota", place)).body["items"]
            enforced: dict[str, str] = {}
            for quota in found:
                assert quota["status"]["hard"] == quota["spec"]["hard"]
                enforced |= quota["spec"]["hard"]
            assert set(keys) <= set(enforced)
            assert enforced.get("services.nodeports") == "0"

    return check


def _closed_both_ways(world: World) -> None:
    """Every pod of a lab is under a policy that denies both directions."""
    for place in ("{learner}", "{platform}"):
        spec = world.attempt(world.admin, "GET", at("NetworkPolicy", place, "deny-all")).body[
            "spec"
        ]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


ROWS = (
    Row(
        "MTB-PL1-CC-CPI-1",
        "Block access to cluster resources",
        tuple(
            Case(f"{verb} {name}", verb, raw(group, name, ""), {}, ANY)
            for group, name in CLUSTER
            for verb in ("GET", "POST")
        ),
    ),
    Row(
        "MTB-PL1-BC-CPI-2",
        "Block access to multi-tenancy resources",
        (
            edit("labels", "Namespace", "{learner}", {"metadata": {"labels": {"a": "b"}}}, ANY),
            edit(
                "annotations",
                "Namespace",
                "{learner}",
                {"metadata": {"annotations": {"a": "b"}}},
                ANY,
            ),
            edit(
                "finalizers", "Namespace", "{learner}", {"metadata": {"finalizers": ["a/b"]}}, ANY
            ),
            delete("namespace", "Namespace", "{learner}", ANY),
            edit("managed", "ConfigMap", "ours", {"data": {"a": "c"}}, "belong to the lab"),
            edit(
                "lab", "LabEnvironment", "ada", {"spec": {"ttl": "72h"}}, ANY, namespace="{course}"
            ),
            edit(
                "lab's finalizer",
                "LabEnvironment",
                "ada",
                {"metadata": {"finalizers": None}},
                ANY,
                namespace="{course}",
            ),
            delete("network policy", "NetworkPolicy", "deny-all", ANY),
            delete("binding", "RoleBinding", "learner", ANY),
        ),
    ),
    Row(
        "draft",
        "Block access to other tenants' resources",
        tuple(
            Case(f"{verb} {name} of {place}", verb, raw(group, name, place), {}, ANY)
            for place in OTHERS
            for group, name in TAKEN
            for verb in ("GET", "POST", "DELETE")
        ),
    ),
    Row(
        "MTB-PL1-BC-CPI-3",
        "Block added capabilities",
        (create("added", secured(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), PSA),),
    ),
    Row(
        "MTB-PL1-BC-CPI-4",
        "Require running as non-root",
        (
            create("root", secured(runAsUser=0), PSA),
            create("either", secured(runAsNonRoot=False, runAsUser=None), PSA),
        ),
    ),
    Row(
        "MTB-PL1-BC-CPI-5",
        "Block privileged containers",
        (create("p", secured(privileged=True, allowPrivilegeEscalation=True), PSA),),
    ),
    Row(
        "MTB-PL1-BC-CPI-6",
        "Block privilege escalation",
        (create("e", secured(allowPrivilegeEscalation=True), PSA),),
    ),
    Row(
        "MTB-PL1-CC-FNS-1",
        "Configure namespace resource quotas",
        _quotas("requests.cpu", "limits.memory", "requests.storage"),
    ),
    Row(
        "MTB-PL1-CC-FNS-2",
        "Configure namespace object limits",
        _quotas("pods", "persistentvolumeclaims", "services.loadbalancers"),
    ),
    Row(
        "MTB-PL1-BC-HI-1",
        "Block host path volumes",
        (create("h", pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), PSA),),
    ),
    Row(
        "MTB-PL1-BC-HI-2",
        "Block NodePort services",
        (create("n", service(type="NodePort"), "spec.type"),),
    ),
    Row(
        "MTB-PL1-BC-HI-3",
        "Block host networking and ports",
        (
            create("network", pod(hostNetwork=True), PSA),
            create(
                "port",
                pod(containers=[container(ports=[{"containerPort": 80, "hostPort": 80}])]),
                PSA,
            ),
        ),
    ),
    Row("MTB-PL1-BC-HI-4", "Block host PID", (create("p", pod(hostPID=True), PSA),)),
    Row("MTB-PL1-BC-HI-5", "Block host IPC", (create("i", pod(hostIPC=True), PSA),)),
    Row(
        "MTB-PL1-CC-TI-1",
        "Block modification of resource quotas",
        (
            edit("raise", "ResourceQuota", "compute", {"spec": {"hard": {"pods": "99"}}}, ANY),
            create("another", thing("ResourceQuota", spec={"hard": {"pods": "99"}}), ANY),
            delete("delete", "ResourceQuota", "compute", ANY),
            delete("delete all", "ResourceQuota", "", ANY),
        ),
    ),
    Row(
        "draft",
        "Require PersistentVolumeClaims for storage",
        tuple(
            create(kind, pod(volumes=[{"name": "v", kind: source}]), PSA)
            for kind, source in (
                ("nfs", {"server": "10.0.0.1", "path": "/"}),
                (
                    "iscsi",
                    {"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.org.example:x", "lun": 0},
                ),
                ("cephfs", {"monitors": ["10.0.0.1"]}),
            )
        ),
    ),
    Row(
        "draft",
        "Require a reclaim policy of Delete",
        (Case("own class", "POST", raw("storage.k8s.io/v1", "storageclasses", ""), {}, ANY),),
    ),
    Row(
        "draft",
        "Block existing PersistentVolumes",
        (create("by name", claim(volumeName="pv"), "belong to others"),),
    ),
    Row("draft", "Block network access across tenants", _closed_both_ways),
    Row(
        "MTB-PL1-CC-DI-1",
        "Require imagePullPolicy Always",
        (create("any policy", pod(containers=[container(imagePullPolicy="IfNotPresent")])),),
        "not asked: images come from the template's list, and no lab has pull secrets",
    ),
    Row(
        "MTB-PL2-BC-OPS-4",
        "Self-service of network policies",
        (create("own", thing("NetworkPolicy", spec={"podSelector": {}}), ANY),),
        "refused: guards are the platform's",
    ),
    *(
        Row(
            "draft, level 2",
            f"Self-service of {kind}s",
            (create("own", thing(kind), ANY),),
            "refused: access is the platform's",
        )
        for kind in ("Role", "RoleBinding")
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_row(world: World, row: Row, record_row: Callable[[str, str, str], None]) -> None:
    if callable(row.proof):
        row.proof(world)
    else:
        for case in row.proof:
            try:
                case.check(world, world.ada)
            except AssertionError as error:
                raise AssertionError(f"{case.title}: {error}") from error
    record_row(row.number, row.title, row.verdict)
