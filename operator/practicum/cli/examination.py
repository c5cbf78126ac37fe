"""Judges what ``practicum doctor`` has read of a cluster, one function a check. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from practicum.api.kinds import KINDS
from practicum.api.names import API_VERSION
from practicum.api.times import parse_rfc3339
from practicum.cli.moments import elapsed

Object = Mapping[str, Any]

OLDEST: Final = (1, 34)
POLICIES: Final = (
    *("practicum-attestations", "practicum-audit-pods", "practicum-changes"),
    "practicum-learner-objects",
    *("practicum-learner-pods", "practicum-learner-services"),
    *("practicum-learner-tenancy", "practicum-managed-objects"),
    *("practicum-operator-confinement", "practicum-operator-courses"),
    *("practicum-platform-exec", "practicum-self-approval", "practicum-usage-books"),
)
"""The admission policies of the chart, each with a binding of its own name."""
_KINDS: Final = tuple(
    sorted(kind.plural for kind in KINDS.values() if kind.api_version == API_VERSION)
)
_SKEW: Final = timedelta(seconds=60)
_BY_HAND: Final = "kubernetes.io/no-provisioner"
_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
UPGRADE: Final = "helm upgrade --install practicum charts/practicum (this version)"


class State(StrEnum):
    """How a check came out; only ``fail`` makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check in one line, and what to do about it."""

    state: State
    text: str
    remedy: str = ""

    def data(self) -> dict[str, str]:
        """Return it for ``-o json``."""
        return {key: str(value) for key, value in asdict(self).items()}


def ok(text: str) -> Finding:
    """Return a finding that needs no remedy."""
    return Finding(State.OK, text)


def warn(text: str, remedy: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(State.WARN, text, remedy)


def fail(text: str, remedy: str) -> Finding:
    """Return a finding that keeps labs from working, or from being apart."""
    return Finding(State.FAIL, text, remedy)


def unknown(text: str, remedy: str) -> Finding:
    """Return that a check could not be made."""
    return Finding(State.UNKNOWN, text, remedy)


def version(answer: Object) -> Finding:
    """Judge ``/version``."""
    found = str(answer.get("gitVersion", ""))
    numbers = re.match(r"v?([0-9]+)\.([0-9]+)", found)
    if numbers is None:
        return unknown(f"the server calls itself {found!r}", "ask kubectl version")
    oldest = ".".join(map(str, OLDEST))
    if (int(numbers[1]), int(numbers[2])) < OLDEST:
        return fail(f"{found} is older than {oldest}", f"upgrade Kubernetes to {oldest} or newer")
    return ok(found)


def api(resources: Iterable[Object] | None) -> Finding:
    """Judge what the API server serves of our group; None where it knows no such group."""
    served = {one["name"] for one in resources or ()}
    missing = [kind for kind in _KINDS if kind not in served]
    if missing:
        return fail(f"{API_VERSION} is not served: no {', '.join(missing)}", UPGRADE)
    return ok(f"{API_VERSION} is served")


def operator(deployment: Object | None) -> Finding:
    """Judge the operator's Deployment; None where there is none."""
    if deployment is None:
        return fail("there is no Deployment practicum", f"{UPGRADE}; or name --system-namespace")
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status", {})
    available = status.get("availableReplicas", 0)
    if wanted == 0:
        return fail("it is scaled to 0", "kubectl scale it to 1: nothing is reconciled meanwhile")
    if available == 0:
        said = [c["message"] for c in status.get("conditions", []) if c["status"] == "False"]
        return fail(
            f"0 of {wanted} replicas are available" + (f": {said[0]}" if said else ""),
            "kubectl describe its pods and read their logs",
        )
    if available < wanted:
        return warn(f"{available} of {wanted} replicas are available", "kubectl describe its pods")
    return ok(f"{available} of {wanted} replicas are available")


def setting(deployment: Object | None, variable: str) -> str:
    """Return a variable of the operator's environment, nothing where it is not known."""
    return next(
        (one.get("value", "") for one in environment(deployment) if one["name"] == variable), ""
    )


def node_selector(deployment: Object | None) -> dict[str, str]:
    """Return the labels of nodes that take labs."""
    return dict(json.loads(setting(deployment, "PRACTICUM_NODE_SELECTOR") or "{}"))


def environment(deployment: Object | None) -> Iterator[Object]:
    """Yield the entries of the operator's environment; none where it is not known."""
    if deployment:
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            yield from container.get("env", [])


def lease(body: Object | None, deployment: Object | None, now: datetime) -> Finding:
    """Judge the leader's Lease by the API server's clock."""
    if body is None and setting(deployment, "PRACTICUM_LEADER_ELECT") == "false":
        return ok("leader election is off")
    spec = (body or {}).get("spec", {})
    if not (spec.get("holderIdentity") and spec.get("renewTime")):
        return fail("no operator holds the Lease", "see whether the operator runs, and its log")
    holder, since = spec["holderIdentity"], now - parse_rfc3339(spec["renewTime"])
    if since > timedelta(seconds=spec.get("leaseDurationSeconds") or 0):
        return fail(
            f"{holder} renewed it {elapsed(since)} ago, which is too long",
            "see whether the operator runs and reaches the API server, and its node's clock",
        )
    if -since > _SKEW:
        return fail(
            f"the clock of {holder} is {elapsed(-since)} ahead of the API server's",
            "set the clock of its node (NTP): labs end by the operator's clock",
        )
    return ok(f"{holder} holds it, renewed {elapsed(since)} ago")


def rights(missing: Sequence[object]) -> Finding:
    """Judge what RBAC refuses the operator."""
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        return fail(f"RBAC does not let it {missing[0]}{more}", UPGRADE)
    return ok("it holds every right that it needs")


def policies(found: Iterable[Object], bindings: Iterable[Object]) -> Finding:
    """Judge whether every admission policy is there and bound so that it denies."""
    names = {body["metadata"]["name"] for body in found}
    denying = {
        body["spec"]["policyName"]
        for body in bindings
        if "Deny" in body["spec"].get("validationActions", [])
        and not body["spec"].get("matchResources")
    }
    if missing := [name for name in POLICIES if name not in names]:
        return fail(
            f"missing: {', '.join(missing)}", "set the chart's value admissionPolicies.enabled=true"
        )
    if loose := [name for name in POLICIES if name not in denying]:
        return fail(f"not bound to deny everywhere: {', '.join(loose)}", UPGRADE)
    return ok(f"{len(POLICIES)} policies deny")


def network(record: Object | None, now: datetime) -> Finding:
    """Judge what the operator's probe has found."""
    if record is None:
        return unknown(
            "the operator has not tried it",
            "practicum doctor --probe tries it now; the operator does where the chart's value "
            "networkPolicyProbe.enabled is true",
        )
    data = record.get("data", {})
    message = data.get("message", "")
    if data.get("enforced") == "true":
        return ok(f"enforced, as tried {elapsed(now - parse_rfc3339(data['probedAt']))} ago")
    if data.get("enforced") == "false":
        return fail(
            "not enforced: labs reach one another",
            "install a network plugin that enforces NetworkPolicy (Calico, Cilium)",
        )
    return unknown(
        message or "the record is empty", "mend what it names, then practicum doctor --probe"
    )


def storage(classes: Iterable[Object], wanted: str) -> Finding:
    """Judge the StorageClasses; ``wanted`` is the one that the chart names, if it does."""
    bodies = list(classes)
    names = [body["metadata"]["name"] for body in bodies]
    if wanted:
        if wanted in names:
            return _provisioned(bodies[names.index(wanted)])
        known = ", ".join(names) or "there is none"
        return fail(f"labs.storageClass {wanted} does not exist", f"choose one of: {known}")
    default = [
        body["metadata"]["name"]
        for body in bodies
        if body["metadata"].get("annotations", {}).get(_DEFAULT_CLASS) == "true"
    ]
    if not default:
        return fail(
            "no StorageClass is the default: volumes of labs stay Pending",
            f"annotate one with {_DEFAULT_CLASS}=true, or set the chart's value labs.storageClass",
        )
    if len(default) > 1:
        return warn(
            f"several are the default: {', '.join(default)}", "leave the annotation on one of them"
        )
    (chosen,) = (body for body in bodies if body["metadata"]["name"] == default[0])
    return _provisioned(chosen)


def _provisioned(body: Object) -> Finding:
    name, by = body["metadata"]["name"], body.get("provisioner", "")
    if by == _BY_HAND:
        return fail(
            f"{name} provisions nothing: each volume would have to be made by hand",
            "choose a StorageClass with a provisioner (chart value labs.storageClass)",
        )
    if body.get("volumeBindingMode") == "WaitForFirstConsumer":
        return ok(f"{name} of {by}; a claim stays Pending until a pod uses it, as it should")
    return ok(f"{name} of {by}; volumes are made before it is known on which node they are needed")


def pod_security(refusal: str | None) -> Finding:
    """Judge what became of a privileged pod in a restricted namespace; None: it was let in."""
    if refusal is None:
        return fail(
            "a privileged pod was let into a restricted namespace",
            "enable the API server's admission plugin PodSecurity (it is on by default)",
        )
    if "violates PodSecurity" in refusal:
        return ok("a privileged pod is refused where restricted is enforced")
    return unknown(
        f"not tried: {' '.join(refusal.split())}",
        "run practicum doctor as somebody who may create pods in practicum-probe",
    )


def clock(skew: timedelta) -> Finding:
    """Judge this machine's clock against the Date of the API server."""
    seconds = abs(skew).total_seconds()
    if abs(skew) > _SKEW:
        return warn(
            f"this machine's clock is {seconds:.0f} s off the API server's",
            "set this machine's clock (NTP): expiry times of kubeconfigs are read by it",
        )
    return ok(f"{seconds:.0f} s off the API server's")
