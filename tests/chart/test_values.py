"""Values that are refused, by name; and that every value has a schema and does something."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .rendering import CHART, VALUES, render

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())

BAD: list[tuple[str, Any]] = [
    ("courses", "mlops-autumn"),
    ("courses", ["kube-system"]),
    ("courses", ["practicum-audit"]),
    ("courses", ["a", "a"]),
    ("createCourses", "yes"),
    ("image__repository", ""),
    ("image__digest", "sha256:12"),
    ("image__pullPolicy", "Sometimes"),
    ("imageMirror", "https://registry.example.org"),
    ("imageMirror", "registry.example.org/a b"),
    ("imagePullSecrets", ["registry"]),
    ("replicas", "2"),
    ("replicas", -1),
    ("replicas", 9),
    ("logLevel", "verbose"),
    ("images__opa", "a b"),
    ("labs__nodeSelector", {"pool": 1}),
    ("labs__storageClass", "Fast!"),
    ("learnerAccess__server", "http://kubernetes.example.org"),
    ("learnerAccess__caBundle", "ca.crt"),
    ("tokenMax", "25h"),
    ("minTTL", "soon"),
    ("resync", "5"),
    ("capacity__labs", -1),
    ("capacity__courses", {"mlops-autumn": "40"}),
    ("admissionPolicies__tolerationKeys", ["a b"]),
    ("networkPolicyProbe__interval", "daily"),
    ("audit__readers", [{"kind": "Team", "name": "x"}]),
    ("checks__pods", 0),
    ("extraTemplates", {"Risk": {"title": "x", "sizes": {}}}),
    ("extraTemplates", {"risk": {"title": "x"}}),
    ("extraTemplateConfigMaps", ["a", "a"]),
    ("networkPolicy__metricsFrom", []),
    ("networkPolicy__metricsFrom", [{"pods": {}}]),
    ("networkPolicy__apiServer__ports", ["https"]),
    ("networkPolicy__apiServer__ports", []),
    ("networkPolicy__apiServer__cidrs", ["10.0.0.10"]),
    ("flowControl__shares", 0),
    ("uninstall__deleteLabs", "yes"),
    ("uninstall__patienceSeconds", 1),
    ("terminationGracePeriodSeconds", 0),
    ("podAnnotations", {"a": 1}),
    ("unheardOf", 1),
    ("networkPolicy__unheardOf", 1),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_and_named(name: str, value: Any) -> None:
    done = render(**{name: value})
    assert done.returncode, "it was taken"
    assert "values don't meet the specifications of the schema" in done.stderr
    *parents, last = name.split("__")
    named = f"additional properties '{last}' not allowed"
    where = parents if last == "unheardOf" else [*parents, last]
    assert f"at '{''.join(f'/{one}' for one in where)}" in done.stderr
    assert last != "unheardOf" or named in done.stderr


def objects_of(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of an object whose fields are known."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield path, schema
        for key, value in schema.items():
            yield from objects_of(value, f"{path}/{key}")


def test_no_object_takes_what_it_does_not_know() -> None:
    found = dict(objects_of(SCHEMA))
    assert len(found) > 15
    assert [
        path for path, one in found.items() if one.get("additionalProperties") is not False
    ] == []


_FREE = (("requests",), ("limits",), ("labels",))
"""What a site fills as it likes."""


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(values, dict) and values and path[-1:] not in _FREE:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield path


def test_every_value_has_a_schema_and_every_schema_a_default() -> None:
    def known(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        for name, one in schema["properties"].items():
            yield from known(one, (*path, name)) if "properties" in one else [(*path, name)]

    assert set(known(SCHEMA)) - {("global",)} == set(leaves(DEFAULTS)) | {
        ("resources", "requests"),
        ("resources", "limits"),
    } - {path for path in leaves(DEFAULTS) if path[0] == "resources"}


def test_every_value_is_used_by_a_template() -> None:
    text = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    for path in leaves(DEFAULTS):
        name = ".".join(path)
        parents = [".".join(path[:depth]) for depth in range(1, len(path) + 1)]
        used = any(f".Values.{one}" in text for one in parents) or f'"{path[0]}"' in text
        assert used, f"{name} does nothing"


@pytest.mark.parametrize("path", sorted(VALUES.glob("*.yaml")), ids=lambda path: path.stem)
def test_sites_name_only_values_that_exist(path: Path) -> None:
    assert set(yaml.safe_load(path.read_text()) or {}) <= set(DEFAULTS)
