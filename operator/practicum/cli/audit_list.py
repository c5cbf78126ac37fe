"""``practicum audit list``: the audit logs that are kept, of labs that are there or gone."""

from collections.abc import Collection

from practicum import errors
from practicum.api.times import rfc3339
from practicum.cli import audit_reading, output
from practicum.cli.session import Object, Session
from practicum.governance import kept

HEADERS = ("course", "lab", "uid", "records", "first", "last", "state")


async def show(session: Session, *, everywhere: bool) -> None:
    """Show the logs of the course, or of all courses.

    Raises:
        CliError: they may not be read.
    """
    try:
        found = await kept.logs(session.kube)
    except errors.Forbidden as error:
        raise audit_reading.closed() from error
    chosen = [one for one in found if everywhere or one.owner.course == session.namespace]
    # Read after the logs: a lab whose log was seen and that is not there now is gone.
    labs = {course: await _labs(session, course) for course in {one.owner.course for one in chosen}}
    facts = [_facts(one, labs[one.owner.course]) for one in chosen]
    where = "any course" if everywhere else f"namespace {session.namespace}"
    output.facts(facts, session.output, HEADERS, f"no audit logs of labs in {where}")


async def _labs(session: Session, course: str) -> Collection[str] | None:
    """Return the uids of the labs of a course; None where the caller may not know them."""
    if not course:
        return None
    try:
        found = await session.kube.list("LabEnvironment", course)
    except errors.Forbidden:
        return None
    return {str(body["metadata"]["uid"]) for body in found}


def _facts(log: kept.Kept, there: Collection[str] | None) -> Object:
    state = "unknown" if there is None else "live" if log.uid in there else "gone"
    return {
        "course": log.owner.course,
        "lab": log.owner.lab,
        "uid": log.uid,
        "records": log.records,
        "first": rfc3339(log.first) if log.first else None,
        "last": rfc3339(log.last) if log.last else None,
        "state": state,
    }
