"""Where built artefacts live, and how each is made exactly once.

An artefact is a file or a folder whose name carries its key. It is made under a temporary
name and renamed when whole, so an interrupted run leaves nothing that looks finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent
_KEY_LENGTH = 12


@dataclass(frozen=True)
class Cache:
    """The folders below `$PRACTICUM_CACHE`."""

    root: Path

    @classmethod
    def from_environment(cls) -> Cache:
        """Take the folder from PRACTICUM_CACHE, else the user's cache folder."""
        chosen = os.environ.get("PRACTICUM_CACHE")
        home_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(Path(chosen).absolute() if chosen else home_cache / "practicum")

    @property
    def binaries(self) -> Path:
        """One folder per built set of commands, and `current/` with links."""
        return self.root / "bin"

    @property
    def cluster(self) -> Path:
        """State of the cluster: kubeconfig, generated configuration, logs."""
        return self.root / "cluster"

    @property
    def archives(self) -> Path:
        """Image archives; the node sees this folder read-only."""
        return self.root / "archives"

    @property
    def kubeconfig(self) -> Path:
        """Cluster-admin access to the kind cluster."""
        return self.cluster / "kubeconfig"

    @property
    def image_values(self) -> Path:
        """Helm values that choose the images in the cluster."""
        return self.cluster / "values-images.yaml"

    def log(self, name: str) -> Path:
        """The log file of a step."""
        return self.root / "logs" / f"{name}.log"


@contextmanager
def locked(cache: Cache, name: str) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends."""
    folder = cache.root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(cache: Cache, target: Path, make: Callable[[Path], None]) -> bool:
    """Make `target` unless it is there; return whether it had to be made."""
    if target.exists():
        return False
    with locked(cache, target.name):
        if target.exists():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.parent / f".{target.name}.unfinished"
        remove(unfinished)
        make(unfinished)
        unfinished.rename(target)
    return True


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file at once, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(mode)
    unfinished.rename(path)


def key_of(paths: Iterable[Path], *words: str) -> str:
    """Hash file contents (folders with all below them) and words into a short key."""
    digest = hashlib.sha256()
    for word in words:
        digest.update(word.encode() + b"\0")
    for path in paths:
        for file in _files(path):
            digest.update(str(file.relative_to(path.parent)).encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:_KEY_LENGTH]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file())
    return sorted(file for file in found if "__pycache__" not in file.parts)
