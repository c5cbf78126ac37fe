"""Looks at documents that a learner wrote: their form by a schema, their sense by rules."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from practicum.api.canonical import digest
from practicum.api.looks.work import DocumentCheck, Fact
from practicum.checks import findings, forms
from practicum.checks.findings import PASSED, Finding
from practicum.checks.looks import cluster, records, services
from practicum.checks.outcomes import LookBroken
from practicum.checks.scene import Scene
from practicum.governance.vetting import problem_of
from practicum.memory import Memory

_LONGEST: Final = 64 * 1024
_MOST: Final = 5
"""Messages that are told at once."""
_QUERY: Final = "[message | some message in data.lab.docs.deny]"
_CONFLICT: Final = "eval_conflict_error"
"""What OPA says where rules make a name for each of some entries, and two bear the same."""


class DocumentLooks:
    """Looks at documents; what was looked at before, and held against the same, is known."""

    def __init__(self) -> None:
        """Begin without memories."""
        self._troubles: Memory[str] = Memory()
        self._objections: Memory[list[str]] = Memory()

    async def look(self, scene: Scene, look: DocumentCheck) -> Finding:
        """Read a document, and hold it against its schema, and then against its rules."""
        texts = await scene.config_map(look.config_map)
        text = texts.get(look.key)
        where = f"{look.config_map}/{look.key}"
        if text is None:
            return findings.failed(f"ConfigMap {look.config_map} has no key {look.key}")
        if len(text) > _LONGEST:
            return findings.failed(f"{where} has more than {_LONGEST} characters")
        read = forms.read if look.format == "yaml" else str
        schema = scene.asset(look.schema_) if look.schema_ else "true"
        trouble = await self._troubles.recall(
            digest([text, look.format, schema], 64),
            lambda: asyncio.to_thread(_trouble, read, text, schema),
        )
        if trouble:
            return findings.failed(
                f"{where}{trouble}", f"schema {look.schema_}", trouble.strip(": ")
            )
        messages = await self._objections_to(scene, look, text, read) if look.rules else []
        if not messages:
            return PASSED
        more = f" (and {len(messages) - _MOST} more)" if len(messages) > _MOST else ""
        return findings.failed(
            f"{where}: {messages[0]}", "no objection", "; ".join(messages[:_MOST]) + more
        )

    async def _objections_to(
        self, scene: Scene, look: DocumentCheck, text: str, read: Callable[[str], Any]
    ) -> list[str]:
        rules, lab = scene.asset(str(look.rules)), scene.lab
        question = {
            "facts": {fact.name: await _FETCH[_source(fact)](scene, fact) for fact in look.facts},
            "services": [one.wire() for one in lab.template.services],
            "personas": [one.wire() for one in lab.template.personas],
            "lab": {"name": lab.name, "namespaces": dict(lab.namespaces)},
        }

        async def judged() -> list[str]:
            document = await asyncio.to_thread(read, text)
            return await _judged(scene, look, rules, {**question, "document": document})

        # What services answer may be text that only JSON can escape; rules may ask for the time.
        hour, known = f"{scene.means.clock():%F %H}", json.dumps(question, sort_keys=True)
        key = digest([look.format, text, rules, known, hour], 64)
        return await self._objections.recall(key, judged)


def _trouble(read: Callable[[str], Any], text: str, schema: str) -> str:
    """Return how to go on after a document's name, where its form is wrong; empty: it is not."""
    try:
        document = read(text)
    except ValueError as error:
        return f" is no YAML: {error}"
    trouble = forms.out_of_form(document, schema)
    return f": {trouble}" if trouble else ""


async def _judged(scene: Scene, look: DocumentCheck, rules: str, question: Any) -> list[str]:
    opa = scene.means.opa
    with tempfile.TemporaryDirectory(prefix="practicum-document-") as folder:
        place = Path(folder)
        (place / "rules.rego").write_text(rules, encoding="utf-8")
        (place / "input.json").write_text(json.dumps(question), encoding="utf-8")
        async with opa.places:
            (place / "capabilities.json").write_text(await opa.capabilities(place), "utf-8")
            limits = ("--capabilities=capabilities.json",)
            files = ("--data=rules.rego", "--input=input.json")
            done = await opa.run(place, "eval", "--format=json", *limits, *files, _QUERY)
    try:
        said = json.loads(done.text)["result"][0]["expressions"][0]["value"]
    except (ValueError, LookupError, TypeError) as error:
        if _CONFLICT in done.text:
            return ["two entries bear the same name: each may stand there once"]
        raise LookBroken(f"rules {look.rules}: {problem_of(done)}") from error
    return sorted(one if isinstance(one, str) else str(one.get("msg", one)) for one in said)


def _source(fact: Fact) -> str:
    return next(name for name in _FETCH if getattr(fact, name) is not None)


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
