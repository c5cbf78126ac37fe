"""The guards of a lab: its namespaces, quotas, limits and network policies.

They exist before any workload and any access; nothing in a template can loosen them.
"""

from typing import Any, Final

from practicum.api import names
from practicum.api.labtemplate import Side
from practicum.desired.lab import Lab, Object

OPERATOR_BINDING: Final = "practicum-operator"
OBJECTS_QUOTA: Final = "objects"
"""The quota that counts everything that can be made in a lab."""

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
    if side == "learner":
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
    images = {**lab.template.images, **lab.settings.images}
    return sorted({*lab.template.allowed_images, *images.values()})


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
    if lab.suspended and side == "learner":
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
        lab.object("ResourceQuota", "jobs", side, spec={"hard": jobs, "scopes": ["Terminating"]}),
    ]


def _limit_range(lab: Lab, side: Side) -> Object:
    return lab.object(
        "LimitRange", "defaults", side, spec={"limits": [{"type": "Container", **_LIMITS}]}
    )


def _network_policies(lab: Lab, side: Side) -> list[Object]:
    """Deny both ways, then DNS, then the lab itself; the platform opens only service ports."""
    everything: Object = {"podSelector": {}}
    policies: dict[str, Object] = {
        "deny-all": {"policyTypes": ["Ingress", "Egress"]},
        "allow-dns": {"policyTypes": ["Egress"], "egress": [_DNS]},
        "allow-namespace": {
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [everything]}],
            "egress": [{"to": [everything]}],
        },
    }
    policies |= _service_policies(lab, side)
    return [
        lab.object("NetworkPolicy", name, side, spec={"podSelector": {}, **spec})
        for name, spec in policies.items()
    ]


def _service_policies(lab: Lab, side: Side) -> dict[str, Object]:
    """Open the services' ports between the sides; a rule without ports would open all of them."""
    if not (ports := _service_ports(lab)):
        return {}
    if side == "learner":
        platform = {"to": [_side(lab, "platform")], "ports": ports}
        return {"allow-services": {"policyTypes": ["Egress"], "egress": [platform]}}
    system = {"kubernetes.io/metadata.name": lab.settings.system_namespace}
    operator = {"from": [{"namespaceSelector": {"matchLabels": system}}], "ports": ports}
    learner = {"from": [_side(lab, "learner")], "ports": ports}
    return {
        "allow-services": {"policyTypes": ["Ingress"], "ingress": [learner]},
        "allow-operator": {"policyTypes": ["Ingress"], "ingress": [operator]},
    }


def _side(lab: Lab, side: Side) -> Object:
    return {"namespaceSelector": {"matchLabels": {names.LAB_UID: lab.uid, names.SIDE: side}}}


def _service_ports(lab: Lab) -> list[dict[str, Any]]:
    ports = sorted({service.port for service in lab.template.services})
    return [{"protocol": "TCP", "port": port} for port in ports]
