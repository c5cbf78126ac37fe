"""Reads live audit logs, with the caller's own rights: by the lab's name, or by its uid.

A log outlives its lab, and a name may be used again; the uid tells labs of one name apart.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from practicum import errors
from practicum.api.names import AUDIT_NAMESPACE
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session
from practicum.governance import chain, kept
from practicum.governance.audit import Audit

LIST = "practicum audit list"
_UID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""What a label can hold: anything else would be read as a selector of its own."""
_ATTEMPTS = 4
_PAUSE = 0.5


@dataclass(frozen=True)
class Which:
    """Whose log: that of a lab in the course, by name, or of any lab, by uid."""

    name: str = ""
    uid: str = ""

    def check(self) -> None:
        """Refuse what names no lab, or two.

        Raises:
            CliError: with what to give.
        """
        if bool(self.name) == bool(self.uid):
            raise CliError("give either LAB or --uid UID", hint=f"see: {LIST}", code=Exit.USAGE)
        if self.uid and not _UID.fullmatch(self.uid):
            text = f"--uid {self.uid} is not the uid of a lab"
            raise CliError(text, hint=f"see: {LIST} -A", code=Exit.USAGE)

    def __str__(self) -> str:
        return f"lab {self.name}" if self.name else f"the lab with uid {self.uid}"


@dataclass(frozen=True)
class Log:
    """A lab's log as it stands, and where the lab's status says that it ends."""

    records: Sequence[chain.Record]
    head: chain.Head | None
    headless: str = ""
    """Why there is no head."""


async def log(session: Session, which: Which) -> Log:
    """Read a lab's log, and its head first: records may follow a head, never be before it.

    Raises:
        CliError: there is no such lab or log, or it may not be read.
    """
    if which.name:
        lab = await named(session, which.name)
    else:
        records = await of_uid(session, which.uid)
        found = await _living(session, which.uid, kept.owner(records))
        if isinstance(found, str):
            return Log(records, None, found)
        lab = found
    head = _head(lab)
    headless = "" if head else f"the status of lab {lab['metadata']['name']} has no head"
    return Log(await read(session, lab["metadata"]["uid"]), head, headless)


def _head(lab: Object) -> chain.Head | None:
    said = lab.get("status", {}).get("audit")
    return chain.Head(int(said["seq"]), str(said["hash"])) if said else None


async def read(session: Session, uid: str) -> list[chain.Record]:
    """Read the records of a lab, oldest first.

    Raises:
        CliError: they may not be read, or one cannot be.
    """
    audit = Audit(session.kube, AUDIT_NAMESPACE, lambda: b"")
    records: list[chain.Record] = []
    try:
        async for record in audit.records(uid):
            if not isinstance(record, dict):
                raise TypeError
            records.append(record)
    except errors.Forbidden as error:
        raise closed() from error
    except (ValueError, TypeError) as error:
        text = f"record {len(records) + 1} of the lab with uid {uid} is not a JSON object"
        hint = "somebody wrote in the audit log: tell the platform team"
        raise CliError(text, hint=hint) from error
    return records


def closed() -> CliError:
    """Return the error for somebody who may not read the logs."""
    return CliError(
        f"you may not read the audit logs in namespace {AUDIT_NAMESPACE}",
        hint="the platform team may: ask them for an export",
        code=Exit.FORBIDDEN,
    )


async def of_uid(session: Session, uid: str) -> list[chain.Record]:
    """Read the records of a lab that may be gone.

    Raises:
        CliError: there are none, or they may not be read.
    """
    if records := await read(session, uid):
        return records
    text = f"--uid {uid}: there is no audit log of a lab with this uid"
    raise CliError(text, hint=f"see: {LIST} -A", code=Exit.NOT_FOUND)


async def named(session: Session, name: str) -> Object:
    """Read a LabEnvironment whose log is wanted.

    Raises:
        CliError: it does not exist; where logs of that name are kept, the message names the newest.
    """
    try:
        return await session.lab(name)
    except CliError as error:
        if found := await _newest(session, kept.Owner(session.namespace, name)):
            hint = f"the newest log of a lab of that name is kept, use --uid {found.uid}"
            all_of_them = f"all: {LIST} -n {session.namespace}"
            raise CliError(str(error), hint=f"{hint}; {all_of_them}", code=error.code) from error
        raise


async def _newest(session: Session, owner: kept.Owner) -> kept.Kept | None:
    """Return the log of a name that was written to last; it is only a hint, so errors are none."""
    try:
        found = [one for one in await kept.logs(session.kube) if one.owner == owner]
    except errors.ApiError:
        return None
    return max(found, key=lambda one: one.last.timestamp() if one.last else 0.0, default=None)


async def _living(session: Session, uid: str, owner: kept.Owner) -> Object | str:
    """Return the lab with this uid, or say why its head is not to be had."""
    if not owner.lab:
        return "the log does not say which lab it is of"
    whose = f"lab {owner.lab} of {owner.course}"
    try:
        lab = await session.kube.find("LabEnvironment", owner.course, owner.lab)
    except errors.Forbidden:
        return f"you may not read {whose}, whose status has the head"
    return lab if lab and lab["metadata"]["uid"] == uid else f"{whose} is gone, and so is its head"


async def verdict(
    session: Session, which: Which, key: bytes | None, head: chain.Head | None
) -> tuple[chain.Verdict, str]:
    """Verify a live log against ``head``, or the one of its lab's status.

    The log may grow between the two readings: what seems to be too much is looked at again.

    Returns:
        the verdict, and why there was no head to verify against; empty if there was one.
    """
    for _ in range(_ATTEMPTS):
        found = await log(session, which)
        said = chain.verify(found.records, head or found.head, key)
        if head or said.reason != "BeyondHead":
            break
        await asyncio.sleep(_PAUSE)
    return said, "" if head else found.headless
