"""An archive is whole or not there; what became of it since is seen; a lab's volumes travel."""

import base64
import contextlib
import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from practicum.archives import keeper, porter, shelf
from practicum.archives.keeper import Failed

from .test_volumes import filled, tree, volume

__all__ = ["volume"]

TOKEN = "a-token"
PATH = "course-a/ada-8c1f8b5e"
OBJECTS = [
    {
        "kind": "ConfigMap",
        "side": "learner",
        "metadata": {"name": "policies"},
        "data": {"a.rego": "package a\n"},
    }
]


@contextlib.contextmanager
def stood_by(folder: Path, *, writes: bool = False) -> Iterator[str]:
    """A porter beside a volume."""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    server = porter.serve(folder, writes=writes, token_digest=digest, at=("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """What the operator captured, in parts."""
    files = {"objects.json": json.dumps(OBJECTS), "audit.jsonl": '{"seq": 1}\n'}
    packed = gzip.compress(json.dumps({"about": {"lab": "ada"}, "files": files}).encode())
    half = len(packed) // 2
    return filled(tmp_path / "in", {"part-00": packed[:half], "part-01": packed[half:]})


Store = Callable[..., dict[str, Any]]


@pytest.fixture
def store(tmp_path: Path, inputs: Path, volume: Path) -> Store:
    """Makes an archive of one volume; ``token`` and ``most`` may be wrong."""

    def run(token: str = TOKEN, most: int = 10**9) -> dict[str, Any]:
        with stood_by(volume) as url:
            volumes = {"platform/postgres": url}
            task = {"do": "store", "path": PATH, "volumes": volumes, "most": most}
            return keeper.run(task, token, tmp_path / "shelf", inputs)

    return run


def test_a_lab_is_archived_and_brought_back(
    store: Store, tmp_path: Path, volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = store()
    folder = tmp_path / "shelf" / PATH
    assert (folder / "documents/learner/policies/a.rego").read_text() == "package a\n"
    assert made["bytes"] == sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    target = tmp_path / "target"
    target.mkdir()
    with stood_by(target, writes=True) as url:
        task = {"do": "restore", "path": PATH, "manifest": made["manifest"]}
        task |= {"volumes": {"platform/postgres": url}}
        capsys.readouterr()
        keeper.run(task, TOKEN, tmp_path / "shelf", tmp_path)
    assert tree(target) == tree(volume)
    said = "".join(line for line in capsys.readouterr().out.splitlines() if ":" not in line)
    assert json.loads(gzip.decompress(base64.b64decode(said))) == OBJECTS


def test_a_complete_archive_is_not_made_twice(store: Store, tmp_path: Path, volume: Path) -> None:
    first = store()
    (volume / "top").write_text("later")
    assert store() == first


def test_an_attempt_that_was_killed_leaves_nothing_that_counts(
    store: Store, tmp_path: Path
) -> None:
    filled(tmp_path / "shelf/.part-course-a-ada-8c1f8b5e", {"volumes/old": b"half"})
    store()
    assert sorted(p.name for p in (tmp_path / "shelf").iterdir()) == ["course-a"]
    assert not (tmp_path / "shelf" / PATH / "volumes/old").exists()


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda folder: (folder / "audit.jsonl").write_text('{"seq": 2}\n'), "audit.jsonl"),
        (lambda folder: (folder / "objects.json").unlink(), "objects.json"),
        (lambda folder: (folder / "more").write_text(""), "more"),
        (lambda folder: (folder / "volumes/more").symlink_to("/etc/passwd"), "volumes/more"),
        (lambda folder: _flip(folder / "volumes/platform/postgres.tar.gz"), "postgres.tar.gz"),
        (lambda folder: _forge(folder), "manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read"),
    ],
)
def test_a_tampered_archive_is_refused(
    store: Store, tmp_path: Path, harm: Callable[[Path], Any], named: str
) -> None:
    made = store()
    harm(tmp_path / "shelf" / PATH)
    task = {"do": "restore", "path": PATH, "manifest": made["manifest"], "volumes": {}}
    with pytest.raises(Failed) as refused:
        keeper.run(task, TOKEN, tmp_path / "shelf", tmp_path)
    assert refused.value.reason == "DigestMismatch"
    assert named in str(refused.value)


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _forge(folder: Path) -> None:
    """Alter a file and the manifest with it: only the record outside tells."""
    (folder / "audit.jsonl").write_text("{}\n")
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256(b"{}\n").hexdigest()
    manifest["files"]["audit.jsonl"] = {"size": 3, "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert shelf.verify(folder).manifest


@pytest.mark.parametrize(
    ("wrong", "reason"), [({"token": "guessed"}, "VolumeUnreadable"), ({"most": 100}, "TooLarge")]
)
def test_a_failure_says_why_and_leaves_no_archive(
    store: Store, tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Failed) as failed:
        store(**wrong)
    assert failed.value.reason == reason
    assert not (tmp_path / "shelf" / PATH).exists()
    store()


def test_a_volume_is_only_read_or_only_written(tmp_path: Path, volume: Path) -> None:
    before = tree(volume)
    with stood_by(volume) as url, pytest.raises(Failed, match="405"):
        keeper._send(url, TOKEN, filled(tmp_path / "x", {"s": b""}) / "s")
    assert tree(volume) == before
    with stood_by(volume, writes=True) as url, pytest.raises(Failed, match="405"):
        keeper._fetch(url, TOKEN, tmp_path / "y/stream", 10**9)


def test_archives_are_taken_away(store: Store, tmp_path: Path) -> None:
    store()
    task = {"do": "remove", "paths": [PATH, "course-a/never-was"]}
    assert keeper.run(task, "", tmp_path / "shelf", tmp_path) == {"removed": task["paths"]}
    assert [p for p in (tmp_path / "shelf").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("path", ["", "a", "../a", "a/../b", "a/b/c", "a/.part-b", "/a"])
def test_no_path_leads_off_the_shelf(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="<course>/<lab>-<uid>"):
        shelf.place(tmp_path, path)
