"""One pass over one class: read its roster, make and mend its labs, say how it stands.

Labs are LabEnvironments like any other, made by server-side apply under a field manager of the
cohort's own: what it does not say of a lab is for others to say. Everything follows from what is
there, so that a pass cut short is continued by the next.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from practicum import errors
from practicum.api.canonical import digest
from practicum.api.conditions import Condition
from practicum.api.labcohort import CohortCondition, LabCohort, LabCohortStatus
from practicum.api.names import (
    API_VERSION,
    COHORT,
    COHORT_APPLIED,
    COHORT_MANAGER,
    REMOVAL_MANAGER,
    LabKey,
)
from practicum.cohort.reading import Reader
from practicum.cohort.register import Register
from practicum.observe.events import event
from practicum.policy import cohort, expiry, roll
from practicum.policy.cohort import Means, Member, Place, Plan
from practicum.policy.roll import Seen
from practicum.reconcile.report import send
from practicum.reconcile.runner import together
from practicum.reconcile.tools import Tools
from practicum.usage.spending import Spending

log = structlog.get_logger()
Object = dict[str, Any]
_LOOK: Final = timedelta(seconds=30)
"""How often a class is looked at if nothing happens: rosters in ConfigMaps tell of no change."""
_REMOVED: Final = "removed"
"""What annotation `COHORT_APPLIED` says of a lab that was suspended with its learner's removal."""
_PARALLEL: Final = 8


class CohortController:
    """Brings classes about."""

    def __init__(self, tools: Tools, register: Register, spending: Spending) -> None:
        self._tools = tools
        self._register = register
        self._spending = spending
        self._seen: dict[LabKey, dict[str, tuple[int, Seen]]] = {}
        """Labs as they were read last, by cohort, name and version."""
        self._reader = Reader(tools)
        self._rests: dict[LabKey, datetime] = {}
        self._places = asyncio.Semaphore(_PARALLEL)

    async def reconcile(self, key: LabKey) -> datetime | None:
        """Take one class one pass further.

        Returns:
            when to come back at the latest; None when it is gone.
        """
        resource, now = self._register.get(key), self._tools.clock()
        if resource is None or resource.deleting:
            # Its labs follow by their owner references.
            self._rests.pop(key, None)
            self._seen.pop(key, None)
            return None
        if (rests := self._rests.get(key)) and now < rests:
            return rests
        labs = self._labs(key) if key in self._rests else await self._listed(key)
        asked = await self._reader.ask(resource, labs)
        means = Means(self._spending.of_cohort(key), asked.asks)
        members = {name: one.member for name, one in labs.items()}
        plan, rows = cohort.plan(resource, asked.places, members, means, now), resource.status.labs
        if asked.accepted.ready:
            refused = await self._carry_out(resource, plan, labs)
            rows = roll.rows(asked.places, labs, {**plan.waiting, **refused})
        status = roll.status(
            *(resource, asked.accepted, asked.learners, rows, labs, means.spent),
            *(self._tools.settings.rate_card.currency, now),
        )
        await self._report(resource, status)
        # The more labs, the rarer their changes are told: each tells of all of them.
        self._rests[key] = now + timedelta(seconds=max(1.0, 0.01 * len(labs)))
        return expiry.next_wake(now, plan.due, self._tools.clock() + _LOOK)

    async def _listed(self, key: LabKey) -> dict[str, Seen]:
        """Return a class' labs as the API server has them: after a start few have been seen yet."""
        course, name = key
        bodies = await self._tools.kube.list("LabEnvironment", course, f"{COHORT}={name}")
        return {body["metadata"]["name"]: roll.seen(body) for body in bodies}

    def _labs(self, key: LabKey) -> dict[str, Seen]:
        found, store = {}, self._tools.labs
        before = self._seen.get(key, {})
        for lab, version in store.labelled(key.namespace, COHORT, key.name).items():
            known = before.get(lab.name)
            if known is None or known[0] != version:
                known = version, roll.seen(store.body(lab))
            found[lab.name] = known
        self._seen[key] = found
        return {name: one for name, (_, one) in found.items()}

    async def _carry_out(
        self, resource: LabCohort, plan: Plan, labs: Mapping[str, Seen]
    ) -> dict[str, str]:
        """Carry a plan out; returns by lab what the API server refused: the others go on."""
        refused, *_ = await together(
            together(*(self._apply(resource, place, spec, labs) for place, spec in plan.apply)),
            *(self._suspend(resource, member) for member in plan.suspend),
            *(self._delete(resource, member) for member in plan.delete),
        )
        told = {place.name: why for (place, _), why in zip(plan.apply, refused, strict=True)}
        return {name: why for name, why in told.items() if why}

    async def _apply(
        self, resource: LabCohort, place: Place, spec: Object, labs: Mapping[str, Seen]
    ) -> str:
        live = labs.get(place.name)
        head = _head(resource, place.name, live.member.uid if live else None)
        async with self._places:
            if live and live.member.applied == _REMOVED:
                await self._write(head, REMOVAL_MANAGER)
            meta = {
                **head["metadata"],
                "labels": {COHORT: resource.metadata["name"]},
                "annotations": {COHORT_APPLIED: digest(spec)},
                "ownerReferences": [_owner(resource)],
            }
            return await self._write({**head, "metadata": meta, "spec": spec}, COHORT_MANAGER)

    async def _suspend(self, resource: LabCohort, member: Member) -> None:
        head = _head(resource, member.name, member.uid)
        meta = {**head["metadata"], "annotations": {COHORT_APPLIED: _REMOVED}}
        async with self._places:
            body = {**head, "metadata": meta, "spec": {"suspended": True}}
            await self._write(body, REMOVAL_MANAGER)

    async def _delete(self, resource: LabCohort, member: Member) -> None:
        course = resource.metadata["namespace"]
        async with self._places:
            await self._tools.kube.delete("LabEnvironment", course, member.name, uid=member.uid)

    async def _write(self, body: Object, manager: str) -> str:
        """Apply to a lab; returns why not, where the API server will have none of it."""
        try:
            # The watch will tell of it: that wakes the lab's own writer.
            await self._tools.kube.apply(body, manager=manager)
        except (errors.Conflict, errors.NotFound) as error:
            # It went meanwhile, or another came by its name: the next pass sees.
            log.info("lab of a cohort not written", lab=body["metadata"]["name"], error=str(error))
        except (errors.Invalid, errors.Forbidden) as error:
            log.warning("lab of a cohort refused", lab=body["metadata"]["name"], error=str(error))
            return str(error)
        return ""

    async def _report(self, resource: LabCohort, status: LabCohortStatus) -> None:
        if status == resource.status:
            return
        meta = {key: resource.metadata[key] for key in ("name", "namespace", "uid")}
        body = {"apiVersion": API_VERSION, "kind": "LabCohort", "metadata": meta}
        body["status"] = status.wire()
        answer = await self._tools.kube.apply(body, subresource="status")
        self._register.answer(answer)
        await self._tell(resource, status)

    async def _tell(self, resource: LabCohort, new: LabCohortStatus) -> None:
        was = {one.type: one for one in resource.status.conditions}
        changed = [one for one in new.conditions if _is_news(one, was)]
        news = [(one.reason, one.message, one.status == "False") for one in changed]
        if new.phase is not resource.status.phase:
            log.info("cohort", cohort=resource.metadata["name"], phase=new.phase.value)
            news.append((new.phase.value, new.message or f"labs ready: {new.ready}", False))
        for reason, message, bad in news:
            body = event(
                resource.metadata,
                of=(API_VERSION, "LabCohort"),
                kind="Warning" if bad else "Normal",
                reason=reason,
                message=message or reason,
                now=self._tools.clock(),
            )
            await send(self._tools.kube, body)


def _is_news(new: Condition, was: Mapping[str, Condition]) -> bool:
    old = was.get(new.type)
    changed = old is None or (old.status, old.reason) != (new.status, new.reason)
    if new.type in (CohortCondition.READY, CohortCondition.PROVISIONED):
        return changed and new.status == "True"
    return changed and (new.status == "False" or old is not None)


def _head(resource: LabCohort, lab: str, uid: str | None) -> Object:
    meta = {"name": lab, "namespace": resource.metadata["namespace"]}
    return {
        "apiVersion": API_VERSION,
        "kind": "LabEnvironment",
        "metadata": meta | ({"uid": uid} if uid else {}),
    }


def _owner(resource: LabCohort) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "LabCohort",
        "name": resource.metadata["name"],
        "uid": resource.uid,
        "controller": True,
    }
