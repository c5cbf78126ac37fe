"""What the API server itself takes of a template's checks, and what that costs it."""

import json
from typing import Any

import pytest
import yaml

from practicum.api.kinds import KINDS as OBJECTS
from practicum.errors import Invalid
from practicum.kube.client import Kube, Object
from tests import samples
from tests.unit.api.test_check_kinds import KINDS

from .checked import COURSE, PLAN, template

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MOST = 1_000_000
"""Bytes; etcd takes one and a half million, and a request three."""
NAMES = sorted(KINDS)
MADE = {one.stem: yaml.safe_load(one.read_text()) for one in (samples.ROOT / "crds").iterdir()}


async def create(kube: Kube, checks: list[Object], **changes: Any) -> Object:
    """Ask for a template with checks as they are written; nothing is created."""
    (body,) = template("tried", {"id": "plan", **PLAN})
    titled = [{"id": f"c{at}", "title": "C", "task": "do", **one} for at, one in enumerate(checks)]
    body["spec"] |= {"checks": titled, **changes}
    path = OBJECTS["LabTemplate"].path(COURSE)
    return await kube.request("POST", path, query={"dryRun": "All"}, body=body)


@pytest.mark.parametrize("kind", NAMES)
async def test_each_kind_is_taken_by_itself(kube: Kube, kind: str) -> None:
    made = await create(kube, [{kind: KINDS[kind]}])
    (check,) = made["spec"]["checks"]
    assert kind in check
    # What the schema adds by itself is what our types would have said.
    assert (check["points"], check["fresh"], check["hidden"]) == (1, "fail", False)


@pytest.mark.parametrize("kind", NAMES)
async def test_two_kinds_are_refused(kube: Kube, kind: str) -> None:
    for other in NAMES:
        if other != kind:
            with pytest.raises(Invalid, match="each check looks at its lab in one way"):
                await create(kube, [{kind: KINDS[kind], other: KINDS[other]}])


async def test_none_is_refused_and_the_check_is_named(kube: Kube) -> None:
    with pytest.raises(Invalid, match=r"spec\.checks\[1\].*keep exactly one of object, access"):
        await create(kube, [PLAN, {}, PLAN])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tenants": [{"name": "learner"}]}, "call the tenant something else"),
        ({"tenants": [{"name": "platform"}]}, "call the tenant something else"),
        ({"drills": [{"name": "d", "title": "D"}]}, "keep outage or moveAlias"),
        (
            {
                "drills": [
                    {
                        "name": "d",
                        "title": "D",
                        "outage": {"component": "a"},
                        "moveAlias": {"model": "m"},
                    }
                ]
            },
            "keep outage or moveAlias",
        ),
        ({"answers": "x"}, "spec.answers"),
        ({"tenants": [{"name": f"t{number}"} for number in range(5)]}, "must have at most 4"),
    ],
)
async def test_what_goes_with_checks_is_bounded_too(kube: Kube, changes: Object, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        await create(kube, [PLAN], **changes)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({**PLAN, "points": 101}, "points"),
        ({"object": {"kind": "Secret"}}, "kind"),
        ({"reach": {"from": "learner", "to": "web"}}, "to"),
        ({"decision": {"path": "system/main"}}, "path"),
        ({"http": {"url": "https://example.org/"}}, "url"),
        ({"access": {"as": "system:admin", "can": KINDS["access"]["can"]}}, "as"),
        ({"document": {"key": "a", "schema": "../secret"}}, "schema"),
        ({"document": {"key": "a", "facts": [{"name": "x"}]}}, "each fact has one source"),
        ({"all": [PLAN] * 9}, "all"),
    ],
)
async def test_what_no_check_may_say(kube: Kube, check: Object, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        await create(kube, [check])
    assert said in str(caught.value)


async def test_the_largest_number_of_checks_is_within_what_rules_may_cost(kube: Kube) -> None:
    made = await create(kube, [{"all": [PLAN] * 8}] * 48)
    assert len(made["spec"]["checks"]) == 48
    with pytest.raises(Invalid, match="must have at most 48"):
        await create(kube, [PLAN] * 49)


@pytest.mark.parametrize("name", sorted(MADE))
async def test_every_crd_is_taken_with_what_its_rules_may_cost(kube: Kube, name: str) -> None:
    """The API server estimates the cost of all CEL rules, and refuses what could be too much."""
    body = MADE[name]
    query = {"fieldManager": "tests", "force": "true", "dryRun": "All"}
    made = await kube.request(
        "PATCH",
        f"{CRDS}/{body['metadata']['name']}",
        query=query,
        body=body,
        content_type="application/apply-patch+yaml",
    )
    states = {one["type"]: one["status"] for one in made["status"]["conditions"]}
    assert states["Established"] == "True"
    assert states.get("NonStructuralSchema", "False") == "False"
    size, text = len(json.dumps(body["spec"])), json.dumps(body)
    rules = text.count('"rule"')
    print(f"{name}: {size} bytes of schema, {rules} CEL rules")
    assert size < MOST
