"""Follows labs until they are ready, cannot become so, or time is up."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from practicum.api.conditions import ConditionType, Phase
from practicum.api.times import format_duration
from practicum.cli import labview, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

if TYPE_CHECKING:
    from rich.console import RenderableType

_HOPELESS = frozenset((Phase.FAILED, Phase.EXPIRING, Phase.EXPIRED, Phase.TERMINATING))


class Outcome(Enum):
    """How following a lab ended."""

    READY = Exit.OK
    STUCK = Exit.FAILURE


def outcome(lab: Object) -> Outcome | None:
    """Decide whether there is anything left to wait for.

    A status that speaks of an older spec says nothing yet, or a lab would count as ready just
    after an edit that will break it.
    """
    if "deletionTimestamp" in lab["metadata"]:
        return Outcome.STUCK
    if not labview.observed(lab):
        return None
    if lab["spec"].get("suspended") or labview.phase(lab) in _HOPELESS:
        return Outcome.STUCK
    ready = (one["status"] for one in labview.conditions(lab) if one["type"] == ConditionType.READY)
    if labview.phase(lab) == Phase.READY and next(ready, "True") == "True":
        return Outcome.READY
    return None


@dataclass
class Follow:
    """Labs that are being waited for; ``latest`` is what is known of each."""

    session: Session
    names: Sequence[str]
    timeout: timedelta | None
    done: Callable[[Object], Outcome | None] = outcome

    def __post_init__(self) -> None:
        self.latest: dict[str, Object] = {}
        self._several = len(self.names) > 1

    async def run(self) -> Exit:
        """Show what happens until all is decided; returns the verb's exit code.

        Raises:
            CliError: a lab does not exist, vanished, or time is up.
        """
        seconds = self.timeout.total_seconds() if self.timeout else None
        try:
            async with asyncio.timeout(seconds):
                if output.interactive() and not self._several:
                    return await self._live()
                return await self._plain()
        except TimeoutError:
            raise self._late() from None

    async def _plain(self) -> Exit:
        codes = await _gather(self._follow(name, self._print) for name in self.names)
        return max(codes)

    async def _live(self) -> Exit:
        from rich.live import Live

        view = Live(console=output.console(), refresh_per_second=4, get_renderable=self._tree)
        with view:
            return await self._follow(self.names[0], lambda *_: view.refresh())

    def _tree(self) -> "RenderableType":
        lab = self.latest.get(self.names[0])
        return labview.tree(lab, self.session.now()) if lab else ""

    def _print(self, before: Object | None, after: Object) -> None:
        prefix = f"{after['metadata']['name']}: " if self._several else ""
        clock = self.session.now().strftime("%H:%M:%S")
        for text in labview.changes(before, after):
            output.line(f"{clock} {prefix}{text}")

    async def _follow(self, name: str, show: Callable[[Object | None, Object], None]) -> Exit:
        async with aclosing(snapshots(self.session, name)) as stream:
            async for lab in stream:
                before = self.latest.get(name)
                self.latest[name] = lab
                show(before, lab)
                if decided := self.done(lab):
                    return decided.value
        raise CliError(f"lab {name} was deleted meanwhile")

    def _late(self) -> CliError:
        waiting = [
            f"{name} {_standing(self.latest.get(name))}"
            for name in self.names
            if name not in self.latest or outcome(self.latest[name]) is not Outcome.READY
        ]
        span = format_duration(self.timeout or timedelta(0))
        return CliError(
            f"not ready after {span}: {', '.join(waiting)}",
            hint=f"see: practicum explain {self.names[0]} -n {self.session.namespace}",
            code=Exit.TIMEOUT,
        )


def _standing(lab: Object | None) -> str:
    if lab is None:
        return "was not heard of"
    if not labview.observed(lab):
        return "has an edit that the operator has not seen yet"
    return f"is {labview.phase(lab)}"


async def snapshots(session: Session, name: str) -> AsyncGenerator[Object, None]:
    """Yield a lab as it is now and after every change; ends when it is deleted.

    Raises:
        CliError: it does not exist in the first place.
    """
    from practicum.kube.stream import watch

    await session.lab(name)
    stream = watch(session.kube, "LabEnvironment", session.namespace, name)
    async with aclosing(stream) as events:
        async for event in events:
            if event.type == "DELETED":
                return
            if event.type != "RESET":
                yield event.object


async def _gather(works: Iterable[Coroutine[Any, Any, Exit]]) -> list[Exit]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
