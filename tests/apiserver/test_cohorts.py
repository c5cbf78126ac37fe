"""Classes on a real API server: from the roster to the end, through edits, pauses and kills."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from practicum.api.names import API_VERSION
from practicum.api.times import rfc3339
from practicum.clock import utcnow
from practicum.kube.client import Kube, Object
from practicum.policy import cohort

from .conftest import absent, eventually, lab_body, run_pods
from .operator_process import OperatorProcess

COURSE = "course-a"
_NUMBERS = itertools.count(1)
CohortMaker = Callable[..., Awaitable[str]]


def learners(*names: str, **more: Any) -> Object:
    return {"learners": [{"id": f"{name}@example.org", **more} for name in names]}


@pytest.fixture
async def make_cohort(kube: Kube, operator: OperatorProcess) -> AsyncIterator[CohortMaker]:
    """Creates LabCohorts with names of their own; deletes them, and so their labs, afterwards."""
    made: list[str] = []

    async def make(name: str = "", **spec: Any) -> str:
        name = name or f"class{next(_NUMBERS)}"
        meta = {"name": name, "namespace": COURSE}
        spec = {"roster": learners("ada", "bob"), "templates": [{"name": "mod-501"}], **spec}
        body: Object = {"apiVersion": API_VERSION, "kind": "LabCohort", "metadata": meta}
        await kube.create(body | {"spec": spec})
        made.append(name)
        return name

    yield make
    for name in made:
        await kube.delete("LabCohort", COURSE, name)
    for name in made:
        await eventually(lambda name=name: gone(kube, name), 90)


async def gone(kube: Kube, name: str) -> bool:
    return not await labs_of(kube, name)


async def labs_of(kube: Kube, name: str) -> dict[str, Object]:
    """Return a class' labs by the learner's name."""
    labs = await kube.list("LabEnvironment", COURSE, f"practicum.dev/cohort={name}")
    return {lab["spec"].get("learner", {}).get("id", "").split("@")[0]: lab for lab in labs}


async def status(kube: Kube, name: str) -> Object:
    found: Object = (await kube.get("LabCohort", COURSE, name))["status"]
    return found


async def edit(kube: Kube, name: str, **spec: Any) -> None:
    await kube.merge_patch("LabCohort", COURSE, name, {"spec": spec})


async def play(kube: Kube, name: str) -> None:
    """Play the kubelet for all labs of a class."""
    for lab in (await labs_of(kube, name)).values():
        for namespace in lab.get("status", {}).get("namespaces", []):
            await run_pods(kube, namespace)


async def until_status(
    kube: Kube, name: str, holds: Callable[[Object], bool], seconds: float = 60
) -> Object:
    """Wait, pods running meanwhile, until a class' status is as it should be."""

    async def asked() -> Object | None:
        await play(kube, name)
        found = await status(kube, name)
        assert holds(found), {key: found[key] for key in found if key != "labs"}
        return found

    found: Object = await eventually(asked, seconds)
    return found


async def test_a_class_from_its_roster_to_its_end(kube: Kube, make_cohort: CohortMaker) -> None:
    end = utcnow() + timedelta(hours=2)
    name = await make_cohort(schedule={"endAt": rfc3339(end)})
    found = await until_status(kube, name, lambda one: one["phase"] == "Running")
    assert (found["ready"], found["learners"], found["phases"]) == ("2/2", 2, {"Ready": 2})
    assert found["provisionedAt"]
    assert found["slowest"]["ready"]
    labs = await labs_of(kube, name)
    assert {row["lab"] for row in found["labs"]} == {
        lab["metadata"]["name"] for lab in labs.values()
    }
    assert {lab["status"]["expiresAt"] for lab in labs.values()} == {rfc3339(end)}
    (owner,) = labs["ada"]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("LabCohort", name)

    later = rfc3339(end + timedelta(minutes=30))
    await edit(kube, name, schedule={"endAt": later})

    async def extended() -> bool:
        labs = await labs_of(kube, name)
        return {lab["status"]["expiresAt"] for lab in labs.values()} == {later}

    await eventually(extended)

    await edit(kube, name, schedule={"endAt": rfc3339(utcnow() + timedelta(seconds=3))})
    ended = await until_status(kube, name, lambda one: one["phase"] == "Ended", 90)
    assert ended["phases"] == {"Expired": 2}
    assert {row["phase"] for row in ended["labs"]} == {"Expired"}


async def test_labs_are_made_before_the_bell_and_opened_at_it(
    kube: Kube, make_cohort: CohortMaker
) -> None:
    now = utcnow()
    schedule = {
        "provisionAt": rfc3339(now + timedelta(hours=1)),
        "startAt": rfc3339(now + timedelta(hours=2)),
        "endAt": rfc3339(now + timedelta(hours=3)),
        "access": "AtStart",
    }
    name = await make_cohort(roster=learners("ada"), schedule=schedule)
    early = await until_status(kube, name, lambda one: one["phase"] == "Scheduled")
    assert early["labs"][0]["message"] == f"made at {schedule['provisionAt']}"
    await edit(kube, name, schedule={"provisionAt": rfc3339(utcnow() + timedelta(seconds=2))})
    await until_status(kube, name, lambda one: one["ready"] == "1/1")
    (lab,) = (await labs_of(kube, name)).values()
    assert "learner" not in lab["spec"]
    bell = utcnow().replace(microsecond=0) + timedelta(seconds=4)
    await edit(kube, name, schedule={"startAt": rfc3339(bell)})

    async def opened() -> bool:
        labs = await labs_of(kube, name)
        return "ada" in labs and "credentials" in labs["ada"]["status"]

    await eventually(opened)
    assert utcnow() >= bell


async def test_a_pause_suspends_all_but_ends_no_other_suspension(
    kube: Kube, make_cohort: CohortMaker
) -> None:
    name = await make_cohort()
    await until_status(kube, name, lambda one: one["phase"] == "Running")
    ada = (await labs_of(kube, name))["ada"]["metadata"]["name"]
    suspended = {"spec": {"suspended": True}}
    await kube.merge_patch("LabEnvironment", COURSE, ada, suspended)
    await edit(kube, name, paused=True)
    await until_status(kube, name, lambda one: one["phases"] == {"Suspended": 2})
    assert (await status(kube, name))["phase"] == "Paused"
    await edit(kube, name, paused=False)
    await until_status(kube, name, lambda one: one["phases"] == {"Ready": 1, "Suspended": 1})
    assert (await labs_of(kube, name))["ada"]["spec"]["suspended"]


@pytest.mark.parametrize("policy", ["Keep", "Suspend", "Delete"])
async def test_whoever_is_taken_off_the_roster(
    kube: Kube, make_cohort: CohortMaker, policy: str
) -> None:
    name = await make_cohort(removalPolicy=policy)
    await until_status(kube, name, lambda one: one["phase"] == "Running")
    await edit(kube, name, roster=learners("ada"))
    left = {
        "Keep": {"Ready": 2},
        "Suspend": {"Ready": 1, "Suspended": 1},
        "Delete": {"Ready": 1},
    }[policy]

    def on_roster(one: Object) -> list[str]:
        return [row["learner"].split("@")[0] for row in one["labs"] if not row["removed"]]

    def without_bob(one: Object) -> bool:
        return on_roster(one) == ["ada"] and one["phases"] == left

    def with_bob(one: Object) -> bool:
        return on_roster(one) == ["ada", "bob"] and one["phases"] == {"Ready": 2}

    await until_status(kube, name, without_bob)
    await edit(kube, name, roster=learners("ada", "bob"))
    await until_status(kube, name, with_bob)


async def test_a_lab_that_is_deleted_is_made_again(kube: Kube, make_cohort: CohortMaker) -> None:
    name = await make_cohort(roster=learners("ada"))
    await until_status(kube, name, lambda one: one["phase"] == "Running")
    old = (await labs_of(kube, name))["ada"]["metadata"]
    await kube.delete("LabEnvironment", COURSE, old["name"])

    async def again() -> bool:
        await play(kube, name)
        new = (await labs_of(kube, name))["ada"]
        return new["metadata"]["uid"] != old["uid"] and new["status"]["phase"] == "Ready"

    await eventually(again, 90)


async def test_a_roster_in_a_config_map_and_what_is_wrong_with_it(
    kube: Kube, make_cohort: CohortMaker
) -> None:
    ref = {"configMapRef": {"name": "autumn-roster", "key": "roster.csv"}}
    name = await make_cohort(roster=ref)
    missing = await until_status(kube, name, lambda one: bool(one["message"]))
    assert "ConfigMap course-a/autumn-roster is not there" in missing["message"]
    assert missing["phase"] == "Pending"
    book: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "autumn-roster", "namespace": COURSE},
        "data": {"roster.csv": "email,size\nada@example.org,\n,standard\n"},
    }
    await kube.create(book)
    await edit(kube, name, maxConcurrentProvisioning=3)
    wrong = await until_status(kube, name, lambda one: "line 3" in one["message"])
    assert wrong["phase"] == "Pending"
    assert not await labs_of(kube, name), "nothing is half-done"
    fixed = {"data": {"roster.csv": "email,name\nada@example.org,Ada\n"}}
    await kube.merge_patch("ConfigMap", COURSE, "autumn-roster", fixed)
    await edit(kube, name, maxConcurrentProvisioning=4)
    await until_status(kube, name, lambda one: one["ready"] == "1/1")
    await kube.delete("ConfigMap", COURSE, "autumn-roster")


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"templates": [{"name": "mod-999"}]}, "'mod-999' exists neither"),
        ({"templates": [{"name": "mod-501", "size": "huge"}]}, "spec.size 'huge'"),
        ({"roster": learners("ada", templates=["mod-206"])}, "'mod-206' is not one of"),
    ],
)
async def test_what_no_lab_could_have_is_refused_for_the_class(
    kube: Kube, make_cohort: CohortMaker, spec: dict[str, Any], text: str
) -> None:
    name = await make_cohort(**spec)
    found = await until_status(kube, name, lambda one: bool(one["message"]))
    assert text in found["message"]
    (accepted,) = [one for one in found["conditions"] if one["type"] == "Accepted"]
    assert accepted["status"] == "False"
    assert not await labs_of(kube, name)


async def test_a_lab_that_is_refused_is_named_and_the_others_are_made(
    kube: Kube, make_cohort: CohortMaker
) -> None:
    taken = cohort.lab_name("class-taken", "ada@example.org", "mod-501")
    await kube.create(lab_body(taken, COURSE, learner={"id": "eve@example.org"}))
    name = await make_cohort(name="class-taken")
    found = await until_status(kube, name, lambda one: one["phases"].get("Ready") == 1)
    assert [row.get("phase") for row in found["labs"]] == [None, "Ready"]
    assert "cannot change" in found["labs"][0]["message"]
    await kube.delete("LabEnvironment", COURSE, taken)
    await until_status(kube, name, lambda one: one["ready"] == "2/2", 90)


async def test_labs_are_made_a_few_at_a_time(kube: Kube, make_cohort: CohortMaker) -> None:
    people = learners("a", "b", "c", "d")
    name = await make_cohort(roster=people, maxConcurrentProvisioning=2)

    async def two() -> bool:
        found = await status(kube, name)
        return bool(found["phases"] == {"Provisioning": 2, "Waiting": 2})

    await eventually(two)
    rows = (await status(kube, name))["labs"]
    assert [row.get("message") for row in rows[2:]] == ["next: others are being made"] * 2
    await until_status(kube, name, lambda one: one["ready"] == "4/4")


async def test_an_operator_that_was_away_goes_on_where_it_was(
    kube: Kube, make_cohort: CohortMaker, operator: OperatorProcess
) -> None:
    name = await make_cohort(roster=learners("a", "b", "c"), maxConcurrentProvisioning=1)

    async def begun() -> bool:
        return bool(await labs_of(kube, name))

    await eventually(begun)
    operator.kill()
    await edit(kube, name, roster=learners("a", "b"), maxConcurrentProvisioning=5)
    operator.revive()
    await until_status(kube, name, lambda one: one["ready"] == "2/2", 90)
    uids = {key: lab["metadata"]["uid"] for key, lab in (await labs_of(kube, name)).items()}
    operator.kill()
    operator.revive()
    await until_status(kube, name, lambda one: one["phase"] == "Running")
    assert uids == {key: lab["metadata"]["uid"] for key, lab in (await labs_of(kube, name)).items()}


async def test_a_class_that_is_deleted_takes_its_labs_along(
    kube: Kube, make_cohort: CohortMaker
) -> None:
    name = await make_cohort(roster=learners("ada"))
    await until_status(kube, name, lambda one: one["phase"] == "Running")
    await kube.delete("LabCohort", COURSE, name)
    await eventually(lambda: absent(kube, "LabCohort", COURSE, name))
    await eventually(lambda: gone(kube, name), 90)
