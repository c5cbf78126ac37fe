"""Governance's part of a lab's status: where its log ends, what follows from it, and conditions.

Applied as a whole, for an apply drops what it leaves out. What was written last is remembered: a
lab may be known as it was before that, while a watch is broken.
"""

from collections.abc import Callable
from typing import Any, Literal

from practicum.api.conditions import Condition, ConditionType
from practicum.api.labstatus import GovernedStatus, LabEnvironmentStatus, PolicyRelease
from practicum.api.names import GOVERNANCE_MANAGER, LabKey
from practicum.api.times import rfc3339
from practicum.clock import Clock
from practicum.desired.lab import Lab
from practicum.kube.client import Kube
from practicum.reconcile.labs import Labs


class Shown:
    """What every lab's status says by us."""

    def __init__(self, kube: Kube, labs: Labs, clock: Clock) -> None:
        """Wire it up; `governed` is to be called with each lab for which other things hold now."""
        self.governed: Callable[[LabKey], None] = lambda _: None
        self._kube = kube
        self._labs = labs
        self._clock = clock
        self._written: dict[str, LabEnvironmentStatus] = {}

    def forget(self, lab_uid: str) -> None:
        """Forget a lab that is gone."""
        self._written.pop(lab_uid, None)

    def of(self, lab: Lab) -> LabEnvironmentStatus:
        """Return a lab's status as we wrote it last, or as it is known."""
        return self._written.get(lab.uid, lab.resource.status)

    async def say(
        self, lab: Lab, kind: ConditionType, reason: str, message: str, *, holds: bool
    ) -> None:
        """Set a condition of a lab; one that stays as it was keeps its transition time."""
        status: Literal["True", "False"] = "True" if holds else "False"
        was = self.of(lab).condition(kind)
        found = Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message[:1024],
            last_transition_time=rfc3339(self._clock()),
            observed_generation=int(lab.resource.metadata.get("generation", 0)),
        ).after(was)
        await self.write(lab, conditions=[*self._others(lab, kind), found])

    async def unsay(self, lab: Lab, kind: ConditionType) -> None:
        """Take a condition away, where it is there."""
        await self.write(lab, conditions=self._others(lab, kind))

    def _others(self, lab: Lab, kind: ConditionType) -> list[Condition]:
        return [one for one in self.of(lab).conditions if one.type != kind]

    def governing(self, lab: Lab, projected: GovernedStatus | None) -> GovernedStatus | None:
        """Return what the lab is to be like: by its log, and by the release that was chosen."""
        seen = self.of(lab).governed
        return _with(projected, seen.policy if seen else None)

    async def choose(self, lab: Lab, policy: PolicyRelease | None) -> None:
        """Say which policies the lab is to decide by; the reconciler brings it about."""
        await self.write(lab, governed=_with(self.of(lab).governed, policy))

    def doubt(self, lab: Lab) -> None:
        """Believe what the lab is known to say of what it is to be like, and not what we wrote."""
        known = {"governed": lab.resource.status.governed}
        self._written[lab.uid] = self.of(lab).model_copy(update=known)

    async def write(self, lab: Lab, **update: Any) -> None:
        """Bring our part up to date."""
        before = self.of(lab)
        after = before.model_copy(update=update)
        if (ours := after.of_governance()) != before.of_governance():
            body = lab.resource.apply_body() | {"status": ours}
            answer = await self._kube.apply(body, subresource="status", manager=GOVERNANCE_MANAGER)
            self._labs.answer(answer)
        self._written[lab.uid] = after
        if after.governed != before.governed:
            # Our own write is no news to those who follow labs.
            self.governed(LabKey(lab.course, lab.name))


def _with(status: GovernedStatus | None, policy: PolicyRelease | None) -> GovernedStatus | None:
    changed = (status or GovernedStatus()).model_copy(update={"policy": policy})
    return changed if changed != GovernedStatus() else None
