"""What a network probe proves, and what it does not."""

from typing import Any

import pytest

from practicum.policy import network
from practicum.policy.network import Enforcement, Round

LABEL = "practicum.dev/probe"
NEITHER, OPEN, BOTH, CLOSED = (
    Round(open=False, closed=False),
    Round(open=True, closed=False),
    Round(open=True, closed=True),
    Round(open=False, closed=True),
)


def pod(door: str = "open", ready: str = "True", ip: str = "10.0.0.1", **status: Any) -> Any:
    conditions = [{"type": "Ready", "status": ready}]
    return {
        "metadata": {"labels": {LABEL: door}},
        "status": {"conditions": conditions, "podIP": ip} | status,
    }


@pytest.mark.parametrize(
    ("rounds", "verdict"),
    [
        ([], None),
        ([OPEN], None),
        ([OPEN] * 2, None),
        ([OPEN] * 3, Enforcement.ENFORCED),
        ([NEITHER] * 30, None),
        ([CLOSED] * 30, None),
        ([NEITHER, NEITHER, OPEN, OPEN, OPEN], Enforcement.ENFORCED),
        ([OPEN, OPEN, NEITHER, OPEN], None),
        ([OPEN, OPEN, BOTH, OPEN, OPEN], None),
        ([BOTH] * 5, None),
        ([BOTH] * 6, Enforcement.NOT_ENFORCED),
        # An implementation that is late with a new pod.
        ([BOTH] * 5 + [OPEN] * 3, Enforcement.ENFORCED),
        ([OPEN] * 2 + [BOTH] * 6, Enforcement.NOT_ENFORCED),
        ([BOTH, OPEN] * 10, None),
    ],
)
def test_rounds(rounds: list[Round], verdict: Enforcement | None) -> None:
    found = network.settled(rounds)
    assert (found.enforcement if found else None) is verdict


@pytest.mark.parametrize(
    ("pods", "rounds", "words"),
    [
        ([], [], "they were not seen"),
        ([pod(ready="False", conditions=[])], [], "no node has taken them"),
        (
            [pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0 nodes"}])],
            [],
            "did not run in time: 0 nodes",
        ),
        (
            [
                pod(),
                pod(
                    "closed",
                    "False",
                    containerStatuses=[
                        {"state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}}
                    ],
                ),
            ],
            [],
            "did not run in time: ErrImagePull: no",
        ),
        (
            [pod(ready="False", containerStatuses=[{"state": {"waiting": {"reason": "Slow"}}}])],
            [],
            "time: Slow",
        ),
        ([pod(ready="False", conditions=[], message="evicted")], [], "time: evicted"),
        ([pod(), pod("closed")], [NEITHER] * 9, "does it run inside the cluster's network?"),
        ([pod(), pod("closed")], [CLOSED] * 9, "does it run inside the cluster's network?"),
        ([pod(), pod("closed")], [BOTH, OPEN, NEITHER], "now and then"),
    ],
)
def test_a_probe_whose_time_is_up_says_what_stood_in_its_way(
    pods: list[Any], rounds: list[Round], words: str
) -> None:
    found = network.unsettled(pods, rounds)
    assert found.enforcement is Enforcement.UNKNOWN
    assert words in found.message


@pytest.mark.parametrize(
    ("pods", "address"),
    [
        ([], ""),
        ([pod("closed")], ""),
        ([pod(ready="False")], ""),
        ([{"metadata": {}, "status": {}}], ""),
        ([{"metadata": {"labels": {LABEL: "open"}}}], ""),
        ([pod("closed"), pod(ip="10.0.0.2")], "10.0.0.2"),
        ([pod(ip="fd00::2")], "fd00::2"),
    ],
)
def test_only_a_pod_that_listens_has_an_address(pods: list[Any], address: str) -> None:
    assert network.address(pods, LABEL, "open") == address


def test_each_finding_has_a_reason_of_its_own() -> None:
    found = [network.settled([OPEN] * 3), network.settled([BOTH] * 6), network.unknown("x")]
    reasons = [one.reason for one in found if one]
    assert reasons == ["NetworkPolicyEnforced", "NetworkPolicyNotEnforced", "NetworkPolicyUnknown"]
