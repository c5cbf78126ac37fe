"""The test cluster's NetworkPolicy rules: what the nftables text lets through, against the judge.

The text is read by a small interpreter of the few expressions that the compiler writes, and, where
nft may, by nft itself.
"""

import itertools
import re
import subprocess
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e.cluster.netpol.rules import Pod, World, ruleset
from tests.network_policies import Cluster, Peer

RANGE = "10.244.0.0/24"
NAMESPACES = {"a": {"team": "red"}, "b": {"team": "blue", "open": "yes"}, "c": {}}
PODS = [
    Pod(
        f"10.244.0.{2 + number}",
        namespace,
        {"app": app} if app else {},
        {("TCP", "http"): 80 + number % 2, ("UDP", "dns"): 53},
    )
    for number, (namespace, app) in enumerate(itertools.product("abc", ("web", "db", "")))
]
STRANGER = Pod("192.168.7.7", "")
PORTS = (53, 79, 80, 81, 90)


def policy(namespace: str = "a", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, **spec}}


class Table:
    """The ruleset's verdicts on new connections, read from its text."""

    def __init__(self, text: str) -> None:
        self.chains = {
            name: [line.strip() for line in body.strip().splitlines()]
            for name, body in re.findall(r"chain (\w+) \{\n(.*?)\n\}", text, re.DOTALL)
        }
        self.sets = {
            name: [each.strip() for each in body.split(",")]
            for name, body in re.findall(r"(?:set|map) (\w+) \{\n.*\nelements = \{(.*)\}", text)
        }

    def allows(self, source: str, target: str, port: int, protocol: str, hook: str) -> bool:
        packet = {"saddr": source, "daddr": target}
        for line in self.chains[hook]:
            if line == "ip saddr . ip daddr @itself accept" and source == target:
                return True
            if vmap := re.fullmatch(r"ip (\w+) vmap @(\w+)", line):
                verdicts = dict(each.split(" : jump ") for each in self.sets.get(vmap[2], []))
                chain = verdicts.get(packet[vmap[1]])
                if chain and not self._returns(chain, packet, port, protocol):
                    return False
            elif unknown := re.fullmatch(r"ip (\w+) (\S+) ip \w+ != @pods drop", line):
                address = packet[unknown[1]]
                known = address in self.sets.get("pods", [])
                if ip_address(address) in ip_network(unknown[2]) and not known:
                    return False
        return True

    def _returns(self, chain: str, packet: dict[str, str], port: int, protocol: str) -> bool:
        *allowed, last = self.chains[chain]
        assert last == "reject with icmpx type admin-prohibited"
        return any(_matches(line, packet, port, protocol) for line in allowed)


def _matches(line: str, packet: dict[str, str], port: int, protocol: str) -> bool:
    rest = line.removesuffix("return")
    for side, unless, block in re.findall(r"ip ([sd]addr) (!= )?(\{.*?\}|\S+)", line):
        blocks = [each.strip() for each in block.strip("{}").split(",")]
        inside = any(_inside(packet[side], each) for each in blocks)
        if inside is bool(unless):
            return False
        rest = rest.replace(f"ip {side} {unless}{block}", "")
    if not rest.strip():
        return True
    if whole := re.fullmatch(r"meta l4proto (\w+)", rest.strip()):
        return whole[1] == protocol.lower()
    ported = re.fullmatch(r"(\w+) dport (\d+)(?:-(\d+))?", rest.strip())
    assert ported, line
    first, last = int(ported[2]), int(ported[3] or ported[2])
    return ported[1] == protocol.lower() and first <= port <= last


def _inside(address: str, block: str) -> bool:
    return ip_address(address) in ip_network(block, strict=False)


def peer(pod: Pod) -> Peer:
    numbers = {name: number for (_, name), number in pod.ports.items()}
    return Peer(pod.address, pod.namespace, pod.labels, numbers)


def disagreements(policies: list[dict[str, Any]]) -> list[str]:
    """Return each connection on which the rules and the judge differ."""
    table = Table(ruleset(World(PODS, NAMESPACES, policies), RANGE))
    judge = Cluster({**NAMESPACES, "": {}}, policies)
    ends = itertools.permutations([*PODS, STRANGER], 2)
    return [
        f"{source.address} {target.address} {protocol} {port}"
        for source, target in ends
        for port in PORTS
        for protocol in ("TCP", "UDP")
        if table.allows(source.address, target.address, port, protocol, "forward")
        != judge.allows(peer(source), peer(target), port, protocol)
    ]


def open_from(*policies: dict[str, Any], source: Pod = PODS[3], port: int = 80) -> bool:
    table = Table(ruleset(World(PODS, NAMESPACES, policies), RANGE))
    return table.allows(source.address, PODS[0].address, port, "TCP", "forward")


EVERYBODY: dict[str, Any] = {}
CASES: dict[str, tuple[list[dict[str, Any]], bool]] = {
    "no policy": ([], True),
    "ingress denied": ([policy()], False),
    "null is absent": ([policy(ingress=None, egress=None)], False),
    "another namespace's policy": ([policy("c")], True),
    "egress only": ([policy(policyTypes=["Egress"])], True),
    "egress rules mean egress too": ([policy("b", egress=[{"ports": [{"port": 1}]}])], False),
    "an empty rule opens": ([policy(ingress=[{}])], True),
    "empty lists open": ([policy(ingress=[{"from": [], "ports": []}])], True),
    "own namespace's pods": ([policy(ingress=[{"from": [{"podSelector": {}}]}])], False),
    "all namespaces": ([policy(ingress=[{"from": [{"namespaceSelector": {}}]}])], True),
    "both selectors": (
        [
            policy(
                ingress=[
                    {
                        "from": [
                            {
                                "namespaceSelector": {"matchLabels": {"open": "yes"}},
                                "podSelector": {"matchLabels": {"app": "db"}},
                            }
                        ]
                    }
                ]
            )
        ],
        False,
    ),
    "named port of the target": ([policy(ingress=[{"ports": [{"port": "http"}]}])], True),
    "name of another protocol": ([policy(ingress=[{"ports": [{"port": "dns"}]}])], False),
    "named port, from the source": (
        [policy("b", policyTypes=["Egress"], egress=[{"ports": [{"port": "http"}]}])],
        True,
    ),
    "range": ([policy(ingress=[{"ports": [{"port": 70, "endPort": 80}]}])], True),
    "range that ends before": ([policy(ingress=[{"ports": [{"port": 70, "endPort": 79}]}])], False),
    "any port of UDP": ([policy(ingress=[{"ports": [{"protocol": "UDP"}]}])], False),
    "block of the sixth kind": (
        [policy(ingress=[{"from": [{"ipBlock": {"cidr": "fd00::/8"}}]}])],
        False,
    ),
    "block with a hole": (
        [
            policy(
                ingress=[
                    {"from": [{"ipBlock": {"cidr": RANGE, "except": ["10.244.0.5/32", "fd::/8"]}}]}
                ]
            )
        ],
        False,
    ),
    "hole closed by another rule": (
        [
            policy(ingress=[{"from": [{"ipBlock": {"cidr": RANGE, "except": ["10.244.0.5/32"]}}]}]),
            policy(ingress=[{"from": [{"ipBlock": {"cidr": "10.244.0.5/32"}}]}]),
        ],
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_policies_mean_what_the_api_says(case: str) -> None:
    policies, expected = CASES[case]
    assert open_from(*policies) is expected
    assert nft_takes(ruleset(World(PODS, NAMESPACES, policies), RANGE))


@pytest.mark.parametrize(("target", "open_port"), [(PODS[0], 80), (PODS[1], 81)])
def test_a_name_means_each_targets_own_number(target: Pod, open_port: int) -> None:
    named = policy("b", policyTypes=["Egress"], egress=[{"ports": [{"port": "http"}]}])
    table = Table(ruleset(World(PODS, NAMESPACES, [named]), RANGE))
    reached = [
        p for p in PORTS if table.allows(PODS[3].address, target.address, p, "TCP", "forward")
    ]
    assert reached == [open_port]


def test_a_pod_always_reaches_itself() -> None:
    assert open_from(policy(policyTypes=["Ingress", "Egress"]), source=PODS[0])


def test_addresses_of_no_known_pod_are_cut_off_both_ways() -> None:
    table = Table(ruleset(World(PODS, NAMESPACES, []), RANGE))
    unknown, known = "10.244.0.99", PODS[0].address
    assert not table.allows(unknown, known, 80, "TCP", "forward")
    assert not table.allows(known, unknown, 80, "TCP", "forward")
    assert not table.allows(unknown, "10.89.7.2", 6443, "TCP", "input")
    assert table.allows(known, "10.89.7.2", 6443, "TCP", "input")


def test_the_node_is_judged_as_a_target_and_not_as_a_source() -> None:
    deny = policy(policyTypes=["Ingress", "Egress"])
    table = Table(ruleset(World(PODS, NAMESPACES, [deny]), RANGE))
    assert not table.allows(PODS[0].address, "10.89.7.2", 6443, "TCP", "input")
    assert set(table.chains) == {"forward", "input", "pods0"}


def test_pods_with_the_same_rules_share_a_chain() -> None:
    table = Table(ruleset(World(PODS, NAMESPACES, [policy(ingress=[{}])]), RANGE))
    assert len(table.sets["arriving"]) == 3
    assert len(table.chains) == 3


def nft_takes(text: str) -> bool:
    """Let nft itself read the text, without effect; what a kernel may refuse is not the text's."""
    command = ["nft", "-c", "-f", "-"]
    try:
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    except OSError:
        return True
    kernel = ("not permitted", "netlink", "Could not process")
    return done.returncode == 0 or any(words in done.stderr for words in kernel)


def test_nft_takes_a_table_without_pods() -> None:
    assert nft_takes(ruleset(World([], {}, []), RANGE))


_SELECTORS = st.one_of(
    st.just({}),
    st.sampled_from(["web", "db"]).map(lambda app: {"matchLabels": {"app": app}}),
    st.fixed_dictionaries(
        {"key": st.sampled_from(["app", "team"]), "operator": st.sampled_from(["In", "NotIn"])}
    ).map(lambda e: {"matchExpressions": [{**e, "values": ["web", "red"]}]}),
    st.sampled_from(["Exists", "DoesNotExist"]).map(
        lambda operator: {"matchExpressions": [{"key": "app", "operator": operator}]}
    ),
)
_SPACES = st.sampled_from(
    [
        {},
        {"matchLabels": {"team": "blue"}},
        {"matchExpressions": [{"key": "open", "operator": "DoesNotExist"}]},
    ]
)
_BLOCKS = st.sampled_from(
    [
        {"cidr": "0.0.0.0/0"},
        {"cidr": "192.168.0.0/16"},
        {"cidr": "10.244.0.0/24", "except": ["10.244.0.4/30"]},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.7.7/32"]},
    ]
)
_PEERS = st.one_of(
    st.fixed_dictionaries({"podSelector": _SELECTORS}),
    st.fixed_dictionaries({"namespaceSelector": _SPACES}),
    st.fixed_dictionaries({"podSelector": _SELECTORS, "namespaceSelector": _SPACES}),
    st.fixed_dictionaries({"ipBlock": _BLOCKS}),
)
_PORTS = st.sampled_from(
    [
        {"port": 80},
        {"port": "http"},
        {"port": 80, "endPort": 90},
        {"port": 53, "protocol": "UDP"},
        {"protocol": "UDP"},
        {"port": 80, "protocol": "SCTP"},
    ]
)


def _rules(direction: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    rule = st.fixed_dictionaries(
        {},
        optional={direction: st.lists(_PEERS, max_size=2), "ports": st.lists(_PORTS, max_size=2)},
    )
    return st.lists(rule, max_size=2)


_SPECS = st.fixed_dictionaries(
    {"podSelector": _SELECTORS},
    optional={
        "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
        "ingress": _rules("from"),
        "egress": _rules("to"),
    },
)
_POLICIES = st.lists(
    st.tuples(st.sampled_from("abc"), _SPECS).map(lambda made: policy(made[0], **made[1])),
    max_size=5,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_POLICIES)
def test_the_rules_agree_with_the_judge(policies: list[dict[str, Any]]) -> None:
    assert disagreements(policies) == []
