"""What a report is made from: labs that are there, and the course's books.

What one may not read, or cannot be read, is told and left out; only labs themselves must be.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from practicum import errors
from practicum.api.labenvironment import LabEnvironment
from practicum.api.names import USAGE_BOOK
from practicum.api.usage import UsageRow
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session
from practicum.policy.reporting import Lab, merged


@dataclass(frozen=True)
class Books:
    """Every lab once, and what is missing."""

    labs: list[Lab]
    notes: list[str]

    @property
    def currency(self) -> str:
        """The rate card's currency, as it was when labs were metered."""
        known = {lab.row.usage.currency for lab in self.labs}
        return "/".join(sorted(known - {""}))


async def read(session: Session, namespace: str, names: Sequence[str] = ()) -> Books:
    """Read all that is known of labs.

    Args:
        session: who reads.
        namespace: the course; empty for all.
        names: labs that are there; who may not list labs may yet read their own. None: all.

    Raises:
        CliError: one may not list the labs, or a lab that was named is not there.
    """
    notes: list[str] = []
    labs = await (_named(session, names) if names else _labs(session, namespace))
    books = (
        []
        if names
        else await _optional(
            session, namespace, "ConfigMap", "labs that are gone are missing", notes, USAGE_BOOK
        )
    )
    there = list(_valid_labs(labs, notes))
    return Books(merged(there, _rows(books, notes)), notes)


def place(namespace: str) -> str:
    """Say in words where labs are."""
    return f"namespace {namespace}" if namespace else "all namespaces"


async def _named(session: Session, names: Sequence[str]) -> list[Object]:
    return list(await asyncio.gather(*map(session.lab, dict.fromkeys(names))))


async def _labs(session: Session, namespace: str) -> list[Object]:
    try:
        return await session.kube.list("LabEnvironment", namespace)
    except errors.Forbidden as error:
        raise CliError(
            f"you may not list the labs of {place(namespace)}",
            hint="name a course of yours with -n"
            if not namespace
            else "the platform team binds ClusterRole practicum-viewer to you there",
            code=Exit.FORBIDDEN,
        ) from error


async def _optional(
    session: Session, namespace: str, kind: str, so: str, notes: list[str], labels: str = ""
) -> list[Object]:
    try:
        return await session.kube.list(kind, namespace, labels)
    except (errors.Forbidden, errors.NotFound):
        notes.append(f"you may not list the {kind}s of {place(namespace)}: {so}")
        return []


def _valid_labs(bodies: list[Object], notes: list[str]) -> Iterator[LabEnvironment]:
    for body in bodies:
        try:
            yield LabEnvironment.model_validate(body, extra="ignore")
        except ValidationError as error:
            meta = body["metadata"]
            notes.append(
                f"lab {meta['namespace']}/{meta['name']} cannot be read and is left out: "
                f"{_where(error)}"
            )


def _rows(books: list[Object], notes: list[str]) -> Iterator[UsageRow]:
    """Read the lines of books; a course's book speaks of that course's labs, whatever it says."""
    for book in books:
        meta = book["metadata"]
        for uid, text in (book.get("data") or {}).items():
            try:
                row = UsageRow.model_validate_json(text, extra="ignore")
            except ValidationError as error:
                notes.append(
                    f"ConfigMap {meta['namespace']}/{meta['name']}: {uid} cannot be read and is "
                    f"left out: {_where(error)}"
                )
            else:
                yield row.model_copy(update={"uid": uid, "course": meta["namespace"]})


def _where(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
