"""The guards: nothing gets out, nothing is for nothing, and there is still room to work."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.labtemplate import LEARNER, PLATFORM, Side
from practicum.api.names import LAB_UID
from practicum.desired import guards
from practicum.desired.lab import Lab
from practicum.settings import Settings
from tests import samples
from tests.quantities import amount

Object = dict[str, Any]


def of(lab: Lab, kind: str, side: Side) -> dict[str, Object]:
    return {
        body["metadata"]["name"]: body.get("spec", {})
        for body in guards.guards(lab)
        if body["kind"] == kind and body["metadata"]["namespace"] == lab.namespaces[side]
    }


@pytest.mark.parametrize("side", (LEARNER, PLATFORM))
def test_every_namespace_has_all_guards(side: Side) -> None:
    lab = samples.lab()
    assert set(of(lab, "ResourceQuota", side)) == {"objects", "compute", "jobs"}
    assert set(of(lab, "LimitRange", side)) == {"defaults"}
    assert {"deny-all", "allow-dns", "allow-namespace"} <= set(of(lab, "NetworkPolicy", side))


@pytest.mark.parametrize("side", (LEARNER, PLATFORM))
@pytest.mark.parametrize("suspended", [False, True])
def test_nothing_is_exposed_on_nodes(side: Side, suspended: bool) -> None:
    hard = of(samples.lab(suspended=suspended), "ResourceQuota", side)["objects"]["hard"]
    assert hard["services.loadbalancers"] == "0"
    assert hard["services.nodeports"] == "0"


def test_quotas_count_what_runs_and_what_ends_apart() -> None:
    quotas = of(samples.lab(), "ResourceQuota", "learner")
    assert quotas["compute"]["scopes"] == ["NotTerminating"]
    assert quotas["jobs"]["scopes"] == ["Terminating"]
    assert "scopes" not in quotas["objects"]
    assert quotas["objects"]["hard"]["requests.storage"] == "2Gi"


def test_a_suspended_learner_runs_nothing() -> None:
    quotas = of(samples.lab(suspended=True), "ResourceQuota", "learner")
    assert quotas["compute"]["hard"]["pods"] == quotas["jobs"]["hard"]["pods"] == "0"
    platform = of(samples.lab(suspended=True), "ResourceQuota", "platform")
    assert platform == of(samples.lab(), "ResourceQuota", "platform")


def test_quotas_of_a_template_cannot_open_what_is_shut() -> None:
    side = {"compute": {}, "jobs": {}, "storage": {"services.loadbalancers": "5"}}
    size = {"quota": {"learner": side, "platform": side}}
    lab = samples.lab(samples.template(sizes={"small": size}))
    assert of(lab, "ResourceQuota", "learner")["objects"]["hard"]["services.loadbalancers"] == "0"


@pytest.mark.parametrize(("module", "size"), samples.sizes())
def test_eight_small_pods_fit(module: str, size: str) -> None:
    lab = samples.lab(samples.module(module), size=size)
    hard = of(lab, "ResourceQuota", "learner")["compute"]["hard"]
    (limit,) = of(lab, "LimitRange", "learner")["defaults"]["limits"]
    assert amount(hard["pods"]) >= 8
    for part, defaults in (("requests", "defaultRequest"), ("limits", "default")):
        for name in ("cpu", "memory", "ephemeral-storage"):
            if (bound := hard.get(f"{part}.{name}")) is not None:
                assert amount(limit[defaults][name]) * 8 <= amount(bound), f"{part}.{name}"


def test_defaults_of_a_container_are_no_more_than_its_limits() -> None:
    (limit,) = of(samples.lab(), "LimitRange", "learner")["defaults"]["limits"]
    assert limit["type"] == "Container"
    for name, request in limit["defaultRequest"].items():
        assert Decimal(0) < amount(request) <= amount(limit["default"][name])


@pytest.mark.parametrize("side", (LEARNER, PLATFORM))
def test_both_ways_are_shut_first(side: Side) -> None:
    deny = of(samples.lab(), "NetworkPolicy", side)["deny-all"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("side", (LEARNER, PLATFORM))
def test_rules_name_their_peers(side: Side) -> None:
    """No rule without peers, no block of addresses: either would be the Internet."""
    for name, spec in of(samples.lab(), "NetworkPolicy", side).items():
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, []):
                assert rule.get(peers), name
                assert all("ipBlock" not in peer for peer in rule[peers]), name
            assert (direction.title() in spec["policyTypes"]) or direction not in spec, name


def selected(peer: Object) -> Object:
    labels: Object = peer["namespaceSelector"]["matchLabels"]
    return labels


def test_the_sides_meet_at_the_services_ports_only() -> None:
    lab = samples.lab()
    (out,) = of(lab, "NetworkPolicy", "learner")["allow-services"]["egress"]
    (into,) = of(lab, "NetworkPolicy", "platform")["allow-services"]["ingress"]
    assert [port["port"] for port in out["ports"]] == [8080]
    assert [port["port"] for port in into["ports"]] == [8080]
    assert selected(out["to"][0])[LAB_UID] == selected(into["from"][0])[LAB_UID] == lab.uid
    assert selected(out["to"][0])["practicum.dev/side"] == "platform"
    assert selected(into["from"][0])["practicum.dev/side"] == "learner"


def test_without_services_no_port_is_open_between_the_sides() -> None:
    """An empty list of ports would mean every port."""
    lab = samples.lab(samples.template(services=[], logins=[]))
    for side in (LEARNER, PLATFORM):
        for name, spec in of(lab, "NetworkPolicy", side).items():
            for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
                across = any("namespaceSelector" in p for p in rule.get("from", rule.get("to")))
                assert not across or rule.get("ports"), f"{side}: {name}"


@pytest.mark.parametrize("side", (LEARNER, PLATFORM))
def test_the_default_account_mounts_no_token(side: Side) -> None:
    lab = samples.lab()
    (account,) = [
        body
        for body in guards.guards(lab)
        if body["kind"] == "ServiceAccount"
        and body["metadata"]["namespace"] == lab.namespaces[side]
    ]
    assert account["metadata"]["name"] == "default"
    assert account["automountServiceAccountToken"] is False


@pytest.mark.parametrize("side", (LEARNER, PLATFORM))
def test_namespaces_enforce_restricted_pods(side: Side) -> None:
    body = guards.namespace(samples.lab(), side)
    labels = body["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
    assert labels["practicum.dev/side"] == side


def test_allowed_images_stand_on_the_learners_namespace() -> None:
    settings = Settings(root_key=b"x", images={"app": "mirror/app:2"})
    lab = samples.lab(settings=settings)
    meta = guards.namespace(lab, "learner")["metadata"]
    images = meta["annotations"]["practicum.dev/allowed-images"]
    assert images.split(",") == ["busybox:*", "mirror/app:2"]
    platform = guards.namespace(lab, "platform")["metadata"]
    assert "practicum.dev/allowed-images" not in platform["annotations"]


def test_allowed_images_are_those_of_the_mirror() -> None:
    settings = Settings(root_key=b"x", image_mirror="mirror.example.org")
    assert guards.allowed_images(samples.lab(settings=settings)) == [
        "mirror.example.org/docker.io/library/busybox:*",
        "mirror.example.org/example.org/app:1",
    ]


def test_the_operator_may_act_in_its_labs_only() -> None:
    settings = Settings(root_key=b"x", system_namespace="elsewhere")
    body = guards.operator_binding(samples.lab(settings=settings), "platform")
    assert body["roleRef"]["name"] == "practicum-operator-lab"
    assert body["subjects"] == [
        {"kind": "ServiceAccount", "name": "practicum", "namespace": "elsewhere"}
    ]


@given(st.integers(1, 999), st.sampled_from(["", "m", "Ki", "Mi", "Gi", "M", "G", "k"]))
def test_amounts_of_the_tests_own_are_right(number: int, unit: str) -> None:
    assert amount(f"{number}{unit}") == number * amount(f"1{unit}")
    assert amount("1000m") == amount("1")
    assert amount("1024Ki") == amount("1Mi")
