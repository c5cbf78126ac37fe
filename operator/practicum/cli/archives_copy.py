"""``practicum archive get``: a pod of the caller's own hands an archive out, and is gone again."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from practicum import errors
from practicum.api.archives import ArchiveRecord
from practicum.api.names import AUDIT_NAMESPACE
from practicum.archives import calls, shelf, volumes
from practicum.archives.porter import PORT
from practicum.cli import archives, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session
from practicum.desired.archive_pods import SHELF, reader
from practicum.policy import pods as trouble

_START_SECONDS = 120
_POLL_SECONDS = 0.5


def check(to: Path) -> None:
    """Make sure of a folder to copy into.

    Raises:
        CliError: there is something in it.
    """
    to.mkdir(parents=True, exist_ok=True)
    if any(to.iterdir()):
        raise CliError(f"--to {to}: the folder is not empty", code=Exit.USAGE)


async def copy(session: Session, which: str, to: Path) -> None:
    """Copy an archive into a folder and verify it there.

    Raises:
        CliError: it may not be read, does not arrive, or is not what its record says.
    """
    found = await archives.one(session, which)
    if found.record is None:
        text = f"you may not read archives in namespace {AUDIT_NAMESPACE}"
        hint = "the platform team may (ClusterRole practicum-archivist): ask them for a copy"
        raise CliError(text, hint=hint, code=Exit.FORBIDDEN)
    token = secrets.token_urlsafe(32)
    async with _standing(session, found.record, token) as pod:
        await _fetch(session, pod, token, to)
    try:
        made = shelf.verify(to, found.record.manifest)
    except volumes.Damaged as error:
        text = f"archive {found.uid} is not as it was made: {error}"
        raise CliError(text, hint="tell the platform team; the copy is kept as it came") from error
    facts = found.facts() | {"folder": str(to), "verified": True}
    if session.output == "json":
        output.data(facts, "json")
    else:
        output.line(f"{to}: {made.files} files, {made.size} bytes, all as they were made")


@asynccontextmanager
async def _standing(session: Session, record: ArchiveRecord, token: str) -> AsyncIterator[Object]:
    """Have a pod stand beside the archive for a while."""
    kube = session.kube
    told = await kube.find("ConfigMap", AUDIT_NAMESPACE, SHELF)
    if told is None:
        raise CliError(
            f"there is no volume for archives: ConfigMap {AUDIT_NAMESPACE}/{SHELF} is missing",
            hint="set the chart's value archive.enabled",
            code=Exit.NOT_FOUND,
        )
    nodes = json.loads(told["data"]["nodeSelector"])
    pod = await kube.create(reader(record, token, told["data"]["image"], nodes))
    name = pod["metadata"]["name"]
    try:
        yield await _ready(session, name)
    finally:
        with suppress(errors.ApiError):
            await kube.delete("Pod", AUDIT_NAMESPACE, name)


async def _ready(session: Session, name: str) -> Object:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        pod = await session.kube.get("Pod", AUDIT_NAMESPACE, name)
        if trouble.is_ready(pod):
            return pod
        if trouble.has_ended(pod) or asyncio.get_running_loop().time() > deadline:
            why = trouble.why(pod, f"pod {name} ended")
            raise CliError(f"the archive cannot be opened: {why}", code=Exit.TIMEOUT)
        await asyncio.sleep(_POLL_SECONDS)


async def _fetch(session: Session, pod: Object, token: str, to: Path) -> None:
    from practicum.kube.portforward import connect

    failed: list[errors.ApiError] = []

    async def carry(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        try:
            way = await connect(session.kube, AUDIT_NAMESPACE, pod["metadata"]["name"], PORT)
            await way.run(incoming, outgoing)
        except errors.ApiError as error:
            failed.append(error)
        finally:
            outgoing.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            await asyncio.to_thread(_unpack, url, token, to)
        except (volumes.Damaged, calls.Refused, *calls.BROKEN) as error:
            why = failed[0] if failed else error
            raise CliError(f"the archive did not arrive: {why}") from error


def _unpack(url: str, token: str, to: Path) -> None:
    with calls.ask("GET", url, token) as answer:
        volumes.unpack(answer, to)
