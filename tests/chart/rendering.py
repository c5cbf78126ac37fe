"""The chart as Helm renders it, without a cluster."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster import binaries
from e2e.cluster.cache import Cache
from tests.samples import ROOT

CHART = ROOT / "charts/practicum"
VALUES = Path(__file__).with_name("values")
Object = dict[str, Any]


@functools.cache
def _helm() -> Path:
    return binaries.host_tools(Cache.from_environment())["helm"]


def helm(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Helm; its output is captured."""
    command = [str(_helm()), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def render(**values: Any) -> subprocess.CompletedProcess[str]:
    """Run ``helm template`` with values by their dotted names, ``.`` as ``__``."""
    tree: Object = {}
    for name, value in values.items():
        place = tree
        *folders, last = name.split("__")
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return template("-", stdin=json.dumps(tree))


def template(values: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``helm template`` as a release in practicum-system with a file of values."""
    where = ("--namespace", "practicum-system", "--values", values)
    return helm("template", "practicum", CHART, *where, stdin=stdin)


def objects(done: subprocess.CompletedProcess[str]) -> list[Object]:
    """Return what was rendered."""
    assert done.returncode == 0, done.stderr
    return [body for body in yaml.load_all(done.stdout, yaml.CSafeLoader) if body]


def one(bodies: list[Object], kind: str, name: str) -> Object:
    """Return the one object of this kind and name."""
    named = [b for b in bodies if (b["kind"], b["metadata"]["name"]) == (kind, name)]
    assert len(named) == 1, f"{len(named)} of {kind} {name}"
    return named[0]


def pods(bodies: list[Object]) -> dict[str, Object]:
    """Return the spec of every pod, by kind and name of what makes it."""
    found = {}
    for body in bodies:
        spec = body.get("spec", {})
        if body["kind"] in ("Deployment", "Job"):
            spec = spec["template"]["spec"]
        if "containers" in spec:
            found[f"{body['kind']}/{body['metadata']['name']}"] = spec
    return found


def environment(bodies: list[Object]) -> dict[str, str]:
    """Return the operator's environment, but for what comes from elsewhere."""
    container = pods(bodies)["Deployment/practicum"]["containers"][0]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}
