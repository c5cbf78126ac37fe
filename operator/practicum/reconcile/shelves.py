"""Takes archives off the shelf once nobody has to keep them: the files, then the record."""

from datetime import timedelta
from typing import Final

import structlog

from practicum.api.archives import ArchiveRecord, record_name
from practicum.api.conditions import Phase
from practicum.api.names import ARCHIVE, AUDIT_NAMESPACE, LAB_UID
from practicum.api.times import parse_rfc3339
from practicum.errors import ArchiveError
from practicum.observe import metrics
from practicum.policy import expiry, pods
from practicum.reconcile.movers import Movers, nothing
from practicum.reconcile.tools import Tools

log = structlog.get_logger()
EVERY: Final = timedelta(minutes=10)
_KEEPER: Final = "retention"
_MOST: Final = 16
"""So many at once, for a pod's last word is short; the others have their turn."""


class Shelves:
    """What is looked through now and then; `EVERY` says how often."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._movers = Movers(tools)

    async def run(self) -> None:
        """Have what is over removed, or see what came of that; a turn never waits."""
        tools = self._tools
        if not tools.settings.archive_image:
            return
        await self._clear()
        oldest = tools.clock() - tools.settings.archive_retention
        found = [
            ArchiveRecord.read(body)
            for body in await tools.kube.list("ConfigMap", AUDIT_NAMESPACE, f"{ARCHIVE}=record")
        ]
        over = [one for one in found if parse_rfc3339(one.made_at) < oldest][:_MOST]
        if not over or expiry.skewed(tools.kube.skew):
            return
        task = {"do": "remove", "paths": [one.path for one in over]}
        try:
            said = await self._movers.keeper(_KEEPER, task, nothing)
        except ArchiveError as error:
            metrics.ARCHIVES.labels("not-removed").inc()
            log.warning("archives not removed", reason=error.reason, error=str(error))
        else:
            if said is None:
                return
            # The keeper may be one of an earlier turn.
            for one in (one for one in over if one.path in said["removed"]):
                await tools.kube.delete("ConfigMap", AUDIT_NAMESPACE, record_name(one.uid))
                metrics.ARCHIVES.labels("removed").inc()
                log.info("archive removed", course=one.course, lab=one.lab, lab_uid=one.uid)
        await self._movers.tidy(_KEEPER)

    async def _clear(self) -> None:
        """Remove what nobody waits for any more: each pod takes a place from all courses.

        Keepers and inputs of labs that went without their archive, or before they were back; and
        readers that have ended, whose maker was cut short.
        """
        kube, left = self._tools.kube, f"{ARCHIVE} in (keeper,input,reader)"
        found = [
            one
            for kind in ("Pod", "Secret")
            for one in await kube.list(kind, AUDIT_NAMESPACE, left)
        ]
        if not found:
            return
        # Asked for only now: whoever has a keeper is in the listing.
        labs = {_KEEPER} | {
            one["metadata"]["uid"]
            for one in await kube.list("LabEnvironment")
            if one.get("status", {}).get("phase") != Phase.EXPIRED
        }
        for one in found:
            meta = one["metadata"]
            if meta["labels"][ARCHIVE] == "reader":
                needed = not pods.has_ended(one)
            else:
                needed = meta["labels"].get(LAB_UID) in labs
            if not needed:
                await kube.delete(one["kind"], AUDIT_NAMESPACE, meta["name"])
