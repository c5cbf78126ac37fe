"""Child processes that are ended by their own id, however the parent ends."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Protocol

_POLL_SECONDS = 0.05


class Stoppable(Protocol):
    """Something to stop when the interpreter ends."""

    def stop(self) -> None:
        """End everything it started."""


_open: weakref.WeakSet[Stoppable] = weakref.WeakSet()


def stop_at_exit(thing: Stoppable) -> None:
    """Stop it when the interpreter exits, on SIGTERM too where nobody else handles that."""
    atexit.unregister(_stop_all)
    atexit.register(_stop_all)
    _open.add(thing)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit_on_signal)


def keep_at_exit(thing: Stoppable) -> None:
    """Take back `stop_at_exit`."""
    _open.discard(thing)


def spawn(command: Sequence[str | Path], log: Path) -> int:
    """Start a process in a session of its own, with its output in a file; return its id."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # The id alone is kept: a later process may be the one that ends it.
    process.returncode = 0
    return process.pid


def alive(pid: int, mark: str) -> bool:
    """Tell whether this process still runs and is ours: its command line holds `mark`."""
    _reap(pid)
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        return False
    # A process that is only just becoming its program has no command line yet.
    return mark.encode() in command or (not command and state not in b"ZX")


def end(pid: int, mark: str, patience: float = 5.0) -> None:
    """End a process of ours: ask first, then insist."""
    for wanted, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        if not alive(pid, mark):
            return
        try:
            os.kill(pid, wanted)
        except ProcessLookupError:
            return
        limit = time.monotonic() + seconds
        while alive(pid, mark) and time.monotonic() < limit:
            time.sleep(_POLL_SECONDS)


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _stop_all() -> None:
    for thing in list(_open):
        thing.stop()


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
