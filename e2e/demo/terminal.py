"""Types commands where the viewer sees them, as somebody with a kubeconfig of their own."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from e2e.stage import Stage


@dataclass(frozen=True)
class Terminal:
    """One person's shell; what it prints is what the command says."""

    console: Console
    stage: Stage
    """With that person's kubeconfig."""

    def enter(self, kubeconfig: str) -> None:
        """Show whose shell it is."""
        self._echo(f"export KUBECONFIG={kubeconfig}")

    def type(self, line: str, keep: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command and show what it says.

        Args:
            line: the command as one types it, ``practicum`` first.
            keep: pattern of the lines of the answer that are shown; the others are counted.
        """
        self._echo(line)
        done = self.stage.practicum(*shlex.split(line)[1:])
        for said in [*shortened(done.stdout, keep), *done.stderr.splitlines()]:
            self.console.out(said, highlight=False)
        return done

    def does(self, line: str, keep: str = "") -> str:
        """Run a command that has to work; returns its answer.

        Raises:
            RuntimeError: it did not.
        """
        done = self.type(line, keep)
        if done.returncode:
            raise RuntimeError(f"{line}: ended with {done.returncode}")
        return done.stdout

    def shows(self, line: str) -> None:
        """Run a command that may use the viewer's own terminal, its width and colours.

        Raises:
            RuntimeError: it did not work.
        """
        self._echo(line)
        if code := self.stage.show(*shlex.split(line)[1:]):
            raise RuntimeError(f"{line}: ended with {code}")

    def _echo(self, line: str) -> None:
        self.console.print(f"[bold]$ {escape(line)}[/bold]", soft_wrap=True)


def shortened(text: str, keep: str) -> Iterator[str]:
    """Yield the lines that a pattern is found in, and how many were left out."""
    lines = text.splitlines()
    kept = [line for line in lines if re.search(keep, line)]
    yield from kept
    if left := len(lines) - len(kept):
        yield f"  … and {left} more"
