"""Writes ``docs/api.md`` from models, remedies and names: ``make docs``; a test keeps it fresh."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from practicum.api import base, names, times
from practicum.api.crd import crds
from practicum.cli.remedies import REMEDIES

PAGE: Final = Path(__file__).resolve().parents[1] / "docs/api.md"
Schema = Mapping[str, Any]

_TOP: Final = f"""\
# API reference

Group `{names.GROUP}`, version `{names.VERSION}`; all kinds are namespaced, in category `practicum`.
The API server refuses unknown fields, and what breaks a bound or a rule, with a message that names
field and remedy. On a cluster, `kubectl explain` tells the same. `make docs` writes this page.
"""
_PURPOSE: Final = {
    "LabEnvironment": "One learner's lab, in the course's namespace. [README](../README.md).",
    "LabCohort": "A class: a lab for each learner and module. [Classes](classes.md).",
    "LabTemplate": "A module; labs stay on its revision. [Modules](writing-modules.md).",
    "ChangeRequest": "Asks for a change, in a lab's namespace. [Changes](governed-changes.md).",
    "ChangeApproval": "An answer to a ChangeRequest, beside it.",
    "Attestation": "A person's rating of what no check can judge, beside the LabEnvironment.",
}
_REASONS: Final = (
    "What to do about the reason of a condition, as `practicum explain` says it. Conditions and "
    "their meaning: [README](../README.md#a-labenvironment). Those of a class are `Accepted`, "
    "`Provisioned`, `Ready` and `WithinBudget`."
)
_RESERVED: Final = f"`{names.GROUP}/` is reserved: nobody else may set it in a lab."
_FORMS: Final = {
    times.DURATION_PATTERN: ("duration", 20),
    times.TIMESTAMP_PATTERN: ("time (RFC 3339)", 32),
    TypeAdapter(base.DnsLabel).json_schema()["pattern"]: ("DNS label", 63),
    r"^[0-9a-f]{64}$": ("SHA-256", 64),
}
"""Patterns that have a name, and the length that goes with it."""
_BOUNDS: Final = {"imum": "", "Length": " characters", "Items": " items", "Properties": " keys"}


def page() -> str:
    """Return the whole page."""
    links = " · ".join(f"[{one}](#{one.lower()})" for one in (*_PURPOSE, "Reasons", "Names"))
    kinds = (_kind(crd["spec"]) for crd in crds().values())
    reasons = _table(("reason", "remedy"), ((f"`{one}`", text) for one, text in REMEDIES.items()))
    owned = _table(("name", "what"), sorted(_names()))
    ends = f"\n## Reasons\n\n{_REASONS}\n\n{reasons}\n## Names\n\n{_RESERVED}\n\n{owned}"
    return "".join((_TOP, f"\n{links}\n", *kinds, ends))


def _kind(spec: Schema) -> str:
    kind, (version,) = spec["names"]["kind"], spec["versions"]
    root = version["schema"]["openAPIV3Schema"]
    head = ("column", "field", "`-o wide` only")
    columns = version["additionalPrinterColumns"]
    shown = ((c["name"], f"`{c['jsonPath']}`", "yes" * bool(c.get("priority"))) for c in columns)
    short = f"Short name: `{spec['names']['shortNames'][0]}`."
    parts = [f"\n## {kind}\n\n{_PURPOSE[kind]} {short}\n\n", _table(head, shown)]
    for part, more in (("spec", ("change",)), ("status", ())):
        if schema := root["properties"].get(part):
            head = ("field", "type", "default", *more, "meaning")
            rows = _fields(part, schema, {}, _changing(schema))
            parts += [f"\n### {kind} {part}\n\n", _table(head, rows)]
    if rules := [*_rules("", root)]:
        parts += [f"\n### {kind} rules\n\n", _table(("at", "rule", "message"), rules)]
    return "".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = (head, ("---",) * len(head), *rows)
    escaped = ((one.replace("|", r"\|") for one in row) for row in cells)
    return "".join(f"| {' | '.join(row)} |\n" for row in escaped)


def _changing(spec: Schema) -> dict[str, str]:
    """Return, for fields that cannot change at will, how they can."""
    rules = [one["rule"] for one in spec.get("x-kubernetes-validations", ())]
    if "self == oldSelf" in rules:
        return dict.fromkeys(spec["properties"], "no")
    found = {}
    for rule in rules:
        for field in re.findall(r"self\.(\w+) == oldSelf\.\1", rule):
            found[field] = "once" if rule.startswith(f"!has(oldSelf.{field})") else "no"
        found |= dict.fromkeys(re.findall(r"^!oldSelf\.(\w+) \|\| self\.\1$", rule), "once")
    return found


def _fields(
    path: str, node: Schema, seen: dict[str, str], changing: Mapping[str, str], change: str = "yes"
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each field; what is made like something before only refers to it."""
    for name, field in node["properties"].items():
        place, (leaf, kind) = f"{path}.{name}", _typed(field)
        below, how = leaf.get("properties"), changing.get(name, change)
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        default = "required" if name in node.get("required", ()) else default
        alike = seen.setdefault(json.dumps(below), place) if below else place
        said = (field.get("description", "").replace("<", "&lt;"), *_bounds(field, leaf))
        text = " ".join(filter(None, (*said, f"As `{alike}`." * (alike != place))))
        yield (f"`{place}`", kind, default, *((how,) if path.startswith("spec") else ()), text)
        if below and alike == place:
            inner = place + ("" if leaf is field else "[]" if "items" in field else ".<key>")
            yield from _fields(inner, leaf, seen, {}, how)


def _typed(field: Schema) -> tuple[Schema, str]:
    """Return what a field holds in the end, and its type in words."""
    for below, what in (("items", "list of"), ("additionalProperties", "map of")):
        if isinstance(field.get(below), dict):
            leaf, kind = _typed(field[below])
            return leaf, f"{what} {kind}"
    if field.get("x-kubernetes-int-or-string"):
        return field, "quantity" if "pattern" in field else "integer or string"
    return field, _FORMS.get(field.get("pattern", ""), (field.get("type", "any"),))[0]


def _bounds(field: Schema, leaf: Schema) -> Iterator[str]:
    for one in (field,) if leaf is field else (field, leaf):
        name, length = _FORMS.get(one.get("pattern", ""), ("", 0))
        for bound, what in _BOUNDS.items():
            low, high = one.get(f"min{bound}"), one.get(f"max{bound}")
            if high is not None and high != length:
                yield f"{f'{low:g} to' if low is not None else 'At most'} {high:g}{what}."
            elif high is None and low is not None:
                yield f"At least {low:g}{what}."
        if "enum" in one:
            yield f"One of {', '.join(f'`{value}`' for value in one['enum'])}."
        if "pattern" in one and not name and "anyOf" not in one:
            yield f"Matches `{one['pattern']}`."


def _rules(path: str, node: Schema) -> Iterator[tuple[str, str, str]]:
    for one in node.get("x-kubernetes-validations", ()):
        yield f"`{path or 'metadata.name'}`", f"`{one['rule']}`", one["message"]
    for name, field in node.get("properties", {}).items():
        yield from _rules(f"{path}.{name}".lstrip("."), field)
    for below, mark in (("items", "[]"), ("additionalProperties", ".<key>")):
        if isinstance(node.get(below), dict):
            yield from _rules(path + mark, node[below])


def _names() -> Iterator[tuple[str, str]]:
    """Yield labels, annotations and the finalizer: constants with a docstring below them."""
    body = ast.parse(Path(names.__file__).read_text(encoding="utf-8")).body
    for one, after in pairwise(body):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            value = getattr(names, one.target.id)
            if str(value).startswith(f"{names.GROUP}/") and isinstance(after, ast.Expr):
                yield f"`{value}`", ast.literal_eval(after.value).replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
