"""Tells learners at once whether the policies they write compile.

OPA does not: of a policy that breaks it keeps the old one, and stays healthy. What is found stands
on the learner's own ConfigMap, on the lab, and in the audit log where it changes for better or
worse.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog

from practicum import errors
from practicum.api.conditions import ConditionType
from practicum.api.names import API_VERSION, GOVERNANCE_MANAGER, POLICIES, POLICY_STATUS
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.drafts import Draft, Drafts
from practicum.governance.ledger import Kind
from practicum.governance.register import Register
from practicum.governance.vetting import Vetted, Vetter, digest_of
from practicum.kube.client import Kube

log = structlog.get_logger()
BROKEN: Final = "PolicyBroken"
VETTED: Final = "PolicyVetted"
_PAUSE: Final = timedelta(seconds=3)
"""Between two compilations for one lab: edits in a burst cost one."""
_PATIENCE: Final = 3
_RETRY: Final = timedelta(minutes=1)
_MOST_RECORDS: Final = 200
"""Of one lab; whoever breaks policies all day long does not fill the log with it."""


@dataclass(frozen=True)
class _Found:
    """What was found out about a draft."""

    draft: Draft
    vetted: Vetted
    rests_until: datetime
    """Whose policies are dear to compile leaves the compiler to others for longer."""


class Policies:
    """Compares what learners wrote with what was said of it."""

    def __init__(
        self, kube: Kube, register: Register, drafts: Drafts, vetter: Vetter, clock: Clock
    ) -> None:
        self._kube = kube
        self._register = register
        self._drafts = drafts
        self._vetter = vetter
        self._clock = clock
        self._found: dict[str, _Found] = {}

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._found.pop(lab_uid, None)

    async def watch(self, lab: Lab) -> datetime | None:
        """Vet a learner's policies if they are new, and say what was found.

        Returns:
            when to come back; None: when they change.
        """
        draft = self._drafts.at(lab.namespaces["learner"])
        if draft is None:
            await self._gone(lab)
            return None
        found = self._found.get(lab.uid)
        if found is None or found.draft.said[1:] != draft.said[1:]:
            began = self._clock()
            if found and began < found.rests_until:
                return found.rests_until
            try:
                vetted = await self.vet(draft)
            except ServiceError as error:
                log.warning("policies not vetted", lab=lab.name, error=str(error))
                return self._clock() + _RETRY
            now = self._clock()
            found = _Found(draft, vetted, now + max(_PAUSE, _PATIENCE * (now - began)))
            self._found[lab.uid] = found
        await self._say(lab, draft, found.vetted)
        return None

    async def vet(self, draft: Draft) -> Vetted:
        """Return what there is to say of a draft.

        Raises:
            ServiceError: nobody can tell.
        """
        if draft.problem:
            return Vetted(digest_of(draft.texts), draft.problem)
        return await self._vetter.vet(draft.texts)

    async def _say(self, lab: Lab, draft: Draft, vetted: Vetted) -> None:
        await self._annotate(lab, draft, vetted)
        text = vetted.problem or f"the learner's policies compile ({vetted.digest[:12]})"
        reason = VETTED if vetted.ok else BROKEN
        await self._register.shown.say(
            lab, ConditionType.POLICY_LOADED, reason, text, holds=vetted.ok
        )
        await self._record(lab, vetted.problem, vetted.digest)

    async def _gone(self, lab: Lab) -> None:
        self._found.pop(lab.uid, None)
        await self._register.shown.unsay(lab, ConditionType.POLICY_LOADED)
        await self._record(lab, "", "")

    async def _record(self, lab: Lab, problem: str, digest: str) -> None:
        """Put it on record that policies broke or were mended, and send an Event."""
        ledger = await self._register.ledger(lab)
        if bool(ledger.broken) == bool(problem) or ledger.verdicts >= _MOST_RECORDS:
            return
        kind = Kind.POLICY_BROKEN if problem else Kind.POLICY_MENDED
        text = problem or ("the policies compile" if digest else "the policies are gone")
        # Made of how often that happened, so that the same mistake made again is another event.
        which = (digest, str(ledger.verdicts))
        evidence = {"digest": digest or ledger.broken}
        await self._register.note(lab, kind, *which, evidence=evidence, message=text)
        of = (API_VERSION, "LabEnvironment")
        level: Literal["Warning", "Normal"] = "Warning" if problem else "Normal"
        told = f"ConfigMap {lab.namespaces['learner']}/{POLICIES}: {text}"
        await self._register.tell(lab.resource.metadata, of, level, kind.value, told)

    async def _annotate(self, lab: Lab, draft: Draft, vetted: Vetted) -> None:
        """Say it where the learner wrote it."""
        said = {"status": "Vetted" if vetted.ok else "Broken", "digest": vetted.digest[:12]}
        if vetted.problem:
            said["message"] = vetted.problem
        text = json.dumps(said, ensure_ascii=False)
        if text == draft.status:
            return
        meta = {
            "name": POLICIES,
            "namespace": lab.namespaces["learner"],
            "uid": draft.uid,
            "annotations": {POLICY_STATUS: text},
        }
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        try:
            self._drafts.wrote(await self._kube.apply(body, manager=GOVERNANCE_MANAGER))
        except (errors.Conflict, errors.NotFound):
            log.info("policies went while they were vetted", lab=lab.name)
