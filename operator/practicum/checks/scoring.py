"""From findings to a lab's scorecard: points, latches, waivers, and what waits for what. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from practicum.api.checks import Check, CheckState
from practicum.api.labstatus import ChecksStatus, CheckStatus
from practicum.checks.findings import Finding, told

Findings = Mapping[str, Finding]
"""What was found, by the id of the check; checks that were not looked at are left out."""

_UNKNOWN: Final = CheckState.PENDING


def status_of(status: ChecksStatus | None) -> dict[str, CheckStatus]:
    """Return what is known of each check, by its id."""
    return {one.id: one for one in status.results} if status else {}


def latched(check: Check, before: CheckStatus | None) -> bool:
    """Whether a check needs no further look: it passed once, and that is enough."""
    return check.latch and before is not None and before.state is CheckState.PASS


def due(check: Check, known: Mapping[str, CheckStatus], *, asked: bool) -> bool:
    """Whether a check is to be looked at: a costly one only when somebody asks."""
    return (asked or not check.costly) and not latched(check, known.get(check.id))


def waits_for(check: Check, states: Mapping[str, CheckState]) -> str:
    """Return the first check that has to pass before this one and did not; empty: none."""
    return next((one for one in check.needs if not states.get(one, _UNKNOWN).settled), "")


def scorecard(
    checks: Sequence[Check],
    findings: Findings,
    before: ChecksStatus | None,
    now: str,
    *,
    waived: Collection[str] = (),
    answered: Mapping[str, str] | None = None,
) -> ChecksStatus:
    """Return the status of all checks.

    Args:
        checks: of the template, in its order.
        findings: of this look; what was not looked at stays as it was.
        before: the status so far.
        now: the moment, RFC 3339.
        waived: ids of checks that the course's staff does without.
        answered: the request that this look answers, by the status' field that says so.
    """
    known = status_of(before)
    results = [
        _result(
            check,
            findings.get(check.id),
            known.get(check.id),
            now,
            check.id in waived,
            bool(answered),
        )
        for check in checks
    ]
    counted = [(check, one) for check, one in zip(checks, results, strict=True) if one.state.counts]
    passed = sum(one.state is CheckState.PASS for _, one in counted)
    return ChecksStatus(
        drill=before.drill if before else None,
        summary=f"{passed}/{len(counted)}",
        passed=passed,
        total=len(counted),
        points=sum(one.points for _, one in counted),
        max_points=sum(check.points for check, _ in counted),
        errors=sum(one.state is CheckState.ERROR for one in results),
        unsupported=sum(one.state is CheckState.UNSUPPORTED for one in results),
        request=before.request if before else "",
        staff_request=before.staff_request if before else "",
        results=results,
    ).model_copy(update=dict(answered or {}))


def _result(
    check: Check,
    finding: Finding | None,
    before: CheckStatus | None,
    now: str,
    waived: bool,
    asked: bool,
) -> CheckStatus:
    looked = finding is not None and not waived
    if waived:
        finding = Finding(CheckState.WAIVED, "the course's staff does without it")
    elif finding is None and before and before.state is not CheckState.WAIVED:
        return before
    elif finding is None:
        finding = Finding(CheckState.PENDING, "not looked at yet: practicum check")
    shown = told(check, finding).shortened()
    attempts = before.attempts if before else 0
    done = before is not None and before.state is CheckState.PASS
    return CheckStatus(
        id=check.id,
        state=shown.state,
        points=check.points if shown.state is CheckState.PASS else 0,
        message=shown.message,
        since=before.since if before and before.state is shown.state else now,
        attempts=attempts + 1 if asked and looked and not done else attempts,
    )
