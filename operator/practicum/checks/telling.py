"""Tells what was found: the lab's status, the full report in the learner's namespace, Events."""

import json
from collections.abc import Mapping
from itertools import product
from typing import Any, Final, Literal

import structlog

from practicum import errors
from practicum.api.checks import Check, CheckState
from practicum.api.conditions import Condition, ConditionType
from practicum.api.labstatus import ChecksStatus
from practicum.api.labtemplate import LEARNER
from practicum.api.names import CHECK_REPORT, CHECKS_MANAGER, MANAGED_BY, MANAGER
from practicum.api.times import rfc3339
from practicum.checks.findings import Finding, told
from practicum.desired.lab import Lab
from practicum.reconcile.tools import Tools

log = structlog.get_logger()
ERRORED: Final = "ChecksErrored"
_LONGEST: Final = 60 * 1024
_LEFT_OUT: Final = (("expected", "observed"), ("text",), ("title",), ("message",))
"""What a report that is too long does without, one after the other."""


class Teller:
    """Writes what became of checks."""

    def __init__(self, tools: Tools) -> None:
        """Wire it up."""
        self._tools = tools
        self._written: dict[str, ChecksStatus] = {}
        self._details: dict[str, dict[str, dict[str, str]]] = {}

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._written.pop(lab_uid, None)
        self._details.pop(lab_uid, None)

    def known(self, lab: Lab) -> ChecksStatus | None:
        """Return a lab's status of checks as we wrote it last, or as it is known."""
        return self._written.get(lab.uid, lab.resource.status.checks)

    async def tell(
        self,
        lab: Lab,
        found: Mapping[str, Finding],
        before: ChecksStatus | None,
        status: ChecksStatus,
    ) -> None:
        """Write the report, then the status, then tell the news."""
        details = self._details.setdefault(lab.uid, {})
        for check in lab.template.checks:
            if check.id in found:
                details[check.id] = _detail(check, found[check.id])
        if before != status:
            await self._report(lab, status, details)
            await self._write(lab, status)
            await self._news(lab, before, status)

    async def end_drill(self, lab: Lab) -> None:
        """Say that a drill is over; the reconciler puts right what it kept from being so."""
        if (known := self.known(lab)) and known.drill:
            over = known.model_copy(
                update={"drill": None, "message": f"{known.drill.name} is over"}
            )
            await self._write(lab, over)
            await self._tools.reporter.tell(lab.resource, "Normal", "DrillEnded", over.message)

    async def _write(self, lab: Lab, status: ChecksStatus) -> None:
        condition = self._condition(lab, status)
        others = [
            one for one in lab.resource.status.conditions if one.type != ConditionType.CHECKS_WORK
        ]
        update = {"checks": status, "conditions": [*others, *condition]}
        ours = lab.resource.status.model_copy(update=update).of_examiner()
        body = lab.resource.apply_body() | {"status": ours}
        answer = await self._tools.kube.apply(body, subresource="status", manager=CHECKS_MANAGER)
        self._tools.labs.answer(answer)
        self._written[lab.uid] = status

    def _condition(self, lab: Lab, status: ChecksStatus) -> list[Condition]:
        broken = [one for one in status.results if one.state is CheckState.ERROR]
        if not broken:
            return []
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        return [
            Condition(
                type=ConditionType.CHECKS_WORK,
                status="False",
                reason=ERRORED,
                message=f"check {broken[0].id}: {broken[0].message}{more}",
                last_transition_time=rfc3339(self._tools.clock()),
                observed_generation=int(lab.resource.metadata.get("generation", 0)),
            ).after(lab.resource.status.condition(ConditionType.CHECKS_WORK))
        ]

    async def _report(
        self, lab: Lab, status: ChecksStatus, details: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Write the full report; one that cannot be written is no reason to keep quiet."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": CHECK_REPORT,
                "namespace": lab.namespaces[LEARNER],
                # Protected as the lab's own, and yet no part of what the reconciler looks after.
                "labels": {MANAGED_BY: MANAGER},
            },
            "data": {"report.json": report(lab, status, details)},
        }
        try:
            await self._tools.kube.apply(body, manager=CHECKS_MANAGER)
        except errors.ApiError as error:
            log.warning("check report not written", lab=lab.name, error=str(error))

    async def _news(self, lab: Lab, before: ChecksStatus | None, status: ChecksStatus) -> None:
        done = status.total and status.passed == status.total
        was_done = before and before.total and before.passed == before.total
        broken = status.errors and not (before and before.errors)
        tell = self._tools.reporter.tell
        if status.drill and not (before and before.drill):
            await tell(lab.resource, "Normal", "DrillStarted", status.message)
        if done and not was_done:
            text = (
                f"all {status.total} checks passed: {status.points} of {status.max_points} points"
            )
            await tell(lab.resource, "Normal", "ChecksPassed", text)
        if broken:
            kind: Literal["Warning"] = "Warning"
            await tell(lab.resource, kind, ERRORED, self._condition(lab, status)[0].message)


def _detail(check: Check, finding: Finding) -> dict[str, str]:
    """Return what a report says beyond the status: of a hidden check nothing."""
    shown = told(check, finding).shortened()
    pairs = {"expected": shown.expected, "observed": shown.observed}
    return {key: value for key, value in pairs.items() if value}


def report(lab: Lab, status: ChecksStatus, details: Mapping[str, Mapping[str, str]]) -> str:
    """Return the full report as JSON, of bounded length: details go first."""
    checks = {check.id: check for check in lab.template.checks}
    rows: list[dict[str, Any]] = []
    for one in status.results:
        check = checks[one.id]
        about = {"title": check.title, "task": check.task, "maxPoints": check.points}
        rows.append({**one.wire(), **about, **details.get(one.id, {})})
    texts = {one.id: one.text for one in lab.template.criteria}
    of_criteria = criteria(lab, status, texts)
    body = {
        "template": lab.resource.spec.template,
        "summary": {
            key: value
            for key, value in status.wire().items()
            if key not in ("results", "request", "staffRequest")
        },
        "criteria": of_criteria,
        "checks": rows,
    }
    text = json.dumps(body, indent=1, ensure_ascii=False)
    for fields in _LEFT_OUT:
        if len(text.encode()) <= _LONGEST:
            break
        for row, field in product([*rows, *of_criteria], fields):
            row.pop(field, None)
        text = json.dumps(body, ensure_ascii=False)
    return text


def criteria(lab: Lab, status: ChecksStatus, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return every line of the roadmap with whether it is met: by all checks that prove it."""
    states = {one.id: one.state for one in status.results}
    rows = []
    for name, text in texts.items():
        proving = [check.id for check in lab.template.checks if name in check.criteria]
        shown = {states[one] for one in proving}
        # What this cluster cannot tell is no proof by itself.
        met = all(one.settled for one in shown) and bool(shown - {CheckState.UNSUPPORTED})
        rows.append({"id": name, "text": text, "met": met, "checks": proving})
    return rows
