"""The work of ``practicum report lifecycle``: read logs, have them counted, show the rows."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from practicum import errors
from practicum.cli import audit_reading, output, tabular
from practicum.cli.audit_reading import Which
from practicum.cli.exits import CliError, Exit
from practicum.cli.moments import elapsed
from practicum.cli.session import Object, Session
from practicum.governance import lifecycle as analysis

if TYPE_CHECKING:
    from rich.text import Text

_HEADERS = (
    *("requests", "executed", "refused", "expired", "withdrawn"),
    *("lead time (max)", "approval (max)", "to traffic (max)", "rollbacks", "answers"),
)
COLUMNS = (
    *("by", "name", "requests", "executed", "refused", "refusalRate", "expired", "withdrawn"),
    *("leadTimeCount", "leadTimeMedian", "leadTimeLongest"),
    *("approvalCount", "approvalMedian", "approvalLongest"),
    *("rollbacks", "answers", "moves"),
    *("servedCount", "servedMedian", "servedLongest"),
)
"""Of the CSV; times in seconds. New ones are added at the end."""
_Logs = dict[str, list[analysis.Record]]
"""By the uid of the lab."""


async def lifecycle(session: Session, whose: Sequence[Which]) -> None:
    """Show the lifecycle report on the labs named, or on all of the course."""
    logs = await _logs(session, whose) if whose else await _all(session)
    found = analysis.lifecycle(record for records in logs.values() for record in records)
    if session.output == "csv":
        output.write(tabular.text(COLUMNS, _flat(found)))
    elif session.output != "table":
        output.data(analysis.wire(found), session.output)
    elif found.models:
        headers = ("model", *_HEADERS, "moved")
        output.show(output.table(headers, [[*_row(one), str(one.moves)] for one in found.models]))
        output.line()
        output.show(output.table(("persona", *_HEADERS), [_row(one) for one in found.personas]))
    else:
        where = ", ".join(map(str, whose)) or f"namespace {session.namespace}"
        output.note(f"no governed changes in the audit logs of {where}")


async def _logs(session: Session, whose: Sequence[Which]) -> _Logs:
    """Read the logs of labs named; one that is named twice counts once."""
    logs: _Logs = {}
    for which in whose:
        if which.uid:
            logs[which.uid] = await audit_reading.of_uid(session, which.uid)
        else:
            uid = str((await audit_reading.named(session, which.name))["metadata"]["uid"])
            logs[uid] = await audit_reading.read(session, uid)
    return logs


async def _all(session: Session) -> _Logs:
    try:
        labs = await session.kube.list("LabEnvironment", session.namespace)
    except errors.Forbidden as error:
        raise CliError(
            f"you may not list the labs of namespace {session.namespace}",
            hint="name them: practicum report lifecycle LAB",
            code=Exit.FORBIDDEN,
        ) from error
    uids = [str(lab["metadata"]["uid"]) for lab in labs]
    return {uid: await audit_reading.read(session, uid) for uid in uids}


def _row(row: analysis.Row) -> list["str | Text"]:
    from rich.text import Text

    rate = "" if row.refusal_rate is None else f" ({row.refusal_rate:.0%})"
    return [
        Text(output.plain(row.name)),
        str(row.requests),
        str(row.executed),
        f"{row.refused}{rate}",
        str(row.expired),
        str(row.withdrawn),
        _span(row.lead_time),
        _span(row.approval),
        _span(row.served),
        str(row.rollbacks),
        str(row.answers),
    ]


def _span(spread: analysis.Spread | None) -> str:
    if spread is None:
        return "-"
    middle, longest = (timedelta(seconds=one) for one in (spread.median, spread.longest))
    return f"{elapsed(middle)} ({elapsed(longest)})"


def _flat(found: analysis.Lifecycle) -> Iterator[Object]:
    for by, rows in (("model", found.models), ("persona", found.personas)):
        for row in rows:
            flat: Object = {"by": by}
            for key, value in analysis.wire_row(row).items():
                if isinstance(value, dict):
                    flat |= {f"{key}{part.title()}": one for part, one in value.items()}
                else:
                    flat[key] = value
            yield flat
