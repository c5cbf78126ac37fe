"""Publishes the shared catalogue: the modules that came along with the operator's image.

They are of one version with the operator, so it understands every check in them; and a release of
the chart, which Helm keeps in one Secret, could not hold them all.
"""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from practicum.api.names import CATALOGUE
from practicum.kube.client import Kube
from practicum.reconcile.runner import together
from practicum.settings import Settings

log = structlog.get_logger()
EVERY: Final = timedelta(minutes=10)
_LABELS: Final = {CATALOGUE: "image"}


class Catalogue:
    """Keeps the templates of the system namespace as they came along."""

    def __init__(self, kube: Kube, settings: Settings) -> None:
        """Choose where they come from and go to."""
        self._kube = kube
        self._namespace = settings.system_namespace
        self._folder = Path(settings.catalogue) if settings.catalogue else None

    async def publish(self) -> None:
        """Apply every module, and delete those that came along once and do no more.

        Raises:
            ApiError: one could not be written; the next turn tries again.
        """
        if self._folder is None:
            return
        bodies = await asyncio.to_thread(read, self._folder)
        # What checks refer to comes first: a template names it by its digest.
        for first in (True, False):
            wave = [one for one in bodies if (one["kind"] != "LabTemplate") is first]
            await together(*map(self._apply, wave))
        there = {one["metadata"]["name"] for one in bodies if one["kind"] == "LabTemplate"}
        for one in await self._kube.list("LabTemplate", self._namespace, f"{CATALOGUE}=image"):
            if (name := one["metadata"]["name"]) not in there:
                await self._kube.delete("LabTemplate", self._namespace, name)
                log.info("template withdrawn", template=name)

    async def _apply(self, body: dict[str, Any]) -> None:
        meta = {**body["metadata"], "namespace": self._namespace, "labels": _LABELS}
        await self._kube.apply({**body, "metadata": meta})


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the packed objects of a folder: one list in each JSON file."""
    return [
        body
        for path in sorted(folder.glob("*.json"))
        for body in json.loads(path.read_text(encoding="utf-8"))
    ]
