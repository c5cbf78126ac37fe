"""Progress lines with elapsed time, safe to print from several threads."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_started = time.monotonic()


def say(step: str, message: str) -> None:
    """Print one progress line; stderr keeps stdout for results."""
    elapsed = time.monotonic() - _started
    with _lock:
        print(f"[{elapsed:6.1f}s] {step:<13} {message}", file=sys.stderr, flush=True)


@contextmanager
def timed(step: str, message: str) -> Iterator[None]:
    """Announce a step, then say how long it took."""
    say(step, f"{message} ...")
    began = time.monotonic()
    yield
    say(step, f"{message}: {time.monotonic() - began:.1f} s")


def elapsed() -> float:
    """Seconds since this process began to work."""
    return time.monotonic() - _started
