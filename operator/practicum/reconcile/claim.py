"""Makes namespaces a lab's own: created or recognised by its uid; never adopted, never rebuilt.

Whatever is written to a namespace that is there goes to the version whose label was just read: were
it somebody else's a moment later, a forced apply would take it.
"""

from collections.abc import Collection, Iterable

from practicum import errors
from practicum.api.names import LAB_UID, key_of
from practicum.errors import InvalidLab
from practicum.kube.client import Kube, Object
from practicum.reconcile.apply import Applier
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.runner import together


class Claims:
    """Claims namespaces for labs."""

    def __init__(self, kube: Kube, inventory: Inventory, applier: Applier) -> None:
        self._kube = kube
        self._inventory = inventory
        self._applier = applier

    async def claim(self, namespaces: Iterable[Object], had: Collection[str]) -> None:
        """Have a lab's namespaces as they should be.

        Args:
            namespaces: as desired, labelled with the lab's uid.
            had: names of those that the lab has had: they are not created again.

        Raises:
            InvalidLab: ``NamespaceLost``, it was deleted by others; ``NamespaceTaken``, it is
                not this lab's.
        """
        await together(*(self._claim(body, body["metadata"]["name"] in had) for body in namespaces))

    async def _claim(self, body: Object, had: bool) -> None:
        meta = body["metadata"]
        seen = self._inventory.get(meta["labels"][LAB_UID], key_of(body))
        if seen and seen.readiness.ready and self._inventory.fresh(body):
            return
        if not had:
            try:
                self._inventory.applied(body, await self._kube.create(body))
                return
            except errors.Conflict:
                pass  # by an earlier pass that could not tell, or by somebody else
        live = await self._kube.find("Namespace", "", meta["name"])
        if live is None or "deletionTimestamp" in live["metadata"]:
            raise InvalidLab(
                "NamespaceLost",
                f"namespace {meta['name']} was deleted by somebody else, with what was in it: "
                "delete this LabEnvironment and create another",
            )
        if live["metadata"].get("labels", {}).get(LAB_UID) != meta["labels"][LAB_UID]:
            raise InvalidLab(
                "NamespaceTaken",
                f"namespace {meta['name']} exists and is not this lab's: it is left alone; delete "
                "this LabEnvironment and create another",
            )
        await self._applier.apply_to(live, body)
