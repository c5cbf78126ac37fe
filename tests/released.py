"""A lab that decides by policies of its own, on a control plane without nodes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practicum.api.bundles import BUNDLE
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION, POLICY_STATUS
from practicum.governance.backends import OPA_LOGIN
from practicum.governance.http import Services
from practicum.governance.vetting import digest_of
from practicum.kube.client import Kube, Object
from practicum.reconcile.runner import background
from practicum.settings import Settings
from tests import governed, samples
from tests.apiserver.conftest import eventually, namespaces, read, tool
from tests.apiserver.operator_process import ROOT_KEY
from tests.lab_services import MODULE, LabServices
from tests.opa_kubelet import OpaKubelet

TEMPLATE = "released"
OWN = ("promotion.rego", "features.rego", "release.rego", "data.yaml")
ACTIONS = {
    **governed.CHANGES["actions"],  # type: ignore[dict-item]
    "ReleasePolicy": {"requesters": ["ml-engineer"], "approvals": 1, "roles": ["risk-reviewer"]},
}
POLICY = {"name": "policies"}


def own(name: str) -> str:
    """Return one of the module's own policies."""
    return (MODULE / "policies" / name).read_text()


STRICTER = own("promotion.rego").replace('"promotion/1"', '"promotion/2"')
"""The module's policy for promotions, as a learner would make it another one."""


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
class Room(governed.Room):
    """One lab, those in it, and its OPA, which a release makes anew."""

    kubelet: OpaKubelet
    learner: Kube

    async def write(self, **files: str) -> None:
        """Write policies as the learner, and wait until the operator has read them.

        Args:
            files: text by name, ``__`` for the point; those of the module where none are given.
        """
        texts = {name: own(name) for name in OWN if name != "release.rego"}
        texts |= {name.replace("__", "."): text for name, text in files.items()}
        meta = {"name": "policies", "namespace": self.people.namespace}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": texts}
        await self.learner.apply(body, manager="kubectl")

        async def read_by_the_operator() -> bool:
            found = await self.learner.get("ConfigMap", meta["namespace"], meta["name"])
            said = json.loads(found["metadata"]["annotations"][POLICY_STATUS])
            return bool(digest_of(texts).startswith(said["digest"]))

        await eventually(read_by_the_operator, 60)

    async def reach(self, request: str, state: str, seconds: float = 60) -> Object:
        """Wait for a state; returns the status."""
        return await super().reach(request, state, seconds)

    async def ask(self, name: str, version: str) -> None:
        """Ask for a release."""
        await self.people.ask("mle", name, "ReleasePolicy", {**POLICY, "version": version})

    async def release(self, name: str, version: str, seconds: float = 60) -> Object:
        """Ask for a release, and have it approved and carried out."""
        await self.ask(name, version)
        await self.reach(name, "AwaitingApproval", seconds)
        await self.people.answer("reviewer-risk", name)
        return await self.reach(name, "Executed", seconds)

    async def policy(self) -> Any:
        """Return the release that the lab's status shows."""
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

    async def decides_by(self) -> tuple[str, str]:
        """Return what OPA itself says it runs: the bundle's revision, and the policy's version."""
        lab = samples.lab(
            settings=Settings(root_key=ROOT_KEY.encode()), uid=self.lab["metadata"]["uid"]
        )
        token = {"Authorization": f"Bearer {lab.password(OPA_LOGIN)}"}
        url = f"http://{self.address}:8181/v1/data/lab/promotion?provenance=true"
        async with Services() as services:
            answer = await services.call("POST", url, body={"input": {}}, headers=token)
        bundles = answer.body["provenance"].get("bundles", {})
        return bundles.get(BUNDLE, {}).get("revision", ""), answer.body["result"]["policy_version"]


@contextlib.asynccontextmanager
async def enter(
    kube: Kube, lab: Object, services: LabServices, address: str, folder: Path
) -> AsyncIterator[Room]:
    """Let a lab's services run at an address, OPA as its pod says, and its people come in."""
    _, platform = await namespaces(kube, lab)
    kubelet = OpaKubelet(kube, platform, address, tool("opa"), folder)
    async with background(kubelet.run()):
        names = ("mlflow", "feast", "serving")
        room = await governed.enter(kube, lab, services, address, folder, names)
        async with await Kube.connect(room.people.config) as learner:
            yield Room(**vars(room), kubelet=kubelet, learner=learner)
        await room.people.leave()
