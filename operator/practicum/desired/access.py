"""Who may do what in a lab: ServiceAccounts in the course, bindings in the lab, one kubeconfig.

The accounts live in the course's namespace, so whatever a learner does in the lab, deleting the
LabEnvironment takes their access away.
"""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from practicum.api import names
from practicum.api.labtemplate import PLATFORM, Side
from practicum.api.times import rfc3339
from practicum.desired.lab import Lab, Object

_RBAC = "rbac.authorization.k8s.io"
LEARNER = "learner"
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class Token:
    """One minted token and the expiry that the server granted."""

    value: str
    expires_at: datetime


@dataclass(frozen=True)
class Server:
    """Where learners reach the API server."""

    url: str
    ca: str


def server_of(kubeconfig_text: str) -> Server:
    """Read server and CA out of ``kube-public/cluster-info``.

    Raises:
        ValueError: there is no cluster in it.
    """
    try:
        cluster = yaml.safe_load(kubeconfig_text)["clusters"][0]["cluster"]
        ca = base64.b64decode(cluster.get("certificate-authority-data", "")).decode()
        return Server(cluster["server"], ca)
    except (yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"cluster-info names no cluster: {error}") from error


def account(lab: Lab, persona: str) -> str:
    """Return the ServiceAccount's name of the learner or of a persona.

    A persona's name has no dot, so no two labs of a course can mean the same account.
    """
    return f"{lab.name}.{persona}"


def personas(lab: Lab) -> list[str]:
    """Return the personas that the learner plays: those given to nobody else."""
    given = lab.resource.spec.personas
    return [persona.name for persona in lab.template.personas if persona.name not in given]


def accounts(lab: Lab) -> list[Object]:
    """Return the ServiceAccounts, in the course's namespace."""
    return [
        lab.object("ServiceAccount", account(lab, who), None, automountServiceAccountToken=False)
        for who in (LEARNER, *personas(lab))
    ]


def role(lab: Lab) -> Object:
    """Return the Role of the course's side: watch the own lab, read the own credentials."""
    return lab.object(
        "Role",
        account(lab, LEARNER),
        None,
        rules=[
            {
                "apiGroups": [names.GROUP],
                "resources": ["labenvironments"],
                "resourceNames": [lab.name],
                "verbs": ["get", "list", "watch"],
            },
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": [lab.credentials_name],
                "verbs": ["get"],
            },
        ],
    )


def bindings(lab: Lab) -> list[Object]:
    """Return every RoleBinding of the learner and of the personas."""
    learner, others = _learner_subjects(lab), _persona_subjects(lab, _names(lab))
    own, viewer = account(lab, LEARNER), names.ROLE_PLATFORM_VIEWER
    made = [
        _binding(lab, own, None, "Role", own, learner + _accounts(lab)),
        _binding(lab, "learner", "learner", "ClusterRole", names.ROLE_LEARNER, learner),
    ]
    if others:
        persona = names.ROLE_PERSONA
        made.append(_binding(lab, "viewer", "learner", "ClusterRole", persona, others))
    if PLATFORM in lab.sides:
        made.append(_binding(lab, "viewer", PLATFORM, "ClusterRole", viewer, learner + others))
    return [*made, *_tenant_bindings(lab)]


def _tenant_bindings(lab: Lab) -> list[Object]:
    """Return who may do what in tenants' namespaces, besides what the learner binds there."""
    made = []
    for tenant in (one.name for one in lab.template.tenants):
        granted: dict[str, list[str]] = {"tenant-viewer": [LEARNER]}
        for persona in lab.template.personas:
            for grant in persona.grants:
                if grant.tenant == tenant:
                    granted.setdefault(grant.role, []).append(persona.name)
        for role, who in granted.items():
            subjects = _learner_subjects(lab) if LEARNER in who else []
            subjects = subjects + _persona_subjects(lab, who)
            if subjects:
                of_chart = f"practicum-{role}"
                name = f"{names.MANAGER}-{role}"
                made.append(_binding(lab, name, tenant, "ClusterRole", of_chart, subjects))
    return made


def _names(lab: Lab) -> list[str]:
    return [persona.name for persona in lab.template.personas]


def _binding(
    lab: Lab, name: str, side: Side | None, kind: str, role: str, subjects: list[Object]
) -> Object:
    return lab.object(
        "RoleBinding",
        name,
        side,
        roleRef={"apiGroup": _RBAC, "kind": kind, "name": role},
        subjects=subjects,
    )


def _service_account(lab: Lab, who: str) -> Object:
    return {"kind": "ServiceAccount", "name": account(lab, who), "namespace": lab.course}


def _accounts(lab: Lab) -> list[Object]:
    return [_service_account(lab, persona) for persona in personas(lab)]


def _person(subject: Any) -> Object:
    return {"apiGroup": _RBAC, "kind": subject.kind, "name": subject.name}


def _learner_subjects(lab: Lab) -> list[Object]:
    learner = lab.resource.spec.learner
    extra = learner.subjects if learner and lab.settings.allow_subjects else []
    return [_service_account(lab, LEARNER), *map(_person, extra)]


def _persona_subjects(lab: Lab, who: Collection[str]) -> list[Object]:
    given = lab.resource.spec.personas if lab.settings.allow_subjects else {}
    played = [_service_account(lab, name) for name in personas(lab) if name in who]
    known = [name for name in _names(lab) if name in given and name in who]
    return [*played, *(_person(given[name].subject) for name in known)]


def credentials(lab: Lab, server: Server, tokens: Mapping[str, Token]) -> Object:
    """Return the Secret that the learner's access is made of.

    Args:
        lab: the lab.
        server: API server address and CA for the kubeconfig.
        tokens: by ``learner`` or persona name.
    """
    content = {
        "kubeconfig": yaml.dump(kubeconfig(lab, server, tokens), Dumper=_Dumper, sort_keys=False),
        "tokens.json": json.dumps(
            {
                account(lab, who): {
                    "token": token.value,
                    "expiresAt": rfc3339(token.expires_at),
                }
                for who, token in tokens.items()
            }
        ),
        "logins.json": json.dumps(logins(lab)),
    }
    data = {key: base64.b64encode(text.encode()).decode() for key, text in content.items()}
    return lab.object("Secret", lab.credentials_name, None, type="Opaque", data=data)


def kubeconfig(lab: Lab, server: Server, tokens: Mapping[str, Token]) -> Object:
    """Return a kubeconfig: a context per identity, and a self-renewing one for the learner."""
    cluster: Object = {"server": server.url}
    if server.ca:
        cluster["certificate-authority-data"] = base64.b64encode(server.ca.encode()).decode()
    context_of = {who: lab.name if who == LEARNER else f"{lab.name}-{who}" for who in tokens}
    users = [
        {"name": context, "user": {"token": tokens[who].value}}
        for who, context in context_of.items()
    ]
    renewing = f"{lab.name}-renewing"
    users.append({"name": renewing, "user": {"exec": _exec(lab, tokens[LEARNER])}})
    namespace = lab.namespaces["learner"]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "practicum", "cluster": cluster}],
        "users": users,
        "contexts": [
            {
                "name": user["name"],
                "context": {"cluster": "practicum", "user": user["name"], "namespace": namespace},
            }
            for user in users
        ],
        "current-context": lab.name,
    }


def _exec(lab: Lab, token: Token) -> Object:
    """Return the exec plugin's stanza; its first token comes along, later ones are fetched."""
    arguments = ("--lab", lab.name, "--namespace", lab.course, "--user", account(lab, LEARNER))
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "practicum",
        "args": ["token", *arguments],
        "env": [{"name": "PRACTICUM_TOKEN", "value": token.value}],
        "interactiveMode": "Never",
        "provideClusterInfo": True,
        "installHint": "install the practicum command, or use the context " + lab.name,
    }


def logins(lab: Lab) -> list[dict[str, str]]:
    """Return the service logins of the learner, passwords included."""
    urls = {service["name"]: service["url"] for service in services(lab)}
    return [
        {
            "service": login.service,
            "url": urls.get(login.service, ""),
            "username": login.username,
            "password": lab.password(login.secret),
            "kind": login.kind,
            "persona": login.persona or "",
        }
        for login in lab.template.logins
    ]


def services(lab: Lab) -> list[dict[str, str]]:
    """Return name, component and in-cluster URL of every service of the lab."""
    placement = {component.name: component.placement for component in lab.template.components}
    return [
        {
            "name": service.name,
            "component": service.component,
            "url": f"http://{service.name}.{lab.namespaces[placement[service.component]]}.svc:"
            f"{service.port}{service.path}",
        }
        for service in lab.template.services
    ]
