"""``practicum cohort import``: a roster file becomes a class, whole or not at all."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.api.labcohort import RosterLearner
from practicum.api.names import API_VERSION
from practicum.cli import cohorts, cohortview, delete, output
from practicum.cli.cohort_edit import moment_of
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session
from practicum.policy import roster
from practicum.policy.roster import Difference

_MANAGER = "practicum-import"
_BECOMES = {
    "Keep": "stays as it is",
    "Suspend": "is suspended, its data is kept",
    "Delete": "is deleted with all that is in it",
}
"""By removal policy, what becomes of a lab that the class does not name any more."""


@dataclass(frozen=True)
class Request:
    """What to import, and what else to say of the class."""

    file: Path
    name: str
    templates: Sequence[str] = ()
    schedule: Object = field(default_factory=dict)
    """Fields of spec.schedule; times as a person writes them."""
    spec: Object = field(default_factory=dict)
    """Other fields of the spec."""
    dry_run: bool = False
    yes: bool = False


@dataclass(frozen=True)
class Change:
    """What an import does to a cohort."""

    name: str
    created: bool
    policy: str
    learners: Difference
    fields: dict[str, tuple[Any, Any]]
    """Of the spec besides the roster: what was, and what is said now."""
    lost: Sequence[Object]
    """Rows of the labs that the class does not name any more."""

    def __bool__(self) -> bool:
        return self.created or bool(self.learners) or bool(self.fields)

    def lines(self) -> Iterator[str]:
        """Yield the change as people read it."""
        seen = self.learners
        numbers = zip(
            (seen.added, seen.changed, seen.removed), ("added", "changed", "removed"), strict=True
        )
        counts = ", ".join(f"{len(part)} {word}" for part, word in numbers)
        yield f"cohort {self.name}{' (new)' if self.created else ''}: {counts}"
        for key, pair in self.fields.items():
            yield f"~ {key} {_arrow(pair)}"
        for one in seen.added:
            yield f"+ {one.id}{_details(one)}"
        for change in seen.changed:
            told = ", ".join(f"{key} {_arrow(pair)}" for key, pair in change.fields.items())
            yield f"~ {change.id}: {told}"
        for one in seen.removed:
            yield f"- {one.id}"
        for row in self.lost:
            yield f"! lab {row['lab']} of {row['learner']} {_BECOMES[self.policy]}"

    def data(self) -> Object:
        """Return the change for ``-o json``."""
        seen = self.learners
        return {
            "cohort": self.name,
            "created": self.created,
            "added": [_short(one) for one in seen.added],
            "changed": [{"id": one.id, "fields": dict(one.fields)} for one in seen.changed],
            "removed": [one.id for one in seen.removed],
            "fields": self.fields,
            "removalPolicy": self.policy,
            "labs": [row["lab"] for row in self.lost],
        }


async def import_(session: Session, request: Request) -> None:
    """Bring a cohort's roster to what a file says; with a dry run only say what would change."""
    learners = read(request.file)
    before = await session.kube.find("LabCohort", session.namespace, request.name)
    spec = _spec(session, request, before, learners)
    change = _change(request, before, spec, learners)
    deletes = change.policy == "Delete" and bool(change.lost)
    if change:
        # The API server has its say before anybody is asked, and before anything is done.
        await _write(session, request, before, spec, dry_run=True)
    _tell(session, change, request.dry_run)
    if request.dry_run or not change:
        return
    if deletes and not request.yes:
        delete.ask(f"Delete {len(change.lost)} labs with all that is in them?")
    await _write(session, request, before, spec, dry_run=False)
    if session.output == "table":
        output.line(f"cohort {request.name} {'created' if change.created else 'configured'}")


def read(file: Path) -> list[RosterLearner]:
    """Read a roster file.

    Raises:
        CliError: it cannot be read; everything that is wrong in it is told before.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        hint = "save it as CSV UTF-8"
        raise CliError(f"{file} is not UTF-8", hint=hint, code=Exit.CONFLICT) from error
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}", code=Exit.USAGE) from error
    try:
        return roster.read(text, file.name)
    except errors.RosterInvalid as error:
        for problem in error.problems:
            output.note(f"{file}: {problem}")
        number = len(error.problems)
        raise CliError(
            f"{file} has {number} problem{'s' if number > 1 else ''}",
            hint="nothing was changed",
            code=Exit.CONFLICT,
        ) from error


def _spec(
    session: Session, request: Request, before: Object | None, learners: Sequence[RosterLearner]
) -> Object:
    """Return the fields of the spec that the import sets."""
    old = before["spec"] if before else {}
    spec: Object = {"roster": {"learners": [_short(one) for one in learners]}, **request.spec}
    if request.templates:
        known = {one["name"]: one for one in old.get("templates", [])}
        spec["templates"] = [known.get(name, {"name": name}) for name in request.templates]
    elif not before:
        raise CliError(
            f"cohort {request.name} does not exist in namespace {session.namespace}",
            hint="to make it, name its modules: --template TEMPLATE",
            code=Exit.USAGE,
        )
    if request.schedule:
        spec["schedule"] = _schedule(session, request.schedule)
    return spec


def _schedule(session: Session, said: Object) -> Object:
    from practicum.api.times import rfc3339

    return {
        key: rfc3339(moment_of(value, session.now(), _option(key))) if key.endswith("At") else value
        for key, value in said.items()
    }


def _option(key: str) -> str:
    return f"--{key.removesuffix('At')}-at"


def _short(learner: RosterLearner) -> Object:
    """Return a learner without what is as it is by default."""
    return {key: value for key, value in learner.wire().items() if value not in ([], False)}


def _change(
    request: Request, before: Object | None, spec: Object, learners: Sequence[RosterLearner]
) -> Change:
    old = before["spec"] if before else {}
    whole = old | spec
    fields = _fields(old, {key: value for key, value in spec.items() if key != "roster"})
    return Change(
        name=request.name,
        created=before is None,
        policy=whole.get("removalPolicy", "Keep"),
        learners=roster.difference(cohorts.roster(before) if before else (), learners),
        fields=fields,
        lost=_lost(before, learners, [one["name"] for one in whole["templates"]]),
    )


def _fields(old: Object, new: Object, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Return by path what is different; a path is one that kubectl explain knows."""
    found: dict[str, tuple[Any, Any]] = {}
    for key, value in new.items():
        if isinstance(value, dict):
            found |= _fields(old.get(key) or {}, value, f"{path}{key}.")
        elif old.get(key) != value:
            found[f"{path}{key}"] = (_named(old.get(key)), _named(value))
    return found


def _named(value: Any) -> Any:
    """Return lists of templates by their names."""
    return [one["name"] for one in value] if isinstance(value, list) else value


def _lost(
    before: Object | None, learners: Sequence[RosterLearner], templates: Sequence[str]
) -> list[Object]:
    wanted = {one.id: one.templates or templates for one in learners}
    return [
        row
        for row in (cohortview.labs(before) if before else ())
        if row.get("phase")
        and not row.get("removed")
        and row["template"] not in set(templates).intersection(wanted.get(row["learner"], ()))
    ]


async def _write(
    session: Session, request: Request, before: Object | None, spec: Object, *, dry_run: bool
) -> None:
    if before:
        await cohorts.patch(session, before, spec, manager=_MANAGER, dry_run=dry_run)
        return
    body = {
        "apiVersion": API_VERSION,
        "kind": "LabCohort",
        "metadata": {"name": request.name, "namespace": session.namespace},
        "spec": spec,
    }
    query = {"fieldManager": _MANAGER} | ({"dryRun": "All"} if dry_run else {})
    path = KINDS["LabCohort"].path(session.namespace)
    await session.kube.request("POST", path, query=query, body=body, repeat=False)


def _tell(session: Session, change: Change, dry_run: bool) -> None:
    if session.output != "table":
        output.data(change.data() | {"dryRun": dry_run}, session.output)
    elif not change:
        output.line(f"cohort {change.name} is so already: nothing to do")
    else:
        for text in change.lines():
            output.line(output.plain(text))
        if dry_run:
            output.note("dry run: nothing was changed")


def _arrow(pair: tuple[Any, Any]) -> str:
    return " -> ".join(_value(one) for one in pair)


def _value(value: Any) -> str:
    if value in (None, [], ""):
        return "-"
    if isinstance(value, list):
        return ";".join(one["name"] if isinstance(one, dict) else str(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value)


def _details(learner: RosterLearner) -> str:
    """Return what is said of a new learner besides the id."""
    said = [f"{key} {_value(value)}" for key, value in _short(learner).items() if key != "id"]
    return f" ({', '.join(said)})" if said else ""
