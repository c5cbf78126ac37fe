"""Before a lab is archived everything in it stops, or it is said what does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.times import rfc3339
from practicum.errors import ArchiveError
from practicum.kube.client import Kube
from practicum.reconcile.archive import Archiver
from practicum.settings import Settings
from practicum.wiring import tools_for
from tests import samples

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Pods:
    """An API server with some pods and nothing that makes any."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods, self.deleted = pods, list[str]()

    async def list(self, kind: str, namespace: str, labels: str = "") -> list[dict[str, Any]]:
        return list(self.pods) if kind == "Pod" else []

    async def find(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        gone = {"metadata": {"name": name, "deletionTimestamp": rfc3339(NOW)}}
        return gone if kind == "Pod" else None

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        self.deleted.append(name)


def pod(name: str, phase: str, ending: timedelta | None = None) -> dict[str, Any]:
    meta = {"name": name} | ({"deletionTimestamp": rfc3339(NOW - ending)} if ending else {})
    return {"metadata": meta, "status": {"phase": phase}}


def archiver(kube: Pods) -> Archiver:
    tools = replace(tools_for(cast(Kube, kube), Settings(archive_image="i")), clock=lambda: NOW)
    return Archiver(tools, cast(Any, None))


async def test_pods_that_have_ended_go_and_are_not_waited_for() -> None:
    kube = Pods(
        pod("runs", "Running"),
        pod("over", "Succeeded"),
        pod("ends", "Running", timedelta(seconds=50)),
    )
    assert await archiver(kube)._stop({"learner": "lab-ada-123456"}) == 2
    assert kube.deleted == ["runs", "over"]


async def test_a_class_that_ends_is_archived_a_few_at_a_time() -> None:
    one = archiver(Pods())
    status = LabEnvironmentStatus(exhibits_at=samples.CREATED)
    labs = [
        samples.resource(uid=f"lab-{number}", on_expiry="Archive").model_copy(
            update={"status": status}
        )
        for number in range(6)
    ]

    async def turns() -> list[bool]:
        said = [(await one.advance(lab, [])).readiness.message for lab in labs]
        return [text != "other labs have their turn" for text in said]

    assert await turns() == [True] * 4 + [False] * 2
    assert await turns() == [True] * 4 + [False] * 2
    one.forget(labs.pop(1).uid)
    assert await turns() == [True] * 4 + [False]


async def test_a_pod_that_does_not_end_is_named() -> None:
    kube = Pods(pod("lost", "Running", timedelta(minutes=3)))
    with pytest.raises(ArchiveError, match="pod lab-ada-123456/lost does not end"):
        await archiver(kube)._stop({"learner": "lab-ada-123456"})
