"""Runs OPA in a process of its own, with bounded processor time, memory, time and output.

What it is given is a learner's, hostile until proven otherwise: it sees nothing of the operator's
environment, and does without the built-in functions that would reach out of it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from practicum.errors import ServiceError

FORBIDDEN: Final = frozenset(
    {
        *("http.send", "net.lookup_ip_addr", "opa.runtime"),
        # They fetch what a schema refers to.
        *("json.match_schema", "json.verify_schema"),
    }
)
"""Built-in functions that a policy of a lab does without."""
CAPABILITIES: Final = "capabilities.json"
LONG_OUTPUT: Final = 1024 * 1024
"""What OPA says of itself is long."""
_CONFINE: Final = Path(__file__).with_name("confine.py")
_SECONDS: Final = 15
_OUTPUT: Final = 256 * 1024
_AT_ONCE: Final = 2
_ABSENT: Final = 127


@dataclass(frozen=True)
class Done:
    """How OPA ended, and what it said."""

    code: int
    text: str

    @property
    def starved(self) -> bool:
        """Whether it needed more processor time or memory than anybody gets."""
        head = self.text[:4096]
        return self.code < 0 or "out of memory" in head or "stack overflow" in head


class Opa:
    """One program, for all labs."""

    def __init__(self, program: str) -> None:
        """Choose the program: a path, or a name that is looked up."""
        self._program = program
        self._capabilities = ""
        self.places = asyncio.Semaphore(_AT_ONCE)
        """Held by whoever works with it: so many fit beside the operator."""

    async def capabilities(self, place: Path) -> str:
        """Return what OPA may do here: what it can, without what reaches out.

        Raises:
            ServiceError: it does not work.
        """
        if not self._capabilities:
            done = await self.run(place, "capabilities", "--current", output=LONG_OUTPUT)
            try:
                can: dict[str, Any] = json.loads(done.text)
            except ValueError as error:
                text = f"{self._program} does not work: {done.text}"
                raise ServiceError("NoOPA", text) from error
            can["builtins"] = [one for one in can["builtins"] if one["name"] not in FORBIDDEN]
            # Neither may the compiler fetch, or read from disk, what a schema refers to.
            can["allow_net"] = []
            self._capabilities = json.dumps(can)
        return self._capabilities

    async def run(self, place: Path, *arguments: str, output: int = _OUTPUT) -> Done:
        """Run one command in a folder.

        Args:
            place: where it runs.
            arguments: of the command line.
            output: most bytes that are read of what it says.

        Raises:
            ServiceError: it is not there, or the machine had no time for it.
        """
        program = shutil.which(self._program)
        if program is None:
            raise ServiceError("NoOPA", f"{self._program} is not there: policies cannot be vetted")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(_CONFINE), program, *arguments),
            cwd=place,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"HOME": str(place), "GOMAXPROCS": "1", "GOMEMLIMIT": "112MiB"},
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            async with asyncio.timeout(_SECONDS):
                raw = await _read(process.stdout, output)
                code = await process.wait()
        except TimeoutError as error:
            # Whoever takes too much processor time is ended long before.
            text = f"{self._program} came to no end within {_SECONDS} s"
            raise ServiceError("OPATooSlow", text) from error
        except _TooMuch:
            return Done(1, "OPA has too much to say")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            # While a pipe is full, asyncio does not tell that its process has ended.
            await process.communicate()
        if code == _ABSENT:
            raise ServiceError("NoOPA", f"{program} cannot be run: policies cannot be vetted")
        return Done(code, raw.decode("utf-8", "replace"))


class _TooMuch(Exception):
    """More output than anybody will read."""


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    raw = bytearray()
    while chunk := await stream.read(65536):
        raw += chunk
        if len(raw) > most:
            raise _TooMuch
    return bytes(raw)
