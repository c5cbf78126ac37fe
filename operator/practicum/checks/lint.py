"""What is wrong with the checks of a module, as far as can be told without a cluster."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jmespath
import yaml
from jmespath.exceptions import JMESPathError

from practicum.api.checks import Check, Part
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.looks.services import HttpRequest
from practicum.checks import forms
from practicum.checks.looks.trials import mutated
from practicum.checks.texts import filled
from practicum.checks.values import Malformed, matches

Assets = Mapping[str, str]
_RULES: Final = re.compile(r"^package lab\.docs$", re.MULTILINE)


def problems(spec: LabTemplateSpec, assets: Assets) -> Iterator[str]:
    """Yield what is wrong, naming the check, the field and the remedy.

    Args:
        spec: the template.
        assets: every file that checks may refer to, by its path.
    """
    proven = {name for check in spec.checks for name in check.criteria}
    for criterion in spec.criteria:
        if criterion.id not in proven:
            yield f"criteria.{criterion.id}: no check proves it; add one, or take the line away"
    busy = {check.task for check in spec.checks}
    for task in spec.tasks if spec.checks else []:
        if task.name not in busy:
            yield f"tasks.{task.name}: no check belongs to it; learners cannot tell when it is done"
    for check in spec.checks:
        for problem in _of(check, spec, assets):
            yield f"checks.{check.id}: {problem}"


def _of(check: Check, spec: LabTemplateSpec, assets: Assets) -> Iterator[str]:
    if check.fresh == "pass" and (check.criteria or check.points):
        yield (
            "fresh: pass means that a new lab passes it, so it proves nothing: it has no criteria "
            "and 0 points"
        )
    if check.fresh != "pass" and not check.criteria:
        yield "criteria is empty: name a line of the roadmap that it proves"
    if check.hidden and not check.hint:
        yield "hidden without a hint: learners are told nothing at all"
    yield from _texts(check, spec)
    yield from _expressions(check.wire())
    for part in check.parts:
        yield from _people(part, spec)
        yield from _requests(part, spec)
    yield from _sides(check.wire(), spec)
    yield from _assets(check, assets)


def _texts(check: Check, spec: LabTemplateSpec) -> Iterator[str]:
    known = {
        *("learner", "lab", "course"),
        *(f"ns.{side}" for side in spec.sides),
        *(f"persona.{persona.name}" for persona in spec.personas),
    }
    try:
        filled(check.wire(), dict.fromkeys(known, "x"))
    except Malformed as error:
        yield str(error)


def _expressions(node: Any) -> Iterator[str]:
    """Yield JMESPaths and patterns that are none."""
    if isinstance(node, list):
        for child in node:
            yield from _expressions(child)
    elif isinstance(node, Mapping):
        for assertion in node.get("assert") or []:
            yield from _expression(assertion)
        for child in node.values():
            yield from _expressions(child)


def _expression(node: Mapping[str, Any]) -> Iterator[str]:
    try:
        jmespath.compile(node["path"])
    except JMESPathError as error:
        yield f"path {node['path']!r}: {' '.join(str(error).split())}"
    if node["op"] == "matches":
        try:
            matches(str(node.get("value")), "")
        except Malformed as error:
            yield str(error)
    if node["op"] == "in" and not isinstance(node.get("value"), list):
        yield f"op in takes a list as value, not {node.get('value')!r}"


def _people(part: Part, spec: LabTemplateSpec) -> Iterator[str]:
    account = getattr(part.look, "as_", "")
    kind, _, name = account.partition("/")
    names = [persona.name for persona in spec.personas]
    if kind == "persona" and name not in names:
        yield f"as {account!r}: there is no such persona; there are: {', '.join(names) or 'none'}"


def _requests(part: Part, spec: LabTemplateSpec) -> Iterator[str]:
    services = [service.name for service in spec.services]
    for request in _all_requests(part):
        if bool(request.service) is bool(request.url):
            yield "http: name service, or url, and not both"
        elif request.service and request.service not in services:
            yield f"service {request.service!r} is not there; there are: {', '.join(services)}"
        elif request.as_ and not _logs_in(request, spec):
            yield f"as {request.as_!r} has no login for service {request.service}"
    for name in _named_services(part):
        if name not in services:
            yield f"service {name!r} is not there; there are: {', '.join(services) or 'none'}"


def _all_requests(part: Part) -> list[HttpRequest]:
    document = getattr(part, "document", None)
    facts = [fact.http for fact in document.facts if fact.http] if document else []
    return [*([part.http] if part.http else []), *facts]


def _named_services(part: Part) -> list[str]:
    named = [part.metrics.service] if part.metrics else []
    if part.features:
        named.append(part.features.service)
        named += [part.features.online.service] if part.features.online else []
    named += ["opa"] if part.decision else []
    return [*named, *(["mlflow"] if part.model else [])]


def _logs_in(request: HttpRequest, spec: LabTemplateSpec) -> bool:
    persona = request.as_.partition("/")[2] or None
    return any(one.service == request.service and one.persona == persona for one in spec.logins)


def _sides(node: Any, spec: LabTemplateSpec, field: str = "") -> Iterator[str]:
    """Yield sides that the lab has not."""
    if isinstance(node, list):
        for child in node:
            yield from _sides(child, spec, field)
    elif isinstance(node, Mapping):
        for key, child in node.items():
            side = key == "from" or (key == "namespace" and field in ("object", "can"))
            if side and isinstance(child, str) and child not in spec.sides:
                yield f"{key} {child!r} is no side of the lab: {', '.join(spec.sides)}"
            # Objects that are compared or created have namespaces and rules of their own.
            elif key not in ("match", "manifest", "input", "json"):
                yield from _sides(child, spec, key)


def _assets(check: Check, assets: Assets) -> Iterator[str]:
    """Yield files that are not there, or are not what they should be."""
    for field, path in _named(check):
        if path not in assets:
            yield f"{field} {path!r} is neither in assets, nor in answers, nor in the module"
        elif problem := _malformed(field, path, assets):
            yield f"{field} {path}: {problem}"
    rules = (check.document and check.document.rules) or ""
    if rules in assets and not _RULES.search(assets[rules]):
        yield f"rules {rules}: its package is not lab.docs, so nothing in it is asked"
    mutants = check.policy.mutants if check.policy else None
    if mutants and {*mutants.reference, mutants.edits} <= assets.keys():
        reference = {path.rsplit("/", 1)[-1]: assets[path] for path in mutants.reference}
        try:
            mutated(reference, assets[mutants.edits])
        except (Malformed, KeyError, TypeError, yaml.YAMLError) as error:
            yield f"mutants: {error}"


def _named(check: Check) -> Iterator[tuple[str, str]]:
    """Yield field and path of every file that a check refers to."""
    if document := check.document:
        yield from (("schema", one) for one in [document.schema_] if one)
        yield from (("rules", one) for one in [document.rules] if one)
    if policy := check.policy:
        yield from (("vectors", one) for one in [policy.vectors] if one)
        if policy.mutants:
            yield from (("reference", one) for one in policy.mutants.reference)
            yield "edits", policy.mutants.edits
    if check.pit:
        yield from (("data", check.pit.data), ("golden", check.pit.golden))
    if check.job:
        yield from (("files", one) for one in check.job.files)
    for part in check.parts:
        if part.features and part.features.online:
            yield "online", part.features.online.golden


def _malformed(field: str, path: str, assets: Assets) -> str:
    if field == "schema":
        return _schema(assets[path])
    if field not in _FORMS:
        return ""
    try:
        body = json.loads(assets[path])
    except ValueError as error:
        return f"is no JSON: {error}"
    return _FORMS[field](body)


def _schema(text: str) -> str:
    try:
        forms.validator(text)
    except Malformed as error:
        return f"is no JSON Schema for documents: {error}"
    return ""


def _vectors(body: Any) -> str:
    good = isinstance(body, list) and all(
        isinstance(one, dict) and {"name", "input", "expect"} <= one.keys() for one in body
    )
    return "" if good else "is no list of {name, input, expect: {allow, codes}}"


def _golden(body: Any) -> str:
    rows = body.get("rows") if isinstance(body, dict) else None
    good = isinstance(rows, list) and all(
        isinstance(one, dict) and {"row_id", "rule", "values"} <= one.keys() for one in rows
    )
    whole = good and body.get("entities")
    return "" if whole else "has no entities and rows {row_id, rule, values}"


def _online(body: Any) -> str:
    good = isinstance(body, dict) and body.get("entities") and body.get("values")
    return "" if good else "has no entities and values"


_FORMS: Final = {"vectors": _vectors, "golden": _golden, "online": _online}
