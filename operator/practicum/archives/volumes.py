"""A volume as a stream and back: a gzipped tar whose last member says what the others should be.

The index is made where the files are read, so that whoever reads the stream again, from whatever
medium, can tell that it is whole and that each file is what it was.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

INDEX: Final = ".practicum-index.json"
"""Last member of every stream; a file of that name at the top of a volume is left out."""
_BLOCK: Final = 1 << 20
_FILESYSTEMS_OWN: Final = frozenset({"lost+found", INDEX})
"""What stands at the top of a volume and is not what somebody put there."""

_UNREADABLE: Final = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError)


class Damaged(Exception):
    """A stream is not what its index says; the message names the member."""


@dataclass
class Index:
    """What a stream holds."""

    files: dict[str, list[Any]] = field(default_factory=dict)
    """Regular files by their path in the volume: size in bytes, SHA-256 in hexadecimal."""
    skipped: dict[str, str] = field(default_factory=dict)
    """What could not be read, or is neither file, folder nor link, and why."""

    def text(self) -> bytes:
        """Return it as JSON."""
        return json.dumps({"files": self.files, "skipped": self.skipped}).encode()

    @classmethod
    def read(cls, text: bytes) -> "Index":
        """Read what `text` wrote."""
        return cls(**json.loads(text))


class _Hashed:
    """A file that digests what is read of it."""

    def __init__(self, file: Any) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._file.read(size)
        self._hash.update(block)
        return block

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def pack(folder: Path, sink: Any) -> Index:
    """Write a folder's content as a stream.

    Args:
        folder: the volume, in which nobody writes meanwhile.
        sink: file that takes the stream; it need not seek.

    Raises:
        OSError: a file changed under the reader, or the sink takes no more.
    """
    index = Index()
    with (
        gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", bufsize=_BLOCK) as tar,
    ):
        for path in _below(folder, folder, index):
            _add(tar, folder, path, index)
        text = index.text()
        info = tarfile.TarInfo(INDEX)
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return index


def _below(root: Path, folder: Path, index: Index) -> Iterator[Path]:
    """Yield everything below a folder, folders before what is in them."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        index.skipped[_name(root, folder)] = str(error.strerror)
        return
    for name in names:
        if folder == root and name in _FILESYSTEMS_OWN:
            continue
        path = folder / name
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(root, path, index)


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _add(tar: tarfile.TarFile, root: Path, path: Path, index: Index) -> None:
    name, mode = _name(root, path), path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        index.skipped[name] = "neither file, folder nor link"
        return
    if not stat.S_ISREG(mode):
        tar.addfile(tar.gettarinfo(path, name))
        return
    try:
        file = path.open("rb")
    except OSError as error:
        index.skipped[name] = str(error.strerror)
        return
    with file:
        info, hashed = tar.gettarinfo(path, name), _Hashed(file)
        tar.addfile(info, hashed)
        if info.isreg():
            index.files[name] = [info.size, hashed.digest]


class _Endless:
    """A stream of which nobody reads the end: tarfile would go on for ever where sizes lie."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        if not (block := self._file.read(size)):
            raise EOFError("it is cut short")
        return bytes(block)


@contextlib.contextmanager
def _opened(source: Any) -> Iterator[tarfile.TarFile]:
    """Open a stream, and read it to its very end: there is gzip's own checksum."""
    with gzip.GzipFile(fileobj=source) as packed:
        endless: Any = _Endless(packed)
        with tarfile.open(fileobj=endless, mode="r|", bufsize=_BLOCK) as tar:
            yield tar
        while packed.read(_BLOCK):
            pass


def _walk(source: Any, take: Callable[[tarfile.TarInfo, IO[bytes] | None], None]) -> Index | None:
    """Read a stream to its end, and return its index, if there is one.

    Args:
        source: the stream.
        take: called with each other member, and with its content where it is a file.

    Raises:
        Damaged: something follows the index.
    """
    index = None
    with _opened(source) as tar:
        for member in tar:
            if index is not None:
                raise Damaged(f"{member.name} follows the index")
            content = tar.extractfile(member) if member.isreg() else None
            if member.name == INDEX and content:
                index = Index.read(content.read())
            else:
                take(member, content)
    return index


def verify(source: Any) -> Index:
    """Read a stream to its end and hold every file in it against its index.

    Raises:
        Damaged: it is cut short, or a file is missing, alien or altered.
    """
    found: dict[str, list[Any]] = {}

    def note(member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        if content:
            found[member.name] = [member.size, digest(content)]

    try:
        index = _walk(source, note)
    except (*_UNREADABLE, OSError, TypeError) as error:
        raise Damaged(f"the stream cannot be read: {error or type(error).__name__}") from error
    return _checked(index, found)


def _checked(index: Index | None, found: dict[str, list[Any]]) -> Index:
    if index is None:
        raise Damaged("the stream is cut short: it has no index")
    for name in sorted(index.files.keys() | found.keys()):
        if index.files.get(name) != found.get(name):
            there = "altered" if name in index.files and name in found else "missing or alien"
            raise Damaged(f"{name} is {there}")
    return index


def digest(content: IO[bytes]) -> str:
    """Return the SHA-256 of what a file holds from here on, in hexadecimal."""
    made = hashlib.sha256()
    while block := content.read(_BLOCK):
        made.update(block)
    return made.hexdigest()


def unpack(source: Any, folder: Path) -> Index:
    """Make a folder hold what a stream holds, and nothing else; then hold the files to the index.

    Modes are kept, which databases insist on. ``tarfile`` itself is only trusted with reading: how
    safely it extracts depends on Python's patch level.

    Raises:
        Damaged: the stream is not what its index says; the folder is of no use then.
    """
    _empty(folder)
    folders: list[tarfile.TarInfo] = []

    def put(member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        _put(folder, member, content)
        if member.isdir():
            folders.append(member)

    try:
        index = _walk(source, put)
    except _UNREADABLE as error:
        raise Damaged(f"the stream cannot be read: {error or type(error).__name__}") from error
    # The innermost first: what is not writable any more takes nothing in.
    for member in reversed(folders):
        _finish(folder / member.name, member)
    return _checked(index, _there(folder))


def _put(folder: Path, member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
    """Make one file, folder or link."""
    path = _place(folder, member.name)
    if content:
        with path.open("xb") as file:
            shutil.copyfileobj(content, file, _BLOCK)
        _finish(path, member)
    elif member.isdir():
        path.mkdir(mode=0o700)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        os.link(_place(folder, member.linkname), path, follow_symlinks=False)
    else:
        raise Damaged(f"{member.name} is neither file, folder nor link")


def _place(folder: Path, name: str) -> Path:
    """Return where a member goes: below the folder, and through no link."""
    parts = PurePosixPath(name)
    path, parent = folder / parts, folder.resolve() / parts.parent
    if parts.is_absolute() or ".." in parts.parts or path.parent.resolve() != parent:
        raise Damaged(f"{name} points out of the volume")
    return path


def _finish(path: Path, member: tarfile.TarInfo) -> None:
    os.utime(path, (member.mtime, member.mtime))
    path.chmod(member.mode & 0o777)


def _there(folder: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    links: set[int] = set()
    for path in _below(folder, folder, Index()):
        info = path.lstat()
        # Of a file with several names the stream has one, and links to it.
        if not stat.S_ISREG(info.st_mode) or (info.st_nlink > 1 and info.st_ino in links):
            continue
        links.add(info.st_ino)
        with path.open("rb") as file:
            found[_name(folder, path)] = [info.st_size, digest(file)]
    return found


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name in _FILESYSTEMS_OWN:
            continue
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            continue
        for inner, _, _ in os.walk(path):
            # What an attempt made read-only goes too.
            os.chmod(inner, 0o700)
        shutil.rmtree(path)
