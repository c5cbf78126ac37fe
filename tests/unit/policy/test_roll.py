"""How a class stands, told from its labs."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from practicum.api.conditions import Phase
from practicum.api.labcohort import CohortPhase, LabCohortStatus
from practicum.api.times import rfc3339
from practicum.policy import cohort, roll
from practicum.policy.readiness import READY, Readiness
from practicum.policy.roll import Seen

from .test_cohort import BELL, END, PEOPLE, classroom

STATES = {"a": "pass", "b": "fail", "c": "pending", "d": "error", "e": "waived", "f": "unsupported"}


def body(name: str, phase: str, ready: int | None = None, **status: Any) -> dict[str, Any]:
    created = BELL - timedelta(minutes=30)
    said: dict[str, Any] = {"phase": phase, **status}
    if ready is not None:
        said["readyAt"] = rfc3339(created + timedelta(seconds=ready))
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": rfc3339(created)},
        "spec": {"template": "mod-501", "learner": {"id": "ada@example.org"}},
        "status": said,
    }


def told(
    phases: list[str | None], now: datetime = BELL, spent: str = "0", **spec: Any
) -> LabCohortStatus:
    """Return the status of a class whose labs are in these phases; None is not made."""
    resource = classroom(**spec)
    wanted = cohort.places(resource, resource.spec.roster.learners)[: len(phases)]
    labs: dict[str, Seen] = {}
    for number, (place, phase) in enumerate(zip(wanted, phases, strict=True)):
        if phase:
            ready = 30 + number if phase not in ("Pending", "Provisioning") else None
            labs[place.name] = roll.seen(body(place.name, phase, ready))
    rows = roll.rows(wanted, labs, {place.name: "next" for place in wanted})
    return roll.status(resource, READY, len(PEOPLE), rows, labs, Decimal(spent), "EUR", now)


def test_why_a_lab_is_not_as_it_should_be_stands_in_its_row() -> None:
    (place, *_) = cohort.places(resource := classroom(), resource.spec.roster.learners)
    labs = {place.name: roll.seen(body(place.name, "Ready", 30))}
    (row,) = roll.rows([place], labs, {place.name: "refused: spec.ttl"})
    assert (row.phase, row.message) == (Phase.READY, "refused: spec.ttl")


@pytest.mark.parametrize(
    ("phases", "minutes", "spec", "phase"),
    [
        ([None, None], -60, {}, CohortPhase.SCHEDULED),
        ([None, "Provisioning"], -20, {}, CohortPhase.PROVISIONING),
        (["Ready", None], -20, {}, CohortPhase.PROVISIONING),
        (["Ready", "Ready"], 0, {}, CohortPhase.RUNNING),
        (["Ready", "Degraded"], 0, {}, CohortPhase.RUNNING),
        (["Suspended", "Suspended"], 0, {"paused": True}, CohortPhase.PAUSED),
        (["Ready", "Expired"], 180, {}, CohortPhase.ENDING),
        (["Expiring", "Expired"], 180, {}, CohortPhase.ENDING),
        (["Expired", "Expired"], 10, {}, CohortPhase.ENDED),
    ],
)
def test_the_phase_of_a_class(
    phases: list[str | None], minutes: int, spec: dict[str, Any], phase: CohortPhase
) -> None:
    assert told(phases, BELL + timedelta(minutes=minutes), **spec).phase is phase


def test_labs_are_counted_and_the_slowest_is_named() -> None:
    status = told(["Ready", "Provisioning", None])
    assert status.phases == {"Provisioning": 1, "Ready": 1, "Waiting": 1}
    assert (status.ready, status.learners) == ("1/3", 5)
    assert status.slowest
    assert (status.slowest.ready, status.slowest.seconds) == (False, 1800)
    done = told(["Ready", "Ready"])
    assert done.slowest
    assert (done.slowest.ready, done.slowest.seconds) == (True, 31)
    assert done.provisioned_at == rfc3339(BELL)
    assert told([None]).slowest is None


def test_a_row_has_a_letter_for_each_check_and_columns_name_them() -> None:
    results = [{"id": id_, "state": state} for id_, state in STATES.items()]
    checks = {"results": results, "passed": 1, "total": 4, "points": 3}
    seen = roll.seen(body("one", "Ready", 30, checks=checks))
    assert (seen.row.states, seen.row.passed, seen.row.total) == ("PF.EWU", 1, 4)
    (column,) = roll.columns([seen, roll.seen(body("two", "Ready"))])
    assert (column.name, column.checks) == ("mod-501", list(STATES))


def test_labs_of_people_off_the_roster_are_shown_as_such() -> None:
    labs = {"stranger": roll.seen(body("stranger", "Ready", 30))}
    (row,) = roll.rows([], labs, {})
    assert (row.lab, row.removed, row.phase) == ("stranger", True, Phase.READY)


@pytest.mark.parametrize(
    ("spent", "reason", "percent"),
    [("1", "WithinBudget", 10), ("8", "BudgetNearlySpent", 80), ("12.5", "BudgetExhausted", 125)],
)
def test_a_budget_is_told_before_it_is_spent(spent: str, reason: str, percent: int) -> None:
    status = told(["Ready"], spent=spent, budget={"amount": "10"})
    (condition,) = [one for one in status.conditions if one.type == "WithinBudget"]
    assert condition.reason == reason
    assert status.spend
    assert (status.spend.percent, status.spend.currency) == (percent, "EUR")


def test_what_is_wrong_with_a_class_is_its_message() -> None:
    resource = classroom()
    bad = Readiness(False, "RosterInvalid", "line 3: id is missing")
    status = roll.status(resource, bad, 0, [], {}, Decimal(0), "EUR", END)
    assert (status.phase, status.message) == (CohortPhase.PENDING, "line 3: id is missing")


def test_a_condition_keeps_the_time_of_its_transition() -> None:
    first = told(["Provisioning"])
    resource = classroom().model_copy(update={"status": first})
    again = roll.status(resource, READY, 5, [], {}, Decimal(0), "EUR", END)
    times = {one.type: one.last_transition_time for one in again.conditions}
    assert times["Accepted"] == rfc3339(BELL)
