"""Looks at one lab once: every check in its turn, and says whose it is to mend what is wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from practicum import errors
from practicum.api.checks import Check, CheckState, Part
from practicum.api.labstatus import ChecksStatus, CheckStatus
from practicum.api.times import parse_duration
from practicum.checks import findings, scoring, texts
from practicum.checks.findings import PASSED, Finding
from practicum.checks.looks import cluster, code, documents, records, registries, services
from practicum.checks.looks.policies import PolicyLooks
from practicum.checks.outcomes import LearnerFailed, LookBroken, Unsupported
from practicum.checks.scene import Scene
from practicum.checks.values import Malformed
from practicum.observe import metrics

log = structlog.get_logger()
Look = Callable[[Scene, Any], Awaitable[Finding]]

_PAUSE_SECONDS: Final = 2.0
_AT_ONCE: Final = 6


class Evaluator:
    """Evaluates checks."""

    def __init__(self, policies: PolicyLooks) -> None:
        """Take what remembers from one evaluation to the next."""
        self._looks: Mapping[str, Look] = {
            "object": cluster.look_at_objects,
            "access": cluster.look_at_access,
            "dryRun": cluster.look_at_dry_run,
            "reach": cluster.look_at_reach,
            "http": services.look_at_http,
            "metrics": services.look_at_metrics,
            "decision": services.look_at_decision,
            "model": registries.look_at_model,
            "features": registries.look_at_features,
            "audit": records.look_at_audit,
            "document": documents.DocumentLooks().look,
            "policy": policies.look,
            "job": code.look_at_job,
            "pit": code.look_at_pit,
        }

    async def evaluate(
        self,
        new_scene: Callable[[], Scene],
        checks: Sequence[Check],
        before: ChecksStatus | None,
        *,
        asked: bool,
        wanted: Collection[str] = (),
        regardless: bool = False,
    ) -> dict[str, Finding]:
        """Return what was found, by id; checks that need no look are left out.

        Args:
            new_scene: makes a lab's scene, fresh for each try.
            checks: of the template, but for those that the course's staff does without.
            before: what is known so far.
            asked: whether somebody asked: then costly checks are looked at too, and those that
                may take a while are tried again for as long as they say.
            wanted: ids of the checks to look at; none: all.
            regardless: whether to look, once, at checks whose needs have not passed.
        """
        known = scoring.status_of(before)
        found: dict[str, Finding] = {}
        states = _states(checks, known)
        places = asyncio.Semaphore(_AT_ONCE)
        scene = new_scene()

        async def one(check: Check) -> None:
            patient = asked and not regardless
            patience = parse_duration(check.within) if check.within and patient else timedelta(0)
            finding = await self._patiently(scene, new_scene, check, patience, places)
            if finding.state is CheckState.PASS and (needed := scoring.waits_for(check, states)):
                finding = _held(needed)
            found[check.id], states[check.id] = finding, finding.state

        due = [
            check
            for check in checks
            if (not wanted or check.id in wanted) and scoring.due(check, known, asked=asked)
        ]
        for ready in _in_order(due):
            held = {} if regardless else {one.id: scoring.waits_for(one, states) for one in ready}
            for name, needed in held.items():
                if needed:
                    found[name], states[name] = _held(needed), CheckState.PENDING
            await asyncio.gather(*(one(check) for check in ready if not held.get(check.id)))
        secrets = scene.secrets
        return {name: findings.redacted(finding, secrets) for name, finding in found.items()}

    async def _patiently(
        self,
        scene: Scene,
        new_scene: Callable[[], Scene],
        check: Check,
        patience: timedelta,
        places: asyncio.Semaphore,
    ) -> Finding:
        """Look, and look again while it may still come about; others look during the pauses."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience.total_seconds()
        while True:
            async with places:
                began = clock()
                finding = await self._look(scene, check)
            metrics.CHECK_SECONDS.labels(check.kind).observe(clock() - began)
            metrics.CHECKS.labels(check.kind, finding.state.value).inc()
            if finding.state.settled or clock() + _PAUSE_SECONDS > deadline:
                return finding
            await asyncio.sleep(_PAUSE_SECONDS)
            scene = new_scene()

    async def _look(self, scene: Scene, check: Check) -> Finding:
        """Look once."""
        if check.kind in ("all", "any", "not"):
            return await self._composed(scene, check)
        if check.kind == "attest":
            return await self._told(check.id, records.look_at_attest(scene, check.look, check.id))
        return await self._part(scene, check, check.id)

    async def _told(self, name: str, look: Awaitable[Finding]) -> Finding:
        """Return what a look found; whatever goes wrong is a finding."""
        try:
            return await look
        except LearnerFailed as error:
            return findings.failed(str(error))
        except Unsupported as error:
            return findings.unsupported(str(error))
        except Malformed as error:
            return findings.broken(f"the check is malformed: {error}")
        except (LookBroken, errors.PracticumError) as error:
            return findings.broken(str(error))
        except Exception as error:  # a check must never cost the others theirs
            log.exception("check failed", check=name)
            return findings.broken(f"{type(error).__name__}: {error}")

    async def _part(self, scene: Scene, part: Part, name: str) -> Finding:
        async def look() -> Finding:
            return await self._looks[part.kind](scene, texts.filled_in(part.look, scene.values))

        return await self._told(name, look())

    async def _composed(self, scene: Scene, check: Check) -> Finding:
        if check.not_ is not None:
            found = await self._part(scene, check.not_, check.id)
            if found.state is CheckState.FAIL:
                return PASSED
            if found.state is CheckState.PASS:
                return findings.failed("it is so, and should not be")
            return found
        parts = check.all_ or check.any_ or []
        every = await asyncio.gather(*(self._part(scene, part, check.id) for part in parts))
        bad = [one for one in every if one.state is not CheckState.PASS]
        if not bad or (check.any_ and len(bad) < len(every)):
            return PASSED
        # One that fails settles `all`; `any` is settled only where every one could be looked at.
        settled = check.all_ is not None
        return next((one for one in bad if (one.state is CheckState.FAIL) is settled), bad[0])


def _held(needed: str) -> Finding:
    return Finding(CheckState.PENDING, f"waits for check {needed}")


def _in_order(checks: Sequence[Check]) -> Iterator[list[Check]]:
    """Yield checks in groups, each after those that it needs."""
    waiting = list(checks)
    while waiting:
        here = {check.id for check in waiting}
        yield [check for check in waiting if not here & set(check.needs)]
        waiting = [check for check in waiting if here & set(check.needs)]


def _states(checks: Sequence[Check], known: Mapping[str, CheckStatus]) -> dict[str, CheckState]:
    """Return what checks may wait for: what is known, and that the absent ones are done without."""
    there = {check.id for check in checks}
    waived = {one for check in checks for one in check.needs if one not in there}
    states = {one: status.state for one, status in known.items()}
    return states | dict.fromkeys(waived, CheckState.WAIVED)
