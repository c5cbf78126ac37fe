"""The roster of a class as CSV or JSON: what it says, what is wrong with it, and what changed.

Instructors write rosters in spreadsheets, so that everything wrong is told at once, by its place.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from pydantic import ValidationError

from practicum.api.labcohort import MOST_LEARNERS, RosterLearner
from practicum.errors import RosterInvalid

_EXAMPLE: Final = "email,name\nada@example.org,Ada Lovelace"
_LISTS: Final = ("templates", "subjects", "waivedChecks")
_REMEDIES: Final = {
    "id": "write an e-mail address or a student number: letters, digits and . _ @ + - between "
    "them, at most 254 (in JSON as text, in quotes)",
    "displayName": "write the name as text of at most 128 characters",
    "size": "write the name of a size of the template, such as small",
    "templates": "write names of the cohort's templates, at most 8 (in CSV with ; between them)",
    "endAt": "write the time with its zone, such as 2026-11-21T18:00:00Z",
    "suspended": "write true or false",
    "subjects": "write user names of your identity provider, at most 8 and none of system:* (in "
    "CSV with ; between them)",
    "waivedChecks": "write names of checks, at most 48 (in CSV with ; between them)",
}
"""By field: what may stand there."""
_COLUMNS: Final = {"email": "id", "name": "displayName", "template": "templates"} | {
    name.lower(): name for name in _REMEDIES
}
"""By what may be in the header, in lower case and without spaces, the field that it means."""


@dataclass(frozen=True)
class Change:
    """A learner of both rosters: by field, what was and what is said."""

    id: str
    fields: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Difference:
    """What a new roster makes different."""

    added: Sequence[RosterLearner]
    changed: Sequence[Change]
    removed: Sequence[RosterLearner]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True)
class _Row:
    """One learner as written: where, what by field, and how each field is called there."""

    place: str
    values: Mapping[str, Any]
    called: Mapping[str, str]


@dataclass
class _Reading:
    problems: list[str] = field(default_factory=list)

    def fields(self, place: str, names: Iterable[str]) -> dict[str, str]:
        """Return by field the column that means it; wrong and doubled ones are problems."""
        called: dict[str, str] = {}
        for name in names:
            known = _COLUMNS.get("".join(name.split()).replace("_", "").replace("-", "").lower())
            if known is None:
                self.problems.append(
                    f"{place}: {_shown(name)} is unknown: leave it out, or call it one of email, "
                    f"name, {', '.join(_REMEDIES)}"
                )
            elif known in called:
                self.problems.append(
                    f"{place}: {_shown(called[known])} and {_shown(name)} say the same: leave one "
                    "out"
                )
            else:
                called[known] = name
        return called

    def csv(self, text: str) -> Iterator[_Row]:
        """Yield the rows below the header; rows without a value are none."""
        called: dict[str, str] | None = None
        header: list[str] = []
        for line, cells in self._lines(text):
            place = f"line {line}"
            if called is None:
                header, called = cells, self.fields(place, filter(None, cells))
                if "id" not in called:
                    hint = "" if len(cells) > 1 else f", with commas between columns: {_EXAMPLE!r}"
                    self.problems.append(f"{place}: the header has no column id or email{hint}")
                    return
                continue
            given = {name: cell for name, cell in zip_longest(header, cells, fillvalue="") if cell}
            if "" in given:
                self.problems.append(
                    f"{place}: {_shown(given[''])} is in no column that has a name: put a value "
                    "that has a comma in it between quotes"
                )
            values = {key: given[name] for key, name in called.items() if name in given}
            lists = {key: _split(key, values[key]) for key in _LISTS if key in values}
            columns = {key: f"column {name}" for key, name in called.items()}
            yield _Row(place, values | lists, columns)

    def _lines(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that has a value, with the number of the line on which it begins."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        begins = 1
        try:
            for cells in reader:
                stripped = [cell.strip() for cell in cells]
                if any(stripped):
                    yield begins, stripped
                begins = reader.line_num + 1
        except csv.Error:
            self.problems.append(
                f"line {begins}: its quotes do not pair up, or a value is far too long: put the "
                "whole value between quotes, and write a quote in it twice"
            )

    def json(self, text: str) -> Iterator[_Row]:
        """Yield the objects of a list, or of the list under ``learners``."""
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            line = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
            self.problems.append(f"{line}this is not JSON: write a list of objects with an id")
            return
        learners = said.get("learners") if isinstance(said, dict) else said
        if not isinstance(learners, list):
            self.problems.append('this is no roster: write [{"id": "ada@example.org"}]')
            return
        for index, one in enumerate(learners):
            place = f"index {index}"
            if not isinstance(one, dict):
                self.problems.append(f"{place}: {_shown(one)} is not an object with an id")
                continue
            called = self.fields(place, one)
            values = {key: one[name] for key, name in called.items() if one[name] is not None}
            if isinstance(subjects := values.get("subjects"), list):
                values["subjects"] = [_subject(item) for item in subjects]
            yield _Row(place, values, {key: f"field {name}" for key, name in called.items()})

    def learners(self, rows: Iterable[_Row]) -> list[RosterLearner]:
        """Return the learners of the rows; a row that is none, or is there twice, is a problem."""
        found: list[RosterLearner] = []
        places: dict[str, str] = {}
        for row in rows:
            if (first := places.get(str(row.values.get("id")))) is not None:
                self.problems.append(
                    f"{row.place}, {row.called['id']}: {_shown(row.values['id'])} is there "
                    f"already, in {first}: leave one of them out"
                )
            elif "id" in row.values:
                places[str(row.values["id"])] = row.place
            if learner := self._learner(row):
                found.append(learner)
        return found

    def _learner(self, row: _Row) -> RosterLearner | None:
        wrong: list[tuple[str, Any]] = []
        learner = None
        try:
            learner = RosterLearner.model_validate(row.values)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_context=False):
                wrong.append((str(one["loc"][0]), one["input"]))
        for subject in learner.subjects if learner else ():
            if subject.name.startswith("system:"):
                wrong.append(("subjects", subject.name))
        for key, value in wrong:
            said = f"{_shown(value)} cannot stand here" if key in row.values else "is missing"
            where = row.called.get(key, key)
            self.problems.append(f"{row.place}, {where}: {said}: {_REMEDIES[key]}")
        return learner


def read(text: str, name: str) -> list[RosterLearner]:
    """Read a roster.

    Args:
        text: the roster; a byte order mark and any line endings will do.
        name: what it is called; its ending, .csv or .json, says how it is written.

    Raises:
        RosterInvalid: with everything that is wrong, each by line (CSV) or index (JSON).
    """
    reading = _Reading()
    ways = {".csv": reading.csv, ".json": reading.json}
    way = next((ways[end] for end in ways if name.lower().endswith(end)), None)
    if way is None:
        raise RosterInvalid((f"{name}: its ending must say how it is written, .csv or .json",))
    rows = list(way(text.removeprefix("\ufeff")))
    learners = reading.learners(rows)
    if len(rows) > MOST_LEARNERS:
        reading.problems.append(
            f"{len(rows)} learners are more than the {MOST_LEARNERS} of one cohort: make several"
        )
    if not rows and not reading.problems:
        # Nobody empties a class by an empty file: it is what a failed export looks like.
        reading.problems.append(f"there is no learner in it: write, for example, {_EXAMPLE!r}")
    if reading.problems:
        raise RosterInvalid(reading.problems)
    return learners


def difference(old: Iterable[RosterLearner], new: Iterable[RosterLearner]) -> Difference:
    """Compare two rosters by their learners' ids, in the order in which each names them."""
    before = {one.id: one for one in old}
    after = {one.id: one for one in new}
    changed = [
        Change(key, fields)
        for key in after
        if key in before and (fields := _changed(before[key].wire(), after[key].wire()))
    ]
    return Difference(
        added=[one for key, one in after.items() if key not in before],
        changed=changed,
        removed=[one for key, one in before.items() if key not in after],
    )


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        key: (old.get(key), new.get(key))
        for key in [*old, *(key for key in new if key not in old)]
        if old.get(key) != new.get(key)
    }


def _split(key: str, cell: str) -> list[Any]:
    parts = [part.strip() for part in cell.split(";") if part.strip()]
    return [_subject(part) for part in parts] if key == "subjects" else parts


def _subject(item: Any) -> Any:
    return {"kind": "User", "name": item} if isinstance(item, str) else item


def _shown(value: Any) -> str:
    said = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."
