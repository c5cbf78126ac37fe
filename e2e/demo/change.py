"""A governed change in Ada's lab: asked for, approved, served, rolled back, and on record.

Ada plays every persona, with nothing but her kubeconfig; the instructor reads the audit log.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Container
from dataclasses import dataclass

from rich.console import Console

from e2e.demo.terminal import Terminal
from e2e.governed import change, noted, reached, served, theirs, turned
from e2e.learner import Learner
from e2e.proof import Proof
from e2e.stage import Stage
from e2e.waiting import eventually
from practicum.api.times import parse_rfc3339
from practicum.cli.exits import Exit
from practicum.desired.guards import OBJECTS_QUOTA
from practicum.kube.client import Object

REQUEST = (
    "practicum change request promote fraud-dev --version {version} --name {name} "
    '--reason "{reason}" --as ds --wait'
)
APPROVE = "practicum change approve {name} --as {persona}"
FACTS = r"^request |^\S+: \w+Model |^  [a-z]|^    [A-Z]+-\d+: "
"""Of an answer about a request: what it is and each reason, neither progress nor evidence."""
ANSWER = ": Approve by "
_COUNTED = {"count/changerequests.practicum.dev", "count/changeapprovals.practicum.dev"}
_COUNT_SECONDS = 330
_LAST = 6


def free(name: str, taken: Container[str]) -> str:
    """Return a name for a request that no earlier run of the demo has taken."""
    names = (f"{name}-run{run}" if run > 1 else name for run in itertools.count(1))
    return next(one for one in names if one not in taken)


@dataclass(frozen=True)
class Story:
    """What happens, in order; each part stands on the one before."""

    ada: Learner
    stage: Stage
    """The instructor's, who is the cluster's administrator here."""
    console: Console

    @property
    def _hers(self) -> Terminal:
        return Terminal(self.console, theirs(self.stage, self.ada))

    async def proofs(self) -> AsyncGenerator[Proof]:
        """Play it; whoever listens should stop at the first claim that does not hold."""
        await self._quotas_count()
        known = await self.ada.kube.list("ChangeRequest", self.ada.namespace)
        taken = {body["metadata"]["name"] for body in known}
        good, bad = free("promote-2", taken), free("promote-3", taken)
        self._hers.enter(self.ada.kubeconfig.name)
        yield await self._traffic("traffic is on", "1")
        parts = self._asked(good), self._approved(good), self._refused(bad), self._back(good)
        for part in parts:
            async for proof in part:
                yield proof
        yield self._checked()
        yield self._recorded()

    async def _asked(self, name: str) -> AsyncIterator[Proof]:
        line = REQUEST.format(version=2, name=name, reason="more recall")
        self._hers.does(line, FACTS)
        status = change(self._hers.stage.practicum, name)["status"]
        yield Proof("what ds asks for waits, with approvals", "0/2", status.get("approvals", ""))
        own = self._hers.type(APPROVE.format(name=name, persona="ds"), ANSWER)
        said = "nobody approves a request of their own" in own.stderr
        seen = "no" if said and own.returncode == Exit.FORBIDDEN else f"exit code {own.returncode}"
        yield Proof("ds approves what ds asked for", "no", seen)

    async def _approved(self, name: str) -> AsyncIterator[Proof]:
        for persona, comment in (("reviewer-risk", "risk is known"), ("reviewer-ml", "it holds")):
            line = APPROVE.format(name=name, persona=persona)
            self._hers.does(f'{line} --comment "{comment}"', ANSWER)
        yield await self._traffic("with both approvals traffic is on", "2")
        status = await noted(self._hers.stage.practicum, name)
        self._hers.does(f"practicum change status {name}", FACTS)
        within = await self._seconds(name, status)
        claim = f"served within {within} s of its last approval, {name} is"
        yield Proof(claim, "Executed", status["state"])

    async def _refused(self, name: str) -> AsyncIterator[Proof]:
        line = REQUEST.format(version=3, name=name, reason="newer still")
        refused = self._hers.type(line, FACTS)
        controls = sorted(set(re.findall(r"^    ([A-Z]+-\d+): ", refused.stdout, re.MULTILINE)))
        seen = ", ".join(controls) if refused.returncode == Exit.FAILURE else "nobody"
        yield Proof("version 3 is refused, by control", "PRM-4", seen)

    async def _back(self, promotion: str) -> AsyncIterator[Proof]:
        line = 'practicum rollback fraud --reason "scores drift" --as oncall --wait'
        said = self._hers.does(line, FACTS)
        yield await self._traffic("oncall goes back alone: traffic is on", "1")
        practicum = self._hers.stage.practicum
        if made := re.search(r"^request (\S+) made", said):
            await noted(practicum, made[1])
        with contextlib.suppress(TimeoutError):
            await reached(practicum, promotion, "RolledBack", 20)
        state = change(practicum, promotion)["status"]["state"]
        yield Proof(f"{promotion} is now", "RolledBack", state)

    def _checked(self) -> Proof:
        """Ask the module's checks, which know what is done and what is missing."""
        lab, course = self.ada.lab, self.ada.course
        line = f"practicum check {lab} promoted lineage -n {course}"
        self._hers.type(line, r"^(check|promoted|lineage) ")
        said = self._hers.stage.practicum("get", lab, "-n", course, "-o", "json").stdout
        results = json.loads(said)["status"]["checks"]["results"]
        state = next(one["state"] for one in results if one["id"] == "promoted")
        return Proof("what the promotion proves is done", "pass", state)

    def _recorded(self) -> Proof:
        lab, course = self.ada.lab, self.ada.course
        his = Terminal(self.console, self.stage)
        his.enter(str(self.stage.kubeconfig))
        body = json.loads(his.stage.practicum("get", lab, "-n", course, "-o", "json").stdout)
        since = max(0, body["status"]["audit"]["seq"] - _LAST)
        his.shows(f"practicum audit show {lab} -n {course} --since {since}")
        verified = his.type(f"practicum audit verify --lab {lab} -n {course}")
        holds = verified.returncode == 0 and "the chain holds" in verified.stdout
        return Proof("all of it is on record, and the chain holds", "yes", "yes" if holds else "no")

    async def _traffic(self, claim: str, version: str) -> Proof:
        with contextlib.suppress(TimeoutError):
            await turned(self.ada, version)
        return Proof(claim, f"version {version}", f"version {await served(self.ada)}")

    async def _seconds(self, name: str, status: Object) -> int:
        """Return within how many seconds of its last approval a change was served.

        Both moments are on record as whole seconds: it may have been up to a second more.
        """
        given = await self.ada.kube.list("ChangeApproval", self.ada.namespace)
        own = [body["metadata"] for body in given if body["spec"]["request"] == name]
        last = max(parse_rfc3339(meta["creationTimestamp"]) for meta in own)
        took = parse_rfc3339(status["outcome"]["servedAt"]) - last
        return int(took.total_seconds()) + 1

    async def _quotas_count(self) -> None:
        """Wait for the lab's quota: of a kind it has just heard of it admits nothing."""

        async def counts() -> bool:
            where = (self.ada.namespace, OBJECTS_QUOTA)
            quota = await self.ada.kube.get("ResourceQuota", *where)
            return bool(quota.get("status", {}).get("used", {}).keys() >= _COUNTED)

        if not await counts():
            text = " The quotas of a new cluster learn of changes within five minutes."
            self.console.print(f"[dim]{text}[/dim]")
            await eventually(counts, _COUNT_SECONDS)
