"""A volume survives its stream, and nothing that happens to a stream goes unseen."""

import io
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from practicum.archives import volumes
from practicum.archives.volumes import Damaged

_NAMES = st.text("abAB.-é ", min_size=1, max_size=6).filter(lambda name: name.strip(". ") != "")
_TREES = st.dictionaries(_NAMES, st.binary(max_size=2000), max_size=6)


def packed(folder: Path) -> bytes:
    sink = io.BytesIO()
    volumes.pack(folder, sink)
    return sink.getvalue()


def filled(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every path with its mode and its content."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            content = os.readlink(path).encode()
        else:
            content = path.read_bytes() if path.is_file() else b""
        found[path.relative_to(folder).as_posix()] = stat.S_IMODE(path.lstat().st_mode), content
    return found


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume as databases and people leave them."""
    folder = filled(tmp_path / "volume", {"a/b/base": b"x" * 70_000, "a/empty": b"", "top": b"t"})
    os.link(folder / "top", folder / "twin")
    (folder / "away").symlink_to("/etc/passwd")
    (folder / "a").chmod(0o700)
    (folder / "a/b/base").chmod(0o600)
    (folder / "a/b").chmod(0o500)
    return folder


def test_a_volume_comes_back_as_it_was(volume: Path, tmp_path: Path) -> None:
    target = filled(tmp_path / "target", {"leftover/of": b"an attempt"})
    stream = packed(volume)
    read = volumes.verify(io.BytesIO(stream))
    written = volumes.unpack(io.BytesIO(stream), target)
    assert tree(target) == tree(volume)
    assert (target / "top").samefile(target / "twin")
    assert read == written
    assert sorted(read.files) == ["a/b/base", "a/empty", "top"]
    assert read.skipped == {}


def test_what_cannot_be_read_is_left_out_and_named(volume: Path) -> None:
    os.mkfifo(volume / "pipe")
    (volume / "lost+found").mkdir()
    index = volumes.verify(io.BytesIO(packed(volume)))
    assert index.skipped == {"pipe": "neither file, folder nor link"}
    assert "lost+found" not in index.files


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=_TREES, where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_whatever_happens_to_a_stream_nothing_else_comes_out_of_it(
    files: dict[str, bytes], where: float, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = filled(tmp_path_factory.mktemp("volume"), files)
    stream = bytearray(packed(folder))
    whole = volumes.verify(io.BytesIO(bytes(stream)))
    target = tmp_path_factory.mktemp("target")
    stream[int(where * len(stream))] ^= 1 << bit
    for take in (volumes.verify, lambda source: volumes.unpack(source, target)):
        # Some bits of a gzip stream mean nothing.
        try:
            index = take(io.BytesIO(bytes(stream)))
        except Damaged:
            continue
        assert index == whole


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_stream_that_breaks_off_is_not_taken_for_whole(
    volume: Path, tmp_path: Path, share: float
) -> None:
    stream = packed(volume)
    cut = stream[: int(len(stream) * share)]
    (tmp_path / "target").mkdir()
    with pytest.raises(Damaged):
        volumes.verify(io.BytesIO(cut))
    with pytest.raises(Damaged):
        volumes.unpack(io.BytesIO(cut), tmp_path / "target")


def _evil(*members: tuple[str, bytes, str]) -> bytes:
    import gzip
    import tarfile

    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info, io.BytesIO())
        index = volumes.Index().text()
        info = tarfile.TarInfo(volumes.INDEX)
        info.size = len(index)
        tar.addfile(info, io.BytesIO(index))
    return gzip.compress(sink.getvalue())


@pytest.mark.parametrize(
    "members",
    [
        [("../out", b"0", "")],
        [("link", b"2", "/tmp"), ("link/out", b"0", "")],
        [("device", b"3", "")],
        [("alien", b"0", "")],
    ],
)
def test_nothing_is_written_beside_the_volume(
    members: list[tuple[str, bytes, str]], tmp_path: Path
) -> None:
    target = tmp_path / "in/target"
    target.mkdir(parents=True)
    with pytest.raises(Damaged):
        volumes.unpack(io.BytesIO(_evil(*members)), target)
    assert list(tmp_path.iterdir()) == [tmp_path / "in"]
    assert list((tmp_path / "in").iterdir()) == [target]
