"""Takes a learner's access away: bindings first, then what they were made for.

What is there is known from the watch, whatever the template once made of it: a restarted operator
does nothing before it has listed everything.
"""

from practicum import errors
from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import ChildKey
from practicum.desired.guards import OPERATOR_BINDING
from practicum.desired.lab import credentials_name
from practicum.reconcile.tools import Tools


async def lock_out(tools: Tools, resource: LabEnvironment) -> bool:
    """Delete what lets anybody but the operator into the lab; returns whether there was any."""
    course = resource.metadata["namespace"]
    keys = [key for key in _bindings(tools, resource) if key.namespace != course]
    await tools.applier.delete(resource.uid, keys)
    return bool(keys)


async def revoke(tools: Tools, resource: LabEnvironment) -> None:
    """Take the learner's access away, accounts and credentials included."""
    await tools.applier.delete(resource.uid, _bindings(tools, resource))
    course = resource.metadata["namespace"]
    keys = [
        key
        for key in tools.inventory.keys(resource.uid)
        if key.kind in ("Role", "ServiceAccount") and key.namespace == course
    ]
    secret = ChildKey("Secret", course, credentials_name(resource.metadata["name"]))
    if keys or resource.status.credentials:
        try:
            await tools.applier.delete(resource.uid, [*keys, secret])
        except errors.Forbidden:
            # A course that goes takes our rights there along, and these objects by the same hand.
            if not await _goes(tools, course):
                raise
    tools.credentials.forget(resource.uid)


async def _goes(tools: Tools, course: str) -> bool:
    found = await tools.kube.find("Namespace", "", course)
    return found is None or "deletionTimestamp" in found["metadata"]


def _bindings(tools: Tools, resource: LabEnvironment) -> list[ChildKey]:
    return [
        key
        for key in tools.inventory.keys(resource.uid)
        if key.kind == "RoleBinding" and key.name != OPERATOR_BINDING
    ]
