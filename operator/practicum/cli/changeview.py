"""A ChangeRequest as people read it: rows, the whole of it, and lines of what changed. Pure.

Reasons, comments and evidence are other people's words: they are shown, never obeyed.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from practicum import errors
from practicum.api.change import State
from practicum.api.times import parse_rfc3339
from practicum.cli.moments import elapsed, remaining
from practicum.cli.output import plain
from practicum.governance import requests
from practicum.governance.place import account_of

if TYPE_CHECKING:
    from rich.text import Text

Object = dict[str, Any]
HEADERS = ("name", "action", "target", "by", "state", "approvals", "age", "message")
_STYLES = {
    State.EXECUTED: "green",
    State.APPROVED: "cyan",
    State.AWAITING_APPROVAL: "yellow",
    State.DENIED: "red",
    State.REJECTED: "red",
    State.ROLLED_BACK: "magenta",
    State.EXPIRED: "dim",
    State.WITHDRAWN: "dim",
}
_SHORT = 12
"""How many leaves of the evidence a summary has."""


def who(username: str) -> str:
    """Return the persona behind a username, or the name itself."""
    own = account_of(username)
    return own.persona if own else plain(username)


def target(body: Object) -> str:
    """Return what is to change in one word, such as ``fraud 2 → champion``."""
    wanted = body["spec"]["target"]
    words = " ".join(part for part in (wanted["name"], wanted.get("version")) if part)
    return f"{words} → {wanted['alias']}" if wanted.get("alias") else words


def row(body: Object, now: datetime) -> list["str | Text"]:
    """Return one row of ``practicum change list``."""
    from rich.text import Text

    spec, status, state = body["spec"], body.get("status", {}), requests.state(body)
    age = elapsed(now - parse_rfc3339(body["metadata"]["creationTimestamp"]))
    return [
        body["metadata"]["name"],
        spec["action"],
        target(body),
        Text(who(spec["requester"])),
        Text(str(state), style=_STYLES.get(state, "")),
        status.get("approvals") or "-",
        age,
        Text(plain(status.get("message", ""))),
    ]


def facts(body: Object, now: datetime, most: int = _SHORT) -> Iterator[str]:
    """Yield the whole state of a request, line by line.

    Args:
        body: the ChangeRequest.
        now: the API server's idea of now.
        most: how much of the evidence to show; 0: all of it.
    """
    spec, status = body["spec"], body.get("status", {})
    yield f"{body['metadata']['name']}: {spec['action']} {target(body)}"
    yield _fact("state", requests.state(body))
    yield _fact("by", f"{who(spec['requester'])} ({plain(spec['requester'])})")
    yield _fact("reason", plain(spec["reason"]))
    if missing := requests.missing(body):
        yield _fact("missing", plain(missing))
        yield from _expiry(status, now)
    elif message := status.get("message"):
        yield _fact("message", plain(message))
    yield from _outcome(status)
    yield from _decision(status.get("decision"))
    for answer in status.get("answers") or []:
        yield _fact("answer", _answer(answer))
    yield from _evidence(body, most)


def _fact(label: str, value: object) -> str:
    return f"  {label:<9} {value}"


def _expiry(status: Object, now: datetime) -> Iterator[str]:
    if until := status.get("expiresAt"):
        left = remaining(parse_rfc3339(until) - now)
        yield _fact("expires", f"{until} (in {left})" if left != "0s" else f"{until} (past)")


def _outcome(status: Object) -> Iterator[str]:
    if outcome := status.get("outcome"):
        at = f" at {status['executedAt']}" if status.get("executedAt") else ""
        yield _fact("outcome", moved(outcome) + at)
        if served := outcome.get("servedAt"):
            yield _fact("served", f"since {served}{_after(status, served)}")


def _after(status: Object, served: str) -> str:
    """Say how long after its approval, which is when policy decided, a change was served."""
    if not (decided := (status.get("decision") or {}).get("decidedAt")):
        return ""
    return f", {elapsed(parse_rfc3339(served) - parse_rfc3339(decided))} after its approval"


def moved(outcome: Object) -> str:
    """Say what a change moved, from where and to where."""
    alias = f"@{outcome['alias']}" if outcome.get("alias") else ""
    before, after = (outcome.get(key) or "none" for key in ("before", "after"))
    return plain(f"{outcome.get('name', '')}{alias}: {before} → {after}")


def _decision(decision: Object | None) -> Iterator[str]:
    if not decision:
        return
    said = "allowed" if decision.get("allow") else "denied"
    by = f" by policy {decision['policyRevision']}" if decision.get("policyRevision") else ""
    at = f", decision {decision['decisionId']}" if decision.get("decisionId") else ""
    yield _fact("decision", plain(f"{said}{by}{at}"))
    yield from reasons(decision)


def reasons(decision: Object) -> Iterator[str]:
    """Yield every reason against a change, each with its control."""
    for reason in decision.get("reasons") or []:
        yield f"    {plain(reason['control'])}: {plain(reason['message'])}"


def _answer(answer: Object) -> str:
    counts = "" if answer.get("counts") else "; does not count"
    why = f": {answer['message']}" if answer.get("message") else ""
    by = answer.get("persona") or who(answer.get("approver", ""))
    return plain(f"{answer.get('verdict', '')} by {by}{counts}{why}")


def _evidence(body: Object, most: int) -> Iterator[str]:
    try:
        digest, document = requests.evidence(body)
    except errors.ChangeError as error:
        if error.reason != "NoEvidence":
            yield _fact("evidence", str(error))
        return
    gathered = body["status"]["evidence"].get("gatheredAt", "")
    yield _fact("evidence", f"{digest} of {gathered}")
    leaves = requests.leaves(document)
    shown = leaves[: most or None]
    for path, value in shown:
        yield plain(f"    {path} = {json.dumps(value, ensure_ascii=False)}")
    if len(shown) < len(leaves):
        yield f"    and {len(leaves) - len(shown)} more: -o json"


def changes(before: Object | None, after: Object) -> list[str]:
    """Return one line per thing that changed, for those who wait."""
    old, new = (before or {}).get("status", {}), after.get("status", {})
    lines = []
    state, message = requests.state(after), new.get("message", "")
    if before is None or requests.state(before) is not state or old.get("message", "") != message:
        lines.append(f"{state}: {plain(message)}" if message else str(state))
    if old.get("approvals") != new.get("approvals") and new.get("approvals"):
        lines.append(f"approvals {new['approvals']}")
    known = [(one["name"], one.get("counts")) for one in old.get("answers") or []]
    for answer in new.get("answers") or []:
        if (answer["name"], answer.get("counts")) not in known:
            lines.append(_answer(answer))
    decision = new.get("decision")
    if decision and decision != old.get("decision"):
        lines += reasons(decision)
    return lines
