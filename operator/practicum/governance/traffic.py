"""Watches a promoted or rolled back version arrive in the lab's traffic."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from practicum.api.change import ChangeRequest
from practicum.api.governing import Changes, GovernedModel
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.governance.ledger import Kind
from practicum.governance.register import Register, about
from practicum.observe import metrics

_PATIENCE: Final = timedelta(minutes=10)
_OFTEN: Final = timedelta(seconds=1)


class Traffic:
    """Asks the serving target which version it answers with, until it is the new one."""

    def __init__(self, register: Register, clock: Clock) -> None:
        self._register = register
        self._clock = clock

    async def watch(
        self, lab: Lab, changes: Changes, backends: Backends, executed: Sequence[ChangeRequest]
    ) -> datetime | None:
        """Look whether the last executed change is served; returns when to look again."""
        found = [
            await self._look(lab, model, backends, executed)
            for model in changes.models
            if model.serving
        ]
        return self._clock() + _OFTEN if False in found else None

    async def _look(
        self,
        lab: Lab,
        model: GovernedModel,
        backends: Backends,
        executed: Sequence[ChangeRequest],
    ) -> bool:
        """Whether the last change of a model is served, or there is none to wait for."""
        waiting = [one for one in executed if self._is_awaited(one, model.name)]
        if not waiting or not model.serving:
            return True
        newest = max(waiting, key=lambda one: str(one.status.executed_at))
        try:
            served = await backends.version_served(model.serving)
        except ServiceError:
            return False
        if not newest.status.outcome or served != newest.status.outcome.after:
            return False
        await self._served(lab, newest)
        return True

    def _is_awaited(self, request: ChangeRequest, model: str) -> bool:
        status = request.status
        if not status.outcome or status.outcome.name != model or not status.executed_at:
            return False
        young = self._clock() - parse_rfc3339(status.executed_at) < _PATIENCE
        return young and status.outcome.served_at is None

    async def _served(self, lab: Lab, request: ChangeRequest) -> None:
        status, now = request.status, self._clock()
        if status.outcome is None or status.executed_at is None:
            return
        outcome = status.outcome.model_copy(update={"served_at": rfc3339(now)})
        record = await self._register.note(
            lab,
            Kind.SERVED,
            str(request.metadata["uid"]),
            **about(request, None) | {"actor": None},
            outcome=outcome.wire(),
            message=f"{outcome.name} answers with version {outcome.after}",
        )
        served_at = record["outcome"]["servedAt"]
        outcome = outcome.model_copy(update={"served_at": served_at})
        await self._register.show(request, status.model_copy(update={"outcome": outcome}))
        took = parse_rfc3339(served_at) - parse_rfc3339(status.executed_at)
        metrics.SERVED_SECONDS.observe(max(0.0, took.total_seconds()))
