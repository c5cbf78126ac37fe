"""The rights that the operator cannot work without, asked for at its start.

RBAC that lacks a rule does not fail at once: a watch stays silent, a lab hangs a phase later. So
each is asked for by SelfSubjectAccessReview, and what is missing is named. What the operator holds
in one course or one lab is not asked here: a lab's conditions say when it is missing.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from practicum.api import names
from practicum.api.kinds import KINDS
from practicum.kube.client import Kube

_RBAC = "rbac.authorization.k8s.io"
_WATCH = ("list", "watch")
_AT_ONCE = 16


class Rule(NamedTuple):
    """Verbs on resources of one API group, as in a Role."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ("",)


EVERYWHERE: Final = (
    Rule(
        names.GROUP,
        (
            *("attestations", "changeapprovals", "changerequests"),
            *("labcohorts", "labenvironments", "labtemplates"),
        ),
        ("get", *_WATCH),
    ),
    Rule(names.GROUP, ("labcohorts/status", "labenvironments/status"), ("patch",)),
    Rule("", ("events",), ("create",)),
    Rule("", ("namespaces",), ("get", *_WATCH, "create", "patch", "delete")),
    Rule(_RBAC, ("rolebindings",), ("get", *_WATCH, "create", "patch", "delete")),
    Rule(
        _RBAC,
        ("clusterroles",),
        ("bind",),
        (
            *(names.ROLE_LEARNER, names.ROLE_PLATFORM_VIEWER, names.ROLE_PERSONA),
            *(names.ROLE_OPERATOR_LAB, *names.TENANT_ROLES),
        ),
    ),
    Rule("authorization.k8s.io", ("subjectaccessreviews",), ("create",)),
    Rule(_RBAC, ("roles",), _WATCH),
    Rule(
        "",
        (
            *("configmaps", "limitranges", "persistentvolumeclaims", "resourcequotas"),
            *("serviceaccounts", "services"),
        ),
        _WATCH,
    ),
    Rule("apps", ("deployments", "statefulsets"), _WATCH),
    Rule("batch", ("cronjobs", "jobs"), _WATCH),
    Rule("networking.k8s.io", ("networkpolicies",), _WATCH),
    Rule("", ("persistentvolumes",), ("get", "list")),
)
"""What the chart's ClusterRole ``practicum-operator`` grants; a test compares the two."""

USAGE: Final = (Rule("metrics.k8s.io", ("pods",), ("get", "list")),)
"""What it grants besides: a cluster need not have a metrics API, nor the operator this right."""

FAREWELL: Final = (Rule(names.GROUP, ("labenvironments",), ("patch",)),)
"""What it grants where admission policies keep it to courses that are being deleted."""

OWN: Final = (
    Rule("apps", ("controllerrevisions",), ("get", "list", "create", "delete")),
    Rule("coordination.k8s.io", ("leases",), ("get", "create", "update", "patch")),
    Rule("", ("events",), ("create", "patch")),
    Rule(names.GROUP, ("labtemplates",), ("create", "patch", "delete")),
    Rule("", ("configmaps",), ("get", "create", "patch")),
)
"""What the Role ``practicum-operator`` grants in the operator's own namespace."""

AUDIT: Final = (Rule("", ("configmaps",), ("get", "list", "create", "patch", "delete")),)
"""What the Role ``practicum-audit`` grants; a change that cannot be recorded is not made."""

ARCHIVE: Final = (
    Rule("", ("pods", "secrets"), ("get", "list", "create", "delete")),
    Rule("", ("pods/log",), ("get",)),
    Rule("", ("persistentvolumeclaims",), ("create",)),
)
"""What the Role ``practicum-archive`` grants; without it labs are not archived, and not deleted."""

PROBE: Final = (Rule("", ("pods",), ("list", "create", "delete")),)
"""What the Role ``practicum-probe`` grants; without it there is no probe, but labs all the same."""


class Right(NamedTuple):
    """One verb on one resource, in one namespace or everywhere."""

    verb: str
    group: str
    resource: str
    name: str
    namespace: str

    def __str__(self) -> str:
        """Return it as ``kubectl auth can-i`` takes it."""
        resource, _, subresource = self.resource.partition("/")
        what = f"{resource}.{self.group}" if self.group else resource
        what += f"/{self.name}" if self.name else ""
        what += f" --subresource={subresource}" if subresource else ""
        where = f"-n {self.namespace}" if self.namespace else "--all-namespaces"
        return f"{self.verb} {what} {where}"


def needed(system_namespace: str) -> Iterator[Right]:
    """Yield every right that is needed."""
    yield from each(EVERYWHERE)
    yield from each(OWN, system_namespace)
    yield from each(AUDIT, names.AUDIT_NAMESPACE)


def of_probe() -> Iterator[Right]:
    """Yield the rights that only the network probe needs."""
    yield from each(PROBE, names.PROBE_NAMESPACE)


def of_usage() -> Iterator[Right]:
    """Yield the rights that only measured use needs."""
    yield from each(USAGE)


def of_farewell() -> Iterator[Right]:
    """Yield the rights that only the labs of a course that is being deleted need."""
    yield from each(FAREWELL)


def of_archives() -> Iterator[Right]:
    """Yield the rights that only archives need; a failing archive names what is missing."""
    yield from each(ARCHIVE, names.AUDIT_NAMESPACE)


def each(rules: Iterable[Rule], namespace: str = "") -> Iterator[Right]:
    """Yield the rights that rules are made of, in one namespace or everywhere."""
    for rule in rules:
        for resource in rule.resources:
            for verb in rule.verbs:
                for name in rule.names:
                    yield Right(verb, rule.group, resource, name, namespace)


async def missing(kube: Kube, system_namespace: str) -> list[Right]:
    """Return what the API server would refuse us.

    Raises:
        ApiError: it could not be asked.
    """
    return await refused(kube, needed(system_namespace))


async def refused(kube: Kube, rights: Iterable[Right], account: str = "") -> list[Right]:
    """Return which of these rights somebody lacks.

    Args:
        kube: who asks.
        rights: what to ask for.
        account: user name of the ServiceAccount in question; empty: whoever asks.

    Raises:
        ApiError: it could not be asked; about others, few may.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def lacks(right: Right) -> bool:
        async with gate:
            review = _review(right, account)
            return not (await kube.create(review))["status"]["allowed"]

    asked = list(rights)
    answers = await asyncio.gather(*map(lacks, asked))
    return [right for right, lacking in zip(asked, answers, strict=True) if lacking]


def _review(right: Right, account: str) -> dict[str, Any]:
    resource, _, subresource = right.resource.partition("/")
    attributes = right._asdict() | {"resource": resource, "subresource": subresource}
    spec: dict[str, Any] = {"resourceAttributes": attributes}
    if account:
        everybody = ["system:serviceaccounts", "system:authenticated"]
        own = f"system:serviceaccounts:{account.split(':')[2]}"
        spec |= {"user": account, "groups": [*everybody, own]}
    kind = "SubjectAccessReview" if account else "SelfSubjectAccessReview"
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "spec": spec}
