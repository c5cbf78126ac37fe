"""Sample labs and templates for unit and golden tests: fixed names, fixed uid, fixed root key."""

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LabTemplateSpec, Side
from practicum.catalog import pack
from practicum.desired.lab import Lab
from practicum.settings import Settings

ROOT = Path(__file__).parents[1]
UID = "8c1f8b5e-6f0d-4c07-9a53-2f6f3d7c9a10"
OTHER_UID = "11111111-2222-4333-8444-555555555555"
CREATED = "2026-11-21T12:00:00Z"
ROOT_KEY = b"root-key-of-the-tests"
SETTINGS = Settings(root_key=ROOT_KEY)
MODULES = sorted(path.parent.name for path in (ROOT / "lab-templates").glob("*/template.yaml"))

QUOTA = {
    "compute": {
        "requests.cpu": "1",
        "requests.memory": "1Gi",
        "limits.cpu": "4",
        "limits.memory": "2Gi",
        "pods": "10",
    },
    "jobs": {"pods": "4"},
    "storage": {"requests.storage": "2Gi", "persistentvolumeclaims": "2"},
}


@dataclass(frozen=True)
class Rendered:
    """One object of a template, as ``catalog.render`` returns it."""

    body: dict[str, Any]
    component: str = "app"
    placement: Side = "platform"
    exhibit: bool = False


def template(**changes: Any) -> LabTemplateSpec:
    """Return a small template; ``changes`` replace its fields."""
    body: dict[str, Any] = {
        "title": "A module",
        "maxTTL": "24h",
        "defaultSize": "small",
        "sizes": {
            "small": {"quota": {"learner": QUOTA, "platform": QUOTA}},
            "large": {"quota": {"learner": QUOTA, "platform": QUOTA}},
        },
        "images": {"app": "example.org/app:1"},
        "allowedImages": ["busybox:*"],
        "personas": [
            {"name": "reviewer", "title": "Reviewer", "role": "reviewer"},
            {"name": "on-call", "title": "On call", "role": "on-call"},
        ],
        "components": [{"name": "app"}],
        "services": [{"name": "app", "component": "app", "port": 8080, "path": "/"}],
        "logins": [{"service": "app", "username": "learner", "secret": "app/learner"}],
    }
    return LabTemplateSpec.model_validate(body | changes)


def resource(
    *, name: str = "ada", namespace: str = "course-a", uid: str = UID, **spec: Any
) -> LabEnvironment:
    """Return a LabEnvironment; ``spec`` replaces fields of its spec, None takes them out."""
    wanted: dict[str, Any] = {"template": "mod-1", "learner": {"id": "ada@example.org"}} | spec
    return LabEnvironment.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": uid,
                "generation": 1,
                "creationTimestamp": CREATED,
            },
            "spec": {key: value for key, value in wanted.items() if value is not None},
        }
    )


def lab(
    of: LabTemplateSpec | None = None,
    settings: Settings = SETTINGS,
    *,
    name: str = "ada",
    namespace: str = "course-a",
    uid: str = UID,
    **spec: Any,
) -> Lab:
    """Return a lab of the small template, or of another one."""
    made = resource(name=name, namespace=namespace, uid=uid, **spec)
    return Lab(made, of or template(), settings)


@cache
def packed(name: str) -> dict[str, Any]:
    """Return a module of ``lab-templates/`` as one object; not to be changed."""
    return pack.pack(ROOT / "lab-templates" / name)


@cache
def module(name: str) -> LabTemplateSpec:
    """Return what a module of ``lab-templates/`` says, components included."""
    return LabTemplateSpec.model_validate(packed(name)["spec"])


def sizes() -> list[tuple[str, str]]:
    """Return every module with every one of its sizes."""
    return [(name, size) for name in MODULES for size in sorted(module(name).sizes)]


def unpacked(text: str) -> str:
    """Decode a field of a kubeconfig or a Secret."""
    return base64.b64decode(text).decode()
