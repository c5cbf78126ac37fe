"""What every verb starts from: the global options, a connection, and a way out with a code."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from practicum import clock, errors
from practicum.cli.exits import CliError, Exit

if TYPE_CHECKING:
    from practicum.kube.client import Kube

Object = dict[str, Any]
FORMATS = ("table", "wide", "json", "yaml", "name", "csv", "html")


@dataclass(frozen=True)
class Options:
    """The global options."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str = ""
    output: str = ""
    verbose: bool = False


@dataclass(frozen=True)
class Session:
    """A connection, the course's namespace and the options of this call."""

    kube: "Kube"
    namespace: str
    options: Options
    context_namespace: str = ""
    """What the context names, unless ``--namespace`` says otherwise."""

    @property
    def output(self) -> str:
        """The format asked for, or ``table``."""
        return self.options.output or "table"

    def now(self) -> datetime:
        """The API server's idea of now, as soon as it has answered once."""
        return clock.utcnow() + self.kube.skew

    async def lab(self, name: str) -> Object:
        """Read a LabEnvironment.

        Raises:
            CliError: it does not exist; the message says where to look.
        """
        try:
            return await self.kube.get("LabEnvironment", self.namespace, name)
        except errors.NotFound as error:
            if "could not find" in str(error):
                raise
            raise self.missing(name) from error

    def missing(self, name: str) -> CliError:
        """Return the error for a lab that is not there."""
        return CliError(
            f"lab {name} not found in namespace {self.namespace}",
            hint=f"see: practicum get -n {self.namespace}",
            code=Exit.NOT_FOUND,
        )


Work = Callable[[Session], Awaitable[int | None]]


def run(ctx: typer.Context, work: Work, *, formats: Sequence[str] = ("table",)) -> None:
    """Connect, do the verb's work and end with its code.

    Args:
        ctx: typer's context, which carries the global options.
        work: the verb; returns its exit code, nothing for 0.
        formats: the values of ``--output`` that this verb knows, the default first.
    """
    options: Options = ctx.obj
    check_format(options, formats)
    code = asyncio.run(_connected(options, work))
    if code:
        raise typer.Exit(code)


def check_format(options: Options, formats: Sequence[str]) -> None:
    """Refuse a format that the verb does not know.

    Raises:
        CliError: with the formats that it does know.
    """
    if options.output and options.output not in formats:
        known = ", ".join(formats)
        raise CliError(f"--output {options.output} is not one of {known} here", code=Exit.USAGE)


async def _connected(options: Options, work: Work) -> int | None:
    from practicum.kube import person

    if not options.verbose:
        logging.getLogger("kubernetes").setLevel(logging.CRITICAL)
    connection = await person.connect(options.kubeconfig, options.context)
    namespace = options.namespace or connection.namespace
    within = "" if options.namespace else connection.context_namespace
    async with connection.kube as kube:
        return await work(Session(kube, namespace, options, within))
