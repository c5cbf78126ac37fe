"""What every pass works with, wired together once."""

import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from practicum.api.labenvironment import LabEnvironment
from practicum.clock import Clock
from practicum.kube.client import Kube
from practicum.policy.readiness import Readiness
from practicum.reconcile.apply import Applier
from practicum.reconcile.credentials import Credentials
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.labs import Labs
from practicum.reconcile.report import Reporter
from practicum.reconcile.templates import Templates
from practicum.settings import Settings


@dataclass(frozen=True)
class Tools:
    """What a pass works with."""

    kube: Kube
    inventory: Inventory
    applier: Applier
    labs: Labs
    templates: Templates
    credentials: Credentials
    reporter: Reporter
    settings: Settings
    clock: Clock
    gates: list[Callable[[LabEnvironment], Readiness]] = field(default_factory=list)
    """Each says of a lab whether it may begin."""
    last_words: list[Callable[[LabEnvironment], Awaitable[None]]] = field(default_factory=list)
    """Each is awaited once nothing of a lab is left, before its finalizer goes."""

    def pause(self, lab_uid: str) -> timedelta:
        """Return how long a lab is left alone if nothing happens.

        Longer where there are many labs, and each at its own time, so that looking at them all
        again is never more than about one a second.
        """
        share = 0.5 + zlib.crc32(lab_uid.encode()) / 2**32
        return share * max(self.settings.resync, timedelta(seconds=len(self.labs)))
