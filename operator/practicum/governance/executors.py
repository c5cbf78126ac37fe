"""Does what was approved. Every effect can be repeated: a kill anywhere leads to the same end.

An alias is moved at once. An approval of features takes effect by being on record: the lab's status
says it, the reconciler tells it to the Job that writes Feast's registry, and here it is waited for.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from practicum.api.change import Action, ChangeRequest, OutcomeStatus
from practicum.api.governing import Changes, GovernedModel
from practicum.api.times import format_duration, parse_rfc3339, rfc3339
from practicum.clock import Clock
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.governance.evidence import Unfounded, governed
from practicum.governance.features import Features, definition, sensible
from practicum.governance.ledger import PREVIOUS, Ledger
from practicum.governance.mlflow import Registry
from practicum.governance.releases import Releases
from practicum.policy.floor import Control

_PATIENCE: Final = timedelta(minutes=3)


class Pending(Exception):
    """The effect is on its way, and nobody has failed."""


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
        self._features = Features(backends, changes.feature_project)
        self._changes = changes
        self._ledger = ledger
        self._releases = releases
        self._clock = clock

    def intended(self, request: ChangeRequest, facts: Mapping[str, Any]) -> OutcomeStatus:
        """Return what will be changed, from where; recorded before anything is touched."""
        if request.spec.action is Action.APPROVE_FEATURES:
            service = facts["features"]
            return OutcomeStatus(
                name=service["name"],
                before=str(service["tags"].get("status", ""))[:64],
                after="approved",
                definition=definition(service),
            )
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
            Pending: somebody else has to do their part first.
        """
        outcome = request.status.outcome
        if outcome is None:
            raise Unfounded("the request does not say what it changes", Control.EXECUTION)
        if request.spec.action is Action.RELEASE_POLICY:
            return await self._releases.execute(request, outcome)
        if request.spec.action is Action.APPROVE_FEATURES:
            await self._stamped(request, outcome)
            return outcome
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

    async def _stamped(self, request: ChangeRequest, outcome: OutcomeStatus) -> None:
        """See whether Feast's registry shows the approval."""
        status = request.status
        with sensible():
            facts = await self._features.service(outcome.name)
            if facts is None or definition(facts) != outcome.definition:
                text = f"{outcome.name} is not what was approved any more: ask again"
                raise Unfounded(text, Control.EXECUTION)
            tags = facts["tags"]
            wanted = (request.metadata["name"], status.evidence and status.evidence.digest)
            if (tags.get("approval_id"), tags.get("evidence_digest")) == wanted:
                return
        text = f"waits for Job feast-apply to show the approval of {outcome.name} in the registry"
        since = parse_rfc3339(status.decision.decided_at) if status.decision else self._clock()
        if self._clock() - since > _PATIENCE:
            text += f", for over {format_duration(_PATIENCE)} now: the log of its pod may say why"
        raise Pending(text)

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


def told(outcome: OutcomeStatus) -> str:
    """Say what was changed."""
    if outcome.definition:
        return f"{outcome.name} is approved, as Feast's registry shows"
    moved = f"moved from {outcome.before or 'none'} to {outcome.after}"
    return (
        f"{outcome.name}: {outcome.alias} {moved}" if outcome.alias else f"{outcome.name} {moved}"
    )
