"""Decides what a network probe has shown: enforced, not enforced, or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from practicum.api.times import rfc3339
from practicum.policy.pods import is_ready

Object = Mapping[str, Any]

_DENIED_ROUNDS: Final = 3
"""So often in a row: a pod whose network is not yet up is not reached either."""
_LET_THROUGH_ROUNDS: Final = 6
"""So often in a row: some implementations are seconds late with a new pod."""


class Enforcement(StrEnum):
    """Whether NetworkPolicies of this cluster do anything."""

    ENFORCED = "true"
    NOT_ENFORCED = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What a probe found, and the sentence that says it."""

    enforcement: Enforcement
    message: str

    @property
    def reason(self) -> str:
        """CamelCase reason of the Event."""
        return {
            Enforcement.ENFORCED: "NetworkPolicyEnforced",
            Enforcement.NOT_ENFORCED: "NetworkPolicyNotEnforced",
            Enforcement.UNKNOWN: "NetworkPolicyUnknown",
        }[self.enforcement]


class Round(NamedTuple):
    """Which of the two pods was reached."""

    open: bool
    closed: bool


_ENFORCED: Final = Finding(
    Enforcement.ENFORCED, "the cluster enforces NetworkPolicy: a pod that a policy denies is not "
    "reached, the same pod without a policy is"
)  # fmt: skip
_NOT_ENFORCED: Final = Finding(
    Enforcement.NOT_ENFORCED, "the cluster does not enforce NetworkPolicy: a pod that a policy "
    "denies is reached all the same, so labs reach one another; install a network plugin that "
    "enforces policies (Calico, Cilium, kube-network-policies)"
)  # fmt: skip


def settled(rounds: Sequence[Round]) -> Finding | None:
    """Return the finding as soon as the last rounds leave no doubt."""
    if _all(rounds, _DENIED_ROUNDS, Round(open=True, closed=False)):
        return _ENFORCED
    if _all(rounds, _LET_THROUGH_ROUNDS, Round(open=True, closed=True)):
        return _NOT_ENFORCED
    return None


def _all(rounds: Sequence[Round], last: int, same: Round) -> bool:
    return len(rounds) >= last and all(one == same for one in rounds[-last:])


def unsettled(pods: Iterable[Object], rounds: Sequence[Round]) -> Finding:
    """Return the finding of a probe whose time is up, with what stood in its way.

    Args:
        pods: the probe's pods as they were last seen.
        rounds: the attempts there were, if it came to any.
    """
    if not rounds:
        return unknown(f"the probe's pods did not run in time: {trouble(pods)}")
    if not any(one.open for one in rounds):
        return unknown(
            "the operator did not reach the probe's pod that no policy denies, so it means nothing "
            "that it did not reach the other; does it run inside the cluster's network?"
        )
    return unknown("the probe's pods were reached now and then; the network may be overloaded")


def record(finding: Finding, now: datetime) -> dict[str, str]:
    """Return a finding as the data of a ConfigMap."""
    return {
        "enforced": finding.enforcement.value,
        "message": finding.message,
        "probedAt": rfc3339(now),
    }


def unknown(why: str) -> Finding:
    """Return that nothing was found, and why."""
    return Finding(Enforcement.UNKNOWN, why)


def address(pods: Iterable[Object], label: str, door: str) -> str:
    """Return the address of the pod behind a door, nothing while it does not listen."""
    for pod in pods:
        if pod["metadata"].get("labels", {}).get(label) == door and is_ready(pod):
            return str(pod["status"].get("podIP", ""))
    return ""


def trouble(pods: Iterable[Object]) -> str:
    """Say what keeps the pods from running, in the words of scheduler or kubelet."""
    for pod in pods:
        if is_ready(pod):
            continue
        status = pod.get("status", {})
        for one in status.get("containerStatuses", []):
            if waiting := one.get("state", {}).get("waiting"):
                return ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
        for one in status.get("conditions", []):
            if one["status"] == "False" and one.get("message"):
                return str(one["message"])
        return str(status.get("message") or "no node has taken them")
    return "they were not seen"
