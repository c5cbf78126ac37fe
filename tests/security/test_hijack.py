"""Reaching for what is other labs': their traffic, and the rules by which the lab's OPA judges."""

import pytest

from .actors import MERGE, Object
from .cases import Case, create, delete, table
from .conftest import World
from .objects import at, raw, service, thing

RBAC = "cannot"
NETWORKING, GATEWAY = "networking.k8s.io/v1", "gateway.networking.k8s.io/v1"
HOST = "mlflow.lab-bob.example.org"


def ingress(host: str) -> Object:
    backend = {"service": {"name": "mine", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    body = {"apiVersion": NETWORKING, "kind": "Ingress", "metadata": {"name": "mine"}}
    return body | {"spec": {"rules": [{"host": host, "http": {"paths": [path]}}]}}


def route() -> Object:
    body = {"apiVersion": GATEWAY, "kind": "HTTPRoute", "metadata": {"name": "mine"}}
    return body | {"spec": {"parentRefs": [{"name": "shared"}], "hostnames": [HOST]}}


SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "mine-1", "labels": {"kubernetes.io/service-name": "mine"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.244.0.9"]}],
    "ports": [{"port": 5000}],
}
ENDPOINTS = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "mine"},
    "subsets": [{"addresses": [{"ip": "10.244.0.9"}], "ports": [{"port": 5000}]}],
}
FORBIDDEN = (
    ("Ingress of another lab's host", NETWORKING, "ingresses", ingress(HOST)),
    ("Ingress of every host", NETWORKING, "ingresses", ingress("*.example.org")),
    ("HTTPRoute of another lab's host", GATEWAY, "httproutes", route()),
    ("EndpointSlice aimed at another lab", "discovery.k8s.io/v1", "endpointslices", SLICE),
    ("Endpoints aimed at another lab", "v1", "endpoints", ENDPOINTS),
    ("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "mine"},
        "spec": {"maxUnavailable": 0, "selector": {}},
    }),
    ("DaemonSet", "apps/v1", "daemonsets", {
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "mine"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {}},
    }),
)  # fmt: skip
PLACES = ("{learner}", "{platform}", "{bob}", "{bob_platform}", "{eve}")

TRAFFIC = table(
    Case(f"{title}, in {place}", "POST", raw(group, plural, place), body, RBAC)
    for title, group, plural, body in FORBIDDEN
    for place in PLACES
)
LOOKS = table(
    Case(f"{plural} of {place}", "GET", raw(group, plural, place), None, RBAC)
    for group, plural in ((NETWORKING, "ingresses"), ("discovery.k8s.io/v1", "endpointslices"))
    for place in PLACES
)


@pytest.mark.parametrize("case", [*TRAFFIC, *LOOKS])
def test_no_traffic_of_others_is_had(world: World, case: Case) -> None:
    case.check(world, world.ada)


def test_a_service_without_a_selector_stays_without_an_address(world: World) -> None:
    """It may be made, but nothing that would aim it at anybody."""
    bare = service()
    del bare["spec"]["selector"]
    path = at("Service")
    assert world.attempt(world.ada, "POST", path, bare, dry_run=False).granted
    try:
        for body in (SLICE, ENDPOINTS):
            group = str(body["apiVersion"])
            answer = world.attempt(
                world.ada, "POST", raw(group, f"{str(body['kind']).lower()}s"), body, dry_run=False
            )
            assert answer.status == 403, answer
        found = world.attempt(world.admin, "GET", raw("discovery.k8s.io/v1", "endpointslices"))
        aimed = [
            one for one in found.body["items"]
            if one["metadata"]["labels"].get("kubernetes.io/service-name") == "mine"
        ]  # fmt: skip
        assert aimed == []
    finally:
        assert world.attempt(world.ada, "DELETE", f"{path}/mine", dry_run=False).granted


REGO = "package system.authz\n\ndefault allow := true\n"


def opa(world: World) -> Object:
    answer = world.attempt(world.admin, "GET", at("StatefulSet", "{platform}", "opa"))
    assert answer.granted, answer
    return answer.body


def sources(world: World) -> list[tuple[str, str]]:
    """Return kind and name of everything that the lab's OPA reads."""
    found = []
    for volume in opa(world)["spec"]["template"]["spec"]["volumes"]:
        if "configMap" in volume:
            found.append(("ConfigMap", volume["configMap"]["name"]))
        elif "secret" in volume:
            found.append(("Secret", volume["secret"]["secretName"]))
        else:
            assert set(volume) == {"name", "emptyDir"}, "OPA reads from somewhere else as well"
    return found


def test_everything_that_opa_reads_is_out_of_the_learners_reach(world: World) -> None:
    """Its own namespace only, so no ConfigMap of theirs can speak for ``system.authz``."""
    read = sources(world)
    assert {kind for kind, _ in read} == {"ConfigMap", "Secret"}
    assert opa(world)["spec"]["template"]["spec"]["containers"][0]["command"][-2:] == [
        "/policies",
        "/system",
    ]
    for kind, name in read:
        body = world.attempt(world.admin, "GET", at(kind, "{platform}", name)).body
        assert body["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "practicum"
        for case in (
            Case("read", "GET", at(kind, "{platform}", name), None, RBAC),
            Case("edit", "PATCH", at(kind, "{platform}", name), {"data": {}}, RBAC, MERGE),
            Case("replace", "PUT", at(kind, "{platform}", name), thing(kind, name), RBAC),
            delete("delete", kind, name, RBAC, "{platform}"),
            create("make", thing(kind, f"{name}-2"), RBAC, "{platform}"),
        ):
            case.check(world, world.ada)


def test_a_config_map_of_the_same_name_stays_where_it_is(world: World) -> None:
    """In their own namespace it is just a ConfigMap; nothing carries it over."""
    names = [name for kind, name in sources(world) if kind == "ConfigMap"]
    before = {
        name: world.attempt(world.admin, "GET", at("ConfigMap", "{platform}", name)).body
        for name in names
    }
    for name in names:
        body = thing("ConfigMap", name, data={"authz.rego": REGO, "promotion.rego": REGO})
        assert world.attempt(world.ada, "POST", at("ConfigMap"), body, dry_run=False).granted
    try:
        for name in names:
            now = world.attempt(world.admin, "GET", at("ConfigMap", "{platform}", name)).body
            assert now == before[name]
    finally:
        for name in names:
            path = at("ConfigMap", "{learner}", name)
            assert world.attempt(world.ada, "DELETE", path, dry_run=False).granted
