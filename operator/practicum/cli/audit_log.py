"""Shows and exports live audit logs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.api.canonical import canonical
from practicum.cli import audit_reading, output, tabular
from practicum.cli.audit_reading import Which
from practicum.cli.changeview import moved
from practicum.cli.session import Object, Session
from practicum.governance import chain

if TYPE_CHECKING:
    from rich.text import Text

HEADERS = ("seq", "at", "event", "actor", "target", "message")
COLUMNS = (
    *("seq", "at", "id", "type", "state", "verdict", "course", "lab"),
    *("request", "requestUid", "requestCreatedAt", "action"),
    *("targetName", "targetVersion", "targetAlias"),
    *("actor", "persona", "role", "person", "simulated", "evidenceDigest"),
    *("allow", "decisionId", "policyRevision", "reasons"),
    *("outcomeName", "outcomeAlias", "before", "after", "message", "prev", "hash", "mac"),
)
"""Of the CSV. New ones are added at the end, so that readers by place keep working."""
_NESTED = {
    "course": ("lab", "course"),
    "lab": ("lab", "name"),
    "request": ("request", "name"),
    "requestUid": ("request", "uid"),
    "requestCreatedAt": ("request", "createdAt"),
    "targetName": ("target", "name"),
    "targetVersion": ("target", "version"),
    "targetAlias": ("target", "alias"),
    "actor": ("actor", "username"),
    "persona": ("actor", "persona"),
    "role": ("actor", "role"),
    "person": ("actor", "person"),
    "simulated": ("actor", "simulated"),
    "evidenceDigest": ("evidence", "digest"),
    "allow": ("decision", "allow"),
    "decisionId": ("decision", "decisionId"),
    "policyRevision": ("decision", "policyRevision"),
    "outcomeName": ("outcome", "name"),
    "outcomeAlias": ("outcome", "alias"),
    "before": ("outcome", "before"),
    "after": ("outcome", "after"),
}


async def show(session: Session, which: Which, since: int) -> None:
    """Show the records after ``since``."""
    found = await audit_reading.log(session, which)
    records = [record for record in found.records if record["seq"] > since]
    if session.output != "table":
        output.data(records, session.output)
    elif records:
        output.show(output.table(HEADERS, [_row(record) for record in records]))
    else:
        output.note(f"no records of {which}" + (f" after {since}" if since else ""))


def _row(record: chain.Record) -> list["str | Text"]:
    from rich.text import Text

    cells = (record["at"], event(record), actor(record), target(record), record.get("message"))
    return [str(record["seq"]), *(Text(output.plain(str(cell or ""))) for cell in cells)]


def event(record: Mapping[str, Any]) -> str:
    """Say what happened: the state that was entered, the answer, or the record's type."""
    if record.get("type") == "Answered":
        return f"Answered {record.get('verdict', '')}".rstrip()
    return str(record.get("state") or record.get("type"))


def actor(record: Mapping[str, Any]) -> str:
    """Say who it was, and whether the learner played them."""
    found = record.get("actor")
    if not found:
        return "operator"
    who = str(found.get("persona") or found.get("username"))
    return f"{who} (simulated)" if found.get("simulated") else who


def target(record: Mapping[str, Any]) -> str:
    """Say what it was about: what was asked for, or what moved."""
    # What is approved has not moved yet.
    if (outcome := record.get("outcome")) and record.get("state") != "Approved":
        return moved(outcome)
    parts = record.get("target") or {}
    words = " ".join(str(parts[key]) for key in ("name", "version") if parts.get(key))
    return f"{words} → {parts['alias']}" if parts.get("alias") else words


async def export(session: Session, which: Which, file: str, format_: str) -> None:
    """Write all records into a file, or to stdout."""
    found = await audit_reading.log(session, which)
    text = csv(found.records) if format_ == "csv" else "".join(_lines(found.records))
    if file == "-":
        output.write(text)
        return
    from practicum.cli.kubeconfigs import write_private

    write_private(Path(file), text)
    output.note(f"wrote {len(found.records)} records of {which} to {file}")
    if format_ == "jsonl" and found.head:
        head = f"{found.head.seq}:{found.head.hash}"
        output.note(f"check it: practicum audit verify {file} --head {head}")


def _lines(records: Sequence[chain.Record]) -> Iterator[str]:
    yield from (canonical(record) + "\n" for record in records)


def csv(records: Sequence[chain.Record]) -> str:
    """Return records as CSV; for what its columns leave out there is JSONL."""
    return tabular.text(COLUMNS, map(_flat, records))


def _flat(record: chain.Record) -> Object:
    given = (record.get("decision") or {}).get("reasons") or []
    flat = {key: (record.get(outer) or {}).get(inner) for key, (outer, inner) in _NESTED.items()}
    own = {key: record[key] for key in COLUMNS if key not in _NESTED and key in record}
    reasons = "; ".join(f"{one.get('control')}: {one.get('message')}" for one in given)
    return {**flat, **own, "reasons": reasons}
