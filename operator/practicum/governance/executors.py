"""Does what was approved. Every effect can be repeated: a kill anywhere leads to the same end."""

from collections.abc import Mapping
from typing import Any

from practicum.api.change import Action, ChangeRequest, OutcomeStatus
from practicum.api.labtemplate import Changes, GovernedModel
from practicum.api.times import rfc3339
from practicum.clock import Clock
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.governance.evidence import Unfounded, governed
from practicum.governance.ledger import PREVIOUS, Ledger
from practicum.governance.mlflow import Registry
from practicum.governance.releases import Releases
from practicum.policy.floor import Control


class Executor:
    """Carries changes out in one lab."""

    def __init__(
        self,
        backends: Backends,
        changes: Changes,
        ledger: Ledger,
        releases: Releases,
        clock: Clock,
    ) -> None:
        self._registry = Registry(backends)
        self._changes = changes
        self._ledger = ledger
        self._releases = releases
        self._clock = clock

    def intended(self, request: ChangeRequest, facts: Mapping[str, Any]) -> OutcomeStatus:
        """Return what will be changed, from where; recorded before anything is touched."""
        if request.spec.action is Action.APPROVE_FEATURES:
            return OutcomeStatus(name=request.spec.target.name)
        if request.spec.action is Action.RELEASE_POLICY:
            return self._releases.intended(facts)
        model = governed(self._changes, request.spec)
        before = self._ledger.aliases.get((model.name, model.alias), "")
        after = facts["model"]["version"] if request.spec.action is Action.ROLLBACK_MODEL else ""
        return OutcomeStatus(name=model.name, alias=model.alias, before=before, after=after)

    async def execute(self, request: ChangeRequest) -> OutcomeStatus:
        """Do it; returns what was changed.

        Raises:
            Unfounded: it cannot be done any more.
            ServiceError: a service does not answer: to be tried again.
        """
        outcome = request.status.outcome
        if outcome is None:
            raise Unfounded("the request does not say what it changes", Control.EXECUTION)
        if request.spec.action is Action.RELEASE_POLICY:
            return await self._releases.execute(request, outcome)
        try:
            model = governed(self._changes, request.spec)
            version = outcome.after or await self._copied(request, model)
            await self._registry.point(model.name, PREVIOUS, outcome.before)
            await self._registry.point(model.name, model.alias, version)
        except ServiceError as error:
            if error.reason == "MLflowRefused":
                raise Unfounded(str(error), Control.EXECUTION) from error
            raise
        return outcome.model_copy(update={"after": version})

    async def _copied(self, request: ChangeRequest, model: GovernedModel) -> str:
        """Bring the candidate into the model in production; returns its version there."""
        name, version = request.spec.target.name, request.spec.target.version or ""
        if model.candidates:
            found = await self._registry.version(name, version)
            if found is None:
                raise Unfounded(f"version {version} of {name} is gone", Control.EXECUTION)
            version = await self._registry.copy(found, model.name)
        status = request.status
        tags = {
            "approval_id": request.metadata["name"],
            "approved_by": ",".join(sorted(one.persona for one in status.answers if one.counts)),
            "approved_at": rfc3339(self._clock()),
            "requested_by": request.spec.requester,
            "evidence_digest": status.evidence.digest if status.evidence else "",
        }
        await self._registry.tag(model.name, version, tags)
        return version
