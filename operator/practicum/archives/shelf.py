"""The shelf: one folder per archive, whole or not there, with the digest of every file in it.

An archive is written under a name that nobody reads, brought to the disk, read again and held
against its manifest, and only then given its name.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from practicum.archives import volumes
from practicum.archives.volumes import Damaged

MANIFEST: Final = "manifest.json"
VOLUMES: Final = "volumes"
_PART: Final = ".part-"
_STREAM: Final = ".tar.gz"


@dataclass(frozen=True)
class Made:
    """A complete archive."""

    manifest: str
    """SHA-256 of its manifest, from which everything else follows."""
    files: int
    size: int
    """Bytes of all files."""
    skipped: int
    """Entries of volumes that could not be read."""


def volume_file(name: str) -> str:
    """Return where in an archive the stream of a volume is; ``name`` is <side>/<claim>."""
    return f"{VOLUMES}/{name}{_STREAM}"


def place(root: Path, path: str) -> Path:
    """Return an archive's folder.

    Args:
        root: the shelf.
        path: <course>/<lab>-<uid>.

    Raises:
        ValueError: the path leads elsewhere.
    """
    parts = path.split("/")
    if len(parts) != 2 or any(part in ("", ".", "..") or part[0] == "." for part in parts):
        raise ValueError(f"path {path!r}: give <course>/<lab>-<uid>")
    return root.joinpath(*parts)


def make(root: Path, path: str, fill: Callable[[Path], Any]) -> Made:
    """Make an archive, or find it made: a complete one is never made twice.

    Args:
        root: the shelf.
        path: <course>/<lab>-<uid>.
        fill: writes the files into the folder that it is given; returns what the manifest says of
            the lab.

    Raises:
        Damaged: what was written does not read the same.
        OSError: the shelf is full, or ``fill`` could not read.
    """
    final = place(root, path)
    if final.exists():
        try:
            return verify(final)
        except Damaged:
            shutil.rmtree(final)
    part = root / f"{_PART}{path.replace('/', '-')}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    about = fill(part)
    files = {
        file.relative_to(part).as_posix(): {"size": file.stat().st_size, "sha256": _digest(file)}
        for file in sorted(part.rglob("*"))
        if file.is_file()
    }
    text = json.dumps({"version": 1, "about": about, "files": files}, indent=1, sort_keys=True)
    (part / MANIFEST).write_text(text + "\n", encoding="utf-8")
    for written in [*part.rglob("*"), part]:
        _to_disk(written)
    made = verify(part)
    final.parent.mkdir(exist_ok=True)
    part.rename(final)
    _to_disk(final.parent)
    _to_disk(root)
    return made


def verify(folder: Path, manifest: str = "") -> Made:
    """Read a whole archive and hold it against its manifest.

    Args:
        folder: the archive.
        manifest: SHA-256 that its manifest must have; empty: any.

    Raises:
        Damaged: naming the first file that is missing, alien or altered.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        named: dict[str, dict[str, Any]] = json.loads(text)["files"]
        found = _digest(folder / MANIFEST)
        if manifest and found != manifest:
            raise Damaged(f"{MANIFEST} is not the one of the archive's record")
        there = {
            file.relative_to(folder).as_posix()
            for file in folder.rglob("*")
            if file.is_symlink() or not file.is_dir()
        }
        if odd := sorted((there - {MANIFEST}) ^ named.keys()):
            raise Damaged(f"{odd[0]} is missing or alien")
        skipped = sum(_check(folder / name, name, said) for name, said in named.items())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"the archive cannot be read: {error}") from error
    size = sum(said["size"] for said in named.values()) + len(text)
    return Made(found, len(named) + 1, size, skipped)


def _check(file: Path, name: str, said: dict[str, Any]) -> int:
    """Hold one file against the manifest; returns how much of a volume had to be left out."""
    if file.is_symlink() or (file.stat().st_size, _digest(file)) != (said["size"], said["sha256"]):
        raise Damaged(f"{name} is altered")
    if not name.endswith(_STREAM):
        return 0
    with file.open("rb") as stream:
        return len(volumes.verify(stream).skipped)


def remove(root: Path, path: str) -> None:
    """Take an archive off the shelf; one that is not there is fine."""
    final = place(root, path)
    if final.exists():
        # Under this name it is found by the next attempt, and by nobody else.
        part = root / f"{_PART}{path.replace('/', '-')}"
        shutil.rmtree(part, ignore_errors=True)
        final.rename(part)
        shutil.rmtree(part)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return volumes.digest(content)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy(source: IO[bytes], target: Path, most: int) -> int:
    """Copy a stream into a file; returns its size.

    Raises:
        TooLarge: it has more than ``most`` bytes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with target.open("xb") as file:
        while block := source.read(1 << 20):
            size += len(block)
            if size > most:
                raise TooLarge(f"{target.name} and what came before it")
            file.write(block)
    return size


class TooLarge(Exception):
    """More than an archive may hold."""
