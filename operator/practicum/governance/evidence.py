"""Gathers what is known about the target of a change, from the lab's services alone.

What a request says about its target counts for nothing. The same facts give the same document, to
the byte, so that its digest stands for it: whoever approves, approves that digest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from practicum.api.canonical import canonical
from practicum.api.change import Action, ChangeRequestSpec
from practicum.api.governing import Changes, GovernedModel
from practicum.governance.backends import Backends
from practicum.governance.features import Features, sensible
from practicum.governance.ledger import PREVIOUS, Ledger
from practicum.governance.mlflow import Model, Registry, pairs
from practicum.policy.decision import Reason
from practicum.policy.floor import Control

if TYPE_CHECKING:
    from practicum.governance.releases import Releases

_LONGEST: Final = 16384
"""Of a document, in a request's status."""
_OF_VIEW: Final = ("name", "ttl_seconds", "tags", "monitoring")


class Unfounded(Exception):
    """What is asked for cannot be: there is no such target, or nothing that it could go to."""

    def __init__(self, message: str, control: Control = Control.TARGET) -> None:
        super().__init__(message)
        self.reason = Reason(control, message)


@dataclass(frozen=True)
class Evidence:
    """What was found out about a target."""

    facts: Mapping[str, Any]
    document: str = field(init=False)
    """Canonical JSON of the facts."""
    digest: str = field(init=False)
    """SHA-256 of the document, hexadecimal."""

    def __post_init__(self) -> None:
        """Write the document.

        Raises:
            Unfounded: it is too long to be shown to anybody.
        """
        document = canonical(self.facts)
        if len(document.encode()) > _LONGEST:
            raise Unfounded(f"the evidence has more than {_LONGEST} bytes: log less on the run")
        object.__setattr__(self, "document", document)
        object.__setattr__(self, "digest", hashlib.sha256(document.encode()).hexdigest())


def governed(changes: Changes, spec: ChangeRequestSpec) -> GovernedModel:
    """Return the governed model that a request is about.

    Raises:
        Unfounded: nobody governs that model, or not that alias.
    """
    promotes = spec.action is Action.PROMOTE_MODEL
    for model in changes.models:
        name = (model.candidates or model.name) if promotes else model.name
        if name == spec.target.name and spec.target.alias in (None, model.alias):
            return model
    known = ", ".join((m.candidates or m.name) if promotes else m.name for m in changes.models)
    raise Unfounded(
        f"spec.target {spec.target.name} is not a model that this lab changes so: it has "
        f"{known or 'none'}, with alias {' or '.join({m.alias for m in changes.models}) or '-'}"
    )


def target_of(changes: Changes, spec: ChangeRequestSpec) -> str:
    """Return what only one open request may be about at a time."""
    if spec.action in (Action.PROMOTE_MODEL, Action.ROLLBACK_MODEL):
        model = governed(changes, spec)
        return f"models/{model.name}/{model.alias}"
    kind = "features" if spec.action is Action.APPROVE_FEATURES else "policies"
    return f"{kind}/{spec.target.name}"


@dataclass(frozen=True)
class Gatherer:
    """Gathers evidence in one lab."""

    backends: Backends
    changes: Changes
    ledger: Ledger
    releases: "Releases"

    async def gather(self, spec: ChangeRequestSpec) -> Evidence:
        """Return the evidence for a request as it is now.

        Raises:
            Unfounded: the target is not there.
            ServiceError: a service does not answer, or nothing that makes sense.
        """
        with sensible():
            if spec.action is Action.PROMOTE_MODEL:
                return await self._promotion(spec)
            if spec.action is Action.ROLLBACK_MODEL:
                return await self._rollback(spec)
            if spec.action is Action.APPROVE_FEATURES:
                return Evidence({"features": await self._approval(spec.target.name)})
            if spec.action is Action.RELEASE_POLICY:
                return Evidence(await self.releases.facts(spec))
        raise Unfounded(f"spec.action {spec.action} is not offered by this lab")

    async def _promotion(self, spec: ChangeRequestSpec) -> Evidence:
        model, registry = governed(self.changes, spec), Registry(self.backends)
        name, version = spec.target.name, spec.target.version or ""
        production = await self._production(registry, model)
        found = await registry.version(name, version)
        if found is None:
            raise Unfounded(f"spec.target.version {version}: model {name} has no such version")
        facts = await self._candidate(registry, model, found, production.tags.get("tier", ""))
        facts["current"] = await self._current(registry, model, production)
        service = facts["model"]["tags"].get("feast.feature_service")
        facts["features"] = await self._lineage(service) if service else None
        return Evidence(facts)

    async def _rollback(self, spec: ChangeRequestSpec) -> Evidence:
        model, registry = governed(self.changes, spec), Registry(self.backends)
        production = await self._production(registry, model)
        current = self.ledger.aliases.get((model.name, model.alias), "")
        version = spec.target.version or self.ledger.aliases.get((model.name, PREVIOUS), "")
        if not version:
            raise Unfounded(f"model {model.name} has no previous version: name spec.target.version")
        if version == current:
            raise Unfounded(f"version {version} of {model.name} is {model.alias} already")
        found = await registry.version(model.name, version)
        if found is None:
            raise Unfounded(f"spec.target.version {version}: {model.name} has no such version")
        if not self.ledger.is_approved(model.name, version):
            text = f"version {version} of {model.name} was never in production by approval"
            raise Unfounded(text, Control.FORMERLY_APPROVED)
        facts = await self._candidate(registry, model, found, production.tags.get("tier", ""))
        facts["model"]["approved_before"] = True
        facts["current"] = await self._current(registry, model, production)
        return Evidence(facts)

    async def _production(self, registry: Registry, model: GovernedModel) -> Model:
        production = await registry.model(model.name)
        if production is None:
            raise Unfounded(f"registered model {model.name} is not there")
        return production

    async def _candidate(
        self, registry: Registry, model: GovernedModel, found: Mapping[str, Any], tier: str
    ) -> dict[str, Any]:
        """Return the facts about a version and its run.

        The tier is that of the model in production: a version's own tags are its author's.
        """
        tags = pairs(found.get("tags"))
        run = await registry.run(str(found.get("run_id", "")))
        if run is None:
            raise Unfounded(f"version {found['version']} of {found['name']} has no run behind it")
        artifact = await registry.artifact(run, model.artifact)
        return {
            "model": {
                "name": found["name"],
                "version": str(found["version"]),
                "run_id": found["run_id"],
                "author": tags.get("author", ""),
                "tier": tier,
                "tags": tags,
                "artifact": hashlib.sha256(artifact).hexdigest() if artifact else "",
                "approved_before": False,
            },
            "run": {
                "metrics": _metrics(run),
                "params": pairs(run["data"].get("params")),
                "git_commit": pairs(run["data"].get("tags")).get("git_commit", ""),
                "datasets": _datasets(run),
            },
        }

    async def _current(
        self, registry: Registry, model: GovernedModel, production: Model
    ) -> dict[str, Any] | None:
        version = production.aliases.get(model.alias)
        found = await registry.version(model.name, version) if version else None
        if found is None:
            return None
        run = await registry.run(str(found.get("run_id", "")))
        return {"version": str(version), "metrics": _metrics(run) if run else {}}

    async def _lineage(self, service: str) -> dict[str, Any]:
        """Return what a promotion depends on: whether its features are approved, and how fresh."""
        facts = await self._features.service(service)
        if facts is None:
            return {"service": service, "found": False, "tags": {}, "views": []}
        views = [{key: view[key] for key in _OF_VIEW} for view in facts["views"]]
        return {"service": service, "found": True, "tags": facts["tags"], "views": views}

    async def _approval(self, service: str) -> dict[str, Any]:
        facts = await self._features.service(service)
        if facts is None:
            project = self.changes.feature_project
            raise Unfounded(f"Feast project {project} has no feature service {service}, or no view")
        return facts

    @property
    def _features(self) -> Features:
        return Features(self.backends, self.changes.feature_project)


def _metrics(run: Mapping[str, Any]) -> dict[str, float]:
    return {one["key"]: one["value"] for one in run["data"].get("metrics", [])}


def _datasets(run: Mapping[str, Any]) -> list[dict[str, str]]:
    inputs = (run.get("inputs") or {}).get("dataset_inputs", [])
    sets = [one["dataset"] for one in inputs]
    return [{"name": one["name"], "digest": one["digest"]} for one in sets]
