"""Looks at what is on record: the audit log of governed changes, and ratings by people."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from practicum.api.looks.services import AuditCheck, Pattern
from practicum.api.looks.work import AttestCheck
from practicum.api.names import AUDIT_NAMESPACE
from practicum.checks import findings, values
from practicum.checks.findings import PASSED, Finding
from practicum.checks.outcomes import LookBroken
from practicum.checks.scene import Object, Scene
from practicum.desired.lab import Lab
from practicum.governance import lifecycle
from practicum.governance.audit import Audit
from practicum.governance.chain import Head, Record, verify
from practicum.governance.place import account_of
from practicum.kube.client import Kube
from practicum.settings import Settings


class Records:
    """Reads audit logs, each time anew: whoever writes them has a memory of their own."""

    def __init__(self, kube: Kube, settings: Settings) -> None:
        """Choose where they are."""
        self._audit = Audit(kube, AUDIT_NAMESPACE, lambda: settings.root_key)

    async def of(self, lab: Lab) -> list[Record]:
        """Return a lab's records, oldest first.

        Raises:
            LookBroken: the log is not as it was written.
        """
        records = await self._audit.reload(lab.uid)
        self._audit.forget(lab.uid)
        said = lab.resource.status.audit
        head = Head(said.seq, said.hash) if said else None
        verdict = verify(records, None, self._audit.key(lab.uid))
        if verdict.holds and head:
            # What follows the head is proved by the key: it goes on while this is read.
            verdict = verify(records[: head.seq], head)
        if not verdict.holds:
            raise LookBroken(f"the audit log does not hold: {verdict.reason}: {verdict.message}")
        return records


async def look_at_audit(scene: Scene, look: AuditCheck) -> Finding:
    """Find records in their order, and none that may not be there."""
    records = await scene.records()
    for number, pattern in enumerate(look.absent, 1):
        if found := next((one for one in records if fits(pattern, one)), None):
            text = f"record {found['seq']} should not be there ({number}. of absent)"
            return findings.failed(text, described(pattern), f"record {found['seq']}")
    start = 0
    for number, pattern in enumerate(look.sequence, 1):
        place = next((at for at in range(start, len(records)) if fits(pattern, records[at])), None)
        if place is None:
            after = f" after record {records[start - 1]['seq']}" if start else ""
            text = f"step {number} of {len(look.sequence)} is not on record{after}"
            return findings.failed(
                f"{text}: {described(pattern)}", described(pattern), _last(records)
            )
        start = place + 1
    return PASSED


def fits(pattern: Pattern, record: Record) -> bool:
    """Whether a record is as a pattern says."""
    if values.difference(pattern.match, record):
        return False
    return values.violation(pattern.expect, record) is None


def described(pattern: Pattern) -> str:
    """Say what a pattern looks for."""
    parts = [f"{path}={values.shown(value)}" for path, value in _leaves(pattern.match)]
    return " ".join([*parts, *map(values.expectation, pattern.expect)])


def _leaves(tree: Any, path: str = "") -> Sequence[tuple[str, Any]]:
    if not isinstance(tree, Mapping):
        return [(path, tree)]
    return [
        leaf
        for key, value in tree.items()
        for leaf in _leaves(value, f"{path}.{key}" if path else str(key))
    ]


def _last(records: Sequence[Record]) -> str:
    if not records:
        return "the log is empty"
    last = records[-1]
    parts = (last.get("type"), last.get("action"), last.get("state"))
    return f"{len(records)} records, the last: {' '.join(str(one) for one in parts if one)}"


async def fetch_lifecycle(scene: Scene) -> dict[str, Any]:
    """Return the report on governed changes, as ``practicum report lifecycle`` makes it."""
    return lifecycle.wire(lifecycle.lifecycle(await scene.records()))


async def look_at_attest(scene: Scene, look: AttestCheck, check_id: str) -> Finding:
    """Count ratings by different people, each by the last word of its rater."""
    subject = look.subject or check_id
    mine = [
        one["spec"]
        for one in await scene.ratings()
        if one["spec"]["subject"] == subject
        and _made_for(scene, one)
        and not plays_here(scene, one["spec"]["rater"])
    ]
    last = {spec["rater"]: spec for spec in mine}
    passing = [spec for spec in last.values() if spec["passed"]]
    if len(passing) < look.raters:
        text = f"{len(passing)} of {look.raters} people rated {subject} as passed"
        return findings.failed(text, str(look.raters), str(len(passing)))
    given = mean(percent(spec) for spec in last.values())
    if given < look.min:
        text = f"{subject} was rated {given:.0f} % in the mean of {len(last)}, {look.min} % needed"
        return findings.failed(text, f"{look.min} %", f"{given:.0f} %")
    return PASSED


def _made_for(scene: Scene, body: Object) -> bool:
    """Whether a rating is of this very lab, and not of an earlier one of the same name."""
    created: str = scene.lab.resource.metadata["creationTimestamp"]
    return str(body["metadata"]["creationTimestamp"]) >= created


def plays_here(scene: Scene, rater: str) -> bool:
    """Whether a rater is the learner, by whatever name."""
    learner = scene.lab.resource.spec.learner
    subjects = {one.name for one in learner.subjects} if learner else set()
    return account_of(rater) is not None or rater in subjects


def percent(spec: Mapping[str, Any]) -> float:
    """Return the points of a rating, of those that could be given."""
    most = sum(one["max"] for one in spec["rubric"])
    return 100 * sum(one["score"] for one in spec["rubric"]) / most if most else 0.0
