"""Checks and templates of the tests: small, and bent one field at a time."""

from typing import Any

from practicum.api.checks import Check, Looks
from practicum.api.labtemplate import LabTemplateSpec
from tests import samples

Object = dict[str, Any]
LOOK: Object = {"object": {"kind": "ConfigMap", "name": "plan"}}
"""What a check looks at unless it says something else."""


def body(name: str = "plan", **changes: Any) -> Object:
    """Return a check as it is written; ``changes`` replace its fields and what it looks at."""
    kinds = {field.alias or key for key, field in Looks.model_fields.items()}
    look = {} if kinds & set(changes) else LOOK
    return {"id": name, "title": f"Check {name}", "task": "do", **look, **changes}


def check(name: str = "plan", **changes: Any) -> Check:
    """Return a check."""
    return Check.model_validate(body(name, **changes))


def template(*checks: Object, **changes: Any) -> LabTemplateSpec:
    """Return the small template with these checks, and a criterion that they may prove."""
    known = {
        "tasks": [{"name": "do", "title": "Do it"}],
        "criteria": [{"id": "shown", "text": "It is shown.", "source": "objective"}],
    }
    return samples.template(**{**known, "checks": list(checks), **changes})
