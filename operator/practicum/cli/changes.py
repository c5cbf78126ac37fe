"""The work of ``practicum change``: ask, answer, take back, look, and wait for what comes of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from practicum.cli import changeview, output
from practicum.cli.exits import Exit
from practicum.cli.getting import clean
from practicum.cli.session import Object, Session
from practicum.governance import acting, place, requests
from practicum.governance.desk import Ask, Desk, Verdict


@dataclass(frozen=True)
class Where:
    """Which lab is meant, and as whom to act in it."""

    lab: str = ""
    persona: str = ""


@asynccontextmanager
async def desk(session: Session, where: Where) -> AsyncGenerator[Desk]:
    """Open the desk of a lab as the user who is meant."""
    found = await place.find(session.kube, session.namespace, where.lab, session.context_namespace)
    kubeconfig = session.options.kubeconfig
    async with acting.acting(session.kube, kubeconfig, found.lab, where.persona) as kube:
        yield Desk(kube, found)


async def ask(session: Session, where: Where, wanted: Ask, limit: timedelta | None) -> Exit:
    """Make a request, and follow it if there is a limit to how long."""
    async with desk(session, where) as opened:
        made = await opened.ask(wanted)
        name = made["metadata"]["name"]
        if limit is None:
            said = f"request {name} made by {changeview.who(made['spec']['requester'])}"
            _print(session, made, f"{said}; see: {_see(opened, name)}")
            return Exit.OK
        _progress(session, f"request {name} made")
        return await _followed(session, opened, name, limit)


async def _answered(
    session: Session, opened: Desk, name: str, verdict: Verdict, comment: str
) -> Object:
    """Show what is answered, then answer it; returns the ChangeApproval."""
    request = await opened.request(name)
    requests.evidence(request)
    for line in changeview.facts(request, session.now(), most=0):
        _progress(session, line)
    return await opened.answer(request, verdict, comment)


async def give(
    session: Session,
    where: Where,
    name: str,
    given: tuple[Verdict, str],
    limit: timedelta | None,
) -> Exit:
    """Approve or reject a request, and follow it if there is a limit to how long.

    Args:
        session: the connection.
        where: the lab and the persona.
        name: the request.
        given: the verdict and a comment.
        limit: how long to follow; None: not at all.
    """
    async with desk(session, where) as opened:
        made = await _answered(session, opened, name, *given)
        own, digest = made["metadata"]["name"], made["spec"]["evidenceDigest"]
        by = changeview.who(made["spec"]["approver"])
        said = f"{own}: {given[0]} by {by}, for evidence {digest[:12]}"
        if limit is None:
            _print(session, made, said)
            return Exit.OK
        _progress(session, said)
        return await _followed(session, opened, name, limit, own)


async def withdraw(session: Session, where: Where, name: str) -> None:
    """Take a request back."""
    async with desk(session, where) as opened:
        _print(session, await opened.withdraw(name), f"request {name}: withdrawn")


async def status(session: Session, where: Where, name: str, limit: timedelta | None) -> Exit:
    """Show a request, at once or when a person is needed or it is over."""
    async with desk(session, where) as opened:
        if limit is not None:
            return await _followed(session, opened, name, limit)
        body = await opened.request(name)
        _print(session, body, "\n".join(changeview.facts(body, session.now())))
        return Exit.OK


async def listing(session: Session, where: Where) -> None:
    """List a lab's requests, oldest first."""
    async with desk(session, where) as opened:
        found = await opened.requests()
        lab = opened.where.lab.name
    if session.output == "name":
        for body in found:
            output.line(_reference(body))
    elif session.output != "table":
        items = [clean(body) for body in found]
        output.data({"apiVersion": "v1", "kind": "List", "items": items}, session.output)
    elif found:
        rows = [changeview.row(body, session.now()) for body in found]
        output.show(output.table(changeview.HEADERS, rows))
    else:
        output.note(f"no requests in lab {lab}")


async def _followed(
    session: Session, opened: Desk, name: str, limit: timedelta, answer: str = ""
) -> Exit:
    """Follow a request, then show it; 1 when it came to nothing."""
    latest: list[Object] = []

    def show(body: Object) -> None:
        clock = session.now().strftime("%H:%M:%S")
        for line in changeview.changes(latest[-1] if latest else None, body):
            _progress(session, f"{clock} {line}")
        latest[:] = [body]

    body = await opened.wait(name, limit.total_seconds(), answer=answer, show=show)
    _print(session, body, "\n".join(changeview.facts(body, session.now())))
    whose = requests.turn(body)
    if whose is requests.Turn.PERSON:
        output.note(f"a person is needed: practicum change approve {name} --as PERSONA")
    return Exit.FAILURE if whose is requests.Turn.REFUSED else Exit.OK


def _print(session: Session, body: Object, text: str) -> None:
    """Answer in the format that was asked for."""
    if session.output == "table":
        output.line(text)
    elif session.output == "name":
        output.line(_reference(body))
    else:
        output.data(clean(body), session.output)


def _progress(session: Session, text: str) -> None:
    """Say what happens on the way: where a program reads the answer, not among it."""
    say = output.line if session.output == "table" else output.note
    say(text)


def _see(opened: Desk, name: str) -> str:
    lab = opened.where.lab
    return f"practicum change status {name} --lab {lab.name} -n {lab.namespace}"


def _reference(body: Object) -> str:
    kind = "changerequest" if body["kind"] == "ChangeRequest" else "changeapproval"
    return f"{kind}.practicum.dev/{body['metadata']['name']}"
