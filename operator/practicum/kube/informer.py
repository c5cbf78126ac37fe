"""Follows every object of a kind: a complete listing, page by page, then each change.

Leaner than a framework's watch: no task, queue or copy for each object, and an object that went
while nobody was looking is noticed, because every listing ends with what it did not contain.
"""

import asyncio
from collections.abc import Callable

import structlog

from practicum import errors
from practicum.api.names import ChildKey, key_of
from practicum.kube.client import Kube, Object
from practicum.kube.stream import changes

log = structlog.get_logger()

_PAUSES = (0.2, 1, 2, 5, 10)
Change = Callable[[Object, bool], None]
"""Takes an object as it now is, or as it last was, and whether it is gone."""
Listed = Callable[[str, set[ChildKey], int], None]
"""Takes a kind, the keys of all its objects and the resourceVersion at which that was so."""


class Informer:
    """Follows one kind until it is cancelled."""

    def __init__(
        self,
        kube: Kube,
        kind: str,
        labels: str,
        *,
        fields: str = "",
        changed: Change,
        listed: Listed,
    ) -> None:
        """Choose what is followed; the selectors are heeded by the API server."""
        self._kube = kube
        self.kind = kind
        self._labels = labels
        self._fields = fields
        self._changed = changed
        self._listed = listed
        self.synced = asyncio.Event()
        """Set once everything that there is has been seen."""

    async def run(self) -> None:
        """Follow for ever; what goes wrong is tried again."""
        since, failures = "", 0
        while True:
            try:
                since = since or await self._list()
                failures = 0
                since = await self._watch(since)
            except errors.ApiError as error:
                if error.status not in (0, 410):
                    log.warning("watch failed", kind=self.kind, error=str(error))
                since = ""
                self._kube.watch_restarted(self.kind)
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1

    async def _list(self) -> str:
        seen: set[ChildKey] = set()
        version = ""
        async for items, at in self._kube.pages(
            self.kind, labels=self._labels, fields=self._fields
        ):
            version = version or at
            for item in items:
                seen.add(key_of(item))
                self._changed(item, False)
            await asyncio.sleep(0)  # a long listing is not everything there is to do
        self._listed(self.kind, seen, int(version))
        self.synced.set()
        return version

    async def _watch(self, since: str) -> str:
        """Follow changes until the server ends the watch; returns where to go on."""
        async for event in changes(self._kube, self.kind, since, self._labels, self._fields):
            since = event.object["metadata"]["resourceVersion"]
            if event.type != "RESET":
                self._changed(event.object, event.type == "DELETED")
        return since
