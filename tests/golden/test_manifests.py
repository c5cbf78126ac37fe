"""Every module in every size, as the operator would apply it for one sample lab.

A change of a template or of ``desired/`` shows here as a diff of manifests. Passwords are derived
from the lab; in the golden files each is ``<derived PURPOSE>``, and Secrets are shown decoded.
"""

import asyncio
import base64
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from practicum.catalog.render import Choice, render
from practicum.desired.lab import Lab
from practicum.desired.plan import plan
from practicum.policy import acceptance
from tests import samples

HERE = Path(__file__).parent
Object = dict[str, Any]


class _GoldenLab(Lab):
    def password(self, purpose: str, version: int = 1) -> str:
        return f"<derived {purpose}>" if version == 1 else f"<derived {purpose} {version}>"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def manifests(module: str, size: str) -> str:
    """Return all objects of a lab in the order of their waves, as YAML."""
    template = samples.module(module)
    resource = samples.resource(template=module, size=size)
    chosen, values = acceptance.choose(resource.spec, template)
    rendered = asyncio.run(render(template, Choice(chosen, values, template.images)))
    made = plan(_GoldenLab(resource, template, samples.SETTINGS), rendered)
    bodies = [_shown(body) for body in (*made.namespaces, *made.everything())]
    return yaml.dump_all(
        bodies, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True, explicit_start=True
    )


def _shown(body: Object) -> Object:
    if body["kind"] != "Secret":
        return body
    shown = copy.deepcopy(body)
    data = {key: base64.b64decode(value).decode() for key, value in shown.pop("data").items()}
    return {**shown, "stringData": data}


@pytest.mark.parametrize(("module", "size"), samples.sizes())
def test_manifests(module: str, size: str, update: bool) -> None:
    text, path = manifests(module, size), HERE / f"{module}-{size}.yaml"
    if update:
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing, run: make golden"
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines(), "run: make golden"


def test_no_golden_file_is_left_over(update: bool) -> None:
    wanted = {f"{module}-{size}.yaml" for module, size in samples.sizes()}
    for path in HERE.glob("*.yaml"):
        if update and path.name not in wanted:
            path.unlink()
    assert {path.name for path in HERE.glob("*.yaml")} == wanted
