"""What rules, tests and dashboard are tried with: Prometheus' own tools."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

from e2e.cluster import binaries
from e2e.cluster.cache import Cache
from practicum.observe import metrics as metrics  # fills the registry
from tests.apiserver.operator_process import ROOT

RULES = ROOT / "charts/practicum/files/rules.yaml"
_NAME = re.compile(r"\bpracticum[:_][a-zA-Z0-9:_]*")


def program(name: str) -> Path:
    """Return ``prometheus`` or ``promtool``, built when missing."""
    return binaries.build(Cache.from_environment(), "prometheus") / name


def promtool(*arguments: str | Path, given: str | None = None) -> tuple[bool, str]:
    """Run promtool; returns whether it is content, and what it says."""
    command = [program("promtool"), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    """Return all rules that the chart ships."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return all alerts that the chart ships."""
    return [rule for rule in rules() if "alert" in rule]


def exported() -> set[str]:
    """Return the names of all series that the operator exports, and those recorded from them."""
    names = set()
    for family in REGISTRY.collect():
        names |= {sample.name for sample in family.samples}
        kinds = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}
        names |= {family.name + end for end in kinds.get(family.type, ("",))}
    return names | {rule["record"] for rule in rules() if "record" in rule}


def unknown(expressions: Iterable[str]) -> set[str]:
    """Return the series of Practicum that expressions name and nobody exports."""
    named = {name for text in expressions for name in _NAME.findall(text)}
    return named - exported()
