"""The guards of a lab: its namespaces, quotas, limits and network policies.

They exist before any workload and any access; nothing in a template can loosen them.
"""

from typing import Any, Final

from practicum.api import names
from practicum.api.labtemplate import LEARNER, PLATFORM, Side
from practicum.desired.lab import Lab, Object

OPERATOR_BINDING: Final = "practicum-operator"
OBJECTS_QUOTA: Final = "objects"
"""The quota that counts everything that can be made in a lab."""
JOBS_QUOTA: Final = "jobs"
"""The quota of pods that end by themselves."""

_COUNTS: Final = {
    "count/configmaps": "64",
    "count/secrets": "64",
    "count/services": "16",
    "count/deployments.apps": "16",
    "count/replicasets.apps": "96",
    "count/statefulsets.apps": "16",
    "count/jobs.batch": "32",
    "count/cronjobs.batch": "8",
    "count/pods": "96",
    "count/changerequests.practicum.dev": "64",
    "count/changeapprovals.practicum.dev": "192",
    "services.loadbalancers": "0",
    "services.nodeports": "0",
}
_LIMITS: Final = {
    "default": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "1Gi"},
    "defaultRequest": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
}
_POD_SECURITY: Final = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
}
_DNS: Final = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
}


def namespace(lab: Lab, side: Side) -> Object:
    """Return one of the lab's namespaces: claimed by POST, never adopted."""
    learner = lab.resource.spec.learner
    annotations = {"practicum.dev/learner": learner.id} if learner else {}
    if side != PLATFORM:
        annotations[names.ALLOWED_IMAGES] = ",".join(allowed_images(lab))
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": lab.namespaces[side],
            "labels": lab.labels(**{names.SIDE: side}) | _POD_SECURITY,
            "annotations": annotations,
        },
    }


def allowed_images(lab: Lab) -> list[str]:
    """Return the image globs that a learner may run: the template's and the components'."""
    globs = map(lab.settings.mirrored, lab.template.allowed_images)
    return sorted({*globs, *lab.images.values()})


def operator_binding(lab: Lab, side: Side) -> Object:
    """Return the binding by which the operator may act in a namespace of this lab at all."""
    return lab.object(
        "RoleBinding",
        OPERATOR_BINDING,
        side,
        roleRef={
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": names.ROLE_OPERATOR_LAB,
        },
        subjects=[
            {
                "kind": "ServiceAccount",
                "name": "practicum",
                "namespace": lab.settings.system_namespace,
            }
        ],
    )


def guards(lab: Lab) -> list[Object]:
    """Return every quota, limit range and network policy, and the ServiceAccount without token."""
    return [
        guard
        for side in lab.sides
        for guard in (
            *_quotas(lab, side),
            _limit_range(lab, side),
            *_network_policies(lab, side),
            # Kubernetes makes it; what runs as it must not reach the API server.
            lab.object("ServiceAccount", "default", side, automountServiceAccountToken=False),
        )
    ]


def _quotas(lab: Lab, side: Side) -> list[Object]:
    quota = lab.template.sizes[lab.size].quota[side]
    compute, jobs = dict(quota.compute), dict(quota.jobs)
    if lab.suspended and side != PLATFORM:
        compute["pods"] = jobs["pods"] = "0"
    return [
        lab.object(
            "ResourceQuota", OBJECTS_QUOTA, side, spec={"hard": {**quota.storage, **_COUNTS}}
        ),
        lab.object(
            "ResourceQuota",
            "compute",
            side,
            spec={"hard": compute, "scopes": ["NotTerminating"]},
        ),
        lab.object(
            "ResourceQuota", JOBS_QUOTA, side, spec={"hard": jobs, "scopes": ["Terminating"]}
        ),
    ]


def _limit_range(lab: Lab, side: Side) -> Object:
    return lab.object(
        "LimitRange", "defaults", side, spec={"limits": [{"type": "Container", **_LIMITS}]}
    )


def _network_policies(lab: Lab, side: Side) -> list[Object]:
    """Deny both ways, then DNS, then the lab itself; the platform opens only service ports.

    Inside a tenant's namespace nothing more is opened: network policies only ever add, so what was
    opened here no policy of the learner could close, and isolating tenants is what they learn.
    """
    everything: Object = {"podSelector": {}}
    policies: dict[str, Object] = {
        "deny-all": {"policyTypes": ["Ingress", "Egress"]},
        "allow-dns": {"policyTypes": ["Egress"], "egress": [_DNS]},
    }
    if side in (LEARNER, PLATFORM):
        policies["allow-namespace"] = {
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [everything]}],
            "egress": [{"to": [everything]}],
        }
    policies |= _service_policies(lab, side) | _check_policies(lab, side)
    return [
        lab.object("NetworkPolicy", name, side, spec={"podSelector": {}, **spec})
        for name, spec in policies.items()
    ]


def _service_policies(lab: Lab, side: Side) -> dict[str, Object]:
    """Open the services' ports between the sides; a rule without ports would open all of them."""
    policies: dict[str, Object] = {}
    of_platform, own = _service_ports(lab, PLATFORM), _service_ports(lab, side)
    if side == LEARNER and of_platform:
        platform = {"to": [_side(lab, PLATFORM)], "ports": of_platform}
        policies["allow-services"] = {"policyTypes": ["Egress"], "egress": [platform]}
    if side == PLATFORM and of_platform:
        others = [_side(lab, one) for one in lab.sides if one != PLATFORM]
        users = {"from": others, "ports": of_platform}
        policies["allow-services"] = {"policyTypes": ["Ingress"], "ingress": [users]}
    if own:
        system = {"kubernetes.io/metadata.name": lab.settings.system_namespace}
        operator = {"from": [{"namespaceSelector": {"matchLabels": system}}], "ports": own}
        policies["allow-operator"] = {"policyTypes": ["Ingress"], "ingress": [operator]}
    return policies


def _check_policies(lab: Lab, side: Side) -> dict[str, Object]:
    """Let pods of checks on the platform's side ask services that learners make, if any does."""
    if PLATFORM not in lab.sides or not any(check.visits for check in lab.template.checks):
        return {}
    pods: Object = {"podSelector": {"matchLabels": {names.CHECK: "pod"}}}
    if side == PLATFORM:
        others = [_side(lab, one) for one in lab.sides if one != PLATFORM]
        return {"allow-checks": {**pods, "policyTypes": ["Egress"], "egress": [{"to": others}]}}
    visitor = {"from": [{**_side(lab, PLATFORM), **pods}]}
    return {"allow-checks": {"policyTypes": ["Ingress"], "ingress": [visitor]}}


def _side(lab: Lab, side: Side) -> Object:
    return {"namespaceSelector": {"matchLabels": {names.LAB_UID: lab.uid, names.SIDE: side}}}


def _service_ports(lab: Lab, side: Side) -> list[dict[str, Any]]:
    placed = {one.name for one in lab.template.components if one.placement == side}
    ports = sorted({one.port for one in lab.template.services if one.component in placed})
    return [{"protocol": "TCP", "port": port} for port in ports]
