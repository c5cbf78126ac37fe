"""Looks at documents that a learner wrote: their form by a schema, their sense by rules."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from practicum.api.looks.work import DocumentCheck, Fact
from practicum.checks import findings, values
from practicum.checks.findings import PASSED, Finding
from practicum.checks.looks import cluster, records, services
from practicum.checks.outcomes import LookBroken
from practicum.checks.scene import Scene
from practicum.checks.values import Malformed
from practicum.governance.vetting import problem_of

_LONGEST: Final = 64 * 1024
_MOST: Final = 5
"""Messages that are told at once."""
_QUERY: Final = "[message | some message in data.lab.docs.deny]"


class _Loader(yaml.SafeLoader):
    """Reads YAML without aliases: a document of a few bytes must not become one of gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("anchors and aliases are not read: write it out")
        return super().compose_node(parent, index)


async def look_at_document(scene: Scene, look: DocumentCheck) -> Finding:
    """Read a document, and hold it against its schema, and then against its rules."""
    texts = await scene.config_map(look.config_map)
    text = texts.get(look.key)
    where = f"{look.config_map}/{look.key}"
    if text is None:
        return findings.failed(f"ConfigMap {look.config_map} has no key {look.key}")
    if len(text) > _LONGEST:
        return findings.failed(f"{where} has more than {_LONGEST} characters")
    document: Any = text
    if look.format == "yaml":
        try:
            document = await asyncio.to_thread(_read, text)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            return findings.failed(f"{where} is no YAML: {' '.join(str(error).split())}")
    schema = scene.json_asset(look.schema_) if look.schema_ else True
    if trouble := await asyncio.to_thread(out_of_form, document, schema):
        return findings.failed(f"{where}: {trouble}", f"schema {look.schema_}", trouble)
    if not look.rules:
        return PASSED
    messages = await _judged(scene, look, document)
    if not messages:
        return PASSED
    more = f" (and {len(messages) - _MOST} more)" if len(messages) > _MOST else ""
    return findings.failed(
        f"{where}: {messages[0]}", "no objection", "; ".join(messages[:_MOST]) + more
    )


def _read(text: str) -> Any:
    """Read YAML as the JSON that schemas and rules are about; dates are texts."""
    found = yaml.load(text, Loader=_Loader)  # noqa: S506
    return json.loads(json.dumps(found, default=str, allow_nan=False))


def out_of_form(document: Any, schema: Any) -> str:
    """Return where a document is not as its schema says; empty: it is.

    Raises:
        Malformed: the schema is none.
    """
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Malformed(f"the schema is none: {error.message}") from error
    # An empty registry: what a schema refers to is never fetched.
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        worst: ValidationError | None = best_match(validator.iter_errors(document))
    except Unresolvable as error:
        raise Malformed(f"the schema is none: {error}") from error
    if worst is None:
        return ""
    place = ".".join(str(part) for part in worst.absolute_path) or "the document"
    return f"{place}: {values.shown(worst.message, 200)}"


async def _judged(scene: Scene, look: DocumentCheck, document: Any) -> list[str]:
    facts = {fact.name: await _FETCH[_source(fact)](scene, fact) for fact in look.facts}
    lab = scene.lab
    question = {
        "document": document,
        "facts": facts,
        "services": [one.wire() for one in lab.template.services],
        "personas": [one.wire() for one in lab.template.personas],
        "lab": {"name": lab.name, "namespaces": dict(lab.namespaces)},
    }
    opa = scene.means.opa
    with tempfile.TemporaryDirectory(prefix="practicum-document-") as folder:
        place = Path(folder)
        (place / "rules.rego").write_text(scene.asset(str(look.rules)), encoding="utf-8")
        (place / "input.json").write_text(json.dumps(question), encoding="utf-8")
        async with opa.places:
            (place / "capabilities.json").write_text(await opa.capabilities(place), "utf-8")
            limits = ("--capabilities=capabilities.json",)
            files = ("--data=rules.rego", "--input=input.json")
            done = await opa.run(place, "eval", "--format=json", *limits, *files, _QUERY)
    try:
        said = json.loads(done.text)["result"][0]["expressions"][0]["value"]
    except (ValueError, LookupError, TypeError) as error:
        raise LookBroken(f"rules {look.rules}: {problem_of(done)}") from error
    return sorted(one if isinstance(one, str) else str(one.get("msg", one)) for one in said)


def _source(fact: Fact) -> str:
    sources = ("object", "http", "decision", "metrics", "lifecycle")
    return next(name for name in sources if getattr(fact, name) is not None)


async def _objects(scene: Scene, fact: Fact) -> Any:
    return await cluster.fetch_objects(scene, fact.object) if fact.object else None


async def _http(scene: Scene, fact: Fact) -> Any:
    asked = await scene.ask(fact.http) if fact.http else None
    return {"status": asked.status, "body": asked.body} if asked else None


async def _decision(scene: Scene, fact: Fact) -> Any:
    answer = await services.fetch_decision(scene, fact.decision) if fact.decision else {}
    return answer.get("result") if isinstance(answer, Mapping) else None


async def _metrics(scene: Scene, fact: Fact) -> Any:
    return await services.fetch_metrics(scene, fact.metrics) if fact.metrics else None


async def _lifecycle(scene: Scene, _: Fact) -> Any:
    return await records.fetch_lifecycle(scene)


_FETCH: Final[Mapping[str, Callable[[Scene, Fact], Awaitable[Any]]]] = {
    "object": _objects,
    "http": _http,
    "decision": _decision,
    "metrics": _metrics,
    "lifecycle": _lifecycle,
}
