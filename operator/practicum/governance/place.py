"""Finds the lab that governed changes are meant for, by its name or by who is asking."""

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from practicum import errors
from practicum.api import names
from practicum.api.names import LabKey
from practicum.kube.client import Kube, Object

_ACCOUNT: Final = re.compile(r"system:serviceaccount:([^:]+):([^:]+)\.([^:.]+)")


class Account(NamedTuple):
    """An identity of a lab: the learner, or a persona."""

    lab: LabKey
    persona: str

    @property
    def username(self) -> str:
        """As the API server knows it."""
        return f"system:serviceaccount:{self.lab.namespace}:{self.lab.name}.{self.persona}"


@dataclass(frozen=True)
class Place:
    """A lab, and the namespace of it that holds its requests."""

    lab: LabKey
    uid: str
    namespace: str


def account_of(username: str) -> Account | None:
    """Return whose ServiceAccount a username is; None: it is nobody's of a lab."""
    found = _ACCOUNT.fullmatch(username)
    return Account(LabKey(found[1], found[2]), found[3]) if found else None


async def username(kube: Kube) -> str:
    """Return the name under which the API server knows this connection.

    Raises:
        ApiError: it does not say; 401 where it does not know the connection at all.
    """
    review = await kube.create(
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    )
    return str(review["status"]["userInfo"]["username"])


async def find(kube: Kube, course: str, name: str = "", context_namespace: str = "") -> Place:
    """Return the place of a lab.

    Args:
        kube: the connection; all that is read is read with its rights.
        course: the namespace of the LabEnvironments.
        name: the lab; empty: the one whose namespace the context names, or the course's only one.
        context_namespace: the namespace that the kubeconfig's context names.

    Raises:
        ChangeError: NoSuchLab, AmbiguousLab, or LabNotReady while it has no namespace yet.
        ApiError: the lab may not be read.
    """
    if name:
        return await _read(kube, LabKey(course, name))
    if context_namespace.startswith(names.NAMESPACE_PREFIX):
        key = await _owner(kube, context_namespace)
        place = await _read(kube, key) if key else None
        if place and place.namespace == context_namespace:
            return place
    return await _read(kube, await _only(kube, course))


async def _read(kube: Kube, key: LabKey) -> Place:
    try:
        body = await kube.get("LabEnvironment", key.namespace, key.name)
    except errors.NotFound as error:
        if "could not find" in str(error):
            raise
        text = f"lab {key.name} not found in namespace {key.namespace}"
        raise errors.ChangeError("NoSuchLab", text) from error
    spaces = body.get("status", {}).get("namespaces") or []
    if not spaces:
        text = f"lab {key.name} has no namespace yet: wait until it is provisioned"
        raise errors.ChangeError("LabNotReady", text)
    return Place(key, str(body["metadata"]["uid"]), str(spaces[0]))


async def _owner(kube: Kube, namespace: str) -> LabKey | None:
    """Return the lab of a namespace: by who is asking, else by the namespace's own labels."""
    if own := account_of(await username(kube)):
        return own.lab
    try:
        body: Any = await kube.get("Namespace", "", namespace)
    except (errors.Forbidden, errors.NotFound):
        return None
    labels: Object = body["metadata"].get("labels") or {}
    if names.LAB not in labels or names.COURSE not in labels:
        return None
    return LabKey(labels[names.COURSE], labels[names.LAB])


async def _only(kube: Kube, course: str) -> LabKey:
    try:
        labs = await kube.list("LabEnvironment", course)
    except errors.Forbidden:
        if own := account_of(await username(kube)):
            return own.lab
        raise
    found = sorted(str(lab["metadata"]["name"]) for lab in labs)
    if not found:
        raise errors.ChangeError("NoSuchLab", f"no labs in namespace {course}")
    if len(found) > 1:
        text = f"namespace {course} has {len(found)} labs ({', '.join(found[:8])}): name one"
        raise errors.ChangeError("AmbiguousLab", text)
    return LabKey(course, found[0])
