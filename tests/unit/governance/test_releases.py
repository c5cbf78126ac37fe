"""Releases of policies against stand-ins: what is kept, what is dropped, and when OPA will not."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from practicum.api.change import ChangeRequest, ChangeRequestSpec, OutcomeStatus
from practicum.api.governing import Changes
from practicum.errors import ServiceError
from practicum.governance.evidence import Unfounded
from practicum.governance.http import Answer
from practicum.governance.ledger import Kind, Ledger, replay
from practicum.governance.releases import Press, Releases
from practicum.governance.vetting import Vetted
from practicum.policy.floor import Control
from tests import samples

OWN = {
    "data": {"release.rego": "package lab.release\n", "promotion.rego": "package lab.promotion\n"}
}
TEXTS = {
    "promotion.rego": "package lab.promotion\n",
    "promotion_test.rego": "package lab.promotion_test\n",
    "data.yaml": "lab: {}\n",
}
VETTED = Vetted("d" * 64, data='{"lab":{}}', packages=("lab.promotion", "lab.promotion_test"))


@dataclass
class World:
    """Plays the API server, the register, the learner's draft and OPA."""

    configs: dict[str, Any] = field(default_factory=lambda: {"opa-policies": OWN})
    chosen: list[Any] = field(default_factory=list)
    runs: str = ""
    texts: dict[str, str] | None = field(default_factory=lambda: dict(TEXTS))
    vetted: Vetted = VETTED
    now: datetime = datetime(2026, 11, 21, tzinfo=UTC)

    @property
    def shown(self) -> "World":
        return self

    @property
    def press(self) -> Press:
        me: Any = self
        return Press(me, me, me, me, lambda: self.now)

    def releases(self, ledger: Ledger | None = None, press: Press | None = None) -> Releases:
        changes = Changes.model_validate({"actions": {"ReleasePolicy": {"approvals": 1}}})
        known = ledger or Ledger()
        return Releases(press or self.press, samples.lab(), changes, known, cast(Any, self))

    async def find(self, kind: str, namespace: str, name: str) -> Any:
        return self.configs.get(name)

    async def create(self, body: Any) -> Any:
        self.configs[body["metadata"]["name"]] = body

    async def list(self, kind: str, namespace: str, labels: str) -> Any:
        return [one for name, one in self.configs.items() if name.startswith("opa-bundle")]

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        del self.configs[name]

    async def choose(self, lab: Any, policy: Any) -> None:
        self.chosen.append(policy.revision if policy else "")

    def at(self, namespace: str) -> Any:
        return self if self.texts is not None else None

    async def vet(self, draft: Any) -> Vetted:
        return self.vetted

    async def opa(self, path: str, question: Any) -> Answer:
        bundles = {"bundles": {"lab": {"revision": self.runs}}} if self.runs else {}
        return Answer(200, {"provenance": bundles})


def asked(version: str | None = "v1", name: str = "policies") -> ChangeRequestSpec:
    target = {"name": name} | ({"version": version} if version else {})
    body = {"action": "ReleasePolicy", "target": target, "requester": "mle", "reason": "r"}
    return ChangeRequestSpec.model_validate(body)


def request(uid: str = "u1") -> ChangeRequest:
    return ChangeRequest(metadata={"name": "r1", "uid": uid}, spec=asked())


async def intended(releases: Releases, version: str = "v1") -> OutcomeStatus:
    return releases.intended(await releases.facts(asked(version)))


def ledger(*revisions: str) -> Ledger:
    return replay(
        {
            "seq": at + 1,
            "type": Kind.STATE_CHANGED,
            "state": "Executed",
            "action": "ReleasePolicy",
            "request": {"name": f"r-{one}", "uid": one},
            "outcome": {"after": one, **({"digest": f"{at:064}"} if one != "template" else {})},
        }
        for at, one in enumerate(revisions)
    )


async def test_the_evidence_is_of_every_file_that_will_decide() -> None:
    facts = await World().releases().facts(asked(None))
    policy = facts["policy"]
    assert [one["name"] for one in policy["files"]] == ["promotion.rego", "release.rego"]
    assert (policy["revision"], facts["current"]) == ("d" * 12, {"revision": "template"})
    assert policy["packages"] == list(VETTED.packages)


@pytest.mark.parametrize(
    ("change", "spec", "said"),
    [
        ({"texts": None}, asked(), "there is no ConfigMap"),
        ({"vetted": Vetted("d" * 64, "a.rego:3: oh")}, asked(), "do not compile: a.rego:3: oh"),
        ({"vetted": Vetted("d" * 64)}, asked(), "package lab.promotion is missing"),
        ({"configs": {}}, asked(), "no policy that decides on releases"),
        ({}, asked(name="other"), "a release is of policies"),
    ],
)
async def test_what_is_not_there_cannot_be_released(
    change: dict[str, Any], spec: ChangeRequestSpec, said: str
) -> None:
    with pytest.raises(Unfounded, match=said):
        await World(**change).releases().facts(spec)


async def test_a_release_is_done_once_opa_says_so() -> None:
    world = World()
    press, releases = world.press, world.releases()
    outcome = await intended(releases)
    with pytest.raises(ServiceError, match="OPA runs revision template, v1 is to come"):
        await world.releases(press=press).execute(request(), outcome)
    assert world.chosen == ["v1"]
    assert outcome.digest and f"opa-bundle-{outcome.digest[:12]}" in world.configs
    world.texts = None  # what was kept needs the draft no more
    world.runs = "v1"
    assert await world.releases(press=press).execute(request(), outcome) == outcome
    assert press.begun == {}


async def test_what_changed_since_is_not_released() -> None:
    world = World()
    outcome = await intended(world.releases())
    world.texts = {**TEXTS, "promotion.rego": "package lab.promotion\n\nallow := true\n"}
    with pytest.raises(Unfounded, match="changed since") as caught:
        await world.releases().execute(request(), outcome)
    assert caught.value.reason.control == Control.EXECUTION
    assert world.chosen == []


async def test_opa_that_does_not_come_round_goes_back_to_what_it_ran() -> None:
    world, known = World(runs="v0"), ledger("v0")
    press = world.press
    outcome = await intended(world.releases(known))
    with pytest.raises(ServiceError):
        await world.releases(known, press).execute(request(), outcome)
    world.now += timedelta(minutes=6)
    with pytest.raises(Unfounded, match="goes back to revision v0") as caught:
        await world.releases(known, press).execute(request(), outcome)
    assert caught.value.reason.control == Control.EXECUTION
    assert world.chosen == ["v1", "v1", "v0"]


async def test_former_revisions_are_found_by_name_and_the_last_are_kept() -> None:
    revisions = [f"v{at}" for at in range(8)]
    known = ledger(*revisions)
    configs = {f"opa-bundle-{at:012}": {"metadata": {"name": f"opa-bundle-{at:012}"}} for at in [0]}
    world = World(configs=configs, runs="v0", texts=None)
    # Digests of these tests are numbers with zeros before them: all have one name.
    facts = await world.releases(known).facts(asked("v0"))
    assert facts["policy"]["formerly_released"] and facts["current"] == {"revision": "v7"}
    del world.configs["opa-bundle-000000000000"]
    with pytest.raises(Unfounded, match="the last 5 are kept"):
        await world.releases(known).facts(asked("v0"))


async def test_the_templates_own_policies_are_a_revision_too() -> None:
    known = ledger("v1")
    world = World()
    outcome = await intended(world.releases(known), "template")
    assert (outcome.before, outcome.after, outcome.digest) == ("v1", "template", None)
    assert await world.releases(known).execute(request(), outcome) == outcome
    assert world.chosen == [""]
    assert ledger("v1", "template").release is None


async def test_old_bundles_are_dropped() -> None:
    digests = [f"{at}" * 64 for at in range(8)]
    known = Ledger()
    for at, digest in enumerate(digests):
        known._released({"after": f"v{at}", "digest": digest}, f"r{at}")
    names = [f"opa-bundle-{digest[:12]}" for digest in digests]
    world = World(configs={name: {"metadata": {"name": name}} for name in names}, runs="v1")
    outcome = OutcomeStatus(name="policies", after="v1", digest=digests[1])
    await world.releases(known).execute(request(), outcome)
    assert sorted(world.configs) == [names[1], *names[3:]]
