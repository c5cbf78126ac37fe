"""``practicum delete``: shows what goes, asks, and can wait until it is really gone."""

import asyncio
import sys
from collections.abc import Iterable
from datetime import timedelta

import typer

from practicum import errors
from practicum.api.times import format_duration
from practicum.cli import cohorts, labview, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

_POLL = 1.0


async def delete(session: Session, name: str, *, yes: bool, wait: bool, limit: timedelta) -> None:
    """Delete a lab with everything in it."""
    lab = await session.lab(name)
    if cohort := await cohorts.of(session, lab):
        raise cohorts.would_undo(lab, cohort, "reprovision {cohort} {learner}")
    for text in inventory(lab):
        output.note(text)
    if not yes:
        ask(f"Delete lab {name}?")
    meta = lab["metadata"]
    await session.kube.delete("LabEnvironment", meta["namespace"], name, uid=meta["uid"])
    if not wait:
        output.line(f"{name}: deletion begun")
        return
    state = _State(lab)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await _until_gone(session, state)
    except TimeoutError:
        raise CliError(
            f"lab {name} is not gone after {format_duration(limit)}: {state.left()}",
            hint=f"see: practicum explain {name} -n {session.namespace}",
            code=Exit.TIMEOUT,
        ) from None
    output.line(f"{name}: gone{state.caveat()}")


def inventory(lab: Object) -> list[str]:
    """Say what a deletion takes away."""
    meta, status = lab["metadata"], lab.get("status", {})
    learner = lab["spec"].get("learner", {}).get("id")
    whose = f"of {learner}" if learner else "without a learner"
    said = [f"lab {meta['name']} in {meta['namespace']} {whose} ({labview.phase(lab)})"]
    for namespace in status.get("namespaces", []):
        said.append(f"  namespace {namespace} with all pods, volumes and data in it")
    if credentials := status.get("credentials"):
        said.append(f"  Secret {credentials['secretRef']}: access ends at once")
    return said


def ask(question: str) -> None:
    """Ask whether to delete something.

    Raises:
        CliError: the answer is no, or nobody can be asked.
    """
    if not sys.stdin.isatty():
        text = "deleting needs a yes: nobody can be asked here"
        raise CliError(text, hint="say so with --yes", code=Exit.USAGE)
    if not typer.confirm(question, err=True):
        raise CliError("nothing was deleted")


class _State:
    """What is still there of a lab that is being deleted."""

    def __init__(self, lab: Object) -> None:
        self.lab: Object | None = lab
        self.uid: str = lab["metadata"]["uid"]
        self.namespaces: set[str] = set(lab.get("status", {}).get("namespaces", []))
        self.unreadable = False

    def left(self) -> str:
        """Name what is still there, and why as far as the operator says."""
        message = (self.lab or {}).get("status", {}).get("message", "")
        there = [f"namespace {name}" for name in sorted(self.namespaces)]
        there += ["its LabEnvironment"] if self.lab else []
        return f"{', '.join(there)} still there" + (f" ({message})" if message else "")

    def caveat(self) -> str:
        """Say what could not be checked."""
        if not self.unreadable:
            return ""
        return " (you may not read its namespaces; the operator lets a lab go only after them)"


async def _until_gone(session: Session, state: _State) -> None:
    meta = (state.lab or {})["metadata"]
    while state.lab is not None or state.namespaces:
        found = await session.kube.find("LabEnvironment", meta["namespace"], meta["name"])
        state.lab = found if found and found["metadata"]["uid"] == state.uid else None
        if state.lab is not None:
            state.namespaces |= set(state.lab.get("status", {}).get("namespaces", []))
        state.namespaces = await _remaining(session, state, sorted(state.namespaces))
        if state.lab is None and not state.namespaces:
            return
        await asyncio.sleep(_POLL)


async def _remaining(session: Session, state: _State, names: Iterable[str]) -> set[str]:
    there: set[str] = set()
    for name in names:
        try:
            if await session.kube.find("Namespace", "", name):
                there.add(name)
        except errors.Forbidden:
            state.unreadable = True
    return there
