"""What is counted of labs: templates without courses' own names, queues, and ends."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from practicum.api.conditions import Condition, Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import LabEnvironmentStatus, TemplateStatus
from practicum.api.times import rfc3339
from practicum.policy.verdict import QUEUED
from practicum.reconcile.capacity import Capacity
from practicum.reconcile.teardown import Teardown
from practicum.reconcile.templates import Templates
from tests.samples import SETTINGS, UID, template

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPEC = template().model_dump(by_alias=True, exclude_none=True, mode="json")
PINNED = TemplateStatus(name="mod-506", revision="mod-506-1")


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("where", "status", "label"),
    [
        (["practicum-system"], PINNED, "mod-506"),
        (["practicum-system", "another-course"], PINNED, "mod-506"),
        (["practicum-system", "course"], PINNED, "other"),
        (["course"], PINNED, "other"),
        ([], PINNED, "other"),
        (["practicum-system"], None, "none"),
    ],
)
def test_templates_of_courses_are_no_labels(
    where: list[str], status: TemplateStatus | None, label: str
) -> None:
    templates = Templates(cast(Any, None), SETTINGS)
    for namespace in where:
        templates.observe(namespace, "mod-506", SPEC)
    assert templates.shared("course", status) == label


def queued(*, began: bool, reason: str = QUEUED) -> LabEnvironmentStatus:
    accepted = Condition(
        type="Accepted", status="False", reason=reason, last_transition_time=rfc3339(NOW)
    )
    return LabEnvironmentStatus(template=PINNED if began else None, conditions=[accepted])


def test_labs_without_room_are_counted_by_what_they_lack() -> None:
    capacity = Capacity(cast(Any, None), SETTINGS, lambda: NOW)

    def counts() -> tuple[float, float]:
        name = "practicum_queued_labs"
        return value(name, lacks="place"), value(name, lacks="node")

    capacity.note("a", queued(began=False))
    capacity.note("b", queued(began=True))
    capacity.note("c", queued(began=True))
    assert counts() == (1, 2)
    capacity.note("a", queued(began=True))
    capacity.note("b", queued(began=True, reason="Accepted"))
    assert counts() == (0, 2)
    for uid in "abc":
        capacity.forget(uid)
    assert counts() == (0, 0)


@pytest.mark.parametrize(
    ("deleted", "expires", "seconds"),
    [
        (NOW - timedelta(seconds=40), NOW + timedelta(hours=1), 40),
        (None, NOW - timedelta(seconds=90), 90),
        # An edit of the ttl, or a timeout, ends it before the time that its status says.
        (None, NOW + timedelta(hours=1), 0),
        (None, None, 0),
    ],
)
def test_an_end_is_measured_once_and_from_when_it_came(
    deleted: datetime | None, expires: datetime | None, seconds: float
) -> None:
    lab = LabEnvironment.model_validate(
        {
            "metadata": {"name": "ada", "namespace": "course", "uid": UID}
            | ({"deletionTimestamp": rfc3339(deleted)} if deleted else {}),
            "spec": {"template": "mod-506"},
            "status": {"phase": Phase.READY} | ({"expiresAt": rfc3339(expires)} if expires else {}),
        }
    )
    teardown = Teardown(
        cast(Any, SimpleNamespace(kube=SimpleNamespace(list=None), clock=lambda: NOW)),
        cast(Any, None),
    )
    name = "practicum_delete_duration_seconds"
    before = value(f"{name}_count", step="revoked"), value(f"{name}_sum", step="revoked")
    for _ in range(2):
        teardown._measure(lab, "revoked")
    after = value(f"{name}_count", step="revoked"), value(f"{name}_sum", step="revoked")
    assert (after[0] - before[0], after[1] - before[1]) == (1, seconds)
