"""Renders a template's manifests in a process of its own, with bounded CPU, memory and output.

Run as a script by ``catalog.render``: one JSON document on stdin, one on stdout. It imports
nothing of Practicum, so that a fresh process starts in a tenth of a second.
"""

import json
import re
import resource
import sys
from typing import Any

import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

CPU_SECONDS = 5
MEMORY_BYTES = 512 * 1024 * 1024
OUTPUT_BYTES = 2 * 1024 * 1024
_HALVES = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _scalar(value: Any) -> str:
    """Emit JSON for every expression: what a lab's author or learner wrote stays one value."""
    if isinstance(value, StrictUndefined):
        str(value)  # raises, naming the variable
    # JSON writes what lies beyond 16 bits as two halves, which YAML does not put together.
    return _HALVES.sub(_whole, json.dumps(value))


def _whole(halves: re.Match[str]) -> str:
    character = json.loads('"' + halves[0] + '"')
    return f"\\U{ord(character):08X}"


def _render(component: dict[str, Any], context: dict[str, Any]) -> list[dict[str, Any]]:
    files = {file["path"]: file["content"] for file in component["files"]}
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_scalar,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    namespaces = context["ns"]
    environment.globals = {
        **context,
        "ns": {**namespaces, "self": namespaces[component["placement"]]},
        "component": {"name": component["name"], "placement": component["placement"]},
        "settings": component["settings"],
        "resources": component["resources"],
        "file": files.__getitem__,
        "secret": lambda purpose: f"<<practicum:secret:{purpose}>>",
        "released": lambda default: f"<<practicum:released:{default}>>",
        "account": lambda persona: f"<<practicum:account:{persona}>>",
    }
    found: list[dict[str, Any]] = []
    manifests = [(one, False) for one in component["manifests"]]
    manifests += [(one, True) for one in component["exhibits"]]
    for manifest, exhibit in manifests:
        where = f"{component['name']}/{manifest['path']}"
        try:
            text = environment.from_string(manifest["content"]).render()
            documents = list(yaml.load_all(text, Loader=_Loader))
            json.dumps(documents)
        except MemoryError:
            raise
        except Exception as error:  # whatever a template does wrong, its author is told where
            raise ValueError(f"{where}: {type(error).__name__}: {error}") from error
        found += [
            {
                "component": component["name"],
                "placement": component["placement"],
                "object": body,
                "exhibit": exhibit,
            }
            for body in documents
            if body is not None
        ]
    return found


def main() -> None:
    """Render what stdin asks for."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    request = json.load(sys.stdin)
    try:
        objects = [
            item
            for component in request["components"]
            for item in _render(component, request["context"])
        ]
        answer = json.dumps({"objects": objects})
    except (ValueError, MemoryError, RecursionError) as error:
        answer = json.dumps({"error": str(error) or type(error).__name__})
    if len(answer) > OUTPUT_BYTES:
        answer = json.dumps({"error": f"the manifests exceed {OUTPUT_BYTES} bytes"})
    sys.stdout.write(answer)


if __name__ == "__main__":
    main()
