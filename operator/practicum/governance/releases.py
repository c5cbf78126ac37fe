"""Releases revisions of a lab's policies: what a learner wrote becomes what the lab decides by.

A revision is a signed bundle in a ConfigMap that nobody changes. Which one is to run stands in the
lab's status; the reconciler makes OPA run it. The package that decides on releases is not part of
what learners write: the platform adds it to every bundle.
"""

import base64
import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from practicum import errors
from practicum.api.bundles import BUNDLE, FILE, KEY_PURPOSE
from practicum.api.change import Action, ChangeRequest, ChangeRequestSpec, OutcomeStatus
from practicum.api.governing import Changes
from practicum.api.labstatus import PolicyRelease
from practicum.api.names import GROUP, POLICIES
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.errors import ServiceError
from practicum.governance.backends import Backends
from practicum.governance.drafts import Drafts
from practicum.governance.evidence import Unfounded
from practicum.governance.judging import PACKAGES
from practicum.governance.ledger import TEMPLATE, Ledger, Release
from practicum.governance.policies import Policies
from practicum.governance.register import Register
from practicum.governance.vetting import RELEASE, ROOT, Vetted
from practicum.kube.client import Kube, Object
from practicum.policy.bundle import Bundle
from practicum.policy.floor import Control

_LABEL: Final = f"{GROUP}/policy-bundle"
_KEPT: Final = 5
"""Former revisions that one can go back to."""
_PATIENCE: Final = timedelta(minutes=5)
"""For OPA to run what was approved; then it goes back to what it ran before."""
_OWN: Final = f"{RELEASE}.rego"


@dataclass(frozen=True)
class Press:
    """What releases are made with; the same for all labs."""

    kube: Kube
    register: Register
    drafts: Drafts
    policies: Policies
    clock: Clock
    begun: dict[str, datetime] = field(default_factory=dict)
    """Since when OPA is to run what a request released, by the request's uid."""


@dataclass(frozen=True)
class Releases:
    """The revisions of one lab, for one pass."""

    press: Press
    lab: Lab
    changes: Changes
    ledger: Ledger
    backends: Backends

    @property
    def _platform(self) -> str:
        return self.lab.namespaces["platform"]

    @property
    def _running(self) -> str:
        return self.ledger.release.revision if self.ledger.release else TEMPLATE

    async def facts(self, spec: ChangeRequestSpec) -> dict[str, Any]:
        """Return the evidence for a release.

        Raises:
            Unfounded: there is nothing that can be released.
            ServiceError: it cannot be known now.
        """
        if spec.target.name != POLICIES:
            raise Unfounded(f"spec.target.name: a release is of {POLICIES}")
        version = spec.target.version or ""
        current = {"revision": self._running}
        if version == TEMPLATE:
            own = await self._template()
            policy = _document(TEMPLATE, _sum(json.dumps(own, sort_keys=True)), own)
            return {"policy": policy | {"formerly_released": True}, "current": current}
        if former := self.ledger.releases.get(version):
            if not await self.press.kube.find("ConfigMap", self._platform, _name(former.digest)):
                kept = f"the last {_KEPT} are kept"
                raise Unfounded(f"spec.target.version {version}: it is no longer there, {kept}")
            policy = _document(version, former.digest, {})
            return {"policy": policy | {"formerly_released": True}, "current": current}
        bundle, vetted = await self._drafted(version)
        policy = _document(bundle.revision, bundle.digest(), dict(bundle.modules))
        policy |= {
            "data": hashlib.sha256(vetted.data.encode()).hexdigest(),
            "packages": list(vetted.packages),
        }
        return {"policy": policy, "current": current}

    def intended(self, facts: Mapping[str, Any]) -> OutcomeStatus:
        """Return what a release will change."""
        policy = facts["policy"]
        digest = None if policy["revision"] == TEMPLATE else policy["digest"]
        return OutcomeStatus(
            name=POLICIES, before=self._running, after=policy["revision"], digest=digest
        )

    async def execute(self, request: ChangeRequest, outcome: OutcomeStatus) -> OutcomeStatus:
        """Make OPA decide by a revision.

        Raises:
            Unfounded: it cannot be done any more, or OPA did not come to run it.
            ServiceError: OPA does not run it yet.
        """
        uid = str(request.metadata["uid"])
        late = self.press.clock() > self.press.begun.setdefault(uid, self.press.clock()) + _PATIENCE
        wanted = None
        if outcome.digest:
            wanted = Release(outcome.after, outcome.digest, request.metadata["name"])
            await self._keep(wanted)
        await self._choose(wanted)
        try:
            await self._await(outcome.after)
        except ServiceError as error:
            if not late:
                raise
            del self.press.begun[uid]
            await self.settle()
            text = f"{error}; the lab goes back to revision {self._running}"
            raise Unfounded(text, Control.EXECUTION) from error
        del self.press.begun[uid]
        await self._tidy(outcome.digest or "")
        return outcome

    async def settle(self) -> None:
        """Have the lab decide by what was released last, as the log has it."""
        await self._choose(self.ledger.release)

    async def _choose(self, wanted: Release | None) -> None:
        policy = None
        if wanted:
            policy = PolicyRelease(
                revision=wanted.revision,
                config_map=_name(wanted.digest),
                digest=wanted.digest,
                request=wanted.request,
            )
        await self.press.register.shown.choose(self.lab, policy)

    async def _await(self, revision: str) -> None:
        """Look whether OPA itself says that it decides by a revision.

        Raises:
            ServiceError: it does not, or it does not answer.
        """
        answer = await self.backends.opa(PACKAGES[Action.RELEASE_POLICY], {})
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise ServiceError("OPAFailed", f"OPA answered {answer.status}")
        bundles = (answer.body.get("provenance") or {}).get("bundles") or {}
        runs = str((bundles.get(BUNDLE) or {}).get("revision") or TEMPLATE)
        if runs != revision:
            raise ServiceError("Rolling", f"OPA runs revision {runs}, {revision} is to come")

    async def _drafted(self, version: str) -> tuple[Bundle, Vetted]:
        """Return the bundle of what the learner wrote, as it is now."""
        draft = self.press.drafts.at(self.lab.namespaces["learner"])
        if draft is None:
            where = f"{self.lab.namespaces['learner']}/{POLICIES}"
            raise Unfounded(f"there is no ConfigMap {where}: write policies there first")
        vetted = await self.press.policies.vet(draft)
        if not vetted.ok:
            raise Unfounded(f"the policies do not compile: {vetted.problem}")
        for package in self._needed():
            if package not in vetted.packages:
                raise Unfounded(f"package {package} is missing: this lab decides by it")
        modules = {
            name: text
            for name, text in draft.texts.items()
            if name.endswith(".rego") and not name.endswith("_test.rego")
        }
        own = (await self._template()).get(_OWN, "")
        modules = {name: text for name, text in modules.items() if name != _OWN} | {_OWN: own}
        revision = version or vetted.digest[:12]
        return Bundle(revision, (ROOT,), modules, json.loads(vetted.data)), vetted

    def _needed(self) -> list[str]:
        """Return the packages without which nothing would be decided any more."""
        paths = [self.changes.policy]
        if Action.APPROVE_FEATURES in self.changes.actions:
            paths.append(PACKAGES[Action.APPROVE_FEATURES])
        return [path.replace("/", ".") for path in paths]

    async def _template(self) -> dict[str, str]:
        """Return the module's own policies."""
        body = await self.press.kube.find("ConfigMap", self._platform, self.changes.policies)
        if body is None or _OWN not in body.get("data", {}):
            raise Unfounded("this lab's template has no policy that decides on releases")
        return dict(body["data"])

    async def _keep(self, release: Release) -> None:
        """Have the bundle there; what is there already is what it was."""
        if await self.press.kube.find("ConfigMap", self._platform, _name(release.digest)):
            return
        try:
            bundle, _ = await self._drafted(release.revision)
        except Unfounded as error:
            raise Unfounded(str(error), Control.EXECUTION) from error
        if bundle.digest() != release.digest:
            text = "the policies have changed since they were approved"
            raise Unfounded(text, Control.EXECUTION)
        packed = bundle.packed(self.lab.password(KEY_PURPOSE))
        with contextlib.suppress(errors.Conflict):
            await self.press.kube.create(self._config(release, packed))

    def _config(self, release: Release, packed: bytes) -> Object:
        # Without the labels by which the reconciler knows what it made, and drops the rest.
        meta = {
            "name": _name(release.digest),
            "namespace": self._platform,
            "labels": {_LABEL: "bundle"},
            "annotations": {f"{GROUP}/policy-revision": release.revision},
        }
        data = {FILE: base64.b64encode(packed).decode()}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "immutable": True,
            "binaryData": data,
        }

    async def _tidy(self, running: str) -> None:
        """Drop the oldest bundles."""
        known = [release.digest for release in self.ledger.releases.values()]
        current = [self.ledger.release.digest] if self.ledger.release else []
        keep = {_name(digest) for digest in [*known[-_KEPT:], *current, running] if digest}
        for body in await self.press.kube.list("ConfigMap", self._platform, _LABEL):
            name = body["metadata"]["name"]
            if name not in keep:
                await self.press.kube.delete("ConfigMap", self._platform, name)


def _document(revision: str, digest: str, files: dict[str, str]) -> dict[str, Any]:
    return {
        "revision": revision,
        "digest": digest,
        "vetted": True,
        "formerly_released": False,
        "files": [{"name": name, "sha256": _sum(files[name])} for name in sorted(files)],
    }


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _name(digest: str) -> str:
    return f"opa-bundle-{digest[:12]}"
