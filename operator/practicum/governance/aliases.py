"""Keeps the governed aliases where the audit log says they belong.

MLflow tells nobody reliably who moved an alias, and its webhooks name no actor; so the operator
looks, and what somebody else moved is put on record and back.
"""

from datetime import datetime

import structlog

from practicum.api.change import OutcomeStatus
from practicum.api.labtemplate import Changes, GovernedModel
from practicum.api.names import API_VERSION
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.governance.ledger import PREVIOUS, Kind
from practicum.governance.mlflow import Registry
from practicum.governance.register import Register
from practicum.observe import metrics
from practicum.settings import Settings

log = structlog.get_logger()


class Aliases:
    """Compares aliases with the log, every so often."""

    def __init__(self, register: Register, settings: Settings, clock: Clock) -> None:
        self._register = register
        self._settings = settings
        self._clock = clock
        self._due: dict[str, datetime] = {}

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._due.pop(lab_uid, None)

    async def found(self, lab: Lab, changes: Changes, backends: Backends) -> datetime | None:
        """Put on record where the aliases are before anybody changes anything.

        Returns:
            when to try again, if MLflow cannot say; None once it is on record.
        """
        ledger = await self._register.ledger(lab)
        for model in changes.models:
            if (model.name, model.alias) in ledger.aliases:
                continue
            try:
                production = await Registry(backends).model(model.name)
            except ServiceError as error:
                log.info("aliases not known yet", lab=lab.name, error=str(error))
                return self._clock() + self._settings.alias_poll
            version = production.aliases.get(model.alias, "") if production else ""
            outcome = OutcomeStatus(name=model.name, alias=model.alias, after=version)
            await self._register.note(
                lab, Kind.BASELINE, model.name, model.alias, outcome=outcome.wire()
            )
        return None

    async def watch(self, lab: Lab, changes: Changes, backends: Backends) -> datetime | None:
        """Look at the aliases if it is time; returns when it is time again."""
        if not changes.models:
            return None
        now = self._clock()
        if now < self._due.get(lab.uid, now):
            return self._due[lab.uid]
        try:
            for model in changes.models:
                await self._compare(lab, model, Registry(backends))
        except ServiceError as error:
            log.info("aliases not looked at", lab=lab.name, error=str(error))
        self._due[lab.uid] = self._clock() + self._settings.alias_poll
        return self._due[lab.uid]

    async def _compare(self, lab: Lab, model: GovernedModel, registry: Registry) -> None:
        ledger = await self._register.ledger(lab)
        live = await registry.model(model.name)
        if live is None:
            return
        for alias in (model.alias, PREVIOUS):
            belongs = ledger.aliases.get((model.name, alias))
            there = live.aliases.get(alias, "")
            if belongs is not None and there != belongs:
                await self._put_back(lab, registry, model.name, alias, there, belongs)

    async def _put_back(
        self, lab: Lab, registry: Registry, name: str, alias: str, there: str, belongs: str
    ) -> None:
        """Record the move, undo it, record that; a kill in between repeats what is not there."""
        ledger = await self._register.ledger(lab)
        # Made of the last move that was undone, so that the next one is another event.
        which = (name, alias, there, str(ledger.reverted))
        outcome = OutcomeStatus(name=name, alias=alias, before=belongs, after=there).wire()
        text = f"{alias} of {name} is on {there or 'nothing'}, moved without a request"
        await self._register.note(lab, Kind.ALIAS_MOVED, *which, outcome=outcome, message=text)
        await registry.point(name, alias, belongs)
        back = OutcomeStatus(name=name, alias=alias, before=there, after=belongs).wire()
        done = f"{alias} of {name} is on {belongs or 'nothing'} again"
        await self._register.note(lab, Kind.ALIAS_REVERTED, *which, outcome=back, message=done)
        metrics.ALIASES_REVERTED.inc()
        of = (API_VERSION, "LabEnvironment")
        told = f"{text}; {done}"
        await self._register.tell(lab.resource.metadata, of, "Warning", "AliasReverted", told)
