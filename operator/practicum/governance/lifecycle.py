"""How long governed changes take, by model and by persona, from what the audit log says of them.

Pure: records in, rows out. Several logs may be read as one, for requests are told apart by uid.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, Final

from pydantic.alias_generators import to_camel

from practicum.api.change import Action, State
from practicum.api.times import parse_rfc3339

Record = Mapping[str, Any]

_REFUSED: Final = frozenset({State.DENIED, State.REJECTED})
_DECIDED: Final = _REFUSED | {State.EXECUTED}


@dataclass(frozen=True)
class Spread:
    """How long something took, in seconds; ``count`` times."""

    count: int
    median: float
    longest: float


@dataclass(frozen=True)
class Row:
    """What became of the requests for one model, or of one persona's."""

    name: str
    requests: int
    executed: int
    refused: int
    """Denied by policy or rejected by people."""
    refusal_rate: float | None
    """Refused, of those that were executed or refused; None: none was."""
    expired: int
    withdrawn: int
    lead_time: Spread | None
    """From the making of a request to its execution."""
    approval: Spread | None
    """From the first wait for approval to the last counting one; of a persona: to its answers."""
    rollbacks: int
    """Executed requests for a rollback."""
    answers: int
    """Answers to requests for the model, or answers that the persona gave."""
    moves: int = 0
    """Times that an alias was found moved by nobody's request; no persona is known of these."""
    served: Spread | None = None
    """From the approval of a change to its version in the lab's traffic."""


@dataclass(frozen=True)
class Lifecycle:
    """The whole report."""

    models: tuple[Row, ...]
    """By what is changed: registered models, and feature services and policy packages too."""
    personas: tuple[Row, ...]


@dataclass
class _Story:
    """One request, as its records tell it."""

    created: datetime
    action: str = ""
    target: str = ""
    changed: str = ""
    persona: str = ""
    first: dict[str, datetime] = field(default_factory=dict)
    last: dict[str, datetime] = field(default_factory=dict)
    served_at: datetime | None = None
    answers: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """What is changed; until something is, what was asked for."""
        return self.changed or self.target

    @property
    def lead_time(self) -> float | None:
        return _seconds(self.created, self.first.get(State.EXECUTED))

    @property
    def approval(self) -> float | None:
        return _seconds(self.first.get(State.AWAITING_APPROVAL), self.last.get(State.APPROVED))

    @property
    def served(self) -> float | None:
        return _seconds(self.last.get(State.APPROVED), self.served_at)

    def response(self, persona: str) -> list[float]:
        """How long a persona took for each of its answers."""
        since = self.first.get(State.AWAITING_APPROVAL)
        taken = [_seconds(since, at) for who, at in self.answers if who == persona]
        return [one for one in taken if one is not None]


def lifecycle(records: Iterable[Record]) -> Lifecycle:
    """Return the report on the records of one log or more, each log in its order."""
    stories: dict[str, _Story] = {}
    moves: dict[str, int] = {}
    for record in records:
        kind = record.get("type")
        if kind == "AliasMoved":
            name = _outcome(record) or _target(record)
            moves[name] = moves.get(name, 0) + 1
        elif kind in ("StateChanged", "Answered", "Served") and record.get("request"):
            _tell(stories, record)
    told = list(stories.values())
    models = sorted({story.subject for story in told} | moves.keys())
    asking = {story.persona for story in told}
    personas = sorted((asking | {who for story in told for who, _ in story.answers}) - {""})
    return Lifecycle(
        tuple(_model(name, told, moves.get(name, 0)) for name in models),
        tuple(_persona(name, told) for name in personas),
    )


def _tell(stories: dict[str, _Story], record: Record) -> None:
    request, at = record["request"], parse_rfc3339(record["at"])
    created = request.get("createdAt")
    story = stories.setdefault(request["uid"], _Story(parse_rfc3339(created) if created else at))
    story.action = story.action or str(record.get("action") or "")
    story.target = story.target or _target(record)
    story.changed = story.changed or str(record.get("subject") or "") or _outcome(record)
    actor = record.get("actor") or {}
    who = str(actor.get("persona") or actor.get("username") or "")
    if record["type"] == "Answered":
        story.answers.append((who, at))
    elif record["type"] == "Served":
        story.served_at = at
    elif record["type"] == "StateChanged":
        story.persona = story.persona or who
        story.first.setdefault(record["state"], at)
        story.last[record["state"]] = at


def _target(record: Record) -> str:
    return str((record.get("target") or {}).get("name") or "")


def _outcome(record: Record) -> str:
    return str((record.get("outcome") or {}).get("name") or "")


def _model(name: str, told: Sequence[_Story], moves: int) -> Row:
    mine = [story for story in told if story.subject == name]
    waits = [story.approval for story in mine]
    return _row(name, mine, waits, sum(len(story.answers) for story in mine), moves)


def _persona(name: str, told: Sequence[_Story]) -> Row:
    mine = [story for story in told if story.persona == name]
    taken = [one for story in told for one in story.response(name)]
    given = sum(1 for story in told for who, _ in story.answers if who == name)
    return _row(name, mine, taken, given, 0)


def _row(
    name: str,
    mine: Sequence[_Story],
    approval: Iterable[float | None],
    answers: int,
    moves: int,
) -> Row:
    def count(holds: Callable[[_Story], bool]) -> int:
        return sum(map(holds, mine))

    refused = count(lambda story: bool(_REFUSED & story.last.keys()))
    decided = count(lambda story: bool(_DECIDED & story.last.keys()))
    executed = [story for story in mine if State.EXECUTED in story.last]
    return Row(
        name=name,
        requests=len(mine),
        executed=len(executed),
        refused=refused,
        refusal_rate=refused / decided if decided else None,
        expired=count(lambda story: State.EXPIRED in story.last),
        withdrawn=count(lambda story: State.WITHDRAWN in story.last),
        lead_time=_spread(story.lead_time for story in mine),
        approval=_spread(approval),
        rollbacks=sum(1 for story in executed if story.action == Action.ROLLBACK_MODEL),
        answers=answers,
        moves=moves,
        served=_spread(story.served for story in mine),
    )


def _spread(taken: Iterable[float | None]) -> Spread | None:
    known = [one for one in taken if one is not None]
    return Spread(len(known), median(known), max(known)) if known else None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Return how long something took; records of two clocks may disagree on what came first."""
    return max(0.0, (end - start).total_seconds()) if start and end else None


def wire(found: Lifecycle) -> dict[str, Any]:
    """Return the report as JSON: times in seconds, names as in Kubernetes' APIs."""
    return {
        "models": [wire_row(row) for row in found.models],
        "personas": [wire_row(row) for row in found.personas],
    }


def wire_row(row: Row) -> dict[str, Any]:
    """Return one row as JSON."""
    return _camel(asdict(row))


def _camel(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        to_camel(key): _camel(child) if isinstance(child, dict) else child
        for key, child in value.items()
    }
