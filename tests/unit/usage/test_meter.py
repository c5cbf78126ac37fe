"""The meter and the books: one lab, and one course, keeps no other from being counted."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import ChildKey, LabKey
from practicum.desired.lab import namespace_name
from practicum.errors import Forbidden
from practicum.kube.client import Kube
from practicum.settings import Settings
from practicum.usage.books import Books
from practicum.usage.meter import Meter
from practicum.usage.spending import Spending
from practicum.wiring import tools_for

Object = dict[str, Any]
LONG_AGO = "2026-11-21T12:00:00Z"
NOW = datetime(2026, 11, 21, 13, tzinfo=UTC)


def lab(name: str) -> Object:
    usage = {"since": LONG_AGO, "meteredAt": LONG_AGO, "cost": "3"}
    template = {"name": "mod-506", "revision": "mod-506-1"}
    meta = {"name": name, "namespace": "course-a", "uid": f"uid-{name}"}
    return {
        "kind": "LabEnvironment",
        "metadata": meta | {"creationTimestamp": LONG_AGO, "resourceVersion": "1"},
        "spec": {"template": "mod-506"},
        "status": {"phase": "Ready", "template": template, "usage": usage},
    }


def line(course: str, cost: str, **said: Any) -> str:
    usage = {"since": LONG_AGO, "meteredAt": LONG_AGO, "cost": cost}
    row = {"uid": "u", "lab": "ada", "course": course, "template": "mod-506"}
    return json.dumps({**row, "createdAt": LONG_AGO, "usage": usage, **said})


def book(namespace: str, **lines: str) -> Object:
    meta = {"name": "practicum-usage-2026-11", "namespace": namespace}
    return {"kind": "ConfigMap", "metadata": meta, "data": lines}


class Cluster:
    """An API server with labs and books; it refuses writes of one lab."""

    def __init__(self, *there: Object, refused: str = "") -> None:
        self.there, self.refused, self.written = there, refused, list[str]()
        self.statuses: list[Object] = []

    async def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        return [one for one in self.there if one["kind"] == kind]

    async def apply(self, body: Object, **_: Any) -> Object:
        name = body["metadata"]["name"]
        if name == self.refused:
            raise Forbidden(403, "Forbidden", "no")
        self.written.append(name)
        self.statuses.append(body["status"])
        return {**lab(name), **body, "metadata": lab(name)["metadata"]}


async def test_a_book_speaks_of_its_own_course_only() -> None:
    forged = line("course-a", "999999999", cohort="autumn")
    cluster = Cluster(
        book("course-a", **{"uid-ada": line("course-a", "2")}),
        book("elsewhere", **{"uid-ada": forged, "uid-bob": forged, "x": "{"}),
    )
    rows = await Books(cast(Kube, cluster)).rows()
    spending = Spending(Settings())
    spending.take_in([*rows[::-1]])
    assert spending.of_course("course-a") == Decimal(2)
    assert spending.of_cohort(LabKey("course-a", "autumn")) == 0


async def test_a_lab_that_cannot_be_written_keeps_no_other_from_being_metered() -> None:
    cluster = Cluster(lab("ada"), lab("bob"), lab("cy"), refused="bob")
    kube = cast(Kube, cluster)
    tools = replace(tools_for(kube, Settings()), clock=lambda: NOW)
    spending = Spending(Settings())
    meter = Meter(tools, Books(kube), spending)
    await meter.run()
    assert (cluster.written, spending.of_course("course-a")) == ([], Decimal(9)), "a restart"
    await meter.run()
    assert sorted(cluster.written) == ["ada", "cy"]
    assert spending.of_course("course-a") == Decimal(3)


def _quota(namespace: str, secrets: int) -> Object:
    labels = {"practicum.dev/lab-uid": "uid-ada"}
    meta = {"name": "objects", "namespace": namespace, "labels": labels}
    return {
        "kind": "ResourceQuota",
        "metadata": meta,
        "status": {"used": {"count/secrets": str(secrets)}},
    }


async def test_what_is_made_where_no_learner_may_make_anything_is_no_sign_of_life() -> None:
    ready = lab("ada")
    ready["status"]["readyAt"] = LONG_AGO
    names = [namespace_name("ada", "uid-ada", side) for side in ("learner", "team-b", "platform")]
    quotas = [_quota(name, made) for name, made in zip(names, (1, 2, 64), strict=True)]
    cluster = Cluster(ready, *quotas)
    kube = cast(Kube, cluster)
    tools = replace(tools_for(kube, Settings()), clock=lambda: NOW)
    meter = Meter(tools, Books(kube), Spending(Settings()))
    await meter.run()
    await meter.run()
    (status,) = cluster.statuses
    marks = {one["name"]: one["mark"] for one in status["activity"]["sources"]}
    assert marks["Objects"] == "0,3,0,0,0,0,0"


def test_a_secret_that_is_to_be_looked_at_anew_is_no_sign_of_life() -> None:
    kept = [ChildKey("ConfigMap", "lab-ada", "lab-tasks"), ChildKey("Secret", "lab-ada", "logins")]
    tools = tools_for(cast(Kube, Cluster()), Settings())
    quota = {"metadata": {"namespace": "lab-ada"}}
    found = []
    for keys in (kept, kept[:1]):
        inventory = cast(Any, SimpleNamespace(keys=lambda _, keys=keys: iter(keys)))
        meter = Meter(replace(tools, inventory=inventory), cast(Any, None), Spending(Settings()))
        found.append(
            meter._ours(LabEnvironment.model_validate(lab("ada"), extra="ignore"), [quota])
        )
    assert found[0] == found[1] == {"count/configmaps": 1}
