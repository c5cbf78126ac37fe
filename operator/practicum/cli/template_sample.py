"""A lab that is nobody's: what a template makes of a sample learner, without a cluster."""

import asyncio
from collections.abc import Mapping

from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LabTemplateSpec
from practicum.catalog.render import Choice, render
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object
from practicum.desired.lab import Lab
from practicum.desired.plan import Plan, plan
from practicum.errors import InvalidLab, TemplateError
from practicum.policy import acceptance
from practicum.settings import Settings

_UID = "00000000-0000-4000-8000-000000000000"


def sample(
    name: str, spec: LabTemplateSpec, size: str, chosen: Mapping[str, str]
) -> tuple[Lab, Plan]:
    """Return a lab of a template, and everything that it is made of; passwords are made up.

    Raises:
        CliError: there is no such size, or it does not render.
    """
    if size not in spec.sizes:
        known = ", ".join(spec.sizes)
        raise CliError(f"size {size} is unknown", hint=f"it has: {known}", code=Exit.USAGE)
    resource = LabEnvironment.model_validate(
        {
            "metadata": {"name": "sample", "namespace": "course", "uid": _UID},
            "spec": {"template": name, "size": size, "learner": {"id": "sample@example.org"}},
        }
    )
    try:
        values = acceptance.parameters(chosen, spec.parameters)
        rendered = asyncio.run(render(spec, Choice(size, values, spec.images)))
        lab = Lab(resource, spec, Settings(root_key=b"sample"))
        return lab, plan(lab, rendered)
    except (TemplateError, InvalidLab) as error:
        raise CliError(f"size {size}: {error}", code=Exit.CONFLICT) from error


def objects(made: Plan) -> list[Object]:
    """Return everything that a lab is made of, in the order in which it comes into being."""
    return [*made.namespaces, *made.everything(), *made.exhibits]
