"""Run commands, with the tail of their output in the error when they fail."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from e2e.cluster.errors import ClusterError

_TAIL_LINES = 25
Arg = str | Path
Kubectl = Callable[..., str]
"""Runs kubectl with the words given and returns what it printed; a ClusterError when it failed."""

_running: set[int] = set()
_running_lock = threading.Lock()
_stopping = threading.Event()


def run(
    command: Sequence[Arg],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
) -> str:
    """Run a command to its end and return its standard output."""
    words = [str(word) for word in command]
    if _stopping.is_set():
        raise ClusterError("interrupted")
    code, output, errors = _finish(words, {**os.environ, **(env or {})}, cwd)
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"$ {shlex.join(words)}\n{output}{errors}", encoding="utf-8")
    if code != 0:
        tail = "\n".join((output + errors).splitlines()[-_TAIL_LINES:])
        where = f" (whole output: {log})" if log else ""
        raise ClusterError(f"`{shlex.join(words)}` ended with {code}{where}\n{tail}")
    return output


def answers(
    command: Sequence[Arg], *, env: Mapping[str, str] | None = None, timeout: float = 15
) -> bool:
    """Tell whether a command succeeds within the time limit."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def said(kubectl: Kubectl, *commands: Sequence[str]) -> str:
    """Return what commands print, or why they do not: evidence for an error's message."""

    def one(command: Sequence[str]) -> str:
        try:
            return kubectl(*command)
        except ClusterError as error:
            return str(error)

    return "\n".join(map(one, commands))


def end_commands_on_signals() -> None:
    """On Ctrl-C or SIGTERM end the running commands too, with all that they started."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)


def _finish(words: list[str], env: Mapping[str, str], cwd: Path | None) -> tuple[int, str, str]:
    process = subprocess.Popen(
        words,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,
    )
    with _running_lock:
        _running.add(process.pid)
    try:
        output, errors = process.communicate()
    finally:
        with _running_lock:
            _running.discard(process.pid)
    return process.returncode, output, errors


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _stopping.set()
    # No lock: the signal may have come while this very thread held it.
    for group in tuple(_running):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
    raise KeyboardInterrupt
