"""Settings of the operator, read once from ``PRACTICUM_*`` variables (the chart sets them)."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, get_type_hints


@dataclass(frozen=True, kw_only=True)
class RateCard:
    """What requested resources cost for an hour."""

    currency: str = "EUR"
    cpu_core_hour: Decimal = Decimal(0)
    memory_gib_hour: Decimal = Decimal(0)
    storage_gib_hour: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every knob of the operator; the defaults are those of the chart."""

    system_namespace: str = "practicum-system"
    """Where the operator, the shared catalogue and the frozen revisions live."""

    root_key: bytes = field(default=b"", repr=False)
    """Key from which every password of every lab is derived."""

    learner_server: str = ""
    """API server address in learners' kubeconfigs; empty: taken from kube-public/cluster-info."""

    learner_ca: str = ""
    """PEM bundle that goes with ``learner_server``; empty: the one the operator itself trusts."""

    token_max: timedelta = timedelta(hours=24)
    """Longest life of a learner's token."""

    allow_subjects: bool = True
    """Bind ``spec.learner.subjects`` too; off where only expiring tokens are wanted."""

    images: Mapping[str, str] = field(default_factory=dict)
    """Image references that replace a template's, by image name; no mirror changes them."""

    image_mirror: str = ""
    """Registry and path under which all other images lie, their own registry's name included."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = ""

    expiring_soon: timedelta = timedelta(minutes=15)
    """How long before expiry a lab says ExpiringSoon."""

    retain_record: timedelta = timedelta(days=30)
    """How long an Expired LabEnvironment stays as a record."""

    stuck_after: timedelta = timedelta(seconds=20)
    """After how long a namespace that will not go is named and purged."""

    start_timeout: timedelta = timedelta(minutes=15)
    """After how long a lab that is still not ready is Failed; 0: never."""

    failed_timeout: timedelta = timedelta(days=1)
    """How long a Failed lab is kept before it ends; 0: for its whole life."""

    suspended_timeout: timedelta = timedelta(days=30)
    """How long a suspended lab is kept before it ends; 0: for its whole life."""

    max_labs: int = 0
    """How many labs may run at once; 0: as many as are asked for."""

    max_labs_per_course: int = 0
    """The same for each course."""

    course_limits: Mapping[str, int] = field(default_factory=dict)
    """Courses with a limit of their own."""

    meter_interval: timedelta = timedelta(minutes=5)
    """How often it is looked what labs ask for and use, and whether anybody is at work."""

    rate_card: RateCard = RateCard()

    budgets: Mapping[str, Decimal] = field(default_factory=dict)
    """What courses may cost, by the rate card: a lab beyond that is not begun."""

    budget_warning: int = 80
    """At how many per cent of its budget a course is warned."""

    idle_after: timedelta = timedelta(0)
    """After how long without activity a lab is suspended that says nothing of it; 0: never."""

    idle_warning: timedelta = timedelta(minutes=15)
    """How long before that it says so."""

    resync: timedelta = timedelta(minutes=5)
    """Every so often a lab is looked at even if nothing happened."""

    sweep_interval: timedelta = timedelta(minutes=10)
    """Least time between the two complete listings that prove a namespace an orphan."""

    probe_image: str = ""
    """Image of the network probe's pods, with Python in it; empty: no probe."""

    probe_interval: timedelta = timedelta(days=1)
    """How often it is looked again whether the cluster enforces NetworkPolicy."""

    audit_retention: timedelta = timedelta(days=365)
    """How long an audit log outlives its lab."""

    archive_image: str = ""
    """Image of the pods that archive labs, with this package in it; empty: none are archived."""

    archive_size: str = "20Gi"
    archive_storage_class: str = ""
    archive_access_mode: str = "ReadWriteOnce"

    archive_max_bytes: int = 5 * 2**30
    """The most that the archive of one lab may hold."""

    archive_retention: timedelta = timedelta(days=365)
    """How long an archive is kept."""

    archive_patience: timedelta = timedelta(hours=1)
    """How long the deletion of a course waits for archives of its labs that fail."""

    alias_poll: timedelta = timedelta(seconds=30)
    """How often aliases of governed models are compared with what the audit log says."""

    check_image: str = ""
    """Image of pods that look at labs from within, with this package in it; empty: none do."""

    check_interval: timedelta = timedelta(minutes=1)
    """How often checks are looked at while a learner is at work; 0: only when asked for."""

    check_idle_interval: timedelta = timedelta(minutes=30)
    """The longest pause between two looks, in a lab in which nothing changes."""

    check_pause: timedelta = timedelta(seconds=5)
    """Least time between two looks that a lab's people ask for."""

    check_pods: int = 4
    """How many pods may look at labs from within at once."""

    catalogue: str = ""
    """Folders with packed modules, ``:`` between them; empty: none are published."""

    opa: str = "opa"
    """The program that vets learners' policies: a path, or a name that is looked up."""

    http_port: int = 8080
    leader_elect: bool = True
    log_level: str = "info"

    def images_of(self, images: Mapping[str, str]) -> dict[str, str]:
        """Return a template's images, by name, as they are pulled here."""
        return {name: self.mirrored(image) for name, image in images.items()} | dict(self.images)

    def mirrored(self, image: str) -> str:
        """Return a reference, or a glob of references, as it reads on the mirror.

        ``postgres:18`` becomes ``MIRROR/docker.io/library/postgres:18``: what a short name stands
        for is spelled out, so images of two registries never meet. What lies there already stays.
        """
        mirror = self.image_mirror.rstrip("/")
        if not mirror or image.startswith(f"{mirror}/"):
            return image
        first, slash, _ = image.partition("/")
        if not slash:
            image = f"docker.io/library/{image}"
        elif first != "localhost" and not set(first) & set(".:*"):
            image = f"docker.io/{image}"
        return f"{mirror}/{image}"


def _duration(text: str) -> timedelta:
    if not (parts := re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]+)?)([smhd])", text)):
        raise ValueError(f"{text!r} is not a duration: write a number and s, m, h or d")
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return timedelta(seconds=float(parts[1]) * units[parts[2]])


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _mapping(text: str) -> dict[str, str]:
    value = json.loads(text)
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("must be a JSON object of strings")
    return value


def _numbers(text: str) -> dict[str, int]:
    value = json.loads(text)
    if not isinstance(value, dict) or not all(type(one) is int for one in value.values()):
        raise ValueError("must be a JSON object of integers")
    return value


def _money(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is not an amount: write a number that is not negative")
    return value


def _amounts(text: str) -> dict[str, Decimal]:
    return {name: _money(amount) for name, amount in _mapping(text).items()}


def _rates(text: str) -> RateCard:
    fields = {
        "cpuCoreHour": "cpu_core_hour",
        "memoryGiBHour": "memory_gib_hour",
        "storageGiBHour": "storage_gib_hour",
    }
    given = _mapping(text)
    if unknown := sorted(set(given) - {*fields, "currency"}):
        raise ValueError(f"{unknown[0]} is unknown; there are: currency, {', '.join(fields)}")
    prices = {field: _money(given[name]) for name, field in fields.items() if name in given}
    return RateCard(currency=given.get("currency", RateCard.currency), **prices)


_READERS: Final[Mapping[Any, Callable[[str], Any]]] = {
    str: str,
    bytes: str.encode,
    int: int,
    bool: _flag,
    timedelta: _duration,
    RateCard: _rates,
    Mapping[str, str]: _mapping,
    Mapping[str, int]: _numbers,
    Mapping[str, Decimal]: _amounts,
}
"""How a setting is read, by its type."""


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; unset variables keep their defaults.

    Raises:
        ValueError: a variable is malformed; the message names it.
    """
    values: dict[str, Any] = {}
    for name, kind in get_type_hints(Settings).items():
        variable = f"PRACTICUM_{name.upper()}"
        if environ.get(variable):
            try:
                values[name] = _READERS[kind](environ[variable])
            except ValueError as error:
                raise ValueError(f"{variable}: {error}") from error
    return Settings(**values)
