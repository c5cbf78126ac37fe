"""Publishes the shared catalogue: the modules that came along with the operator's image.

They are of one version with the operator, so it understands every check in them; and a release of
the chart, which Helm keeps in one Secret, could not hold them all. What a site adds by the chart's
values lies in a folder of its own, and goes before a module of the same name.
"""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from practicum.api.names import CATALOGUE
from practicum.errors import TemplateError
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
        self._folders = [Path(folder) for folder in settings.catalogue.split(":") if folder]

    async def publish(self) -> None:
        """Apply every module, and delete those that came along once and do no more.

        Raises:
            ApiError: one could not be written; the next turn tries again.
            TemplateError: a file is no packed module; all others are published.
        """
        if not self._folders:
            return
        bodies, strange = await asyncio.to_thread(read, self._folders)
        # What checks refer to comes first: a template names it by its digest.
        for first in (True, False):
            wave = [one for one in bodies if (one["kind"] != "LabTemplate") is first]
            await together(*map(self._apply, wave))
        if strange:
            raise TemplateError(
                f"{', '.join(strange)}: no packed module; make it anew: practicum template build "
                "FOLDER -o json"
            )
        there = {one["metadata"]["name"] for one in bodies if one["kind"] == "LabTemplate"}
        for one in await self._kube.list("LabTemplate", self._namespace, f"{CATALOGUE}=image"):
            if (name := one["metadata"]["name"]) not in there:
                await self._kube.delete("LabTemplate", self._namespace, name)
                log.info("template withdrawn", template=name)

    async def _apply(self, body: dict[str, Any]) -> None:
        meta = {**body["metadata"], "namespace": self._namespace, "labels": _LABELS}
        await self._kube.apply({**body, "metadata": meta})


def read(folders: Iterable[Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the objects that are packed in folders, and the names of files that hold none.

    Each JSON file is a List; of objects with the same kind and name the last one counts.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    strange = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
        try:
            items = json.loads(path.read_text(encoding="utf-8"))["items"]
            found |= {(one["kind"], one["metadata"]["name"]): one for one in items}
        except (KeyError, TypeError, ValueError):
            strange.append(path.name)
    return list(found.values()), strange
