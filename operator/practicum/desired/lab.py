"""What every desired object is made from: one lab, its names, its labels, its passwords."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from practicum.api import names
from practicum.api.canonical import canonical
from practicum.api.kinds import KINDS
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LabTemplateSpec, Side
from practicum.settings import Settings

Object = dict[str, Any]


def namespace_name(lab_name: str, uid: str, side: Side) -> str:
    """Return the name of one of a lab's namespaces, at most 60 characters.

    The hash of the uid keeps a re-created lab from meeting its dying namespace.
    """
    readable = re.sub(r"[^a-z0-9-]+", "-", lab_name.lower())[:40].strip("-")
    own = f"{names.NAMESPACE_PREFIX}{readable}-{hashlib.sha256(uid.encode()).hexdigest()[:6]}"
    return own if side == "learner" else f"{own}-{side}"


def credentials_name(lab_name: str) -> str:
    """Return the name of the Secret with a learner's credentials."""
    return f"{lab_name}-credentials"


def labels(resource: LabEnvironment, **more: str) -> dict[str, str]:
    """Return the labels by which every object of a lab is known."""
    return {
        names.MANAGED_BY: names.MANAGER,
        "app.kubernetes.io/part-of": "practicum",
        names.LAB: str(resource.metadata["name"]),
        names.COURSE: str(resource.metadata["namespace"]),
        names.LAB_UID: resource.uid,
        **more,
    }


def derived(root_key: bytes, uid: str, purpose: str, version: int = 1) -> str:
    """Derive a password, 43 URL-safe characters: HMAC-SHA256(root key, uid, purpose)."""
    text = f"{uid}/{purpose}/{version}".encode()
    mac = hmac.new(root_key, text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


@dataclass(frozen=True)
class Lab:
    """One lab with everything that its desired objects depend on."""

    resource: LabEnvironment
    template: LabTemplateSpec
    settings: Settings

    @property
    def name(self) -> str:
        """Name of the LabEnvironment."""
        return str(self.resource.metadata["name"])

    @property
    def course(self) -> str:
        """Namespace of the LabEnvironment."""
        return str(self.resource.metadata["namespace"])

    @property
    def uid(self) -> str:
        """Uid of the LabEnvironment."""
        return self.resource.uid

    @property
    def size(self) -> str:
        """Chosen size, or the template's default."""
        return self.resource.spec.size or self.template.default_size

    @property
    def suspended(self) -> bool:
        """Whether the lab is to be scaled to nothing."""
        return self.resource.spec.suspended

    @property
    def accessible(self) -> bool:
        """Whether anybody but the operator may get into the lab."""
        spec = self.resource.spec
        return spec.learner is not None and not spec.suspended and not spec.access_revoked

    @property
    def rotation(self) -> str:
        """What was asked for last: credentials issued for anything else are void."""
        return str(self.resource.metadata.get("annotations", {}).get(names.ROTATE, ""))[:64]

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that this lab has."""
        return self.template.sides

    @cached_property
    def namespaces(self) -> dict[Side, str]:
        """Names of the lab's namespaces by side."""
        return {side: namespace_name(self.name, self.uid, side) for side in self.sides}

    @property
    def credentials_name(self) -> str:
        """Name of the Secret with the learner's credentials, in the course's namespace."""
        return credentials_name(self.name)

    @cached_property
    def images(self) -> dict[str, str]:
        """Image references by name, as they are pulled here."""
        return self.settings.images_of(self.template.images)

    @property
    def outage(self) -> str:
        """The component that a drill keeps from running; empty: none."""
        checks = self.resource.status.checks
        return checks.drill.component if checks and checks.drill else ""

    @property
    def approvals(self) -> str:
        """The approved feature services, as JSON: empty where nothing is governed."""
        governed = self.resource.status.governed
        return canonical([one.wire() for one in governed.features] if governed else [])

    def labels(self, **more: str) -> dict[str, str]:
        """Return the labels by which every object of this lab is known."""
        return labels(self.resource, **more)

    def object(self, kind: str, name: str, side: Side | None, **body: Any) -> Object:
        """Return an object with this lab's labels; without a side it lies in the course."""
        where = self.namespaces[side] if side else self.course
        metadata: Object = {"name": name, "namespace": where, "labels": self.labels()}
        if side is None:
            metadata["ownerReferences"] = [self.owner]
        return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **body}

    @property
    def owner(self) -> Object:
        """Owner reference: garbage collection follows even if everything else fails."""
        return {
            "apiVersion": names.API_VERSION,
            "kind": "LabEnvironment",
            "name": self.name,
            "uid": self.uid,
        }

    def password(self, purpose: str, version: int = 1) -> str:
        """Derive a password; a restored lab has those that its databases know."""
        restored = self.resource.status.restored
        uid = restored.origin if restored else self.uid
        return derived(self.settings.root_key, uid, purpose, version)
