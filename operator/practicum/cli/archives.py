"""Finds archives, as far as the caller may see them, and brings labs back from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from practicum import errors
from practicum.api.archives import ArchiveRecord
from practicum.api.conditions import ConditionType
from practicum.api.names import API_VERSION, ARCHIVE, AUDIT_NAMESPACE, RESTORE_FROM
from practicum.cli import labview, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

_HEADERS = ("course", "lab", "archive", "template", "learner", "made", "size")


@dataclass(frozen=True)
class Found:
    """An archive; who may not read its record knows it by the lab that it was."""

    uid: str
    lab: str
    course: str
    spec: Object
    made: str
    record: ArchiveRecord | None = None

    def facts(self) -> Object:
        """Return what is told of it."""
        learner = self.spec.get("learner") or {}
        known = self.record
        return {
            "course": self.course,
            "lab": self.lab,
            "archive": self.uid,
            "template": self.spec["template"],
            "learner": learner.get("id", ""),
            "made": self.made,
            "size": known.size if known else None,
            "files": known.files if known else None,
            "manifest": known.manifest if known else None,
            "volumes": [one.name for one in known.volumes] if known else None,
            "audit": known.audit if known else None,
            "skipped": known.skipped if known else None,
        }


async def show(session: Session, *, everywhere: bool) -> None:
    """Show the archives of the course, or of all courses."""
    found = await find(session, everywhere=everywhere)
    facts = [one.facts() for one in found]
    where = "any course" if everywhere else f"namespace {session.namespace}"
    output.facts(facts, session.output, _HEADERS, f"no archives of labs in {where}", _told)


def _told(facts: Mapping[str, Any]) -> Object:
    size = facts["size"]
    return {**facts, "size": f"{size / 2**20:.1f} MiB" if size is not None else ""}


async def find(session: Session, *, everywhere: bool = False) -> list[Found]:
    """Return archives, newest last."""
    try:
        bodies = await session.kube.list("ConfigMap", AUDIT_NAMESPACE, f"{ARCHIVE}=record")
        found = [_of_record(body) for body in bodies]
    except errors.Forbidden:
        output.note(
            f"you may not read namespace {AUDIT_NAMESPACE}: shown are archives of labs whose "
            "LabEnvironment is still there"
        )
        labs = await session.kube.list("LabEnvironment", "" if everywhere else session.namespace)
        found = [one for one in map(_of_lab, labs) if one]
    kept = [one for one in found if everywhere or one.course == session.namespace]
    return sorted(kept, key=lambda one: one.made)


def _of_record(body: Object) -> Found:
    try:
        record = ArchiveRecord.read(body)
    except ValueError as error:
        raise CliError(f"ConfigMap {body['metadata']['name']}: {error}") from error
    return Found(record.uid, record.lab, record.course, record.spec, record.made_at, record)


def _of_lab(lab: Object) -> Found | None:
    for one in labview.conditions(lab):
        if one["type"] == ConditionType.ARCHIVED and one["status"] == "True":
            meta, made = lab["metadata"], one["lastTransitionTime"]
            return Found(meta["uid"], meta["name"], meta["namespace"], lab["spec"], made)
    return None


async def one(session: Session, which: str) -> Found:
    """Return the archive of a lab with this uid, or the newest of this name.

    Raises:
        CliError: the course has none.
    """
    found = await find(session)
    chosen = [each for each in found if each.uid == which] or [
        each for each in found if each.lab == which
    ]
    if not chosen:
        raise CliError(
            f"namespace {session.namespace} has no archive {which}",
            hint=f"see: practicum archive list -n {session.namespace}",
            code=Exit.NOT_FOUND,
        )
    return chosen[-1]


@dataclass(frozen=True)
class Wish:
    """What to bring back, and as what."""

    archive: str
    name: str
    ttl: str


async def restore(session: Session, wish: Wish, wait: timedelta | None) -> Exit:
    """Create a lab that begins with an archive; follow it to Ready if asked.

    Raises:
        CliError: there is no such archive, or a lab of that name.
    """
    from practicum.cli.follow import Follow

    archive = await one(session, wish.archive)
    name = wish.name or archive.lab
    try:
        await session.kube.create(_lab(archive, name, wish.ttl))
    except errors.Conflict as error:
        text = f"lab {name} is there in namespace {archive.course}"
        raise CliError(text, hint="give another --name", code=Exit.CONFLICT) from error
    reference = f"labenvironment.practicum.dev/{name}"
    quiet = session.output == "name"
    output.line(reference if quiet else f"{reference} created, from archive {archive.uid}")
    return await Follow(session, [name], wait).run() if wait else Exit.OK


def _lab(archive: Found, name: str, ttl: str) -> dict[str, Any]:
    # Its end was that of the lab that it was, and whoever brings it back wants to get into it.
    spec = {key: one for key, one in archive.spec.items() if key not in ("endAt", "suspended")}
    notes = {RESTORE_FROM: archive.uid}
    return {
        "apiVersion": API_VERSION,
        "kind": "LabEnvironment",
        "metadata": {"name": name, "namespace": archive.course, "annotations": notes},
        "spec": spec | ({"ttl": ttl} if ttl else {}),
    }
