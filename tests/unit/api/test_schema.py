"""The CRDs are structural, bounded everywhere, and their rules tell people what to do."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from practicum.api import crd

KINDS = tuple(crd.crds())

UNBOUNDED = {
    # The API server bounds these itself.
    **{file: {"apiVersion", "kind", "metadata"} for file in KINDS},
    # A component's settings are whatever its manifests read; the whole object is at most 300 KB.
    "labtemplates.yaml": {"apiVersion", "kind", "metadata", "spec.components[].settings"},
}
ALLOWED = {
    *("type", "format", "properties", "items", "required", "enum", "default", "description"),
    *("additionalProperties", "minimum", "maximum", "pattern", "anyOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("x-kubernetes-validations", "x-kubernetes-int-or-string", "x-kubernetes-list-type"),
    *("x-kubernetes-list-map-keys", "x-kubernetes-preserve-unknown-fields"),
}


def root(file: str) -> dict[str, Any]:
    (version,) = crd.crds()[file]["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def walk(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}".lstrip("."))
    if isinstance(more := node.get("additionalProperties"), dict):
        yield from walk(more, f"{path}{{}}")
    if "items" in node:
        yield from walk(node["items"], f"{path}[]")


def bounded(node: dict[str, Any]) -> bool:
    if node.get("x-kubernetes-int-or-string"):
        return "maxLength" in node
    match node.get("type"):
        case "string":
            return "maxLength" in node or "enum" in node
        case "array":
            return "maxItems" in node
        case "object":
            return "properties" in node or "maxProperties" in node
    return True


def is_any_json(path: str, node: dict[str, Any]) -> bool:
    """Whether a check compares something with it, or sends it: any JSON will do."""
    free = "type" not in node and "x-kubernetes-preserve-unknown-fields" in node
    return free and path.startswith("spec.checks[]") and path.endswith((".value", ".json"))


def is_part_of_an_object(path: str, node: dict[str, Any]) -> bool:
    """Whether a check compares an object with it; a packed template has at most 300 KB."""
    free = node.get("x-kubernetes-preserve-unknown-fields") is True
    names = (".match", ".input", ".manifest")
    return free and path.startswith("spec.checks[]") and path.endswith(names)


@pytest.mark.parametrize("file", KINDS)
def test_only_what_a_structural_schema_may_say(file: str) -> None:
    text = json.dumps(root(file))
    for word in ('"$ref"', '"$defs"', '"title": "', '"const"', '"exclusiveM', '"allOf"'):
        assert word not in text
    for path, node in walk(root(file)):
        assert set(node) <= ALLOWED, path


@pytest.mark.parametrize("file", KINDS)
def test_every_node_has_one_type(file: str) -> None:
    for path, node in walk(root(file)):
        if node.get("x-kubernetes-int-or-string"):
            assert node["anyOf"] == [{"type": "integer"}, {"type": "string"}], path
            assert "type" not in node, path
        elif is_any_json(path, node):
            assert set(node) == {"x-kubernetes-preserve-unknown-fields"}, path
        else:
            assert isinstance(node.get("type"), str), path
            assert "anyOf" not in node, path
        assert not ("properties" in node and "additionalProperties" in node), path


@pytest.mark.parametrize("file", KINDS)
def test_every_string_list_and_map_is_bounded(file: str) -> None:
    unbounded = {
        path
        for path, node in walk(root(file))
        if not bounded(node) and not is_part_of_an_object(path, node)
    }
    assert unbounded == UNBOUNDED[file]


@pytest.mark.parametrize("file", KINDS)
def test_keys_of_lists_of_type_map_are_required(file: str) -> None:
    for path, node in walk(root(file)):
        if node.get("x-kubernetes-list-type") == "map":
            assert set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"]), path


@pytest.mark.parametrize("file", KINDS)
def test_rules_name_the_field_and_the_remedy(file: str) -> None:
    rules = [
        rule for _, node in walk(root(file)) for rule in node.get("x-kubernetes-validations", [])
    ]
    assert rules
    for rule in rules:
        field, _, remedy = rule["message"].partition(": ")
        assert len(remedy) > 10, rule
        assert any(word in field for word in ("spec.", "metadata.", "subjects")), rule


@pytest.mark.parametrize("file", KINDS)
def test_columns_show_no_secret_and_lead_somewhere(file: str) -> None:
    (version,) = crd.crds()[file]["spec"]["versions"]
    paths = {path for path, _ in walk(root(file))} | {"metadata.creationTimestamp"}
    for column in version["additionalPrinterColumns"]:
        assert column["jsonPath"].lstrip(".") in paths
        assert "credential" not in column["jsonPath"].lower()


def test_lab_status_is_a_subresource_and_the_kind_is_namespaced() -> None:
    body = crd.crds()["labenvironments.yaml"]
    assert body["spec"]["scope"] == "Namespaced"
    assert body["spec"]["versions"][0]["subresources"] == {"status": {}}
    assert body["spec"]["names"]["shortNames"] == ["lab"]
    assert body["metadata"]["name"] == "labenvironments.practicum.dev"


def test_nothing_in_a_lab_names_another_namespace() -> None:
    spec = root("labenvironments.yaml")["properties"]["spec"]
    assert not [path for path, _ in walk(spec) if "namespace" in path.lower()]
