"""``practicum check``: ask for a lab's checks, wait for the answer, and show what is missing."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from practicum import errors
from practicum.api.checks import CheckState
from practicum.api.names import CHECK_REPORT, CHECK_REQUEST, CHECK_REQUESTED, DRILL
from practicum.api.times import format_duration, rfc3339
from practicum.cli import labview, output
from practicum.cli.apply import MANAGER
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

if TYPE_CHECKING:
    from rich.text import Text

_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    CheckState.PASS: ("✓ pass", "green"),
    CheckState.FAIL: ("✗ fail", "red"),
    CheckState.ERROR: ("! error", "magenta"),
    CheckState.PENDING: ("… pending", "yellow"),
    CheckState.WAIVED: ("- waived", "dim"),
    CheckState.UNSUPPORTED: ("- unsupported", "dim"),
}


@dataclass(frozen=True)
class Wanted:
    """What to look at, and how long to wait for it."""

    only: tuple[str, ...] = ()
    ask: bool = True
    limit: timedelta = timedelta(minutes=10)


async def check(session: Session, name: str, wanted: Wanted) -> Exit:
    """Show what became of a lab's checks, those alone that were asked for.

    Returns:
        FAILURE while something is missing.
    """
    lab = await session.lab(name)
    if wanted.ask:
        field, text = await ask(session, lab, wanted.only)
        lab = await answered(session, name, field, text, wanted.limit)
    status = lab.get("status", {}).get("checks")
    if status is None:
        raise CliError(
            f"nobody has looked at the checks of lab {name} yet",
            hint="they are looked at once it is Ready; its template may have none",
        )
    rows = _rows(status, await report_of(session, lab), wanted.only)
    if session.output == "table":
        _show(status, rows, whole=not wanted.only)
    else:
        output.data({"summary": _summary(status), "checks": rows}, session.output)
    return Exit.OK if all(CheckState(row["state"]).settled for row in rows) else Exit.FAILURE


async def ask(
    session: Session, lab: Object, only: Sequence[str], *, drill: str = "", needs: str = ""
) -> tuple[str, str]:
    """Ask for checks or a drill, as whoever may: in the lab, or on the LabEnvironment.

    Returns:
        the field of the status that will show the request, and what it will say.

    Raises:
        CliError: the lab is not there yet, or neither may be written.
    """
    meta, status = lab["metadata"], lab.get("status", {})
    if labview.phase(lab) not in ("Ready", "Degraded"):
        raise CliError(
            f"lab {meta['name']} is {labview.phase(lab)}: checks are looked at once it is Ready",
            hint=f"see: practicum explain {meta['name']}",
        )
    text = f"{rfc3339(session.now())} {secrets.token_hex(3)}"
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CHECK_REQUEST, "namespace": status["namespaces"][0]},
        "data": {"requested": text, "checks": ",".join(only), "drill": drill, "needs": needs},
    }
    try:
        await session.kube.apply(body, manager=MANAGER)
        return "request", text
    except errors.Forbidden as refused:
        if only:
            raise CliError("only the learner chooses which checks are looked at") from refused
    patch = {"metadata": {"annotations": {CHECK_REQUESTED: text, DRILL: drill or None}}}
    await session.kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], patch)
    return "staffRequest", text


async def answered(session: Session, name: str, field: str, text: str, limit: timedelta) -> Object:
    """Return the lab once a request was answered.

    Raises:
        CliError: it was not, in time.
    """
    from practicum.kube.stream import watch

    output.note(f"looking at lab {name} …")
    stream = watch(session.kube, "LabEnvironment", session.namespace, name)
    try:
        async with asyncio.timeout(limit.total_seconds()), aclosing(stream):
            async for event in stream:
                if event.type == "DELETED":
                    raise session.missing(name)
                checks = event.object.get("status", {}).get("checks", {})
                if event.type != "RESET" and checks.get(field) == text:
                    return event.object
    except TimeoutError:
        pass
    raise CliError(
        f"no answer within {format_duration(limit)}",
        hint=f"see: practicum check {name} --last",
        code=Exit.TIMEOUT,
    )


async def report_of(session: Session, lab: Object) -> dict[str, Object]:
    """Return what the report in the lab says of each check; nothing where it may not be read."""
    spaces = lab.get("status", {}).get("namespaces") or [""]
    try:
        found = await session.kube.find("ConfigMap", spaces[0], CHECK_REPORT)
        body = json.loads((found or {}).get("data", {}).get("report.json", "{}"))
    except (errors.Forbidden, ValueError):
        return {}
    return {row["id"]: row for row in body.get("checks", [])}


def _rows(
    status: Object, reported: Mapping[str, Object], only: Sequence[str]
) -> list[dict[str, Any]]:
    known = {one["id"] for one in status["results"]}
    if missing := [name for name in only if name not in known]:
        raise CliError(
            f"there is no check {missing[0]}",
            hint=f"there are: {', '.join(sorted(known))}",
            code=Exit.NOT_FOUND,
        )
    return [
        {**reported.get(one["id"], {}), **one}
        for one in status["results"]
        if not only or one["id"] in only
    ]


def _summary(status: Object) -> Object:
    return {key: value for key, value in status.items() if key != "results"}


def _show(status: Object, rows: Sequence[Object], *, whole: bool) -> None:
    headers = ("check", "task", "state", "points", "message")
    output.show(output.table(headers, [_cells(row) for row in rows]))
    if not whole:
        return
    output.line()
    output.line(f"checks: {labview.checks_passed(status)}")


def _cells(row: Object) -> "list[str | Text]":
    from rich.text import Text

    mark, style = _MARKS.get(row["state"], (row["state"], ""))
    points = f"{row.get('points', 0)}/{row['maxPoints']}" if "maxPoints" in row else "-"
    if row["state"] == CheckState.PASS:
        message = row.get("title", "")
    else:
        message = row.get("message", "") or row.get("title", "")
    cells = (row["id"], row.get("task", "-"), points, output.plain(message))
    return [cells[0], cells[1], Text(mark, style=style), cells[2], cells[3]]
