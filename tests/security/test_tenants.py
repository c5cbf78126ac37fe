"""A lab with a tenant: what its people may do there, and that nothing of it reaches further.

What the role itself may write is in ``test_tenancy``; here it holds by the lab's own binding, in a
namespace that the lab made.
"""

from collections.abc import Iterator

import pytest

from .actors import Actor
from .cases import Case, create, delete, edit, table
from .conftest import World, until
from .objects import LISTED_NOWHERE, OURS, at, container, pod, secured, service, thing, workload
from .test_rights import ALL, ANYBODY, allowed, rights, served
from .test_tenancy import (
    BLOCK,
    DEVELOPER,
    ESCALATION,
    MANAGED,
    NO_PEERS,
    OUTSIDE,
    PODS,
    RBAC,
    SUBJECTS,
    VIEWER,
    given,
    named,
    peers,
    policy,
)

TEAM = "{tia_team}"
HARD = {"spec": {"hard": {"pods": "99"}}}


def account(name: str, namespace: str = "{course}") -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def lab(uid: str) -> dict[str, object]:
    return named(**{"practicum.dev/lab-uid": uid})


LEAD = table(
    create("own pods", peers(PODS), "", TEAM),
    create("own lab", peers(lab("{tia_uid}")), "", TEAM),
    create("out to the own lab", policy(egress=[{"to": [lab("{tia_uid}")]}]), "", TEAM),
    create("own quota", thing("ResourceQuota", spec={"hard": {"pods": "2"}}), "", TEAM),
    create("a developer", given(DEVELOPER, **account("tia.dev")), "", TEAM),
    create("a viewer on paper", given(VIEWER, kind="Group", name="tenant:team-a"), "", TEAM),
    create("another lab", peers(lab("{ada_uid}")), OUTSIDE, TEAM),
    create("everybody", policy(ingress=[{}]), NO_PEERS, TEAM),
    create("addresses", peers({"ipBlock": {"cidr": "0.0.0.0/0"}}), BLOCK, TEAM),
    create("another lab's learner", given(DEVELOPER, **account("ada.learner")), SUBJECTS, TEAM),
    create("another lab's persona", given(VIEWER, **account("bob.mle")), SUBJECTS, TEAM),
    create("the operator", given(VIEWER, **account("practicum", "{system}")), SUBJECTS, TEAM),
    create("more than a tenant", given("practicum-learner", **account("tia.dev")), ESCALATION,
           TEAM),
    create("the own role", given("practicum-tenancy-admin", **account("tia.dev")), "roleRef", TEAM),
    (
        create(f"{kind} in {place}", thing(kind, spec={}), RBAC, place)
        for kind in ("NetworkPolicy", "ResourceQuota", "LimitRange")
        for place in ("{tia}", "{learner}", "{platform}", "{course}")
    ),
    (
        create(f"a binding in {place}", given(VIEWER, **account("tia.dev")), RBAC, place)
        for place in ("{tia}", "{learner}", "{course}")
    ),
    (
        delete(f"{kind} {name} deleted", kind, name, MANAGED, TEAM)
        for kind, name in (
            *(("NetworkPolicy", "deny-all"), ("NetworkPolicy", "allow-dns")),
            *(("ResourceQuota", "objects"), ("ResourceQuota", "compute")),
            ("LimitRange", "defaults"),
            *(("RoleBinding", "practicum-operator"), ("RoleBinding", "practicum-tenancy-admin")),
            ("RoleBinding", "practicum-tenant-viewer"),
        )
    ),
    edit("a quota raised", "ResourceQuota", "compute", HARD, MANAGED, namespace=TEAM),
    edit("deny-all opened", "NetworkPolicy", "deny-all", {"spec": {"ingress": [{"from": [PODS]}]}},
         MANAGED, namespace=TEAM),
    edit("the namespace relabelled", "Namespace", TEAM, {"metadata": {"labels": {"a": "b"}}}, RBAC,
         namespace=""),
    create("a pod", pod(), RBAC, TEAM),
)  # fmt: skip


@pytest.mark.parametrize("case", LEAD)
def test_who_designs_tenants_stays_within_the_lab(world: World, case: Case) -> None:
    case.check(world, world.tenancy["tia-lead"])


def test_the_lead_may_do_this_there_and_nothing_else(world: World) -> None:
    resources, lead = served(world.admin), world.tenancy["tia-lead"]
    exhibits = rights(
        ALL,
        *("/limitranges", "/resourcequotas", "networking.k8s.io/networkpolicies"),
        "rbac.authorization.k8s.io/rolebindings",
    )
    assert allowed(lead, world.names["tia_team"], resources) == exhibits | ANYBODY
    for place in ("learner", "platform", "bob"):
        assert allowed(lead, world.names[place], resources) == ANYBODY


@pytest.mark.parametrize(
    "case",
    table(
        create("a ConfigMap", thing("ConfigMap"), RBAC, TEAM),
        create("a pod", pod(), RBAC, TEAM),
        create("a policy", peers(PODS), RBAC, TEAM),
        create("a binding", given(VIEWER, **account("tia.dev")), RBAC, TEAM),
        delete("a guard deleted", "NetworkPolicy", "deny-all", RBAC, TEAM),
    ),
)
def test_a_learner_looks_at_tenants_and_no_more(world: World, case: Case) -> None:
    tia = world.tenancy["tia"]
    case.check(world, tia)
    for kind in ("Pod", "ConfigMap", "Service"):
        assert world.attempt(tia, "GET", at(kind, TEAM)).granted
        assert not world.attempt(world.ada, "GET", at(kind, TEAM)).granted


@pytest.fixture(scope="module")
def developer(world: World) -> Iterator[Actor]:
    """Persona dev, let into the tenant by persona lead."""
    body = given(DEVELOPER, **account("tia.dev"))
    body["metadata"]["name"] = "developers"
    path = at("RoleBinding", TEAM)
    made = world.attempt(world.tenancy["tia-lead"], "POST", path, body, dry_run=False)
    assert made.granted, made
    actor = world.tenancy["tia-dev"]
    probe = thing("ConfigMap")
    until(
        lambda: world.attempt(actor, "POST", at("ConfigMap", TEAM), probe).granted,
        "the binding gives nothing",
    )
    yield actor
    world.attempt(world.tenancy["tia-lead"], "DELETE", f"{path}/developers", dry_run=False)


@pytest.mark.parametrize(
    "case",
    table(
        create("a ConfigMap", thing("ConfigMap"), "", TEAM),
        create("a pod of a listed image", pod(), "", TEAM),
        create("a Deployment", workload("Deployment"), "", TEAM),
        create("a Service", service(), "", TEAM),
        create("another image", pod(containers=[container(image=LISTED_NOWHERE)]), "image", TEAM),
        create("a root", secured(runAsUser=0), "restricted", TEAM),
        create("a node's port", service(type="NodePort"), "spec.type", TEAM),
        create("a forged label", thing("ConfigMap", meta={"labels": OURS}), MANAGED, TEAM),
        create(
            "a finalizer", thing("ConfigMap", meta={"finalizers": ["a/b"]}), "able to end", TEAM
        ),
        create("a policy", peers(PODS), RBAC, TEAM),
        create("a binding", given(VIEWER, **account("tia.learner")), RBAC, TEAM),
        create("in the learner's namespace", thing("ConfigMap"), RBAC, "{tia}"),
        create("in another lab", thing("ConfigMap"), RBAC, "{learner}"),
    ),
)
def test_who_develops_in_a_tenant_is_bound_like_a_learner(
    world: World, developer: Actor, case: Case
) -> None:
    case.check(world, developer)


def test_pod_security_holds_in_tenants_too(world: World) -> None:
    labels = world.admin.call("GET", f"/api/v1/namespaces/{world.names['tia_team']}").body[
        "metadata"
    ]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["practicum.dev/side"] == "team-a"
