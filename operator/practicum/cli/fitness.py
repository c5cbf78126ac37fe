"""Judges what a cluster offers, with Practicum in it or not yet. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from practicum.api.kinds import KINDS
from practicum.api.labtemplate import Size
from practicum.api.names import API_VERSION, GROUP
from practicum.api.times import parse_rfc3339
from practicum.cli.examination import Finding, fail, ok, unknown, warn
from practicum.policy import room
from practicum.policy.room import Room
from practicum.reconcile.rights import Rule

Object = Mapping[str, Any]

METRICS: Final = KINDS["PodMetrics"].api_version
ENFORCE: Final = "pod-security.kubernetes.io/enforce"
"""Label of a namespace: the level of Pod Security that its pods are held to."""
SETTLED: Final = timedelta(minutes=1)
"""Within this a new ResourceQuota is counted."""
_WITH_PROBE: Final = "practicum doctor --probe finds out, with pods in a namespace of their own"
_RBAC: Final = "rbac.authorization.k8s.io"
_GIB: Final = 2**30

_MAKE: Final = ("get", "create", "patch", "delete")
INSTALL: Final = (
    Rule("", ("namespaces", "resourcequotas", "secrets"), _MAKE),
    Rule("", ("configmaps", "pods", "serviceaccounts", "services"), _MAKE),
    Rule(_RBAC, ("clusterrolebindings", "clusterroles", "rolebindings", "roles"), _MAKE),
    Rule("apps", ("deployments",), _MAKE),
    Rule("batch", ("jobs",), _MAKE),
    Rule("networking.k8s.io", ("networkpolicies",), _MAKE),
    Rule("policy", ("poddisruptionbudgets",), _MAKE),
    Rule("flowcontrol.apiserver.k8s.io", ("flowschemas", "prioritylevelconfigurations"), _MAKE),
    Rule("apiextensions.k8s.io", ("customresourcedefinitions",), _MAKE),
    Rule(
        "admissionregistration.k8s.io",
        ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        _MAKE,
    ),
    # Helm's releases are Secrets.
    Rule("", ("secrets",), ("list", "update")),
    # Without these RBAC lets nobody grant what they do not hold themselves.
    Rule(_RBAC, ("clusterroles", "roles"), ("escalate", "bind")),
    # Admission policies may only refer to what their author may read.
    Rule(GROUP, ("changerequests",), ("get", "list")),
)
"""What ``helm install`` takes; a test compares it with what the chart makes."""


def wanted() -> dict[str, set[str]]:
    """Return the resources that Practicum needs of others' API groups, by group and version."""
    groups: dict[str, set[str]] = {}
    for kind in KINDS.values():
        if kind.api_version not in (API_VERSION, METRICS):
            groups.setdefault(kind.api_version, set()).add(kind.plural)
    return groups


def groups(served: Mapping[str, Iterable[Object] | None]) -> Finding:
    """Judge what is served of the groups in ``wanted``; None where there is no such group."""
    missing = [
        f"{resource} of {group}"
        for group, resources in wanted().items()
        for resource in sorted(resources - {one["name"] for one in served[group] or ()})
    ]
    if missing:
        return fail(
            f"not served: {', '.join(missing)}",
            "enable them at the API server (--runtime-config); they are on by default",
        )
    return ok(f"{len(served)} API groups that Practicum uses are served")


def aggregated(services: Iterable[Object]) -> Finding:
    """Judge APIServices: while one does not answer, no namespace is ever gone."""
    down = [
        body["metadata"]["name"]
        for body in services
        if not _holds(body, "Available") and body["spec"].get("service")
    ]
    if down:
        return fail(
            f"{', '.join(down)} does not answer: namespaces of ended labs stay Terminating",
            "see the Service that the APIService names; delete the APIService if nobody needs it",
        )
    return ok("all of them answer")


def metrics(resources: Iterable[Object] | None) -> Finding:
    """Judge whether somebody tells what pods use; None where there is no such group."""
    if any(one["name"] == "pods" for one in resources or ()):
        return ok(f"{METRICS} is served")
    return warn(
        f"{METRICS} is not served: what labs use is not known, all else works",
        "install metrics-server",
    )


def rights(missing: Sequence[object]) -> Finding:
    """Judge what the caller may not do of what ``helm install`` does."""
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        return fail(
            f"you may not {missing[0]}{more}",
            "let somebody with ClusterRole cluster-admin install the chart",
        )
    return ok("you may install the chart")


def quotas(bodies: Sequence[Object], now: datetime) -> Finding:
    """Judge whether anybody counts for ResourceQuotas: a new one enforces nothing before that."""
    late = [
        f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        for body in bodies
        if body.get("status", {}).get("hard") != body["spec"].get("hard")
        and now - parse_rfc3339(body["metadata"]["creationTimestamp"]) > SETTLED
    ]
    if late:
        return fail(
            f"{len(late)} of {len(bodies)} are not counted, {late[0]} for one: their labs wait",
            "see whether kube-controller-manager runs, with its controller resourcequota",
        )
    if not bodies:
        return unknown("there is no ResourceQuota to see it by", _WITH_PROBE)
    return ok(f"{len(bodies)} looked at, all are counted")


def capacity(
    free: Room, templates: Mapping[str, Size], labs: int, *, nodes: tuple[int, int]
) -> Finding:
    """Judge how many labs of each module fit.

    Args:
        free: what is free on the nodes that take labs.
        templates: by name: the default size.
        labs: how many of each there should be room for.
        nodes: how many take labs, and how many there are.
    """
    left = f"{free.cpu:.1f} cores, {free.memory / _GIB:.1f} GiB and {free.pods} pods are free"
    where = f"{left} on {nodes[0]} of {nodes[1]} nodes"
    fits = {name: _fits(free, size) for name, size in sorted(templates.items())}
    text = ", ".join(f"{name} {start} (or {full})" for name, (start, full) in fits.items())
    told = f"{where}: labs as they start (or with quotas used up): {text}"
    if short := [name for name, (start, _) in fits.items() if start < labs]:
        return warn(
            f"{told}; fewer than {labs} of {', '.join(short)}",
            "add nodes; or set the chart's value capacity.labs, so that labs queue",
        )
    return ok(told)


def _fits(free: Room, size: Size) -> tuple[int, int]:
    start, full = room.at_start(size), room.at_most(size)
    return free.times(start if any(start) else full), free.times(full)


def pod_security_plugin(refusal: str | None) -> Finding:
    """Judge what became of a namespace with a level that does not exist; None: it was let in."""
    if refusal is None:
        return fail(
            "nobody reads the labels of Pod Security",
            "enable the API server's admission plugin PodSecurity (it is on by default)",
        )
    if ENFORCE in refusal:
        return ok("the API server reads its labels")
    return unknown(
        f"you may not try: {' '.join(refusal.split())}",
        "run it as somebody who may create namespaces; nothing is made",
    )


def _holds(body: Object, condition: str) -> bool:
    found = body.get("status", {}).get("conditions", [])
    return any(one["type"] == condition and one["status"] == "True" for one in found)
