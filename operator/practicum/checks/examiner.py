"""One pass over a lab's checks: look if it is time or somebody asked, then tell what was found.

Beside the reconciler and never in its way, like governance. While a learner is at work a lab is
looked at every minute; the longer nothing changes, the longer the pauses, so that a class that is
idle costs little. Checks that start pods are looked at when somebody asks for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from practicum.api.checks import CheckState
from practicum.api.conditions import Phase
from practicum.api.labstatus import ChecksStatus
from practicum.api.labtemplate import LEARNER
from practicum.api.names import LabKey
from practicum.api.times import rfc3339
from practicum.checks import drills, findings, scoring
from practicum.checks.asking import Request, Requests
from practicum.checks.evaluation import Evaluator
from practicum.checks.pods import Pods
from practicum.checks.prober import Prober
from practicum.checks.scene import Means, Scene
from practicum.checks.telling import Teller
from practicum.desired.lab import Lab
from practicum.errors import InvalidLab
from practicum.governance.backends import Backends
from practicum.governance.http import Services
from practicum.policy import expiry
from practicum.reconcile.tools import Tools

log = structlog.get_logger()
_SLOWER: Final = 2
"""How much longer each pause is than the one before, while nothing changes."""


@dataclass
class _Rhythm:
    """When one lab is looked at."""

    pause: timedelta
    due: datetime
    rests_until: datetime | None = None
    """Who asks has to wait until then: as long as it took to answer before, and a little."""


class Examiner:
    """Examines labs."""

    def __init__(
        self,
        tools: Tools,
        services: Services,
        means: Means,
        evaluator: Evaluator,
        pods: Pods,
        requests: Requests,
        drilled: Callable[[LabKey], None],
    ) -> None:
        """Wire it up; `drilled` is called with a lab in which a drill has begun or ended."""
        self._tools = tools
        self._services = services
        self._means = means
        self._evaluator = evaluator
        self._pods = pods
        self._requests = requests
        self._drilled = drilled
        self._teller = Teller(tools)
        self._rhythms: dict[LabKey, tuple[str, _Rhythm]] = {}

    def concerns(self, key: LabKey, phase: Phase) -> bool:
        """Whether a lab in a phase is worth a pass: it lives, or there is something to forget."""
        return phase.runs or key in self._rhythms

    async def reconcile(self, key: LabKey) -> datetime | None:
        """Take one lab's checks one pass further.

        Returns:
            when to come back at the latest; None when nothing is left to do.
        """
        resource = self._tools.labs.get(key)
        known = self._rhythms.get(key)
        if known and (resource is None or known[0] != resource.uid):
            self._teller.forget(known[0])
            del self._rhythms[key]
        if resource is None or not resource.in_use:
            return None
        try:
            pinned = await self._tools.templates.pin(resource)
            if not pinned.spec.checks:
                return None
            answers = await self._tools.templates.answers(pinned)
        except InvalidLab as error:
            log.warning("checks cannot be read", lab=key.name, error=str(error))
            return None
        lab = Lab(resource, pinned.spec, self._tools.settings)
        return await self._examine(key, lab, answers)

    async def _examine(self, key: LabKey, lab: Lab, answers: Mapping[str, str]) -> datetime | None:
        now, rhythm = self._tools.clock(), self._rhythm(key, lab)
        if (ends := drills.ends_at(self._teller.known(lab))) and now >= ends:
            await self._teller.end_drill(lab)
            self._drilled(key)
            ends = None
        request = self._requests.open(lab.resource, lab.namespaces[LEARNER])
        if request and rhythm.rests_until and now < rhythm.rests_until:
            return expiry.next_wake(now, rhythm.rests_until, ends)
        unasked = self._tools.settings.check_interval > timedelta(0)
        if request is None and (not unasked or now < rhythm.due):
            return self._next(rhythm, ends)
        before = self._teller.known(lab)
        if request and request.drill:
            await self._drill(lab, before, request)
            self._drilled(key)
        else:
            status = await self._look(lab, answers, before, request)
            changed = before is None or _states(before) != _states(status)
            self._keep_time(rhythm, active=bool(request) or changed)
        if request:
            done = self._tools.clock()
            rhythm.rests_until = done + max(self._tools.settings.check_pause, done - now)
        return self._next(rhythm, drills.ends_at(self._teller.known(lab)))

    async def _drill(self, lab: Lab, before: ChecksStatus | None, request: Request) -> None:
        """Start a drill; the answer says what came of it."""
        backends = Backends(self._tools.kube, self._services, lab)
        message, drill = await drills.start(lab, request.drill, backends, self._tools.clock())
        status = self._scorecard(lab, {}, before, request)
        message = findings.cut(message, findings.MESSAGE)
        status = status.model_copy(update={"message": message, "drill": drill or status.drill})
        await self._teller.tell(lab, {}, before, status)

    def _rhythm(self, key: LabKey, lab: Lab) -> _Rhythm:
        """Return when a lab is to be looked at; one that was before a restart has time."""
        if key not in self._rhythms:
            now, settings = self._tools.clock(), self._tools.settings
            pause = settings.check_interval
            first = now + self._tools.pause(lab.uid) if lab.resource.status.checks else now
            self._rhythms[key] = lab.uid, _Rhythm(pause, first)
        return self._rhythms[key][1]

    def _keep_time(self, rhythm: _Rhythm, *, active: bool) -> None:
        settings = self._tools.settings
        longest = settings.check_idle_interval
        rhythm.pause = settings.check_interval if active else min(longest, rhythm.pause * _SLOWER)
        rhythm.due = self._tools.clock() + rhythm.pause

    def _next(self, rhythm: _Rhythm, *others: datetime | None) -> datetime | None:
        due = rhythm.due if self._tools.settings.check_interval else None
        known = [one for one in (due, *others) if one]
        return min(known, default=None)

    async def _look(
        self,
        lab: Lab,
        answers: Mapping[str, str],
        before: ChecksStatus | None,
        request: Request | None,
    ) -> ChecksStatus:
        if request:
            await self._pods.tidy(lab)
        waived = lab.resource.spec.waived_checks
        wanted = [check for check in lab.template.checks if check.id not in waived]
        found = await self._evaluator.evaluate(
            self._scenes(lab, answers),
            wanted,
            before,
            asked=request is not None,
            wanted=request.only if request else frozenset(),
            regardless=request is not None and request.regardless,
        )
        status = self._scorecard(lab, found, before, request)
        await self._teller.tell(lab, found, before, status)
        return status

    def _scorecard(
        self,
        lab: Lab,
        found: scoring.Findings,
        before: ChecksStatus | None,
        request: Request | None,
    ) -> ChecksStatus:
        return scoring.scorecard(
            lab.template.checks,
            found,
            before,
            rfc3339(self._tools.clock()),
            waived=lab.resource.spec.waived_checks,
            answered={request.field: request.text} if request else {},
        )

    def _scenes(self, lab: Lab, answers: Mapping[str, str]) -> Callable[[], Scene]:
        def new() -> Scene:
            return Scene(
                lab=lab,
                means=self._means,
                backends=Backends(self._tools.kube, self._services, lab),
                pods=self._pods,
                prober=Prober(lab, self._pods),
                answers=answers,
            )

        return new


def _states(status: ChecksStatus) -> dict[str, CheckState]:
    return {one.id: one.state for one in status.results}
