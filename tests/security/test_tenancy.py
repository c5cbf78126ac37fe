"""Tenancy labs: what ``practicum-tenancy-admin`` may write, and that the lab's guards outlive it.

No template binds the role yet; the test does, to an account of Ada's lab.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from .actors import Actor, Object
from .cases import Case, create, delete, edit, table
from .conftest import World, until
from .objects import OURS, at, binding, thing
from .test_rights import ALL, ANYBODY, allowed, may, rights, served

NO_PEERS, BLOCK, OUTSIDE = "a rule without peers", "ipBlock", "peers are in this lab only"
ROLE, SUBJECTS, ESCALATION = "roleRef: only", "subjects: only", "attempting to grant"
MANAGED, RBAC = "belong to the lab", "cannot"
DEVELOPER, VIEWER = "practicum-tenant-developer", "practicum-tenant-viewer"
ACCOUNT = {"kind": "ServiceAccount", "name": "ada.team-a", "namespace": "{course}"}
OWN = {"namespaceSelector": {"matchLabels": {"practicum.dev/lab-uid": "{ada_uid}"}}}
PODS = {"podSelector": {"matchLabels": {"app": "mine"}}}


def policy(**spec: Any) -> Object:
    return thing("NetworkPolicy", spec={"podSelector": {}, **spec})


def peers(*found: Object) -> Object:
    return policy(ingress=[{"from": list(found)}])


def named(**labels: str) -> Object:
    return {"namespaceSelector": {"matchLabels": labels}}


def given(role: str, **subject: str) -> Object:
    group = {} if subject["kind"] == "ServiceAccount" else {"apiGroup": "rbac.authorization.k8s.io"}
    return binding(role, subject | group, labels={})


def account(name: str, namespace: str = "{course}") -> Object:
    return given(DEVELOPER, kind="ServiceAccount", name=name, namespace=namespace)


OTHER_LAB = named(**{"practicum.dev/lab-uid": "{bob_uid}"})
EVERY_LAB = {
    "namespaceSelector": {
        "matchExpressions": [{"key": "practicum.dev/lab-uid", "operator": "Exists"}]
    }
}
POLICIES = table(
    create("deny all", policy(policyTypes=["Ingress", "Egress"])),
    create("own pods", peers(PODS)),
    create("all pods of the namespace", peers({"podSelector": {}})),
    create("own lab", peers(OWN)),
    create("pods of the own lab", peers(OWN | PODS)),
    create("own lab, more closely", peers({"namespaceSelector": {
        **OWN["namespaceSelector"], "matchExpressions": [{"key": "a", "operator": "Exists"}],
    }})),
    create("both ways", policy(ingress=[{"from": [PODS]}], egress=[{"to": [OWN]}])),
    create("a rule for everybody", policy(ingress=[{}]), NO_PEERS),
    create("a rule to everybody", policy(egress=[{}], policyTypes=["Egress"]), NO_PEERS),
    create("no peers", policy(ingress=[{"from": []}]), NO_PEERS),
    create("ports only", policy(ingress=[{"ports": [{"port": 80}]}]), NO_PEERS),
    create(
        "a second rule for everybody", policy(ingress=[{"from": [PODS]}, {"ports": []}]), NO_PEERS
    ),
    create("addresses in", peers({"ipBlock": {"cidr": "10.0.0.0/8"}}), BLOCK),
    create(
        "addresses out", policy(egress=[{"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}]),
        BLOCK,
    ),
    create("addresses beside pods", peers(PODS, {"ipBlock": {"cidr": "0.0.0.0/0"}}), BLOCK),
    create("every namespace", peers({"namespaceSelector": {}}), OUTSIDE),
    create("another lab", peers(OTHER_LAB), OUTSIDE),
    create("another lab beside the own", peers(OWN, OTHER_LAB), OUTSIDE),
    create("to another lab", policy(egress=[{"to": [OTHER_LAB | PODS]}]), OUTSIDE),
    create("every lab", peers(EVERY_LAB), OUTSIDE),
    create("a namespace by its name", peers(named(**{"kubernetes.io/metadata.name": "{bob}"})),
           OUTSIDE),
    create("kube-system", peers(named(**{"kubernetes.io/metadata.name": "kube-system"})), OUTSIDE),
    create("the own lab is named", peers(EVERY_LAB), "practicum.dev/lab-uid: "),
)  # fmt: skip

BINDINGS = table(
    create("developer", account("ada.team-a")),
    create("viewer", given(VIEWER, **ACCOUNT)),
    create("the learner", account("ada.learner")),
    create("a user on paper", given(DEVELOPER, kind="User", name="tenant:team-a-dev")),
    create("a group on paper", given(VIEWER, kind="Group", name="tenant:team-a")),
    create("nobody", binding(VIEWER, ACCOUNT, labels={}) | {"subjects": []}),
    create("its own role", given("practicum-tenancy-admin", **ACCOUNT), ROLE),
    (
        create(role, given(role, **ACCOUNT), ESCALATION)
        for role in (
            *("cluster-admin", "admin", "edit", "practicum-learner", "practicum-platform-viewer"),
            *("practicum-operator-lab", "practicum-operator", "practicum-instructor"),
        )
    ),
    create("another lab's account", account("bob.learner"), SUBJECTS),
    create("a name that begins alike", account("ada2.learner"), SUBJECTS),
    create("an account of lab ada.b", account("ada.b.learner"), SUBJECTS),
    create("without a lab", account("default"), SUBJECTS),
    create("another course's account", account("ada.learner", "{other_course}"), SUBJECTS),
    create("an account of the lab's pods", account("default", "{learner}"), SUBJECTS),
    create("the operator", account("practicum", "{system}"), SUBJECTS),
    create("everybody", given(VIEWER, kind="Group", name="system:authenticated"), SUBJECTS),
    create("strangers", given(VIEWER, kind="Group", name="system:unauthenticated"), SUBJECTS),
    create("a person", given(DEVELOPER, kind="User", name="eve@example.org"), SUBJECTS),
    create("nobody's name", given(DEVELOPER, kind="User", name="tenant:"), SUBJECTS),
)

HARD = {"spec": {"hard": {"pods": "99"}}}
GUARDS = table(
    create("own quota", thing("ResourceQuota", spec={"hard": {"pods": "2"}})),
    create("own limits", thing("LimitRange", spec={"limits": [{"type": "Pod"}]})),
    (edit(f"quota {n} raised", "ResourceQuota", n, HARD, MANAGED) for n in ("compute", "objects")),
    (
        delete(f"{kind} {name} deleted", kind, name, MANAGED)
        for kind, name in (
            *(("ResourceQuota", "compute"), ("ResourceQuota", "jobs"), ("LimitRange", "defaults")),
            *(("NetworkPolicy", "deny-all"), ("NetworkPolicy", "allow-dns")),
            *(("RoleBinding", "learner"), ("RoleBinding", "practicum-operator")),
        )
    ),
    (
        delete(f"every {kind} deleted", kind, "", MANAGED)
        for kind in ("ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding")
    ),
    edit("deny-all opened", "NetworkPolicy", "deny-all", {"spec": {"ingress": [{"from": [PODS]}]}},
         MANAGED),
    edit("limits lifted", "LimitRange", "defaults", {"spec": {"limits": []}}, MANAGED),
    edit(
        "learner's binding widened", "RoleBinding", "learner", {"subjects": [ACCOUNT]}, ESCALATION
    ),
    edit(
        "guard's labels stripped", "ResourceQuota", "compute", {"metadata": {"labels": None}},
        MANAGED,
    ),
    create("forged guard", thing("ResourceQuota", meta={"labels": OURS}, spec={}), MANAGED),
    create("finalizer", thing("LimitRange", meta={"finalizers": ["a/b"]}), "able to end"),
    (
        create(f"{kind} in {place}", thing(kind, spec={}), RBAC, place)
        for kind in ("ResourceQuota", "NetworkPolicy")
        for place in ("{platform}", "{bob}", "{course}", "kube-system")
    ),
    create("a Role", thing("Role", rules=[]), RBAC),
)  # fmt: skip


@pytest.fixture(scope="module")
def admin_of_tenants(world: World) -> Iterator[Actor]:
    """An account of Ada's lab that holds the role in her namespace, and nothing else."""
    name = "ada.tenancy-admin"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "{course}"}
    bound = binding("practicum-tenancy-admin", subject, labels={})
    bound["metadata"]["name"] = "tenancy"
    for place, body in (("{course}", thing("ServiceAccount", name)), ("{learner}", bound)):
        answer = world.attempt(world.admin, "POST", at(body["kind"], place), body, dry_run=False)
        assert answer.granted, answer
    actor = world.account("{course}", name)
    path = at("NetworkPolicy", "{learner}")
    until(lambda: world.attempt(actor, "GET", path).granted, "the binding gives nothing")
    yield actor
    world.attempt(world.admin, "DELETE", at("RoleBinding", "{learner}", "tenancy"), dry_run=False)


@pytest.mark.parametrize("case", [*POLICIES, *BINDINGS, *GUARDS])
def test_tenancy_admin(world: World, admin_of_tenants: Actor, case: Case) -> None:
    case.check(world, admin_of_tenants)


def test_what_was_good_is_not_bent_afterwards(world: World, admin_of_tenants: Actor) -> None:
    path = at("NetworkPolicy", "{learner}")
    made = world.attempt(admin_of_tenants, "POST", path, peers(PODS), dry_run=False)
    assert made.granted, made
    try:
        for rule, words in (([{}], NO_PEERS), ([{"from": [OTHER_LAB]}], OUTSIDE)):
            patch = {"spec": {"ingress": rule}}
            edit("bent", "NetworkPolicy", "mine", patch, words).check(world, admin_of_tenants)
        good = {"spec": {"ingress": [{"from": [OWN]}]}}
        edit("moved within", "NetworkPolicy", "mine", good).check(world, admin_of_tenants)
    finally:
        assert world.attempt(admin_of_tenants, "DELETE", f"{path}/mine", dry_run=False).granted


def test_it_may_do_this_and_nothing_else(world: World, admin_of_tenants: Actor) -> None:
    resources, place = served(world.admin), world.names["learner"]
    exhibits = rights(
        ALL,
        *("/limitranges", "/resourcequotas", "networking.k8s.io/networkpolicies"),
        "rbac.authorization.k8s.io/rolebindings",
    )
    assert allowed(admin_of_tenants, place, resources) == exhibits | ANYBODY
    group = "rbac.authorization.k8s.io"
    for role, granted in ((DEVELOPER, True), (VIEWER, True), ("practicum-learner", False)):
        assert may(admin_of_tenants, "bind", group, "clusterroles", place, role) is granted


def test_the_tenants_roles_hold_no_more_than_a_learner(world: World) -> None:
    """Whoever is bound to them in a lab is bound by the lab's policies like its learner."""

    def grants(name: str) -> set[tuple[str, str, str]]:
        path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}"
        return {
            (verb, group, resource)
            for rule in world.admin.call("GET", path).body["rules"]
            for verb in rule["verbs"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }

    learner = grants("practicum-learner")
    # Changes are the lab's own matter, not its tenants'.
    assert grants(DEVELOPER) == {one for one in learner if one[1] != "practicum.dev"}
    assert grants(VIEWER) < learner
    assert {verb for verb, _, _ in grants(VIEWER)} == {"get", "list", "watch"}


def test_the_operator_itself_is_not_held_to_it(world: World) -> None:
    """Its own policies name the resolver of kube-system and its own namespace."""
    body = peers(named(**{"kubernetes.io/metadata.name": "{system}"}))
    body["metadata"]["labels"] = OURS
    answer = world.attempt(world.operator, "POST", at("NetworkPolicy", "{learner}"), body)
    assert answer.granted, answer
