"""Who reaches whom: the rendered NetworkPolicies of two labs of one class, judged offline."""

import itertools

import pytest

from practicum.api.labtemplate import LEARNER, PLATFORM
from practicum.desired import guards
from practicum.desired.lab import Lab
from tests import samples
from tests.network_policies import Cluster, Peer, matches

SERVICES = (5000, 8888, 8181, 8080)
"""Ports of mod-506's services: MLflow, Feast's UI, OPA, the model server."""
DATABASE = 5432
OTHERS = {
    "kube-system": {"kubernetes.io/metadata.name": "kube-system"},
    "practicum-system": {"kubernetes.io/metadata.name": "practicum-system"},
    "default": {"kubernetes.io/metadata.name": "default"},
    "forged": {
        "kubernetes.io/metadata.name": "forged",
        "practicum.dev/lab-uid": samples.OTHER_UID,
        "practicum.dev/side": "learner",
    },
}
LABS = (
    samples.lab(samples.module("mod-506"), name="ada"),
    samples.lab(samples.module("mod-506"), name="bob", uid=samples.OTHER_UID[:-1] + "6"),
)


def cluster() -> Cluster:
    bodies = [body for lab in LABS for body in guards.guards(lab)]
    policies = [body for body in bodies if body["kind"] == "NetworkPolicy"]
    own = [guards.namespace(lab, side)["metadata"] for lab in LABS for side in (LEARNER, PLATFORM)]
    # The API server adds this label to every namespace, and nobody can change it.
    named = {m["name"]: {**m["labels"], "kubernetes.io/metadata.name": m["name"]} for m in own}
    return Cluster(OTHERS | named, policies)


CLUSTER = cluster()
ADDRESSES = (f"10.244.0.{number}" for number in itertools.count(10))


def pod(lab: Lab, side: str, **labels: str) -> Peer:
    return Peer(next(ADDRESSES), lab.namespaces[side], {"app": "x", **labels})


ADA, BOB = ((pod(lab, "learner"), pod(lab, "platform")) for lab in LABS)
DNS = Peer("10.244.0.2", "kube-system", {"k8s-app": "kube-dns"})
OPERATOR = Peer("10.244.0.3", "practicum-system", {"app.kubernetes.io/name": "practicum"})
INNER = {
    "api server": Peer("10.96.0.1"),
    "node": Peer("172.18.0.2"),
    "metadata of a cloud": Peer("169.254.169.254"),
    "private 10/8": Peer("10.1.2.3"),
    "private 172.16/12": Peer("172.20.1.2"),
    "private 192.168/16": Peer("192.168.1.2"),
    "carrier-grade NAT": Peer("100.64.0.1"),
    "unique local": Peer("fd00::1"),
    "link-local": Peer("fe80::1"),
    "Internet": Peer("93.184.215.14"),
    "Internet, v6": Peer("2606:2800::1"),
}
STRANGERS = {
    "kube-system": Peer("10.244.0.4", "kube-system", {"app": "x"}),
    "default": Peer("10.244.0.5", "default", {"app": "x"}),
    "a forged lab": Peer("10.244.0.6", "forged", {"app": "x"}),
    "a pod that claims to be DNS": Peer("10.244.0.7", "default", {"k8s-app": "kube-dns"}),
    "bob": BOB[0],
    "bob's platform": BOB[1],
}
PORTS = (22, 53, 80, 443, 6443, DATABASE, *SERVICES, 10250)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_stranger_reaches_a_lab_nor_a_lab_a_stranger(stranger: str, port: int) -> None:
    for own in ADA:
        assert not CLUSTER.allows(STRANGERS[stranger], own, port)
        assert not CLUSTER.allows(own, STRANGERS[stranger], port)


@pytest.mark.parametrize("address", INNER)
def test_nothing_outside_the_cluster_is_reached_nor_reaches_in(address: str) -> None:
    for own, port in itertools.product(ADA, PORTS):
        for protocol in ("TCP", "UDP", "SCTP"):
            assert not CLUSTER.allows(own, INNER[address], port, protocol)
            assert not CLUSTER.allows(INNER[address], own, port, protocol)


@pytest.mark.parametrize("own", ADA, ids=(LEARNER, PLATFORM))
@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_names_are_resolved_and_nothing_else_is_asked_of_dns(own: Peer, protocol: str) -> None:
    assert CLUSTER.allows(own, DNS, 53, protocol)
    assert not CLUSTER.allows(own, DNS, 9153, protocol)
    assert not CLUSTER.allows(DNS, own, 53, protocol)


def test_inside_a_lab_only_services_are_reached_from_the_learner() -> None:
    learner, platform = ADA
    for port in PORTS:
        assert CLUSTER.allows(learner, platform, port) is (port in SERVICES)
        assert not CLUSTER.allows(platform, learner, port)
        assert CLUSTER.allows(learner, pod(LABS[0], "learner"), port)
        assert CLUSTER.allows(platform, pod(LABS[0], "platform"), port)


def test_the_operator_asks_services_and_is_asked_nothing() -> None:
    learner, platform = ADA
    for port in PORTS:
        assert CLUSTER.allows(OPERATOR, platform, port) is (port in SERVICES)
        assert not CLUSTER.allows(OPERATOR, learner, port)
        assert not CLUSTER.allows(learner, OPERATOR, port)
        assert not CLUSTER.allows(platform, OPERATOR, port)


def test_labels_of_a_pod_open_nothing() -> None:
    """A learner chooses their pods' labels: none of them makes a pod somebody else."""
    posing = pod(LABS[0], "learner", **{"k8s-app": "kube-dns", "app.kubernetes.io/name": "mlflow"})
    for port in PORTS:
        assert not CLUSTER.allows(posing, BOB[1], port)
        assert CLUSTER.allows(posing, ADA[1], port) is (port in SERVICES)


@pytest.mark.parametrize(
    ("selector", "labels", "fits"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
    ],
)
def test_the_judge_reads_selectors(selector, labels, fits: bool) -> None:
    assert matches(selector, labels) is fits


def test_the_judge_reads_policies() -> None:
    """Open without a policy; blocks with holes; named ports and ranges; both ends are asked."""
    a, b = Peer("10.0.0.1", "a"), Peer("10.0.0.2", "b", {}, {"http": 8080})

    def policy(namespace: str, **spec: object) -> dict[str, object]:
        return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, **spec}}

    def judged(*policies: dict[str, object], port: int = 80) -> bool:
        return Cluster({"a": {}, "b": {"x": "1"}}, policies).allows(a, b, port)

    assert judged()
    assert not judged(policy("b"))
    assert judged(policy("b"), policy("b", ingress=[{}]))
    assert not judged(policy("a", policyTypes=["Egress"]), policy("b", ingress=[{}]))
    block = {"cidr": "10.0.0.0/8", "except": ["10.0.0.2/32"]}
    assert not judged(policy("a", egress=[{"to": [{"ipBlock": block}]}]))
    assert judged(policy("a", egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]))
    assert judged(policy("b", ingress=[{"ports": [{"port": "http"}]}]), port=8080)
    assert not judged(policy("b", ingress=[{"ports": [{"port": "http"}]}]))
    assert judged(policy("b", ingress=[{"ports": [{"port": 70, "endPort": 90}]}]))
    assert not judged(policy("b", ingress=[{"ports": [{"port": 80, "protocol": "UDP"}]}]))
    by_label = {"namespaceSelector": {"matchLabels": {"x": "1"}}}
    assert judged(policy("a", egress=[{"to": [by_label]}]))
    assert not judged(policy("a", egress=[{"to": [{"podSelector": {}}]}]))
