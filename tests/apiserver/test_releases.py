"""Releases of policies, with the lab's own OPA: asked for, approved, rolled out, rolled back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION
from practicum.kube.client import Kube, Object
from tests import governed, lab_services, samples
from tests.governed import People
from tests.lab_services import MODULE, LabServices
from tests.opa_kubelet import OpaKubelet

from .conftest import LabMaker, eventually, namespaces, read, tool, until
from .operator_process import OperatorProcess

ADDRESSES = lab_services.addresses(65, 74)
_FREE = iter(ADDRESSES)
TEMPLATE = "released"
OWN = ("promotion.rego", "features.rego", "release.rego", "data.yaml")
ACTIONS = {
    **governed.CHANGES["actions"],  # type: ignore[dict-item]
    "ReleasePolicy": {"requesters": ["ml-engineer"], "approvals": 1, "roles": ["risk-reviewer"]},
}
POLICY = {"name": "policies"}


def own(name: str) -> str:
    return (MODULE / "policies" / name).read_text()


def template(namespace: str) -> Object:
    """Return a lab whose OPA is its own, with the policies of MOD-506."""
    body = governed.template(namespace)
    packed = {one["name"]: one for one in samples.packed("mod-506")["spec"]["components"]}
    keys = "\n".join(f'  {name}: {{{{ file("{name}") }}}}' for name in OWN)
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: opa-policies\ndata:\n"
    rules = {
        "name": "rules",
        "placement": "platform",
        "manifests": [{"path": "rules.yaml.j2", "content": f"{head}{keys}\n"}],
        "files": [{"path": name, "content": own(name)} for name in OWN],
    }
    some = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}}
    size = {**body["spec"]["sizes"]["standard"], "resources": {"opa": {"server": some}}}
    spec = body["spec"] | {
        "components": [*body["spec"]["components"], packed["opa"], rules],
        "images": {"opa": "openpolicyagent/opa:1.22.0"},
        "sizes": {"standard": size},
        "changes": {**governed.CHANGES, "actions": ACTIONS},
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "LabTemplate",
        "metadata": {"name": TEMPLATE, "namespace": namespace},
        "spec": LabTemplateSpec.model_validate(spec).wire(),
    }


@dataclass
class Room:
    kube: Kube
    lab: Object
    people: People
    platform: str
    kubelet: OpaKubelet
    learner: Kube

    async def write(self, **files: str) -> None:
        """Write policies as the learner; those of the module where none are given."""
        texts = {name: own(name) for name in OWN if name != "release.rego"}
        texts |= {name.replace("__", "."): text for name, text in files.items()}
        meta = {"name": "policies", "namespace": self.people.namespace}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": texts}
        await self.learner.apply(body, manager="kubectl")

    async def reach(self, request: str, state: str, seconds: float = 40) -> Object:
        return await self.people.reach(request, state, seconds)

    async def ask(self, name: str, version: str) -> None:
        await self.people.ask("mle", name, "ReleasePolicy", {**POLICY, "version": version})

    async def release(self, name: str, version: str) -> Object:
        await self.ask(name, version)
        await self.reach(name, "AwaitingApproval")
        await self.people.answer("reviewer-risk", name)
        return await self.reach(name, "Executed")

    async def policy(self) -> Any:
        status = (await read(self.kube, self.lab))["status"]
        return status.get("governed", {}).get("policy")

    async def promoted_by(self, name: str) -> str:
        """Return the version of the policy that judged a promotion."""
        target = {"name": "fraud-dev", "version": "2"}
        await self.people.ask("ds", name, "PromoteModel", target)

        async def judged() -> Object | None:
            found = await self.kube.get("ChangeRequest", self.people.namespace, name)
            decision: Object | None = found.get("status", {}).get("decision")
            return decision

        decision = await eventually(judged)
        spec = {"spec": {"withdrawn": True}}
        mle = await self.people.as_("ds")
        with contextlib.suppress(Exception):
            await mle.merge_patch("ChangeRequest", self.people.namespace, name, spec)
        return str(decision.get("policyRevision"))


@pytest.fixture
async def room(
    kube: Kube,
    operator: OperatorProcess,
    make_lab: LabMaker,
    as_learner: Callable[[Object], Awaitable[Kube]],
    tmp_path: Path,
) -> AsyncIterator[Room]:
    address = next(_FREE)
    services = LabServices([address])
    await services.start()
    await kube.apply(template("course-a"))
    lab = await make_lab(template=TEMPLATE)
    learner, platform = await namespaces(kube, lab)
    await governed.run_services(kube, platform, address, ("mlflow", "feast", "serving"))
    kubelet = OpaKubelet(kube, platform, address, tool("opa"), tmp_path)
    following = asyncio.create_task(kubelet.run())
    people = People(kube, lab, learner, tmp_path / "kubeconfig")
    await people.arrive()
    await until(kube, lab, "Ready")
    yield Room(kube, lab, people, platform, kubelet, await as_learner(lab))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await people.leave()
    await services.stop()


STRICTER = own("promotion.rego").replace('"promotion/1"', '"promotion/2"')


async def test_a_revision_is_released_decides_and_is_rolled_back(room: Room) -> None:
    assert await room.promoted_by("before") == "promotion/1"
    await room.write(promotion__rego=STRICTER)
    status = await room.release("stricter", "v2")
    assert status["message"] == "policies moved from template to v2"
    assert status["decision"]["policyRevision"] == "release/1"
    policy = await room.policy()
    assert (policy["revision"], policy["request"]) == ("v2", "stricter")
    assert policy["digest"] == status["outcome"]["digest"]
    bundle = await room.kube.get("ConfigMap", room.platform, policy["configMap"])
    assert bundle["immutable"] is True
    assert room.kubelet.starts == 2
    assert await room.promoted_by("after") == "promotion/2"
    await until(room.kube, room.lab, "Ready")

    await room.write(promotion__rego=STRICTER.replace("promotion/2", "promotion/3"))
    await room.release("third", "v3")
    assert await room.promoted_by("third-after") == "promotion/3"
    await room.release("back", "v2")
    assert (await room.policy())["configMap"] == policy["configMap"]
    assert await room.promoted_by("back-after") == "promotion/2"
    status = await room.release("home", "template")
    assert "digest" not in status["outcome"]
    assert await room.policy() is None
    assert await room.promoted_by("home-after") == "promotion/1"


async def test_what_cannot_be_released_is_refused_with_the_reason(room: Room) -> None:
    await room.ask("nothing", "v1")
    assert "there is no ConfigMap" in (await room.reach("nothing", "Denied"))["message"]
    await room.write(promotion__rego="package lab.promotion\n\nallow := x\n")
    await room.ask("broken", "v1")
    status = await room.reach("broken", "Denied")
    assert status["message"].endswith("promotion.rego:3: var x is unsafe")
    await room.write(promotion__rego="package lab.other\n")
    await room.ask("lacking", "v1")
    assert "lab.promotion is missing" in (await room.reach("lacking", "Denied"))["message"]
    await room.write(release__rego="package lab.release\n\nallow := true\ndeny := set()\n")
    await room.ask("taking-over", "v1")
    assert "the platform's own" in (await room.reach("taking-over", "Denied"))["message"]
    await room.ask("same", "template")
    status = await room.reach("same", "Denied")
    assert [one["control"] for one in status["decision"]["reasons"]] == ["REL-3"]
    assert room.kubelet.starts == 1


async def test_policies_that_changed_after_approval_are_not_released(
    room: Room, operator: OperatorProcess
) -> None:
    await room.write(promotion__rego=STRICTER)
    await room.ask("first", "v2")
    await room.reach("first", "AwaitingApproval")
    await room.write(promotion__rego=STRICTER.replace("promotion/2", "promotion/9"))
    await asyncio.sleep(1)
    await room.people.answer("reviewer-risk", "first")

    async def void() -> bool:
        status = await room.reach("first", "AwaitingApproval")
        return "the evidence has changed" in str(status)

    await eventually(void)
    assert room.kubelet.starts == 1


async def test_a_kill_while_opa_rolls_changes_nothing(
    room: Room, operator: OperatorProcess
) -> None:
    await room.write(promotion__rego=STRICTER)
    await room.ask("rolls", "v2")
    await room.reach("rolls", "AwaitingApproval")
    room.kubelet.broken = True
    await room.people.answer("reviewer-risk", "rolls")

    async def chosen() -> bool:
        return bool(await room.policy())

    await eventually(chosen)
    operator.kill()
    room.kubelet.broken = False
    operator.start()
    await room.reach("rolls", "Executed", 60)
    assert (await room.policy())["revision"] == "v2"
