"""Choose where the cluster comes from: an existing one, stock kind, or one built here."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from e2e.cluster.cache import Cache, write_whole
from e2e.cluster.engine import missing_for_building
from e2e.cluster.errors import ClusterError
from e2e.cluster.shell import answers

_PROBE_IMAGE = "docker.io/library/busybox:stable"
_PROBE_SECONDS = 20


class Kind(StrEnum):
    """Where a cluster comes from."""

    EXISTING = "existing"
    STOCK = "stock-kind"
    BUILT = "built-kind"


@dataclass(frozen=True)
class Provider:
    """The chosen source, with the container engine's program for stock kind."""

    kind: Kind
    kubeconfig: Path
    engine: str = ""


def choose(cache: Cache) -> Provider:
    """Choose a provider and remember it, so that later verbs agree without probing again."""
    existing = os.environ.get("PRACTICUM_KUBECONFIG")
    if existing:
        return Provider(Kind.EXISTING, Path(existing).absolute())
    chosen = remembered(cache)
    if chosen is not None:
        return chosen
    engine = _engine_with_registry()
    missing = "" if engine else missing_for_building()
    if missing:
        raise ClusterError(
            f"No container engine here can pull from a registry, and {missing}. "
            "Set PRACTICUM_KUBECONFIG to use a cluster that exists."
        )
    kind = Kind.STOCK if engine else Kind.BUILT
    write_whole(_memory(cache), f"{kind} {engine}".strip())
    return Provider(kind, cache.kubeconfig, engine)


def remembered(cache: Cache) -> Provider | None:
    """Return the choice an earlier verb made."""
    try:
        words = _memory(cache).read_text(encoding="utf-8").split()
    except OSError:
        return None
    return Provider(Kind(words[0]), cache.kubeconfig, "".join(words[1:]))


def forget(cache: Cache) -> None:
    """Let the next verb choose anew."""
    _memory(cache).unlink(missing_ok=True)


def _memory(cache: Cache) -> Path:
    return cache.cluster / "provider"


def _engine_with_registry() -> str:
    """Return the first engine that answers and reaches a registry, without pulling."""
    for engine in ("docker", "podman"):
        if shutil.which(engine) is None or not answers([engine, "info"]):
            continue
        if answers([engine, "manifest", "inspect", _PROBE_IMAGE], timeout=_PROBE_SECONDS):
            return engine
    return ""
