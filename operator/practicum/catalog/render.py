"""Renders a frozen template once per revision, size and parameters, with symbolic lab values.

Namespaces, names and passwords are placeholders such as ``<<practicum:ns.platform>>`` here, so
neither jinja nor the process it runs in ever sees a secret; ``desired.bind`` puts a lab's own
values in their place.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practicum.api.labtemplate import PLATFORM, Component, LabTemplateSpec, Side
from practicum.api.names import PLACEHOLDER, placeholder
from practicum.catalog import exhibits, guard
from practicum.errors import TemplateError

_SANDBOX = Path(__file__).with_name("sandbox.py")
_WALL_SECONDS = 20


@dataclass(frozen=True)
class Rendered:
    """One object of a template, with placeholders still in it."""

    component: str
    placement: Side
    body: dict[str, Any]
    exhibit: bool = False
    """Whether it becomes the learner's own."""


@dataclass(frozen=True)
class Choice:
    """What the labs that share one rendering have in common."""

    size: str
    parameters: Mapping[str, int | str | bool]
    images: Mapping[str, str]
    storage_class: str = ""

    def digest_input(self) -> str:
        """Return a canonical text, equal for equal choices."""
        return json.dumps(
            [self.size, dict(self.parameters), dict(self.images), self.storage_class],
            sort_keys=True,
        )


async def render(spec: LabTemplateSpec, choice: Choice) -> list[Rendered]:
    """Render every manifest of a template and put the result through the guard.

    Raises:
        TemplateError: a manifest does not render, or asks for what no lab may have.
    """
    if any(PLACEHOLDER in str(value) for value in choice.parameters.values()):
        raise TemplateError(f"a parameter must not contain {PLACEHOLDER}")
    if not any(one.manifests or one.exhibits for one in spec.components):
        return []
    answer = await _run(json.dumps(_request(spec, choice)))
    if "error" in answer:
        raise TemplateError(answer["error"])
    rendered = [
        Rendered(item["component"], item["placement"], item["object"], item["exhibit"])
        for item in answer["objects"]
    ]
    namespaces = {side: placeholder(f"ns.{side}") for side in spec.sides}
    for item in rendered:
        where = f"component {item.component}"
        if item.exhibit:
            learners = [name for side, name in namespaces.items() if side != PLATFORM]
            exhibits.check(item.body, where=where, namespaces=learners)
        else:
            guard.check(item.body, where=where, namespaces=namespaces.values())
    return rendered


def _request(spec: LabTemplateSpec, choice: Choice) -> dict[str, Any]:
    context = {
        "ns": {side: placeholder(f"ns.{side}") for side in spec.sides},
        "lab": {name: placeholder(f"lab.{name}") for name in ("name", "learner", "course", "uid")},
        "approvals": placeholder("approvals"),
        "images": dict(choice.images),
        "parameters": dict(choice.parameters),
        "personas": [persona.wire() for persona in spec.personas],
        "storageClassName": choice.storage_class or None,
    }
    resources = spec.sizes[choice.size].resources
    return {
        "context": context,
        "components": [
            _component(component, resources.get(component.name, {}))
            for component in spec.components
        ],
    }


def _component(component: Component, resources: Mapping[str, Any]) -> dict[str, Any]:
    return component.wire() | {
        "settings": component.settings,
        "resources": {name: value.wire() for name, value in resources.items()},
    }


async def _run(request: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_SANDBOX),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
    )
    try:
        async with asyncio.timeout(_WALL_SECONDS):
            out, err = await process.communicate(request.encode())
    except TimeoutError:
        process.kill()
        await process.communicate()  # not wait: that lasts for as long as a pipe is full
        return {"error": f"rendering took over {_WALL_SECONDS} s"}
    if process.returncode != 0:
        last = err.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1][:300]
        return {"error": f"rendering ended with {process.returncode}: {last}"}
    answer: dict[str, Any] = json.loads(out)
    return answer
