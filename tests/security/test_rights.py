"""What a learner may do, verb by verb: every resource that the API server serves, everywhere.

The tables are DESIGN's "What a learner may do"; whatever is not in them has to be refused, also
the resources that the next Kubernetes version brings.
"""

from collections.abc import Iterable

import pytest

from .actors import Actor, Object
from .conftest import World

Right = tuple[str, str]
"""A verb, and ``group/resource`` or ``group/resource/subresource``."""

READ = ("get", "list", "watch")
ALL = (*READ, "create", "update", "patch", "delete", "deletecollection")
EXTRA = {
    "serviceaccounts": ("impersonate",),
    "users": ("impersonate",),
    "groups": ("impersonate",),
    "roles": ("bind", "escalate"),
    "clusterroles": ("bind", "escalate"),
    "signers": ("approve", "sign"),
}
UNSERVED = (("", "users"), ("", "groups"), ("certificates.k8s.io", "signers"))
"""Resources that only an authorizer knows."""


def rights(verbs: Iterable[str], *resources: str) -> set[Right]:
    return {(verb, resource) for verb in verbs for resource in resources}


LEARNER = (
    rights(
        ALL,
        *("/configmaps", "/persistentvolumeclaims", "/pods", "/secrets", "/services"),
        *("apps/deployments", "apps/statefulsets", "batch/cronjobs", "batch/jobs"),
    )
    | rights(("get", "update", "patch"), "apps/deployments/scale", "apps/statefulsets/scale")
    | rights(("get",), "/pods/log")
    | rights(("get", "create"), "/pods/attach", "/pods/exec", "/pods/portforward")
    | rights(READ, "apps/replicasets", "/events", "/limitranges", "/resourcequotas")
    | rights(READ, "networking.k8s.io/networkpolicies")
    | rights(READ, "practicum.dev/changeapprovals", "practicum.dev/changerequests")
)
VIEWER = (
    rights(
        READ,
        *("/events", "/limitranges", "/persistentvolumeclaims", "/pods", "/resourcequotas"),
        *("/services", "apps/deployments", "apps/statefulsets", "batch/jobs"),
        "networking.k8s.io/networkpolicies",
    )
) | rights(("get",), "/pods/log")
PERSONA = (
    VIEWER
    | rights((*READ, "create", "update", "patch"), "practicum.dev/changerequests")
    | rights((*READ, "create"), "practicum.dev/changeapprovals")
)
ANYBODY = rights(
    ("create",),
    *("authorization.k8s.io/selfsubjectaccessreviews", "authentication.k8s.io/selfsubjectreviews"),
    "authorization.k8s.io/selfsubjectrulesreviews",
)
"""What Kubernetes itself grants to all who are authenticated."""

PLACES: dict[str, set[Right]] = {
    "{learner}": LEARNER,
    "{platform}": VIEWER,
    "{course}": set(),
    "{bob}": set(),
    "{bob_platform}": set(),
    "{eve}": set(),
    "{eve_platform}": set(),
    "{other_course}": set(),
    "{system}": set(),
    "practicum-audit": set(),
    "kube-system": set(),
    "kube-public": set(),
    "default": set(),
    "": set(),
}


def served(admin: Actor) -> list[tuple[str, str, tuple[str, ...]]]:
    """Ask for group, resource and verbs of everything that the API server serves."""
    versions = ["/api/v1"] + [
        f"/apis/{version['groupVersion']}"
        for group in admin.call("GET", "/apis").body["groups"]
        for version in group["versions"]
    ]
    found = {(group, resource): EXTRA[resource] for group, resource in UNSERVED}
    for path in versions:
        answer = admin.call("GET", path).body
        group = answer["groupVersion"].rpartition("/")[0]
        for resource in answer["resources"]:
            name = resource["name"]
            more = ALL if "/" not in name else ("get", "create", "update", "patch", "delete")
            found[group, name] = (*more, *EXTRA.get(name, ()))
    return [(group, resource, verbs) for (group, resource), verbs in sorted(found.items())]


def allowed(actor: Actor, namespace: str, resources: Iterable[tuple[str, str, tuple[str, ...]]]):
    """Ask, as the actor, for every verb of every resource."""
    granted: set[Right] = set()
    for group, resource, verbs in resources:
        for verb in verbs:
            if may(actor, verb, group, resource, namespace):
                granted.add((verb, f"{group}/{resource}"))
    return granted


def may(actor: Actor, verb: str, group: str, resource: str, namespace: str, name: str = "") -> bool:
    """Whether the API server would authorize one thing."""
    kind, _, subresource = resource.partition("/")
    attributes = {
        **{"verb": verb, "group": group, "resource": kind, "subresource": subresource},
        **{"namespace": namespace, "name": name},
    }
    review: Object = {"spec": {"resourceAttributes": attributes}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = actor.call("POST", path, review)
    assert answer.granted, answer
    return bool(answer.body["status"]["allowed"])


@pytest.fixture(scope="module")
def resources(world: World) -> list[tuple[str, str, tuple[str, ...]]]:
    found = served(world.admin)
    assert len(found) > 100, "the API server serves more than that"
    return found


@pytest.mark.parametrize("place", PLACES)
def test_a_learner_may_do_this_and_nothing_else(world, resources, place: str) -> None:
    assert allowed(world.ada, place.format(**world.names), resources) == PLACES[place] | ANYBODY


@pytest.mark.parametrize(("place", "rights"), [("{learner}", PERSONA), ("{platform}", VIEWER)])
def test_a_persona_looks_asks_and_answers(world, resources, place: str, rights) -> None:
    assert allowed(world.persona, place.format(**world.names), resources) == rights | ANYBODY


@pytest.mark.parametrize(
    ("verb", "group", "resource", "place", "name", "granted"),
    [
        ("get", "practicum.dev", "labenvironments", "{course}", "ada", True),
        ("watch", "practicum.dev", "labenvironments", "{course}", "ada", True),
        ("get", "practicum.dev", "labenvironments", "{course}", "bob", False),
        ("patch", "practicum.dev", "labenvironments", "{course}", "ada", False),
        ("delete", "practicum.dev", "labenvironments", "{course}", "ada", False),
        ("patch", "practicum.dev", "labenvironments/status", "{course}", "ada", False),
        ("update", "practicum.dev", "labenvironments/finalizers", "{course}", "ada", False),
        ("get", "", "secrets", "{course}", "ada-credentials", True),
        ("get", "", "secrets", "{course}", "bob-credentials", False),
        ("get", "", "secrets", "{other_course}", "eve-credentials", False),
        ("update", "", "secrets", "{course}", "ada-credentials", False),
        ("create", "", "serviceaccounts/token", "{course}", "ada.learner", False),
        ("create", "", "serviceaccounts/token", "{learner}", "default", False),
        ("impersonate", "", "serviceaccounts", "{course}", "bob.learner", False),
        ("create", "", "pods/portforward", "{platform}", "mlflow-0", True),
        ("create", "", "pods/portforward", "{platform}", "feast-0", True),
        ("create", "", "pods/portforward", "{platform}", "opa-0", True),
        ("create", "", "pods/portforward", "{platform}", "serving-0", True),
        ("create", "", "pods/portforward", "{platform}", "postgres-0", False),
        ("create", "", "pods/exec", "{platform}", "mlflow-0", False),
        ("create", "", "pods/portforward", "{bob_platform}", "mlflow-0", False),
        ("get", "", "namespaces", "", "{learner}", False),
        ("patch", "", "namespaces", "", "{learner}", False),
        ("update", "", "namespaces/finalize", "", "{learner}", False),
        ("get", "", "secrets", "{system}", "practicum-root-key", False),
        ("get", "", "nodes", "", "node", False),
    ],
)
def test_rights_that_go_by_a_name(
    world: World, verb: str, group: str, resource: str, place: str, name: str, granted: bool
) -> None:
    names = world.names
    where, what = place.format(**names), name.format(**names)
    assert may(world.ada, verb, group, resource, where, what) is granted


def test_no_rule_of_a_learner_reaches_urls_beyond_discovery(world: World) -> None:
    for url in ("/metrics", "/logs", "/debug/pprof", "/configz", "/openapi"):
        review = {"spec": {"nonResourceAttributes": {"path": url, "verb": "get"}}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = world.ada.call("POST", path, review)
        assert answer.granted, answer
        assert answer.body["status"]["allowed"] is (url == "/openapi"), url
