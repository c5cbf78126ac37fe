"""``practicum template lint``: what an author gets wrong, told without a cluster."""

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import MANAGED_BY, MANAGER
from practicum.api.quantities import amount
from practicum.catalog import guard, pack
from practicum.checks import lint as of_checks
from practicum.cli.session import Object
from practicum.desired.lab import Lab
from practicum.desired.plan import Plan

_FULL: Final = 0.9
"""Share of the bytes that fit, from which on it is said."""
_CHECK: Final = re.compile(r"practicum check\b")


def problems(folder: Path, body: Object, spec: LabTemplateSpec) -> Iterator[str]:
    """Yield what is wrong with a packed module, apart from what its labs are made of."""
    used = pack.size(body)
    if used > _FULL * pack.MAX_BYTES:
        yield f"packed it has {used} of {pack.MAX_BYTES} bytes: little is left"
    if not (folder / "solution/apply.py").is_file():
        yield "solution/apply.py is missing: practicum template test proves the module with it"
    for task in spec.tasks:
        if spec.checks and not _CHECK.search(task.text):
            yield f"tasks.{task.name}: it does not say how to check it (practicum check LAB …)"
    hidden = (pack.answers(folder) or {}).get("data", {})
    assets = {one.path: one.content for one in spec.assets}
    assets |= {key.replace("__", "/"): text for key, text in hidden.items()}
    yield from of_checks.problems(spec, assets)


def of_lab(lab: Lab, made: Plan) -> Iterator[str]:
    """Yield what is wrong with what a lab of one size is made of."""
    for side in lab.sides:
        workloads = [one for one in made.workloads if _place(one) == lab.namespaces[side]]
        yield from _fits(lab, side, workloads)
        yield from _storage(lab, side, made.configs)
    allowed = {*lab.template.allowed_images, *lab.template.images.values()}
    for one in (*made.workloads, *made.exhibits):
        if one["kind"] in guard.WORKLOADS:
            yield from _pod(one, allowed)


def _place(body: Object) -> str:
    return str(body["metadata"]["namespace"])


def _name(body: Object) -> str:
    return f"{body['kind']} {body['metadata']['name']}"


def _fits(lab: Lab, side: str, workloads: list[Object]) -> Iterator[str]:
    """Yield quotas that are less than what runs on a side; a quota of limits counts limits."""
    quota = lab.template.sizes[lab.size].quota[side]
    for scope, hard in (("compute", quota.compute), ("jobs", quota.jobs)):
        used: dict[str, Decimal] = defaultdict(Decimal)
        for body in workloads:
            pod = guard.pod_template(body)["spec"]
            if ("activeDeadlineSeconds" in pod) is (scope == "jobs"):
                for name, need in _needs(pod).items():
                    used[name] += need * body["spec"].get("replicas", 1)
        for name, limit in hard.items():
            most = amount(limit)
            if used[name] > most:
                text = f"sizes.{lab.size}.quota.{side}.{scope}.{name} is {limit}, the components"
                yield f"{text} take {_shown(name, used[name])}"


def _needs(pod: Object) -> dict[str, Decimal]:
    """Return what a pod is charged for: of its init containers the largest counts."""
    needs: dict[str, Decimal] = {"pods": Decimal(1)}
    for part in ("requests", "limits"):
        for name in ("cpu", "memory"):
            amounts = [
                [amount(one.get("resources", {}).get(part, {}).get(name)) for one in containers]
                for containers in (pod["containers"], pod.get("initContainers", []))
            ]
            needs[f"{part}.{name}"] = max([sum(amounts[0], Decimal(0)), *amounts[1]])
    return needs


def _shown(name: str, value: Any) -> str:
    return f"{value / 2**20:.0f}Mi" if name.endswith("memory") else f"{value:f}"


def _storage(lab: Lab, side: str, configs: list[Object]) -> Iterator[str]:
    hard = lab.template.sizes[lab.size].quota[side].storage
    claims = [
        amount(one["spec"]["resources"]["requests"]["storage"])
        for one in configs
        if one["kind"] == "PersistentVolumeClaim" and _place(one) == lab.namespaces[side]
    ]
    used = {"requests.storage": sum(claims), "persistentvolumeclaims": len(claims)}
    for name, limit in hard.items():
        if used.get(name, 0) > amount(limit):
            yield f"sizes.{lab.size}.quota.{side}.storage.{name} is {limit}: too little"


def _pod(body: Object, allowed: set[str]) -> Iterator[str]:
    name, pod = _name(body), guard.pod_template(body)["spec"]
    own = (body["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        image, where = container.get("image", ""), f"{name}: container {container['name']}"
        if own and not any(fnmatch.fnmatch(image, one) for one in allowed):
            yield f"{where}: image {image} is not in allowedImages, so learners cannot run it"
        if not own and not container.get("resources", {}).get("limits"):
            yield f"{where}: has no resources.limits: name it in sizes.*.resources"
    for volume in pod.get("volumes", []):
        if not own and "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
            yield f"{name}: volume {volume['name']}: emptyDir without sizeLimit fills the node"
    if body["kind"] in ("Job", "CronJob") and "activeDeadlineSeconds" not in pod:
        yield f"{name}: a pod without activeDeadlineSeconds may run for ever: set it in the pod"
