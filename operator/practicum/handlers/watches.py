"""kopf's part: it watches, and every event only wakes the lab's one writer.

Daemons and update handlers would add a finalizer of their own, annotations on the user's objects
and two writes a lab; ``reconcile.runner`` needs none of that, and resumes a deletion after a
restart the same way as anything else.
"""

from dataclasses import dataclass
from typing import Any, Final

import kopf

from practicum.api.kinds import KINDS
from practicum.api.names import COURSE, GROUP, LAB, LAB_UID, MANAGED_BY, MANAGER, VERSION, LabKey
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.runner import Runner
from practicum.reconcile.templates import Templates

WATCHED: Final = (
    *("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy"),
    *("ServiceAccount", "Role", "RoleBinding"),
    *("ConfigMap", "Service", "PersistentVolumeClaim"),
    *("Deployment", "StatefulSet", "Job", "CronJob"),
)
"""The kinds whose drift is seen at once. No Secrets: who may watch them may read them all."""


@dataclass
class Context:
    """What handlers reach through kopf's memo."""

    runner: Runner
    inventory: Inventory
    templates: Templates


async def lab_changed(memo: Context, namespace: str | None, name: str | None, **_: Any) -> None:
    """Wake the lab, whatever happened to it."""
    memo.runner.wake(LabKey(namespace or "", name or ""))


async def template_changed(
    memo: Context,
    event: Any,
    body: Any,
    namespace: str | None,
    name: str | None,
    **_: Any,
) -> None:
    """Remember the template's newest content; labs keep the revision they are on."""
    gone = event.get("type") == "DELETED"
    memo.templates.observe(namespace or "", name or "", None if gone else dict(body["spec"]))


async def child_changed(memo: Context, event: Any, **_: Any) -> None:
    """Take in what became of a lab's object, and wake the lab if that is news to it."""
    body = event["object"]
    labels = body["metadata"].get("labels", {})
    if LAB_UID not in labels or LAB not in labels or COURSE not in labels:
        return
    if memo.inventory.event(body, deleted=event.get("type") == "DELETED"):
        memo.runner.wake(LabKey(labels[COURSE], labels[LAB]))


def registry() -> kopf.OperatorRegistry:
    """Return the handlers, in a registry of their own so that tests can run several operators."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(login)
    kopf.on.event(GROUP, VERSION, "labenvironments", registry=handlers)(lab_changed)
    kopf.on.event(GROUP, VERSION, "labtemplates", registry=handlers)(template_changed)
    for kind in WATCHED:
        group, _, version = KINDS[kind].api_version.rpartition("/")
        kopf.on.event(
            group,
            version,
            KINDS[kind].plural,
            labels={MANAGED_BY: MANAGER},
            registry=handlers,
        )(child_changed)
    return handlers


async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Authenticate as the pod's ServiceAccount, or by the kubeconfig outside a cluster."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: quiet, bounded, filtered on the server's side."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.peering.standalone = True
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 5
    chosen.networking.error_backoffs = (0.5, 1, 2, 4, 8)
    chosen.watching.chunk_size = 500
    for kind in WATCHED:
        plural = KINDS[kind].plural
        group = KINDS[kind].api_version.rpartition("/")[0]
        name = f"{group}/{plural}" if group else plural
        chosen.watching.label_selectors[name] = f"{MANAGED_BY}={MANAGER}"
    return chosen
