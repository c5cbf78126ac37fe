"""Decides what a set of NetworkPolicies lets through, as the API's documentation defines it.

Source: the reference of networking.k8s.io/v1 NetworkPolicy. Policies only add: a pod that some
policy selects for a direction is closed in it but for what the rules of all these policies allow; a
connection needs both its ends' consent. What a node itself does to its pods is not subject to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Object = dict[str, Any]
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod, or without a namespace an address outside the cluster."""

    address: str
    namespace: str = ""
    labels: Labels = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    """Container ports by name."""


@dataclass(frozen=True)
class Cluster:
    """Namespaces by name with their labels, and every policy in them."""

    namespaces: Mapping[str, Labels]
    policies: Sequence[Object]

    def allows(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection from source to a port of target comes about."""
        return self._consents("Egress", source, target, target, port, protocol) and self._consents(
            "Ingress", target, source, target, port, protocol
        )

    def _consents(
        self, direction: str, pod: Peer, other: Peer, target: Peer, port: int, protocol: str
    ) -> bool:
        selecting = [p["spec"] for p in self.policies if self._selects(p, pod, direction)]
        field_of, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        return not selecting or any(
            self._peer_fits(rule.get(peers), other, pod.namespace)
            and _port_fits(rule.get("ports"), target, port, protocol)
            for spec in selecting
            for rule in spec.get(field_of) or []
        )

    def _selects(self, policy: Object, pod: Peer, direction: str) -> bool:
        spec = policy["spec"]
        default = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
        return (
            policy["metadata"]["namespace"] == pod.namespace
            and direction in (spec.get("policyTypes") or default)
            and matches(spec["podSelector"], pod.labels)
        )

    def _peer_fits(self, peers: list[Object] | None, other: Peer, own: str) -> bool:
        return not peers or any(self._fits(peer, other, own) for peer in peers)

    def _fits(self, peer: Object, other: Peer, own: str) -> bool:
        if block := peer.get("ipBlock"):
            return _inside(other.address, block["cidr"]) and not any(
                _inside(other.address, hole) for hole in block.get("except", [])
            )
        if not other.namespace:
            return False
        if (selector := peer.get("namespaceSelector")) is None:
            there = other.namespace == own
        else:
            there = matches(selector, self.namespaces[other.namespace])
        return there and matches(peer.get("podSelector") or {}, other.labels)


def matches(selector: Object, labels: Labels) -> bool:
    """Whether a label selector fits; an empty one fits everything."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or []
    )


def _holds(expression: Object, labels: Labels) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or []
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[expression["operator"]]


def _port_fits(ports: Iterable[Object] | None, target: Peer, port: int, protocol: str) -> bool:
    if not ports:
        return True
    for entry in ports:
        if entry.get("protocol", "TCP") != protocol:
            continue
        wanted = entry.get("port")
        first = target.ports.get(wanted) if isinstance(wanted, str) else wanted
        if wanted is None or (first is not None and first <= port <= entry.get("endPort", first)):
            return True
    return False


def _inside(address: str, block: str) -> bool:
    network = ip_network(block)
    return ip_address(address).version == network.version and ip_address(address) in network
