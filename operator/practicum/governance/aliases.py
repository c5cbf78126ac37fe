"""Keeps the governed aliases where the audit log says they belong.

MLflow tells nobody reliably who moved an alias, and its webhooks name no actor; so the operator
looks, and what somebody else moved is put on record and back.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from practicum.api.change import OutcomeStatus
from practicum.api.governing import Changes, GovernedModel
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
_SOON: Final = timedelta(seconds=5)


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
                return self._clock() + min(self._settings.alias_poll, _SOON)
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
            key = (model.name, alias)
            there, belongs = live.aliases.get(alias, ""), ledger.aliases.get(key)
            if belongs is None:
                continue
            if there not in (belongs, ledger.moved.get(key)):
                await self._record_move(lab, key, there, belongs)
            if key in ledger.moved:
                await self._put_back(lab, key, belongs, registry)

    async def _record_move(self, lab: Lab, key: tuple[str, str], there: str, belongs: str) -> None:
        ledger = await self._register.ledger(lab)
        name, alias = key
        outcome = OutcomeStatus(name=name, alias=alias, before=belongs, after=there).wire()
        # The same move may be made again, and is another one then.
        which = (name, alias, there, str(ledger.moves))
        text = _said(key, there)
        await self._register.note(lab, Kind.ALIAS_MOVED, *which, outcome=outcome, message=text)

    async def _put_back(
        self, lab: Lab, key: tuple[str, str], belongs: str, registry: Registry
    ) -> None:
        """Undo a move and record that.

        What counts is the log, not where the alias is: after a kill in between the alias is back
        and nothing says so yet.
        """
        ledger = await self._register.ledger(lab)
        name, alias = key
        there = ledger.moved[key]
        await registry.point(name, alias, belongs)
        which = (name, alias, there, str(ledger.moves))
        outcome = OutcomeStatus(name=name, alias=alias, before=there, after=belongs).wire()
        done = f"{alias} of {name} is on {belongs or 'nothing'} again"
        await self._register.note(lab, Kind.ALIAS_REVERTED, *which, outcome=outcome, message=done)
        metrics.ALIASES_REVERTED.inc()
        of, told = (API_VERSION, "LabEnvironment"), f"{_said(key, there)}; {done}"
        await self._register.tell(lab.resource.metadata, of, "Warning", "AliasReverted", told)


def _said(key: tuple[str, str], there: str) -> str:
    name, alias = key
    return f"{alias} of {name} is on {there or 'nothing'}, moved without a request"
