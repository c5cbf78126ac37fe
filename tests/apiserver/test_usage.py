"""What labs use is metered in their status, kept in the course's books, and held to budgets."""

import json
from collections.abc import Callable
from decimal import Decimal

from practicum.api.names import MANAGED_BY
from practicum.kube.client import Kube, Object

from .conftest import LabMaker, absent, condition, eventually, namespaces, read, run_pods, told
from .operator_process import OperatorProcess

OperatorWith = Callable[..., OperatorProcess]
RATES = '{"cpuCoreHour": "3600", "memoryGiBHour": "0", "storageGiBHour": "0"}'
"""A core costs 1 a second, so that a test need not wait for money to be spent."""


async def run(kube: Kube, lab: Object) -> None:
    """Play the kubelet until the lab is ready."""
    spaces = await namespaces(kube, lab)

    async def ready() -> bool:
        for name in spaces:
            await run_pods(kube, name)
        return bool((await read(kube, lab))["status"]["phase"] == "Ready")

    await eventually(ready, 60)


async def spent(kube: Kube, lab: Object, least: str = "0.5") -> Object:
    """Wait until the lab has cost something; returns its usage."""

    async def enough() -> Object | None:
        usage: Object = (await read(kube, lab))["status"]["usage"]
        return usage if Decimal(usage["cost"]) >= Decimal(least) else None

    found: Object = await eventually(enough, 40)
    return found


async def books(kube: Kube, course: str) -> dict[str, Object]:
    found = await kube.list("ConfigMap", course, "practicum.dev/usage-book")
    return {uid: json.loads(row) for one in found for uid, row in one["data"].items()}


async def test_a_lab_is_metered_and_its_line_outlives_it(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(meter_interval="1s", rate_card=RATES)
    lab = await make_lab()
    meta = lab["metadata"]
    await run(kube, lab)
    usage = await spent(kube, lab)
    quotas = [
        quota["status"]["used"]
        for name in (await read(kube, lab))["status"]["namespaces"]
        for quota in await kube.list("ResourceQuota", name)
    ]
    storage = sum(int(used.get("requests.storage", "0Gi").removesuffix("Gi")) for used in quotas)
    assert storage > 0
    assert usage["requests"]["storageBytes"] == storage * 2**30
    assert usage["requests"]["cpuMillicores"] > 0
    assert usage["used"]["measuredSeconds"] == 0, "nothing measures pods here"

    async def active() -> Object:
        found: Object = (await read(kube, lab))["status"]["activity"]
        return found

    activity = await eventually(active)
    # A look between two writes of the operator may take one of them for a learner's.
    assert {"Ready", "Learner", "Resumed"} <= {one["name"] for one in activity["sources"]}
    await kube.delete("LabEnvironment", meta["namespace"], meta["name"])
    await eventually(lambda: absent(kube, "LabEnvironment", meta["namespace"], meta["name"]), 60)
    row = (await books(kube, meta["namespace"]))[meta["uid"]]
    assert (row["lab"], row["learner"]) == (meta["name"], f"{meta['name']}@example.org")
    assert Decimal(row["usage"]["cost"]) >= Decimal(usage["cost"])
    assert row["readySeconds"] >= 0


async def test_what_a_learner_makes_is_a_sign_and_a_lab_without_any_is_suspended(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(meter_interval="1s", idle_after="45s", idle_warning="15s")
    lab = await make_lab()
    await run(kube, lab)
    learner, _ = await namespaces(kube, lab)

    async def settled() -> bool:
        """Whether the last look knew of the report of checks that the operator itself makes."""
        status = (await read(kube, lab))["status"]
        made = [
            one
            for one in await kube.list("ConfigMap", learner)
            if MANAGED_BY not in one["metadata"].get("labels", {})
        ]
        marks = {one["name"]: one.get("mark", "") for one in status["activity"]["sources"]}
        return bool(status["checks"] and marks["Objects"] == f"{len(made)},0,0,0,0,0,0")

    await eventually(settled)
    note: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mine", "namespace": learner},
    }
    await kube.create(note)

    async def noticed() -> bool:
        seen = (await read(kube, lab))["status"]["activity"]
        assert seen["source"] == "Objects", seen
        return True

    await eventually(noticed)
    await told(kube, lab, "SuspendedSoon")
    await told(kube, lab, "IdleSuspended")

    async def suspended() -> bool:
        now = await read(kube, lab)
        return bool(now["spec"]["suspended"] and now["status"]["phase"] == "Suspended")

    await eventually(suspended)
    assert (await condition(kube, lab, "Idle"))["reason"] == "IdleSuspended"
    meta = lab["metadata"]
    spec = {"spec": {"suspended": False}}
    await kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], spec)

    async def resumed() -> bool:
        idle = await condition(kube, lab, "Idle")
        seen = (await read(kube, lab))["status"]["activity"]
        assert (idle["reason"], seen["source"]) == ("Active", "Resumed"), (idle, seen)
        return True

    await eventually(resumed)


async def test_a_spent_budget_blocks_new_labs_and_leaves_those_that_run(
    kube: Kube, make_lab: LabMaker, operator_with: OperatorWith
) -> None:
    operator_with(meter_interval="1s", rate_card=RATES, budgets='{"course-b": "0.5"}')
    first = await make_lab(course="course-b")
    await run(kube, first)
    await spent(kube, first)

    async def refused() -> Object | None:
        second = await make_lab(course="course-b")
        accepted = await eventually(lambda: condition(kube, second, "Accepted"))
        return second if accepted["reason"] == "BudgetExhausted" else None

    second: Object = await eventually(refused)
    status = (await read(kube, second))["status"]
    assert status["phase"] == "Pending"
    assert "has spent" in status["message"]
    assert "of 0.5 EUR" in status["message"]
    assert not status["namespaces"]
    assert (await read(kube, first))["status"]["phase"] == "Ready"
