"""Policies that learners write: what is said of them, where, and how soon."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from practicum.api.names import POLICY_STATUS
from practicum.errors import Forbidden
from practicum.kube.client import Kube, Object
from tests import governed

from .conftest import LabMaker, eventually, namespaces, read, told, until
from .operator_process import OperatorProcess

GOOD = "package lab.mine\n\nallow := true\n"
BAD = "package lab.mine\n\nallow := missing\n"
PROBLEM = "mine.rego:3: var missing is unsafe"


class Author:
    """A learner who writes policies, and a lab that tells."""

    def __init__(self, kube: Kube, lab: Object, learner: Kube, namespace: str) -> None:
        self.kube = kube
        self.lab = lab
        self.learner = learner
        self.namespace = namespace

    async def write(self, text: str) -> None:
        meta = {"name": "policies", "namespace": self.namespace}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        await self.learner.apply({**body, "data": {"mine.rego": text}}, manager="kubectl")

    async def told(self, status: str) -> Any:
        async def there() -> Any:
            found = await self.learner.get("ConfigMap", self.namespace, "policies")
            said = json.loads(found["metadata"]["annotations"][POLICY_STATUS])
            assert said["status"] == status, said
            return said

        return await eventually(there, 60)

    async def log(self) -> list[Any]:
        records = await governed.log_of(self.kube, self.lab)
        return [one for one in records if one["type"].startswith("Policy")]

    async def types(self, *expected: str) -> None:
        async def there() -> bool:
            found = [one["type"] for one in await self.log()]
            assert found == list(expected), found
            return True

        await eventually(there)


@pytest.fixture
async def author(
    kube: Kube,
    operator: OperatorProcess,
    make_lab: LabMaker,
    as_learner: Callable[[Object], Awaitable[Kube]],
) -> Author:
    await kube.apply(governed.template("course-a"))
    lab = await make_lab(template=governed.TEMPLATE)
    learner, _ = await namespaces(kube, lab)
    await until(kube, lab, "Ready")
    return Author(kube, lab, await as_learner(lab), learner)


async def test_a_policy_that_breaks_is_told_where_it_was_written_and_on_the_lab(
    author: Author,
) -> None:
    await author.write(BAD)
    said = await author.told("Broken")
    found = await until(author.kube, author.lab, "PolicyLoaded", "False", reason="PolicyBroken")
    assert (said["message"], found["message"]) == (PROBLEM, PROBLEM)
    await author.types("PolicyBroken")
    event = await told(author.kube, author.lab, "PolicyBroken")
    assert event["type"] == "Warning" and event["message"].endswith(f"policies: {PROBLEM}")
    assert (await read(author.kube, author.lab))["status"]["phase"] == "Ready"


async def test_the_learner_goes_on_writing_and_what_is_mended_is_told(author: Author) -> None:
    await author.write(BAD)
    await author.told("Broken")
    await author.write(GOOD)
    said = await author.told("Vetted")
    found = await until(author.kube, author.lab, "PolicyLoaded", reason="PolicyVetted")
    assert said["digest"] in found["message"] and "message" not in said
    await author.types("PolicyBroken", "PolicyMended")
    await author.write(BAD)
    await author.told("Broken")
    await author.types("PolicyBroken", "PolicyMended", "PolicyBroken")
    await author.learner.delete("ConfigMap", author.namespace, "policies")
    await author.types("PolicyBroken", "PolicyMended", "PolicyBroken", "PolicyMended")

    async def gone() -> bool:
        conditions = (await read(author.kube, author.lab))["status"]["conditions"]
        return "PolicyLoaded" not in [one["type"] for one in conditions]

    await eventually(gone)


async def test_our_word_is_nobody_elses(author: Author) -> None:
    claim = {"metadata": {"annotations": {POLICY_STATUS: "Vetted"}}}
    await author.write(BAD)
    said = await author.told("Broken")
    with pytest.raises(Forbidden, match="reserved"):
        await author.learner.merge_patch("ConfigMap", author.namespace, "policies", claim)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
    meta = {"namespace": author.namespace, **claim["metadata"]}
    with pytest.raises(Forbidden, match="reserved"):
        await author.learner.create({**body, "metadata": {**meta, "name": "other"}})
    # Dropped by whoever writes the whole of it, it is said again.
    dropped = {"metadata": {"annotations": {POLICY_STATUS: None}}}
    await author.learner.merge_patch("ConfigMap", author.namespace, "policies", dropped)
    assert await author.told("Broken") == said


async def test_both_writers_of_a_status_leave_each_other_alone(author: Author) -> None:
    await author.write(BAD)
    await until(author.kube, author.lab, "PolicyLoaded", "False")
    await author.types("PolicyBroken")
    meta = author.lab["metadata"]
    patch = {"spec": {"ttl": "9h"}}
    await author.kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], patch)

    async def seen() -> bool:
        return bool((await read(author.kube, author.lab))["status"]["observedGeneration"] == 2)

    await eventually(seen)
    await until(author.kube, author.lab, "PolicyLoaded", "False")
    status = (await read(author.kube, author.lab))["status"]
    assert status["audit"]["seq"] == (await author.log())[-1]["seq"]


async def test_nothing_is_written_while_nothing_changes(author: Author) -> None:
    async def versions() -> list[str]:
        config = await author.kube.get("ConfigMap", author.namespace, "policies")
        lab = await read(author.kube, author.lab)
        return [one["metadata"]["resourceVersion"] for one in (config, lab)]

    await author.write(BAD)
    await author.types("PolicyBroken")
    await asyncio.sleep(2)
    before = await versions()
    await asyncio.sleep(7)  # longer than the operator's resync
    assert await versions() == before


async def test_a_restart_says_nothing_twice(author: Author, operator: OperatorProcess) -> None:
    await author.write(BAD)
    await author.types("PolicyBroken")
    operator.kill()
    await author.write(BAD.replace("missing", "absent"))
    operator.start()

    async def renewed() -> bool:
        found = await until(author.kube, author.lab, "PolicyLoaded", "False")
        return "absent" in found["message"]

    await eventually(renewed)
    await author.types("PolicyBroken")
