"""Compile NetworkPolicies into one nftables table: objects in, text out, nothing else.

A pod that a policy selects gets a chain per direction. The chain returns what some rule allows and
rejects the rest; a packet has to come back from the sender's chain and from the receiver's. All
packets of a connection's first direction are judged, not only its first packet, so a change of
policy also ends what was open before; answers pass by connection tracking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Object = dict[str, Any]
Labels = Mapping[str, str]

TABLE = "inet practicum_netpol"
_SIDES = {"Egress": ("egress", "to", "daddr"), "Ingress": ("ingress", "from", "saddr")}


@dataclass(frozen=True)
class Pod:
    """A running pod with an address of its own: dotted IPv4."""

    address: str
    namespace: str
    labels: Labels = field(default_factory=dict)
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Numbers of container ports by protocol and name."""


@dataclass(frozen=True)
class World:
    """All that the rules depend on: pods, labels of namespaces by name, NetworkPolicies."""

    pods: Sequence[Pod]
    namespaces: Mapping[str, Labels]
    policies: Sequence[Object]


def ruleset(world: World, pod_range: str) -> str:
    """Return the input for `nft -f -` that replaces the whole table in one transaction.

    Args:
        world: what exists; no two pods share an address.
        pod_range: the node's pod addresses, such as `10.244.0.0/24`; those of no known pod are
            cut off.
    """
    chains: dict[tuple[str, ...], str] = {}
    verdicts: dict[str, list[str]] = {}
    for direction in _SIDES:
        verdicts[direction] = [
            f"{pod.address} : jump {chains.setdefault(body, f'pods{len(chains)}')}"
            for pod in world.pods
            if (body := _chain(world, pod, direction)) is not None
        ]
    addresses = [pod.address for pod in world.pods]
    blocks = [
        _block("set pods", "type ipv4_addr", addresses),
        _block("set itself", "type ipv4_addr . ipv4_addr", [f"{a} . {a}" for a in addresses]),
        _block("map leaving", "type ipv4_addr : verdict", verdicts["Egress"]),
        _block("map arriving", "type ipv4_addr : verdict", verdicts["Ingress"]),
        *(f"chain {name} {{\n{_lines(body)}}}\n" for body, name in chains.items()),
        _base_chains(pod_range),
    ]
    # Named first, so that there always is one to delete.
    return f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n{''.join(blocks)}}}\n"


def _base_chains(pods: str) -> str:
    """Judge what is routed on behalf of pods, and what pods send to the node itself.

    What the node sends leaves by the hook `output`, which is not judged: probes always pass.
    """
    honest = (
        'iifname "veth*" meta nfproto ipv6 drop',
        'iifname "veth*" fib saddr . iif oif missing drop',
        "ct direction reply ct state established,related accept",
        "ct state related accept",
        "ip saddr . ip daddr @itself accept",
        f"ip saddr {pods} ip saddr != @pods drop",
    )
    forward = (*honest, f"ip daddr {pods} ip daddr != @pods drop")
    judged = ("ip saddr vmap @leaving", "ip daddr vmap @arriving")
    hook = "type filter hook {} priority filter - 10; policy accept;"
    routed = _lines((hook.format("forward"), *forward, *judged))
    own = _lines((hook.format("input"), 'iifname != "veth*" accept', *honest, judged[0]))
    return f"chain forward {{\n{routed}}}\nchain input {{\n{own}}}\n"


def _chain(world: World, pod: Pod, direction: str) -> tuple[str, ...] | None:
    """Return a pod's rules in one direction, or nothing where no policy closes it."""
    selecting = [
        policy["spec"]
        for policy in world.policies
        if policy["metadata"]["namespace"] == pod.namespace
        and direction in _types(policy["spec"])
        and fits(policy["spec"].get("podSelector") or {}, pod.labels)
    ]
    if not selecting:
        return None
    name = _SIDES[direction][0]
    rules = [rule for spec in selecting for rule in spec.get(name) or []]
    allowed = {match for rule in rules for match in _matches(world, pod, direction, rule)}
    refused = "reject with icmpx type admin-prohibited"
    return (*(f"{match} return".strip() for match in sorted(allowed)), refused)


def _types(spec: Object) -> Sequence[str]:
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _matches(world: World, pod: Pod, direction: str, rule: Object) -> Iterator[str]:
    """Yield one match per peer and port of a rule; a list that is empty or absent means all."""
    _, peers, side = _SIDES[direction]
    for peer in rule.get(peers) or [{}]:
        there = [other for other in world.pods if _meant(world, peer, other, pod.namespace)]
        where = _address(peer, there, side)
        for port in rule.get("ports") or [{}]:
            if direction == "Egress" and isinstance(port.get("port"), str):
                yield from _named(there, port)
            elif where is not None and (what := _port(port, pod)) is not None:
                yield f"{where} {what}".strip()


def _meant(world: World, peer: Object, other: Pod, own: str) -> bool:
    """Whether a peer means a pod, also by an address block; `{}` means everybody."""
    if block := peer.get("ipBlock"):
        return _within(other.address, block["cidr"]) and not any(
            _within(other.address, hole) for hole in block.get("except") or []
        )
    if "namespaceSelector" in peer:
        there = fits(peer["namespaceSelector"], world.namespaces.get(other.namespace, {}))
    else:
        there = not peer or other.namespace == own
    return there and fits(peer.get("podSelector") or {}, other.labels)


def _named(there: Iterable[Pod], port: Object) -> Iterator[str]:
    """Yield one match per number that a port's name has on the pods at the other end."""
    protocol = port.get("protocol", "TCP")
    numbers: dict[int, list[str]] = {}
    for pod in there:
        if number := pod.ports.get((protocol, port["port"])):
            numbers.setdefault(number, []).append(pod.address)
    for number, addresses in numbers.items():
        yield f"ip daddr {_set(addresses)} {protocol.lower()} dport {number}"


def _address(peer: Object, there: Sequence[Pod], side: str) -> str | None:
    """Return the match for a peer: empty for everybody, nothing where nobody can match."""
    if block := peer.get("ipBlock"):
        holes = [hole for hole in block.get("except") or [] if ":" not in hole]
        but = f" ip {side} != {_set(holes)}" if holes else ""
        # This cluster has no IPv6 addresses.
        return None if ":" in block["cidr"] else f"ip {side} {block['cidr']}{but}"
    if not peer:
        return ""
    return f"ip {side} {_set(pod.address for pod in there)}" if there else None


def _port(port: Object, target: Pod) -> str | None:
    protocol, number = port.get("protocol", "TCP"), port.get("port")
    if not port:
        return ""
    if isinstance(number, str):
        number = target.ports.get((protocol, number))
        return f"{protocol.lower()} dport {number}" if number else None
    if number is None:
        return f"meta l4proto {protocol.lower()}"
    last = port.get("endPort", number)
    return f"{protocol.lower()} dport {number}" + (f"-{last}" if last != number else "")


def fits(selector: Object, labels: Labels) -> bool:
    """Whether a label selector fits; an empty one fits everything."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(labels.get(each["key"]), each["operator"], each.get("values") or [])
        for each in selector.get("matchExpressions") or []
    )


def _holds(value: str | None, operator: str, values: Sequence[str]) -> bool:
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) is (operator == "Exists")
    return (value in values) is (operator == "In")


def _within(address: str, block: str) -> bool:
    return ip_address(address) in ip_network(block, strict=False)


def _set(elements: Iterable[str]) -> str:
    listed = ", ".join(sorted(set(elements)))
    return f"{{ {listed} }}" if listed else ""


def _block(head: str, kind: str, elements: Sequence[str]) -> str:
    listed = f"elements = {_set(elements)}\n" if elements else ""
    return f"{head} {{\n{kind}\n{listed}}}\n"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"  {line}\n" for line in lines)
