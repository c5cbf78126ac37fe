"""What a template may put into a lab as the learner's own: tenants that are wrong on purpose, say.

Besides what it may make as the lab's own (``guard``), objects that design tenancy, within the same
bounds that an admission policy holds learners to: nothing reaches beyond the lab.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from practicum.api.names import LAB_UID, PLACEHOLDER, TENANT_ROLES, placeholder
from practicum.catalog import guard
from practicum.catalog.guard import SPEC, Object

_BINDING: Final = frozenset({"roleRef", "subjects"})
_BINDABLE: Final = tuple(role for role in TENANT_ROLES if role.startswith("practicum-tenant-"))
_ACCOUNT: Final = re.compile(re.escape(PLACEHOLDER) + "account:[a-z0-9]([-a-z0-9]*[a-z0-9])?>>")
"""Of this very lab: with a dot more it could be that of a lab whose name begins like this one's."""
_POLICY: Final = frozenset({"podSelector", "policyTypes", "ingress", "egress"})


def check(body: object, *, where: str, namespaces: Collection[str]) -> None:
    """Refuse an object that no template may give to a learner.

    Args:
        body: one parsed document.
        where: what to call its origin in the message.
        namespaces: those of the lab that are the learner's to work in.

    Raises:
        TemplateError: naming the object, the field and what is allowed.
    """
    guard.check(body, where=f"{where}, exhibit", namespaces=namespaces, more=_RULES)


def _free(_: Object) -> Iterator[str]:
    return iter(())


def _network_policy(body: Object) -> Iterator[str]:
    spec = body["spec"]
    yield from guard.unknown(spec, _POLICY, "spec.")
    rules = [(one, "from") for one in spec.get("ingress") or []]
    rules += [(one, "to") for one in spec.get("egress") or []]
    for rule, peers in rules:
        if not rule.get(peers):
            yield f"spec: a rule without {peers} means everybody; name who it is for"
        for peer in rule.get(peers) or []:
            yield from _peer(peer)


def _peer(peer: Mapping[str, Any]) -> Iterator[str]:
    if "ipBlock" in peer:
        yield "ipBlock is not allowed: addresses may be anybody's"
    if "namespaceSelector" in peer:
        labels = (peer["namespaceSelector"] or {}).get("matchLabels") or {}
        if labels.get(LAB_UID) != placeholder("lab.uid"):
            yield f"namespaceSelector: add matchLabels {LAB_UID}: {{{{ lab.uid }}}}"


def _binding(body: Object) -> Iterator[str]:
    role = body["roleRef"]
    if role.get("kind") != "ClusterRole" or role.get("name") not in _BINDABLE:
        yield f"roleRef: only ClusterRoles {', '.join(_BINDABLE)} are bound by an exhibit"
    for subject in body.get("subjects") or []:
        ours = _ACCOUNT.fullmatch(str(subject.get("name", "")))
        if subject.get("kind") != "ServiceAccount" or not ours:
            yield "subjects: only accounts of the lab: name them by {{ account(persona) }}"
        if subject.get("namespace") != placeholder("lab.course"):
            yield "subjects: accounts of the lab lie in {{ lab.course }}"


_RULES: Final[guard.Rules] = {
    "ResourceQuota": (SPEC, _free),
    "LimitRange": (SPEC, _free),
    "NetworkPolicy": (SPEC, _network_policy),
    "RoleBinding": (_BINDING, _binding),
}
