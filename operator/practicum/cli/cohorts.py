"""Reads cohorts and shows them; writes to one are guarded against other editors here."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from urllib.parse import quote

from pydantic import ValidationError

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.api.labcohort import RosterLearner
from practicum.api.names import COHORT, COHORT_MANAGER, REMOVAL_MANAGER
from practicum.cli import cohortview, getting, output, tabular
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

_ATTEMPTS = 5


async def read(session: Session, name: str) -> Object:
    """Read a LabCohort.

    Raises:
        CliError: it does not exist; the message says where to look.
    """
    try:
        return await session.kube.get("LabCohort", session.namespace, name)
    except errors.NotFound as error:
        if "could not find" in str(error):
            raise
        raise CliError(
            f"cohort {name} not found in namespace {session.namespace}",
            hint=f"see: practicum cohort list -n {session.namespace}",
            code=Exit.NOT_FOUND,
        ) from error


def roster(cohort: Object) -> list[RosterLearner]:
    """Return the learners that a cohort names itself.

    Raises:
        CliError: the roster is a ConfigMap, or one of a later version.
    """
    named, written = cohort["metadata"]["name"], cohort["spec"]["roster"]
    if ref := written.get("configMapRef"):
        raise CliError(
            f"the roster of cohort {named} is ConfigMap {ref['name']}",
            hint=f"edit its key {ref.get('key', 'roster.csv')}",
            code=Exit.CONFLICT,
        )
    try:
        return [RosterLearner.model_validate(one) for one in written.get("learners", [])]
    except ValidationError as error:
        fields = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        raise CliError(
            f"the roster of cohort {named} has values that this version cannot read: {fields}",
            hint="bring the practicum command up to the operator's version",
            code=Exit.CONFLICT,
        ) from error


async def of(session: Session, lab: Object) -> Object | None:
    """Return the cohort that says how a lab is to be.

    None for a lab by itself, and for one whose learner is not on the roster any more.
    """
    meta = lab["metadata"]
    name = meta.get("labels", {}).get(COHORT)
    cohort = await session.kube.find("LabCohort", meta["namespace"], name) if name else None
    rows = cohortview.labs(cohort) if cohort else []
    left = any(one["lab"] == meta["name"] and one.get("removed") for one in rows)
    return None if left else cohort


def would_undo(lab: Object, cohort: Object, verb: str) -> CliError:
    """Refuse an edit of a lab that its cohort would undo, with the verb that does it there."""
    learner = lab["spec"].get("learner", {}).get("id", "LEARNER")
    name = cohort["metadata"]["name"]
    return CliError(
        f"lab {lab['metadata']['name']} belongs to cohort {name}, which would undo that",
        hint=f"practicum cohort {verb.format(cohort=name, learner=learner)}",
        code=Exit.CONFLICT,
    )


async def refuse_resume(session: Session, lab: Object) -> None:
    """Leave to a cohort what it says; a lab that others have suspended may be brought back.

    Raises:
        CliError: the cohort, or its removal policy, keeps the lab suspended.
    """
    if not (holders := _suspended_by(lab)):
        return
    cohort = await read(session, lab["metadata"]["labels"][COHORT])
    if REMOVAL_MANAGER in holders:
        raise would_undo(lab, cohort, "import FILE --name {cohort}, with {learner} in it again")
    paused = cohort["spec"].get("paused")
    raise would_undo(lab, cohort, "resume {cohort}" + ("" if paused else " --learner {learner}"))


def _suspended_by(lab: Object) -> set[str]:
    """Return which managers of a cohort say that a lab is suspended."""
    return {COHORT_MANAGER, REMOVAL_MANAGER} & {
        entry["manager"]
        for entry in lab["metadata"].get("managedFields", ())
        if "f:suspended" in entry.get("fieldsV1", {}).get("f:spec", {})
    }


async def patch(
    session: Session, cohort: Object, spec: Object, *, manager: str, dry_run: bool = False
) -> Object:
    """Change fields of a cohort's spec, provided nobody edited it since it was read.

    The operator's writes to the status, of which there are many, stand in nobody's way.

    Raises:
        CliError: somebody edited it meanwhile.
    """
    meta = cohort["metadata"]
    path = KINDS["LabCohort"].path(meta["namespace"], quote(meta["name"], safe=""))
    query = {"fieldManager": manager} | ({"dryRun": "All"} if dry_run else {})
    for _ in range(_ATTEMPTS):
        body = {"metadata": {"resourceVersion": meta["resourceVersion"]}, "spec": spec}
        try:
            answer: Object = await session.kube.request(
                "PATCH", path, query=query, body=body, content_type="application/merge-patch+json"
            )
        except errors.Conflict:
            now = (await read(session, meta["name"]))["metadata"]
            if (now["uid"], now["generation"]) != (meta["uid"], meta["generation"]):
                break
            meta = now
        else:
            return answer
    raise CliError(
        f"somebody changed cohort {meta['name']} meanwhile", hint="try again", code=Exit.CONFLICT
    )


async def listing(session: Session) -> None:
    """Show the cohorts of the course."""
    found = await session.kube.list("LabCohort", session.namespace)
    if session.output in ("json", "yaml"):
        items = [getting.clean(one) for one in found]
        output.data({"apiVersion": "v1", "kind": "List", "items": items}, session.output)
    elif session.output == "name":
        for one in found:
            output.line(reference(one))
    elif found:
        rows = [cohortview.row(one, session.now()) for one in found]
        output.show(output.table(cohortview.HEADERS, rows))
    else:
        output.note(f"no cohorts in namespace {session.namespace}")


def reference(cohort: Object) -> str:
    """Return the name that kubectl takes."""
    return f"labcohort.practicum.dev/{cohort['metadata']['name']}"


async def show(session: Session, name: str) -> None:
    """Show the state of a class."""
    cohort = await read(session, name)
    if session.output != "table":
        output.data(getting.clean(cohort), session.output)
        return
    _print(cohortview.lines(cohort, session.now()))


async def explain(session: Session, name: str) -> Exit:
    """Say what is wrong with a class, and what to do; exits 0 only when nothing is."""
    cohort = await read(session, name)
    found = cohortview.troubles(cohort)
    if session.output != "table":
        waits = cohortview.unready(cohort)
        output.data({"cohort": name, "troubles": found, "labs": waits}, session.output)
    elif not found:
        output.line(f"{name}: nothing is wrong, it is {cohortview.phase(cohort)}")
    else:
        for one in found:
            output.line(f"{one['condition']} is not true ({one['reason']})")
            output.line(f"  message  {output.plain(one['message'])}")
            output.line(f"  remedy   {one['remedy']}")
        _print(cohortview.waiting(cohort))
    return Exit.FAILURE if found else Exit.OK


def _print(lines: Iterable[str]) -> None:
    for text in lines:
        output.line(text)


async def progress(session: Session, name: str, watch: bool) -> None:
    """Show which checks of which learner passed, once or as they do."""
    cohort = await read(session, name)
    if watch:
        await _watch(session, name)
    elif session.output == "csv":
        output.write(tabular.text(cohortview.columns(cohort), cohortview.flat(cohort)))
    elif session.output == "json":
        output.data(list(cohortview.flat(cohort)), "json")
    elif cohortview.labs(cohort):
        for part in cohortview.matrix(cohort):
            output.show(part)
    else:
        output.note(f"cohort {name} has no labs yet: practicum cohort explain {name}")


async def _watch(session: Session, name: str) -> None:
    from practicum.kube.stream import watch

    before: Object | None = None
    stream = watch(session.kube, "LabCohort", session.namespace, name)
    async with aclosing(stream) as events:
        with _board() as update:
            async for event in events:
                if event.type == "DELETED":
                    raise CliError(f"cohort {name} was deleted meanwhile")
                if event.type != "RESET":
                    update(before, event.object)
                    before = event.object


@contextmanager
def _board() -> Iterator[Callable[[Object | None, Object], None]]:
    """Yield what shows a class: a matrix that lives where a person looks, else lines."""
    if not output.interactive():
        yield lambda before, after: _print(cohortview.changes(before, after))
        return
    from rich.console import Group
    from rich.live import Live

    with Live(console=output.console(), auto_refresh=False) as live:
        yield lambda _, after: live.update(Group(*cohortview.matrix(after)), refresh=True)
