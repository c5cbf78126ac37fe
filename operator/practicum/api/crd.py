"""Generates the CustomResourceDefinitions from the pydantic models: ``make crds``.

Kubernetes wants a structural schema: no ``$ref``, no ``title``, no ``null`` alternatives, no
exclusive bounds. Everything else that the models say (bounds, patterns, CEL rules) is kept.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from practicum.api.attestation import AttestationSpec
from practicum.api.base import ApiModel, cel
from practicum.api.change import ChangeApprovalSpec, ChangeRequestSpec, ChangeRequestStatus
from practicum.api.labcohort import LabCohortSpec, LabCohortStatus
from practicum.api.labenvironment import LabEnvironmentSpec
from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import GROUP, VERSION

_BOUNDS = {
    f"{bound}{what}" for bound in ("min", "max") for what in ("Length", "Items", "Properties")
}
_KEPT = _BOUNDS | {
    *("type", "properties", "items", "required", "enum", "default", "description", "anyOf"),
    *("minimum", "maximum", "pattern", "additionalProperties", "patternProperties"),
}


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """Turn pydantic's JSON Schema into a Kubernetes structural schema.

    Args:
        schema: the output of ``model_json_schema(by_alias=True)``.
    """
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    node = _resolve(node, defs)
    kept = {k: v for k, v in node.items() if k in _KEPT or k.startswith("x-kubernetes-")}
    if kept.get("default", 0) is None:
        del kept["default"]
    if node.get("x-kubernetes-int-or-string"):
        return kept
    if isinstance(kept.get("default"), dict):
        kept["default"] = _without_nulls(kept["default"])
    if isinstance(node.get("const"), str):
        kept["enum"] = [node["const"]]
    if kept.get("type") == "integer":
        kept["format"] = "int64"
    return kept | _convert_children(kept, defs)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value


def _convert_children(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    more = node.pop("additionalProperties", None)
    # Keys with a pattern of their own make pydantic say patternProperties, which is not structural.
    more = next(iter(node.pop("patternProperties", {}).values()), more)
    if "properties" in node:
        return {"properties": {k: _convert(v, defs) for k, v in node["properties"].items()}}
    if isinstance(more, dict):
        return {"additionalProperties": _convert(more, defs)}
    if "items" in node:
        return {"items": _convert(node["items"], defs)}
    return {}


def _resolve(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """Inline ``$ref`` and drop the ``null`` alternative of an optional field."""
    own = {k: v for k, v in node.items() if k not in ("$ref", "anyOf", "allOf")}
    if "$ref" in node:
        return {**_resolve(defs[node["$ref"].rsplit("/", 1)[1]], defs), **own}
    if "anyOf" in node and not node.get("x-kubernetes-int-or-string"):
        (only,) = [option for option in node["anyOf"] if option.get("type") != "null"]
        return {**_resolve(only, defs), **own}
    return node


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
    column = {"name": name, "type": kind, "jsonPath": path}
    return column | {"priority": priority} if priority else column


def _crd(
    kind: str,
    *,
    short: str,
    spec: type[ApiModel],
    status: type[ApiModel] | None,
    columns: Iterable[dict[str, Any]],
    rules: dict[str, Any],
    selectable: Sequence[str] = (),
) -> dict[str, Any]:
    plural = kind.lower() + "s"
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": structural(spec.model_json_schema(by_alias=True)),
    }
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": list(columns),
    }
    if selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in selectable]
    if status is not None:
        properties["status"] = structural(status.model_json_schema(by_alias=True))
        version["subresources"] = {"status": {}}
    version["schema"] = {
        "openAPIV3Schema": {
            "type": "object",
            "required": ["spec"],
            "properties": properties,
            **rules,
        }
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": _names(kind, plural, short),
            "versions": [version],
        },
    }


def _names(kind: str, plural: str, short: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
        "categories": ["practicum"],
    }


def _lab() -> dict[str, Any]:
    return _crd(
        "LabEnvironment",
        short="lab",
        spec=LabEnvironmentSpec,
        status=LabEnvironmentStatus,
        columns=[
            _column("Phase", ".status.phase"),
            _column("Template", ".spec.template"),
            _column("Learner", ".spec.learner.id"),
            _column("Checks", ".status.checks.summary"),
            _column("Expires", ".status.expiresAt"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Size", ".spec.size", priority=1),
            _column("Message", ".status.message", priority=1),
        ],
        rules=cel(
            (
                "size(self.metadata.name) <= 52",
                "metadata.name must be at most 52 characters: names of its objects are made of it",
            )
        ),
    )


def _cohort() -> dict[str, Any]:
    return _crd(
        "LabCohort",
        short="cohort",
        spec=LabCohortSpec,
        status=LabCohortStatus,
        columns=[
            _column("Phase", ".status.phase"),
            _column("Learners", ".status.learners", "integer"),
            _column("Ready", ".status.ready"),
            _column("Starts", ".spec.schedule.startAt"),
            _column("Ends", ".spec.schedule.endAt"),
            _column("Spend", ".status.spend.amount"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Message", ".status.message", priority=1),
        ],
        rules=cel(
            (
                "size(self.metadata.name) <= 40",
                "metadata.name must be at most 40 characters: names of its labs are made of it",
            )
        ),
    )


def _template() -> dict[str, Any]:
    return _crd(
        "LabTemplate",
        short="labtemplate",
        spec=LabTemplateSpec,
        status=None,
        columns=[
            _column("Module", ".spec.module"),
            _column("Title", ".spec.title"),
            _column("Max TTL", ".spec.maxTTL"),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
        rules={},
    )


def _change() -> dict[str, Any]:
    return _crd(
        "ChangeRequest",
        short="change",
        spec=ChangeRequestSpec,
        status=ChangeRequestStatus,
        columns=[
            _column("Action", ".spec.action"),
            _column("Target", ".spec.target.name"),
            _column("Version", ".spec.target.version"),
            _column("State", ".status.state"),
            _column("Approvals", ".status.approvals"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Requester", ".spec.requester", priority=1),
            _column("Message", ".status.message", priority=1),
        ],
        rules=cel(
            (
                "size(self.metadata.name) <= 63",
                "metadata.name must be at most 63 characters: approvals name the request by it",
            )
        ),
    )


def _approval() -> dict[str, Any]:
    return _crd(
        "ChangeApproval",
        short="approval",
        spec=ChangeApprovalSpec,
        status=None,
        columns=[
            _column("Request", ".spec.request"),
            _column("Verdict", ".spec.verdict"),
            _column("Approver", ".spec.approver"),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
        rules={},
    )


def _attestation() -> dict[str, Any]:
    return _crd(
        "Attestation",
        short="attestation",
        spec=AttestationSpec,
        status=None,
        columns=[
            _column("Lab", ".spec.lab"),
            _column("Subject", ".spec.subject"),
            _column("Passed", ".spec.passed", "boolean"),
            _column("Rater", ".spec.rater"),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
        rules={},
        selectable=[".spec.lab"],
    )


def crds() -> dict[str, dict[str, Any]]:
    """Return every CRD of Practicum by file name."""
    made = (_lab(), _cohort(), _template(), _change(), _approval(), _attestation())
    return {f"{crd['spec']['names']['plural']}.yaml": crd for crd in made}


class _PlainDumper(yaml.SafeDumper):
    """Writes shared sub-schemas out in full: a reader should not chase YAML anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write(folder: Path) -> None:
    """Write the CRDs, one file each, replacing what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, crd in crds().items():
        text = yaml.dump(crd, Dumper=_PlainDumper, sort_keys=False, width=100, allow_unicode=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
