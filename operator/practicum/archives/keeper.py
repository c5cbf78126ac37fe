"""Runs beside the shelf, to its end: makes an archive, brings one back, or takes some away.

What it is to do comes as JSON in one variable, the token in another, what the operator captured of
the lab as files in a folder. How it went goes into the pod's termination message, as JSON: the
operator reads no more than that. ``python -m practicum.archives.keeper SHELF INPUTS MESSAGE``.
"""

import base64
import contextlib
import errno
import gzip
import json
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from practicum.archives import calls, shelf
from practicum.archives.shelf import TooLarge
from practicum.archives.volumes import Damaged

TASK: Final = "PRACTICUM_ARCHIVE_TASK"
TOKEN: Final = "PRACTICUM_ARCHIVE_TOKEN"  # noqa: S105
OBJECTS: Final = "objects.json"

Task = dict[str, Any]


class Failed(Exception):
    """It cannot be done; the reason is CamelCase."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def run(task: Task, token: str, root: Path, inputs: Path) -> Task:
    """Do one task.

    Args:
        task: ``do`` is ``store``, ``restore`` or ``remove``; ``path`` or ``paths`` say which
            archives; ``volumes`` maps <side>/<claim> to the URL of its porter; ``most`` is the
            greatest size in bytes; ``manifest`` is the digest that what is restored must have.
        token: opens the porters.
        root: the shelf.
        inputs: folder with the parts of what the operator captured.

    Returns:
        what came of it.

    Raises:
        Failed: with a reason for people.
    """
    work = {"store": _store, "restore": _restore, "remove": _remove}[task["do"]]
    try:
        return work(task, token, root, inputs)
    except Damaged as error:
        raise Failed("DigestMismatch", f"{task['path']}: {error}") from error
    except TooLarge as error:
        text = f"{error} are more than the {task['most']} bytes of chart value archive.maxBytes"
        raise Failed("TooLarge", text) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = "the archive volume is full: enlarge the claim practicum-archive"
            raise Failed("ArchiveFull", text) from error
        raise Failed("ArchiveUnreadable", str(error)) from error


def _store(task: Task, token: str, root: Path, inputs: Path) -> Task:
    def fill(folder: Path) -> Any:
        captured = _captured(inputs)
        for name, text in captured["files"].items():
            (folder / name).write_text(text, encoding="utf-8")
        _documents(json.loads(captured["files"][OBJECTS]), folder)
        left = task["most"]
        for name, url in task["volumes"].items():
            left -= _fetch(url, token, folder / shelf.volume_file(name), left)
        return captured["about"]

    made = shelf.make(root, task["path"], fill)
    return {"manifest": made.manifest, **_figures(made)}


def _figures(made: shelf.Made) -> Task:
    return {"files": made.files, "bytes": made.size, "skipped": made.skipped}


def _captured(inputs: Path) -> Any:
    parts = sorted(inputs.glob("part-*"))
    return json.loads(gzip.decompress(b"".join(part.read_bytes() for part in parts)))


def _documents(objects: list[Task], folder: Path) -> None:
    """Write what learners keep in ConfigMaps as files too: they read better than JSON in JSON."""
    for body in objects:
        if body["kind"] != "ConfigMap":
            continue
        place = folder / "documents" / body["side"] / body["metadata"]["name"]
        for key, text in body.get("data", {}).items():
            place.mkdir(parents=True, exist_ok=True)
            (place / key).write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _named(reason: str, volume: str, broken: str) -> Iterator[None]:
    """Say of which volume a porter's refusal is, or the end of its stream."""
    try:
        yield
    except calls.Refused as error:
        raise Failed(reason, f"{volume}: {error}") from error
    except calls.BROKEN as error:
        said = f"{volume}: {broken}: {error or type(error).__name__}"
        raise Failed(reason, said) from error


def _fetch(url: str, token: str, target: Path, most: int) -> int:
    with (
        _named("VolumeUnreadable", target.name, "the stream broke off"),
        calls.ask("GET", url, token) as answer,
    ):
        return shelf.copy(answer, target, most)


def _restore(task: Task, token: str, root: Path, _: Path) -> Task:
    folder = shelf.place(root, task["path"])
    made = shelf.verify(folder, task["manifest"])
    for name, url in task["volumes"].items():
        _send(url, token, folder / shelf.volume_file(name))
    # The way back to the operator, which has no other: the log of this pod.
    text = base64.b64encode(gzip.compress((folder / OBJECTS).read_bytes())).decode()
    print("\n".join(textwrap.wrap(text, 4096)), flush=True)
    return {"volumes": len(task["volumes"]), **_figures(made)}


def _send(url: str, token: str, file: Path) -> None:
    with _named("RestoreFailed", file.name, "not taken in"), file.open("rb") as stream:
        calls.ask("PUT", url, token, stream, file.stat().st_size).close()


def _remove(task: Task, _: str, root: Path, __: Path) -> Task:
    for path in task["paths"]:
        shelf.remove(root, path)
    return {"removed": task["paths"]}


def main() -> None:
    """Do the task of the environment; exits 1 with the reason where it cannot be done."""
    root, inputs, message = map(Path, sys.argv[1:])
    try:
        answer = run(json.loads(os.environ[TASK]), os.environ.get(TOKEN, ""), root, inputs)
    except Failed as error:
        text = {"error": error.reason, "message": str(error)[:1000]}
        message.write_text(json.dumps(text), encoding="utf-8")
        sys.exit(f"{error.reason}: {error}")
    message.write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
