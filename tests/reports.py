"""Labs of a class, as their statuses say it, for reports: the same for the same numbers."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from practicum.api.names import API_VERSION, COHORT, USAGE_BOOK
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.api.usage import UsageRow
from tests import samples

Object = dict[str, Any]
GIB = 2**30
HOUR = 3600
STATES = ("pass", "fail", "error", "pending", "waived", "unsupported")
BORN = parse_rfc3339(samples.CREATED)


def usage(
    hours: int,
    *,
    cores: int = 1,
    gib: int = 2,
    cost: str = "0.2500",
    measured: bool = True,
    busy: int = 4,
) -> Object:
    """Return the usage of a lab that ran for some hours; 1/busy of its CPU was in use."""
    seconds = hours * HOUR
    found: Object = {
        "since": samples.CREATED,
        "meteredAt": rfc3339(BORN + timedelta(hours=hours)),
        "runningSeconds": seconds,
        "requests": {"cpuMillicores": 1000 * cores, "memoryBytes": gib * GIB},
        "requested": {
            "cpuMillicoreSeconds": 1000 * cores * seconds,
            "memoryByteSeconds": gib * GIB * seconds,
            "storageByteSeconds": GIB * seconds,
        },
        "cost": cost,
        "currency": "EUR",
    }
    if measured:
        found["used"] = {
            "cpuMillicoreSeconds": 1000 * cores * seconds // busy,
            "memoryByteSeconds": gib * GIB * seconds // 2,
            "measuredSeconds": seconds,
        }
        found["peak"] = {"cpuMillicores": 1500, "memoryBytes": GIB}
    return found


def checks(states: Sequence[str], ids: Sequence[str] = ()) -> Object:
    """Return what became of checks, a point for each that passed."""
    passed, total = states.count("pass"), sum(one not in STATES[4:] for one in states)
    names = ids or [f"check-{number}" for number in range(len(states))]
    return {
        "summary": f"{passed}/{total}",
        "passed": passed,
        "total": total,
        "points": passed,
        "maxPoints": total,
        "results": [
            {"id": name, "state": state, "since": samples.CREATED}
            for name, state in zip(names, states, strict=True)
        ],
    }


def activity(at: datetime, source: str = "Checks", count: int = 3) -> Object:
    """Return the last activity of a lab."""
    ready = {"name": "Ready", "at": samples.CREATED, "count": 1, "mark": samples.CREATED}
    signs = [{"name": source, "at": rfc3339(at), "count": count}] if source != "Ready" else []
    return {"lastActivityAt": rfc3339(at), "source": source, "sources": [ready, *signs]}


def lab(
    name: str,
    *,
    uid: str = "",
    course: str = "course-a",
    cohort: str = "",
    template: str = "mod-501",
    learner: str = "",
    ready: int | None = 120,
    **status: Any,
) -> Object:
    """Return a LabEnvironment; ``status`` are further fields of its status."""
    found: Object = {"phase": "Ready" if ready is not None else "Provisioning", **status}
    if ready is not None:
        found["readyAt"] = rfc3339(BORN + timedelta(seconds=ready))
    return {
        "apiVersion": API_VERSION,
        "kind": "LabEnvironment",
        "metadata": {
            "name": name,
            "namespace": course,
            "uid": uid or f"uid-of-{course}-{name}",
            "creationTimestamp": samples.CREATED,
            "labels": {COHORT: cohort} if cohort else {},
        },
        "spec": {"template": template, "learner": {"id": learner or f"{name}@example.org"}},
        "status": found,
    }


def book(
    *rows: UsageRow, course: str = "course-a", name: str = "practicum-usage-2026-11"
) -> Object:
    """Return a course's book of labs that are gone."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": course, "labels": {USAGE_BOOK: "true"}},
        "data": {row.uid: row.model_dump_json(by_alias=True, exclude_none=True) for row in rows},
    }


def gone(uid: str, **fields: Any) -> UsageRow:
    """Return what is left of a lab that is gone."""
    known: Object = {
        "uid": uid,
        "lab": "eve",
        "course": "course-a",
        "template": "mod-501",
        "learner": "eve@example.org",
        "created_at": samples.CREATED,
        "ended_at": samples.CREATED,
        "ready_seconds": 300,
        "checks": "2/4",
        "points": 2,
        "usage": usage(4, cost="1.0000"),
    }
    return UsageRow.model_validate(known | fields)


def class_of(
    count: int,
    ids: Sequence[str],
    *,
    course: str = "course-a",
    template: str = "mod-501",
    cohorts: Sequence[str] = ("autumn",),
    seed: int = 1,
) -> list[Object]:
    """Return labs of a class in all its variety."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        skill = chance.betavariate(2, 1.5)
        states = [
            "pass" if chance.random() < skill else chance.choice(("fail", "fail", "pending"))
            for _ in ids
        ]
        states[-1] = chance.choice((*("unsupported",) * 2, "waived", "error", "pending"))
        hours = chance.randint(2, 9)
        idle = chance.random() < 0.08
        at = BORN + timedelta(minutes=3 if idle else chance.randint(30, 60 * hours))
        slow = chance.random() < 0.04
        made.append(
            lab(
                f"{template}-l{number:03}",
                course=course,
                cohort=cohorts[number % len(cohorts)],
                template=template,
                learner=f"learner.{number:03}@example.org",
                ready=None if slow else int(chance.lognormvariate(4.9, 0.35)),
                checks=checks(["pending"] * len(ids) if idle or slow else states, ids),
                usage=usage(hours, cost=f"{hours * 0.0731:.4f}", busy=chance.choice((3, 4, 6, 12))),
                activity=activity(at, "Ready" if idle else chance.choice(("Checks", "Objects"))),
            )
        )
    return made
