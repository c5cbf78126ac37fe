"""``practicum apply``: server-side apply of labs and templates, never by force unasked."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.api.names import API_VERSION
from practicum.cli import output
from practicum.cli.exits import CliError, Exit
from practicum.cli.follow import Follow
from practicum.cli.session import Object, Session

MANAGER = "practicum-cli"
_KINDS = ("LabTemplate", "LabCohort", "LabEnvironment")
_APPLY = "application/apply-patch+yaml"
_OWNER = re.compile(r'conflicts? with "([^"]+)"[^:]*:\s*((?:\n?- )?\.[^\n]*(?:\n- [^\n]+)*)')


@dataclass(frozen=True)
class Request:
    """What to apply and whether to wait for it."""

    files: tuple[str, ...]
    wait: bool = False
    timeout: timedelta | None = None
    force_conflicts: bool = False


async def apply(session: Session, request: Request) -> Exit:
    """Apply every object of a file, then follow its labs to Ready if asked."""
    objects = [body for file in request.files for body in read(file)]
    for body in objects:
        _settle_namespace(body, session)
    labs: list[str] = []
    for body in sorted(objects, key=lambda one: _KINDS.index(one["kind"])):
        what = await _apply_one(session, body, request)
        _report(session, body, what)
        if body["kind"] == "LabEnvironment":
            labs.append(body["metadata"]["name"])
    if not (request.wait and labs):
        return Exit.OK
    return await Follow(session, labs, request.timeout).run()


def read(file: str) -> list[Object]:
    """Read the objects of a file, or of standard input where it is ``-``.

    Raises:
        CliError: it cannot be read, or holds something else than labs and templates.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        documents = [one for one in yaml.safe_load_all(text) if one]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CliError(f"{file} cannot be read: {reason}", code=Exit.USAGE) from error
    except yaml.YAMLError as error:
        place = " ".join(str(error).split())
        raise CliError(f"{file} is not YAML: {place}", code=Exit.CONFLICT) from error
    objects = list(_flat(documents))
    if not objects:
        raise CliError(f"{file} holds no objects", code=Exit.CONFLICT)
    for number, body in enumerate(objects, 1):
        _check(f"{file}: object {number}", body)
    return objects


def _flat(documents: Iterable[Any]) -> Iterable[Any]:
    for one in documents:
        is_list = isinstance(one, dict) and one.get("kind") == "List"
        yield from one.get("items", []) if is_list else [one]


def _check(where: str, body: Any) -> None:
    if not isinstance(body, dict) or body.get("kind") not in _KINDS:
        kind = body.get("kind") if isinstance(body, dict) else type(body).__name__
        text = f"{where} is a {kind}; only {', '.join(_KINDS)} are applied here"
        raise CliError(text, hint="use kubectl for the rest", code=Exit.CONFLICT)
    if body.get("apiVersion") != API_VERSION:
        text = f"{where}: apiVersion {body.get('apiVersion')} is not {API_VERSION}"
        raise CliError(text, code=Exit.CONFLICT)
    if not (body.get("metadata") or {}).get("name"):
        raise CliError(f"{where}: metadata.name is missing", code=Exit.CONFLICT)


def _settle_namespace(body: Object, session: Session) -> None:
    own = body["metadata"].setdefault("namespace", session.namespace)
    if session.options.namespace and own != session.options.namespace:
        name = f"{body['kind']} {body['metadata']['name']}"
        raise CliError(
            f"{name} says namespace {own}, but --namespace says {session.options.namespace}",
            code=Exit.USAGE,
        )


async def _apply_one(session: Session, body: Object, request: Request) -> str:
    """Apply one object; returns what became of it, as kubectl says it."""
    kind, meta = body["kind"], body["metadata"]
    before = await _version(session, body)
    # What the server sets comes along when a file was made with `get -o yaml`.
    sent = {key: value for key, value in body.items() if key != "status"} | {
        "metadata": {k: v for k, v in meta.items() if k not in _SERVER_SETS}
    }
    query = {"fieldManager": MANAGER, "force": str(request.force_conflicts).lower()}
    path = KINDS[kind].path(meta["namespace"], quote(meta["name"], safe=""))
    try:
        after = await session.kube.request(
            "PATCH", path, query=query, body=sent, content_type=_APPLY
        )
    except errors.Conflict as error:
        raise conflict(f"{kind} {meta['name']}", str(error)) from error
    if before is None:
        return "applied"
    if not before:
        return "created"
    return "unchanged" if after["metadata"]["resourceVersion"] == before else "configured"


_SERVER_SETS = frozenset(
    ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp")
)


async def _version(session: Session, body: Object) -> str | None:
    """Return the resourceVersion there is, empty for a new object, None where unreadable."""
    meta = body["metadata"]
    try:
        found = await session.kube.find(body["kind"], meta["namespace"], meta["name"])
    except errors.Forbidden:
        return None
    return str(found["metadata"]["resourceVersion"]) if found else ""


def conflict(what: str, message: str) -> CliError:
    """Explain a server-side apply conflict: who owns which field, and the ways out."""
    found = _OWNER.findall(message)
    fields = "; ".join(
        f"{', '.join(part.strip(' -.') for part in paths.splitlines() if part.strip())}"
        f" was set by {owner}"
        for owner, paths in found
    )
    return CliError(
        f"{what}: {fields or ' '.join(message.split())}",
        hint="put the live value into the file, leave the field out of it, "
        "or overrule them with --force-conflicts",
        code=Exit.CONFLICT,
    )


def _report(session: Session, body: Object, what: str) -> None:
    name = f"{body['kind'].lower()}.practicum.dev/{body['metadata']['name']}"
    output.line(name if session.output == "name" else f"{name} {what}")
