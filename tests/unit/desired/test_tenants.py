"""Tenants' namespaces: guarded, shut until the learner opens them, open to who was granted."""

from typing import Any

import pytest

from practicum.api.labtemplate import LEARNER, PLATFORM
from practicum.api.names import CHECK, LAB_UID, SIDE
from practicum.desired import access, guards
from practicum.desired.lab import Lab
from practicum.desired.plan import plan
from practicum.settings import Settings
from tests import samples
from tests.network_policies import Cluster, Peer
from tests.unit.checks.checks import body

Object = dict[str, Any]
TENANTS = ("team-a", "team-b")
SIDES = (LEARNER, PLATFORM, *TENANTS)
VISIT = body("visit", http={"url": "http://web.{{ns.team-a}}.svc:9000/"})
PERSONAS = [
    {
        "name": "lead",
        "title": "Lead",
        "role": "lead",
        "grants": [{"tenant": one, "role": "tenancy-admin"} for one in TENANTS],
    },
    {
        "name": "dev",
        "title": "Developer",
        "role": "dev",
        "grants": [{"tenant": "team-a", "role": "tenant-developer"}],
    },
    {"name": "guest", "title": "Guest", "role": "guest"},
]
TUTOR = {"lead": {"subject": {"kind": "User", "name": "tutor@example.org"}}}


def lab(*checks: Object, settings: Settings = samples.SETTINGS, **changes: Any) -> Lab:
    spec = changes.pop("spec", {})
    template = {
        "tenants": [{"name": name} for name in TENANTS],
        "sizes": {"small": {"quota": {side: samples.QUOTA for side in SIDES}}},
        "personas": PERSONAS,
        "tasks": [{"name": "do", "title": "Do it"}],
        "checks": list(checks),
        **changes,
    }
    return samples.lab(samples.template(**template), settings, **spec)


def policies(of: Lab, side: str) -> dict[str, Object]:
    return {
        one["metadata"]["name"]: one["spec"]
        for one in guards.guards(of)
        if one["kind"] == "NetworkPolicy" and one["metadata"]["namespace"] == of.namespaces[side]
    }


def cluster(of: Lab, *more: Object) -> Cluster:
    made = [guards.namespace(of, side)["metadata"] for side in of.sides]
    system = {"practicum-system": {"kubernetes.io/metadata.name": "practicum-system"}}
    found = [one for one in guards.guards(of) if one["kind"] == "NetworkPolicy"]
    return Cluster({**system, **{one["name"]: one["labels"] for one in made}}, [*found, *more])


def pod(of: Lab, side: str, **labels: str) -> Peer:
    return Peer("10.0.0.1", of.namespaces[side], labels)


def test_a_lab_has_a_namespace_for_each_tenant() -> None:
    made = lab()
    assert tuple(made.namespaces) == SIDES
    assert made.namespaces["team-a"] == f"{made.namespaces[LEARNER]}-team-a"
    assert len({*made.namespaces.values()}) == 4
    spaces = {one["metadata"]["name"]: one["metadata"] for one in plan(made, []).namespaces}
    of_tenant = spaces[made.namespaces["team-a"]]
    assert of_tenant["labels"][SIDE] == "team-a"
    assert of_tenant["labels"][LAB_UID] == made.uid
    assert of_tenant["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert "busybox:*" in of_tenant["annotations"]["practicum.dev/allowed-images"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_is_shut_but_for_names(tenant: str) -> None:
    """Policies only ever add: what is opened here no policy of the learner could close."""
    found = policies(lab(), tenant)
    assert set(found) == {"deny-all", "allow-dns"}
    assert found["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert found["allow-dns"]["policyTypes"] == ["Egress"]
    assert {port["port"] for rule in found["allow-dns"]["egress"] for port in rule["ports"]} == {53}


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_has_quotas_limits_and_an_account_without_a_token(tenant: str) -> None:
    made = lab()
    kinds: dict[str, list[Object]] = {}
    for one in guards.guards(made):
        if one["metadata"]["namespace"] == made.namespaces[tenant]:
            kinds.setdefault(one["kind"], []).append(one)
    assert {one["metadata"]["name"] for one in kinds["ResourceQuota"]} == {
        *("objects", "compute", "jobs")
    }
    assert len(kinds["LimitRange"]) == 1
    (account,) = kinds["ServiceAccount"]
    assert account["automountServiceAccountToken"] is False


def test_a_suspended_lab_runs_nothing_in_tenants_either() -> None:
    made = lab(spec={"suspended": True})
    for side in (LEARNER, *TENANTS):
        hard = [
            one["spec"]["hard"]["pods"]
            for one in guards.guards(made)
            if one["kind"] == "ResourceQuota"
            and one["metadata"]["namespace"] == made.namespaces[side]
            and one["metadata"]["name"] != "objects"
        ]
        assert hard == ["0", "0"], side


def test_without_a_policy_of_the_learners_nobody_reaches_a_tenant() -> None:
    made = lab(VISIT)
    judge = cluster(made)
    for tenant in TENANTS:
        for other in SIDES:
            for port in (8080, 9000):
                assert not judge.allows(pod(made, other), pod(made, tenant), port), (other, tenant)
                assert not judge.allows(pod(made, tenant), pod(made, other), port), (tenant, other)


def test_the_platform_lets_tenants_in_at_its_services_ports() -> None:
    made = lab()
    (rule,) = policies(made, PLATFORM)["allow-services"]["ingress"]
    sides = {one["namespaceSelector"]["matchLabels"][SIDE] for one in rule["from"]}
    assert sides == {LEARNER, *TENANTS}
    assert [port["port"] for port in rule["ports"]] == [8080]
    # The way out of the tenant is the learner's to open.
    opened = {
        "metadata": {"namespace": made.namespaces["team-a"]},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [
                {"to": [{"namespaceSelector": {"matchLabels": {LAB_UID: made.uid}}}]},
            ],
        },
    }
    judge = cluster(made, opened)
    assert judge.allows(pod(made, "team-a"), pod(made, PLATFORM), 8080)
    assert not judge.allows(pod(made, "team-a"), pod(made, PLATFORM), 5432)
    assert not judge.allows(pod(made, "team-b"), pod(made, PLATFORM), 8080)
    assert not judge.allows(pod(made, "team-a"), pod(made, LEARNER), 8080)


@pytest.mark.parametrize("side", SIDES)
def test_checks_visit_only_where_one_does(side: str) -> None:
    assert "allow-checks" not in policies(lab(), side)
    assert "allow-checks" not in policies(lab(body("a", http={"service": "app"})), side)
    assert "allow-checks" in policies(lab(VISIT), side)


def test_who_visits_is_a_pod_of_checks_on_the_platforms_side() -> None:
    made = lab(VISIT)
    judge, looks = cluster(made), {CHECK: "pod"}
    for side in (LEARNER, *TENANTS):
        assert judge.allows(pod(made, PLATFORM, **looks), pod(made, side), 9000), side
        assert not judge.allows(pod(made, PLATFORM), pod(made, side), 9000), side
        assert not judge.allows(pod(made, side), pod(made, PLATFORM, **looks), 9000), side
    # The label is reserved, and on another side it opens nothing.
    assert not judge.allows(pod(made, "team-b", **looks), pod(made, "team-a"), 9000)


def test_without_a_platform_nobody_visits() -> None:
    spec = {"components": [], "services": [], "logins": []}
    made = lab(VISIT, **spec)
    assert PLATFORM not in made.sides
    assert all("allow-checks" not in policies(made, side) for side in made.sides)


def bound(of: Lab, tenant: str) -> dict[str, set[str]]:
    """Return who is bound to which role in a tenant's namespace."""
    return {
        one["roleRef"]["name"]: {subject["name"] for subject in one["subjects"]}
        for one in access.bindings(of)
        if one["metadata"]["namespace"] == of.namespaces[tenant]
    }


def test_a_learner_sees_every_tenant_and_personas_have_what_was_granted() -> None:
    made = lab()
    assert bound(made, "team-a") == {
        "practicum-tenant-viewer": {"ada.learner"},
        "practicum-tenancy-admin": {"ada.lead"},
        "practicum-tenant-developer": {"ada.dev"},
    }
    assert bound(made, "team-b") == {
        "practicum-tenant-viewer": {"ada.learner"},
        "practicum-tenancy-admin": {"ada.lead"},
    }


def test_a_persona_that_was_given_away_is_who_has_it() -> None:
    given = lab(spec={"personas": TUTOR})
    assert bound(given, "team-b")["practicum-tenancy-admin"] == {"tutor@example.org"}
    strict = Settings(root_key=b"x", allow_subjects=False)
    denied = lab(settings=strict, spec={"personas": TUTOR})
    assert "practicum-tenancy-admin" not in bound(denied, "team-b")


def test_the_learners_people_see_tenants_too() -> None:
    made = lab(spec={"learner": {"id": "ada", "subjects": [{"name": "ada@example.org"}]}})
    viewers = bound(made, "team-a")["practicum-tenant-viewer"]
    assert viewers == {"ada.learner", "ada@example.org"}


def test_bindings_of_ours_bear_names_that_nobody_else_chooses() -> None:
    made = lab()
    names = [
        one["metadata"]["name"]
        for one in access.bindings(made)
        if one["metadata"]["namespace"] == made.namespaces["team-a"]
    ]
    assert len(set(names)) == 3
    assert all(name.startswith("practicum-ten") for name in names)
    assert {
        one["roleRef"]["kind"]
        for one in access.bindings(made)
        if one["metadata"]["namespace"] in (made.namespaces[tenant] for tenant in TENANTS)
    } == {"ClusterRole"}


def test_a_spare_lab_lets_nobody_into_tenants() -> None:
    assert plan(lab(spec={"learner": None}), []).bindings == []
