"""``practicum credentials``: the learner's kubeconfig and service logins, only where asked for."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practicum import errors
from practicum.cli import kubeconfigs, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session


@dataclass(frozen=True)
class Request:
    """What to do with the credentials."""

    write: Path | None = None
    merge: bool = False
    stdout: bool = False
    service: str = ""
    renewing: bool | None = None

    def check(self) -> None:
        """Refuse what excludes each other.

        Raises:
            CliError: more than one destination is named.
        """
        asked = [self.write is not None, self.merge, self.stdout, bool(self.service)]
        if sum(asked) > 1:
            text = "choose one of --write, --merge, --stdout and --service"
            raise CliError(text, code=Exit.USAGE)


async def credentials(session: Session, lab: str, request: Request) -> None:
    """Write, merge or print what the Secret of a lab holds."""
    secret = await secret_of(session, lab)
    to_file = request.write is not None or request.merge
    renewing = to_file if request.renewing is None else request.renewing
    document = kubeconfig_of(secret, lab, renewing=renewing)
    if request.service:
        _print_login(session, lab, logins(secret), request.service)
    elif request.write is not None:
        kubeconfigs.write_private(request.write, kubeconfigs.dump(document))
        output.note(f"wrote {request.write}; use it: export KUBECONFIG={request.write}")
    elif request.merge:
        _merge(session, document)
    elif request.stdout:
        output.line(kubeconfigs.dump(document).rstrip())
    elif session.output != "table":
        output.data({"kubeconfig": document, "logins": logins(secret)}, session.output)
    else:
        _summary(lab, document, logins(secret))


def kubeconfig_of(secret: Object, lab: str, *, renewing: bool) -> kubeconfigs.Document:
    """Return the kubeconfig of a credentials Secret, with its current context chosen."""
    document = kubeconfigs.parse(_text(secret, "kubeconfig"), f"the kubeconfig of {lab}")
    return kubeconfigs.choose(document, lab, renewing=renewing)


async def secret_of(session: Session, lab: str) -> Object:
    """Return the credentials Secret of a lab.

    Raises:
        CliError: it has none yet.
    """
    name = f"{lab}-credentials"
    try:
        return await session.kube.get("Secret", session.namespace, name)
    except errors.NotFound as error:
        await session.lab(lab)
        raise CliError(
            f"lab {lab} has no credentials yet",
            hint=f"see: practicum explain {lab} -n {session.namespace}",
            code=Exit.NOT_FOUND,
        ) from error


def _text(secret: Object, key: str) -> str:
    return base64.b64decode(secret.get("data", {}).get(key) or "").decode()


def logins(secret: Object) -> list[Object]:
    """Return the service logins of a credentials Secret."""
    found: list[Object] = json.loads(_text(secret, "logins.json") or "[]")
    return found


def _print_login(session: Session, lab: str, known: list[Object], service: str) -> None:
    chosen = [login for login in known if login["service"] == service]
    if not chosen:
        names = ", ".join(sorted({login["service"] for login in known})) or "none"
        raise CliError(
            f"lab {lab} has no login for service {service}",
            hint=f"it has: {names}",
            code=Exit.NOT_FOUND,
        )
    if session.output != "table":
        output.data(chosen, session.output)
        return
    for number, login in enumerate(chosen):
        if number:
            output.line()
        for label, value in login_lines(login):
            output.line(f"{label:<9} {value}")


def login_lines(login: Object) -> list[tuple[str, Any]]:
    """Return label and value of what one needs to log in."""
    secret = "token" if login.get("kind") == "bearer" else "password"
    lines = [("url", login["url"])]
    if login.get("persona"):
        lines.append(("persona", login["persona"]))
    if login.get("kind") != "bearer":
        lines.append(("username", login["username"]))
    return [*lines, (secret, login["password"])]


def _merge(session: Session, document: kubeconfigs.Document) -> None:
    from practicum.kube.person import search_path

    path = search_path(session.options.kubeconfig)[0].expanduser()
    existing: kubeconfigs.Document = {}
    if path.is_file():
        existing = kubeconfigs.parse(path.read_text(encoding="utf-8"), str(path))
    merged = kubeconfigs.merge(existing, document)
    kubeconfigs.write_private(path, kubeconfigs.dump(merged))
    output.note(f"merged into {path}; the current context is {merged['current-context']}")
    before = existing.get("current-context")
    if before and before != merged["current-context"]:
        output.note(f"back to the one before: kubectl config use-context {before}")


def _summary(lab: str, document: kubeconfigs.Document, known: list[Object]) -> None:
    """Say what there is, and how to get it, without showing any of it."""
    contexts = ", ".join(entry["name"] for entry in document.get("contexts", []))
    output.line(f"contexts  {contexts}")
    for login in known:
        who = f" as {login['persona']}" if login.get("persona") else ""
        output.line(f"login     {login['service']}{who}: {login['username']} at {login['url']}")
    output.line()
    output.line(f"kubeconfig into a file   practicum credentials {lab} --write FILE")
    output.line(f"into your own            practicum credentials {lab} --merge")
    if known:
        service = known[0]["service"]
        output.line(f"a password               practicum credentials {lab} --service {service}")
