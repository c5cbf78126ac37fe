"""The templates that are measured: guards alone, on one side or on both."""

from typing import Any

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION
from tests.samples import QUOTA

GUARDS = "guards"
"""The learner's namespace with all its guards and access, and nothing in it."""

TWO_SIDES = "guards-two-sides"
"""The same with a platform namespace: what a further namespace costs."""


def specs() -> dict[str, LabTemplateSpec]:
    """Return the templates by name."""
    both = {"learner": QUOTA, "platform": QUOTA}
    base: dict[str, Any] = {
        "title": "Guards alone",
        "maxTTL": "72h",
        "sizes": {"standard": {"quota": both}},
        "allowedImages": ["busybox:*"],
    }
    empty = {"name": "nothing", "placement": "platform"}
    return {
        GUARDS: LabTemplateSpec.model_validate(base),
        TWO_SIDES: LabTemplateSpec.model_validate(base | {"components": [empty]}),
    }


def objects(namespace: str) -> list[dict[str, Any]]:
    """Return them as a course would push them."""
    return [
        {
            "apiVersion": API_VERSION,
            "kind": "LabTemplate",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec.wire(),
        }
        for name, spec in specs().items()
    ]
