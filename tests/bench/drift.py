"""How long it takes until what was changed behind the operator's back is put right."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from practicum.api.names import LAB, MANAGED_BY, MANAGER
from practicum.kube.client import Kube, Object
from practicum.policy.drift import fingerprint

from . import labs
from .ground import COURSE, ground
from .report import Row, percentile, row
from .settings import Options

POLL = 0.01
PATIENCE = 30.0
_EVERYBODY = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "everybody"}
_RULE = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}
TAMPERED: dict[str, Object] = {
    "Namespace": {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
    "ResourceQuota": {"spec": {"hard": {"pods": "999", "count/pods": "999"}}},
    "LimitRange": {"spec": {"limits": []}},
    "NetworkPolicy": {"spec": {"ingress": [{}], "policyTypes": ["Ingress"]}},
    "ServiceAccount": {"automountServiceAccountToken": True},
    "Role": {"rules": [_RULE]},
    "RoleBinding": {"subjects": [_EVERYBODY]},
    "ConfigMap": {"data": {"stranger": "x"}},
    "Service": {"spec": {"selector": {"stranger": "x"}}},
    "StatefulSet": {"spec": {"replicas": 0}},
    "Job": {"spec": {"suspend": True}},
}
"""What a person's edit of each kind looks like: a merge patch."""
KEPT = frozenset({"Namespace"})
"""A lab's namespace that somebody deletes is not rebuilt: NamespaceLost."""


async def measure(options: Options) -> list[Row]:
    """Change one object after the other, of each kind, in some labs."""
    n = 3 if options.full else 1
    worst: dict[str, float] = {}
    runs: dict[str, list[float]] = {"deleted": [], "tampered": []}
    async with ground() as here:
        await here.start()
        for number in range(options.runs):
            names = [f"drift-{number}-{i}" for i in range(n)]
            made = [labs.body(name, COURSE, "mod-506") for name in names]
            await labs.run(here.admin, made)
            seconds = await _all(here.admin, names, worst)
            for how, values in seconds.items():
                runs[how].append(percentile(values, 0.95))
            options.say(f"drift {number + 1}: p95 {runs['tampered'][-1]:.2f} s")
    options.ledger["drift worst of each kind, seconds"] = worst
    of = f"{n} labs x {len(TAMPERED)} kinds"
    return [
        row("drift", "a deleted object is back, p95", runs["deleted"], "s", of, at_most=1),
        row("drift", "a tampered object is as it was, p95", runs["tampered"], "s", of, at_most=1),
    ]


async def _all(admin: Kube, names: list[str], worst: dict[str, float]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {"deleted": [], "tampered": []}
    for name in names:
        selector = f"{MANAGED_BY}={MANAGER},{LAB}={name}"
        for kind in TAMPERED:
            for how, change, right in (
                ("tampered", _tamper, _as_it_was),
                ("deleted", _delete, _is_another),
            ):
                if how == "deleted" and kind in KEPT:
                    continue
                body = (await admin.list(kind, labels=selector))[0]
                took = await _one(admin, body, change, right)
                seconds[how].append(took)
                worst[f"{kind} {how}"] = round(max(took, worst.get(f"{kind} {how}", 0)), 3)
    return seconds


async def _one(
    admin: Kube,
    body: Object,
    change: Callable[..., Awaitable[None]],
    right: Callable[[Object, Object], bool],
) -> float:
    meta = body["metadata"]
    where = (body["kind"], meta.get("namespace", ""), meta["name"])
    await change(admin, *where)
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        now = await admin.find(*where)
        if now and right(body, now):
            return time.monotonic() - began
        await asyncio.sleep(POLL)
    raise TimeoutError(f"{where} is not repaired after {PATIENCE} s")


async def _tamper(admin: Kube, kind: str, namespace: str, name: str) -> None:
    await admin.merge_patch(kind, namespace, name, TAMPERED[kind])


async def _delete(admin: Kube, kind: str, namespace: str, name: str) -> None:
    await admin.delete(kind, namespace, name)


def _as_it_was(before: Object, now: Object) -> bool:
    return fingerprint(before) == fingerprint(now)


def _is_another(before: Object, now: Object) -> bool:
    same = before["metadata"]["uid"] == now["metadata"]["uid"]
    return not same and "deletionTimestamp" not in now["metadata"]
