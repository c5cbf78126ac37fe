"""Freezes a template: an equal spec has an equal name, and a lab stays on the one it began with."""

from collections.abc import Mapping
from typing import Any

from practicum.api.canonical import digest
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import MANAGED_BY, MANAGER, TEMPLATE


def revision_object(name: str, spec: LabTemplateSpec, namespace: str) -> dict[str, Any]:
    """Return the ControllerRevision that keeps this very content of a template."""
    data = spec.wire()
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{name}-{digest(data)}",
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGER, TEMPLATE: name},
        },
        "revision": 1,
        "data": {"spec": data},
    }


def answers_digest(answers: Mapping[str, str]) -> str:
    """Return what a template knows its answers by: SHA-256, hexadecimal."""
    return digest(dict(answers), 64)


def answers_object(known_by: str, answers: Mapping[str, str], namespace: str) -> dict[str, Any]:
    """Return the ControllerRevision that keeps a template's answers."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"answers-{known_by[:16]}",
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGER},
        },
        "revision": 1,
        "data": {"answers": dict(answers)},
    }
