"""kopf's part: it watches, and every event only wakes the lab's one writer.

Daemons and update handlers would add a finalizer of their own, annotations on the user's objects
and two writes a lab; ``reconcile.runner`` needs none of that, and resumes a deletion after a
restart the same way as anything else. What labs are made of is followed by ``children``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import kopf

from practicum.api.conditions import Phase
from practicum.api.names import COHORT, GROUP, VERSION, LabKey
from practicum.reconcile.labs import Labs
from practicum.reconcile.runner import Runner
from practicum.reconcile.templates import Templates


@dataclass
class Context:
    """What handlers reach through kopf's memo."""

    runner: Runner
    labs: Labs
    templates: Templates
    wake_others: Callable[[LabKey, Phase], None]
    """Wakes governance and checks of a lab that is in a phase."""
    wake_cohort: Callable[[str, str], None]
    """Wakes the cohort of a course, by its name; without one, nobody."""


async def lab_changed(memo: Context, event: Any, **_: Any) -> None:
    """Take the lab in as it now is, and wake it unless we made it so ourselves."""
    body = event["object"]
    if memo.labs.event(body, deleted=event.get("type") == "DELETED"):
        key = LabKey(body["metadata"]["namespace"], body["metadata"]["name"])
        memo.runner.wake(key)
        memo.wake_others(key, Phase(body.get("status", {}).get("phase", Phase.PENDING)))
        memo.wake_cohort(key.namespace, (body["metadata"].get("labels") or {}).get(COHORT, ""))


async def template_changed(
    memo: Context,
    event: Any,
    body: Any,
    namespace: str | None,
    name: str | None,
    **_: Any,
) -> None:
    """Remember the template's newest content; labs keep the revision they are on.

    Labs that were made before it, or before it was mended, begin now.
    """
    gone = event.get("type") == "DELETED"
    memo.templates.observe(namespace or "", name or "", None if gone else dict(body["spec"]))
    for key in memo.labs.lacking(name or ""):
        memo.runner.wake(key)


def registry() -> kopf.OperatorRegistry:
    """Return the handlers, in a registry of their own so that tests can run several operators."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(login)
    kopf.on.event(GROUP, VERSION, "labenvironments", registry=handlers)(lab_changed)
    kopf.on.event(GROUP, VERSION, "labtemplates", registry=handlers)(template_changed)
    return handlers


async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Authenticate as the pod's ServiceAccount, or by the kubeconfig outside a cluster."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


class Forgetful(kopf.DiffBaseStorage):
    """Keeps nothing: no handler here asks what changed, and finding out copies every object."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Return nothing to compare."""
        return cast(kopf.BodyEssence, {})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Return nothing to compare with."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


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
    chosen.persistence.diffbase_storage = Forgetful()
    return chosen
