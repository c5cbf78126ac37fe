"""A course's books: a line for every lab that has ended, in ConfigMaps of the course's namespace.

They outlive the LabEnvironments, which are deleted by people or after a while, and instructors
read them by their own rights. A line is entered by the lab's uid: twice is as good as once.
"""

from typing import Final

import structlog

from practicum import errors
from practicum.api.names import MANAGED_BY, MANAGER, USAGE_BOOK
from practicum.api.usage import UsageRow
from practicum.kube.client import Kube

log = structlog.get_logger()
_VOLUMES: Final = 20
"""A ConfigMap takes some 1,400 lines; so many of them a month there are at most."""


class Books:
    """Reads and writes the books of all courses."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def rows(self) -> list[UsageRow]:
        """Return every line of every course; one that cannot be read is left out, and logged.

        A book speaks of its own course's labs, whatever it says: whoever may edit ConfigMaps
        somewhere spends no other course's budget.
        """
        found = []
        for book in await self._kube.list("ConfigMap", labels=USAGE_BOOK):
            course = book["metadata"]["namespace"]
            for uid, text in (book.get("data") or {}).items():
                try:
                    row = UsageRow.model_validate_json(text)
                except ValueError:
                    log.warning("a line of the usage book cannot be read", course=course, uid=uid)
                else:
                    found.append(row.model_copy(update={"uid": uid, "course": course}))
        return found

    async def enter(self, row: UsageRow) -> None:
        """Enter a lab's line; a course that is being deleted takes none any more.

        Raises:
            ApiError: it could not be written for now.
        """
        month = (row.ended_at or row.created_at)[:7]
        for volume in range(1, _VOLUMES + 1):
            name = f"practicum-usage-{month}" + (f"-{volume}" if volume > 1 else "")
            try:
                await self._write(row, name)
                return
            except errors.Invalid:
                continue  # full: the next volume
            except (errors.Forbidden, errors.NotFound) as error:
                log.warning("usage is not kept", lab=row.lab, course=row.course, error=str(error))
                return

    async def _write(self, row: UsageRow, name: str) -> None:
        data = {"data": {row.uid: row.model_dump_json(by_alias=True, exclude_none=True)}}
        try:
            await self._kube.merge_patch("ConfigMap", row.course, name, data)
        except errors.NotFound:
            labels = {MANAGED_BY: MANAGER, USAGE_BOOK: name.removeprefix("practicum-usage-")}
            meta = {"name": name, "namespace": row.course, "labels": labels}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, **data}
            try:
                await self._kube.create(body)
            except errors.Conflict:
                await self._kube.merge_patch("ConfigMap", row.course, name, data)
