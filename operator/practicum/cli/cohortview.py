"""A LabCohort as people read it: rows, its state in lines, the matrix of progress. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from practicum.api.checks import CheckState
from practicum.api.conditions import Phase
from practicum.api.labcohort import CohortCondition, CohortPhase
from practicum.api.times import parse_rfc3339
from practicum.cli.moments import described, elapsed
from practicum.cli.output import plain
from practicum.policy.cohort import OVER

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

Object = dict[str, Any]
HEADERS = ("name", "phase", "learners", "ready", "starts", "ends", "spend", "message")
_LAB = ("learner", "lab", "template", "phase", "passed", "total", "points", "lastActivityAt")
_WORDS = {state.letter: state.value for state in CheckState}
_STYLES = {"P": "green", "F": "red", "E": "yellow", "W": "cyan", "U": "dim", ".": "dim"}
_NAMED = 10
"""So many labs that wait are named; a class may have a thousand."""
_REMEDIES = {
    CohortCondition.ACCEPTED: "correct what the message names: the roster by practicum cohort "
    "import FILE --name NAME, the rest by kubectl edit labcohort NAME",
    CohortCondition.PROVISIONED: "wait, or see why the labs below wait: practicum explain LAB",
    CohortCondition.READY: "see why the labs below are not ready: practicum explain LAB",
    CohortCondition.WITHIN_BUDGET: "raise spec.budget.amount, or let spec.budget.action be Warn: "
    "labs that run go on, none is begun",
}
"""By condition: what to do where it does not hold."""


def status(cohort: Object) -> Object:
    """Return the status; empty while no operator has looked at the cohort."""
    found: Object = cohort.get("status") or {}
    return found


def phase(cohort: Object) -> str:
    """Return the phase; a class that nobody has looked at yet is Pending."""
    return str(status(cohort).get("phase") or CohortPhase.PENDING)


def labs(cohort: Object) -> list[Object]:
    """Return the rows of the class's labs."""
    found: list[Object] = status(cohort).get("labs", [])
    return found


def row(cohort: Object, now: datetime) -> list[str]:
    """Return a table row that goes with ``HEADERS``."""
    schedule, seen = cohort["spec"].get("schedule", {}), status(cohort)
    spend = seen.get("spend")
    return [
        cohort["metadata"]["name"],
        phase(cohort),
        str(seen.get("learners", len(cohort["spec"]["roster"].get("learners", [])))),
        seen.get("ready") or "-",
        *(_distance(schedule.get(key), now) for key in ("startAt", "endAt")),
        _spend(spend) if spend else "-",
        plain(seen.get("message", "")),
    ]


def _distance(moment: str | None, now: datetime) -> str:
    return described(parse_rfc3339(moment), now).partition(" (")[2].rstrip(")") if moment else "-"


def _spend(spend: Object) -> str:
    percent = f" ({spend['percent']} %)" if spend.get("percent") is not None else ""
    return f"{spend['amount']} {spend.get('currency', '')}".rstrip() + percent


def lines(cohort: Object, now: datetime) -> Iterator[str]:
    """Yield the state of a class, line by line: the answer first."""
    seen, meta = status(cohort), cohort["metadata"]
    if not seen:
        yield f"{meta['name']} in {meta['namespace']}: no operator has looked at it yet"
    else:
        yield (
            f"{meta['name']} in {meta['namespace']}: {phase(cohort)}, "
            f"{seen.get('learners', 0)} learners, labs ready {seen.get('ready') or '-'}"
        )
    if seen.get("observedGeneration", 0) < meta.get("generation", 0):
        yield "its last edit was not seen by the operator yet"
    if message := seen.get("message"):
        yield plain(message)
    for label, text in _facts(cohort, now):
        yield f"{label:<11} {text}"
    for one in conditions(cohort):
        text = f"{one['type']:<13} {one['status']:<7} {one['reason']}"
        yield "  " + (text if _holds(one) else f"{text}: {plain(one.get('message', ''))}")
    yield from waiting(cohort)


def _facts(cohort: Object, now: datetime) -> Iterator[tuple[str, str]]:
    spec = cohort["spec"]
    yield "templates", ", ".join(one["name"] for one in spec["templates"])
    schedule = spec.get("schedule", {})
    for key, label in (("provisionAt", "labs made"), ("startAt", "starts"), ("endAt", "ends")):
        if moment := schedule.get(key):
            yield label, described(parse_rfc3339(moment), now) + _ending(schedule, key)
    if not schedule.get("endAt"):
        yield "ends", f"each lab {spec['ttl']} after it was made"
    yield from _seen(status(cohort), now)
    if budget := spec.get("budget"):
        then = "then no lab is begun" if budget.get("action", "Block") == "Block" else "then a word"
        yield "budget", f"{budget['amount']}, {then}"


def _seen(seen: Object, now: datetime) -> Iterator[tuple[str, str]]:
    if seen.get("phases"):
        counts = sorted(seen["phases"].items(), key=lambda pair: -pair[1])
        yield "phases", ", ".join(f"{name} {number}" for name, number in counts)
    if moment := seen.get("provisionedAt"):
        yield "all ready", described(parse_rfc3339(moment), now)
    if slowest := seen.get("slowest"):
        took = elapsed(timedelta(seconds=slowest["seconds"]))
        how = f"ready after {took}" if slowest["ready"] else f"waits for {took} already"
        yield "slowest", f"{slowest['learner']} (lab {slowest['lab']}): {how}"
    if spend := seen.get("spend"):
        yield "spent", _spend(spend)


def _ending(schedule: Mapping[str, str], key: str) -> str:
    if key != "endAt" or schedule.get("ending") != "Soft":
        return ""
    return f", softly: labs have {schedule['gracePeriod']} more"


def conditions(cohort: Object) -> list[Object]:
    """Return the conditions in the order in which a class comes to life."""
    order = {str(kind): place for place, kind in enumerate(CohortCondition)}
    found = status(cohort).get("conditions", [])
    return sorted(found, key=lambda one: order.get(one["type"], len(order)))


def _holds(condition: Object) -> bool:
    return bool(condition["status"] == "True")


def unready(cohort: Object) -> list[Object]:
    """Return the labs that are wanted and not to be had, those that were not made yet last."""
    fine = (*OVER, Phase.READY, Phase.SUSPENDED)
    waits = [one for one in labs(cohort) if not one.get("removed") and one.get("phase") not in fine]
    return sorted(waits, key=lambda one: one.get("phase") is None)


def waiting(cohort: Object) -> Iterator[str]:
    """Yield who waits for what, alike reasons together."""
    waits = unready(cohort)
    if waits:
        yield "not ready"
    for one in waits[:_NAMED]:
        why = f": {plain(one['message'])}" if one.get("message") else ""
        state = one.get("phase") or "not made yet"
        yield f"  {one['learner']}  lab {one['lab']}  {state}{why}"
    if len(waits) > _NAMED:
        counts = groupby(sorted(one.get("phase") or "not made yet" for one in waits[_NAMED:]))
        yield f"  and {', '.join(f'{len(list(group))} {state}' for state, group in counts)}"


def troubles(cohort: Object) -> list[Object]:
    """Return what keeps a class from being as it should be, each with its remedy."""
    name, said = cohort["metadata"]["name"], []
    if not status(cohort):
        text = "wait a minute; if it stays, ask the platform team whether the operator runs"
        return [_trouble("Accepted", "NotObserved", "no operator has looked at it yet", text)]
    if phase(cohort) == CohortPhase.ENDED:
        text = "a class that has ended does not come back: make another cohort"
        return [_trouble("Ready", "Ended", "the class has ended", text)]
    if cohort["spec"].get("paused"):
        text = f"practicum cohort resume {name}"
        return [_trouble("Ready", "Paused", "the class is paused: all labs are suspended", text)]
    for one in conditions(cohort):
        if not _holds(one):
            remedy = _REMEDIES.get(one["type"], "the message says what is missing")
            remedy = remedy.replace("NAME", name)
            said.append(_trouble(one["type"], one["reason"], one.get("message", ""), remedy))
    return said


def _trouble(condition: str, reason: str, message: str, remedy: str) -> Object:
    return {"condition": condition, "reason": reason, "message": message, "remedy": remedy}


def matrix(cohort: Object) -> Iterator["Table | Text"]:
    """Yield for each template a table of learners and checks, and what its columns are."""
    from rich.table import Table
    from rich.text import Text

    known = {one["name"]: one.get("checks", []) for one in status(cohort).get("templates", [])}
    for template in dict.fromkeys(one["template"] for one in labs(cohort)):
        rows = [one for one in labs(cohort) if one["template"] == template]
        checks = known.get(template, [])
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        ruler = "".join(str(number % 10) for number in range(1, len(checks) + 1))
        table.add_column(template, overflow="ellipsis")
        for header in ("phase", "passed", "points", ruler or "checks"):
            table.add_column(header, no_wrap=True)
        for one in rows:
            passed = f"{one.get('passed', 0)}/{one.get('total', 0)}"
            state = one.get("phase") or "not made"
            name = Text(plain(one["learner"]) + (" (removed)" if one.get("removed") else ""))
            table.add_row(name, state, passed, str(one.get("points", 0)), _letters(one))
        yield table
        legend = "  ".join(f"{number} {check}" for number, check in enumerate(checks, 1))
        yield Text(f"{legend}\n", style="dim")
    yield Text("P passed  F failed  E error  W waived  U cannot be told here  . not looked at yet")


def _letters(lab: Object) -> "Text":
    from rich.text import Text

    return Text.assemble(*((letter, _STYLES.get(letter, "")) for letter in lab.get("states", "")))


def columns(cohort: Object) -> Sequence[str]:
    """Return the columns that go with ``flat``: checks of several templates are told apart."""
    found = status(cohort).get("templates", [])
    checks = [f"{one['name']}/{check}" for one in found for check in one.get("checks", [])]
    return (*_LAB, *checks)


def flat(cohort: Object) -> Iterator[Object]:
    """Yield a row per lab, for spreadsheets and programs."""
    checks = {one["name"]: one.get("checks", []) for one in status(cohort).get("templates", [])}
    for one in labs(cohort):
        words = (_WORDS.get(letter, letter) for letter in one.get("states", ""))
        named = (f"{one['template']}/{check}" for check in checks.get(one["template"], []))
        # A status that is behind its template has fewer letters than there are checks.
        yield {key: one.get(key) for key in _LAB} | dict(zip(named, words, strict=False))


def changes(before: Object | None, after: Object) -> Iterator[str]:
    """Yield one line per lab whose progress or phase changed, for logs and pipes."""
    known = {one["lab"]: one for one in labs(before)} if before else {}
    for one in labs(after):
        was, keys = known.get(one["lab"]), ("phase", "states", "removed")
        if was is None or any(was.get(key) != one.get(key) for key in keys):
            counts = f"{one.get('passed', 0)}/{one.get('total', 0)}"
            state = one.get("phase") or "not made"
            cells = (plain(one["learner"]), one["lab"], state, counts, one.get("states", ""))
            yield "  ".join(cells).rstrip()
