"""The key of one lab's audit log, as text: whoever holds the root key derives it, nobody else.

With the key, records that somebody computed anew are told from those that the operator wrote. It
opens nothing else: keys of other logs, logins and tokens do not follow from it.
"""

import base64
from pathlib import Path
from typing import Final, NamedTuple

from practicum import errors
from practicum.api.names import AUDIT_NAMESPACE
from practicum.cli import audit_reading, output
from practicum.cli.audit_reading import Which
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Session
from practicum.governance.audit import Audit

_BYTES: Final = 32
_ENTRY: Final = "root-key"


class Place(NamedTuple):
    """Where the root key is kept."""

    namespace: str
    secret: str

    def __str__(self) -> str:
        return f"Secret {self.secret} of namespace {self.namespace}"


async def show(session: Session, which: Which, place: Place) -> None:
    """Print the key of a lab's log in hexadecimal.

    Raises:
        CliError: there is no such lab, or the root key is not to be had.
    """
    uid = which.uid
    if not uid:
        uid = str((await audit_reading.named(session, which.name))["metadata"]["uid"])
    root = await _root(session, place)
    key = Audit(session.kube, AUDIT_NAMESPACE, lambda: root).key(uid).hex()
    if session.options.output == "json":
        output.data({"uid": uid, "key": key}, "json")
    else:
        output.line(key)


async def _root(session: Session, place: Place) -> bytes:
    try:
        secret = await session.kube.get("Secret", place.namespace, place.secret)
        return base64.b64decode(secret["data"][_ENTRY])
    except errors.Forbidden as error:
        hint = "the platform team may: ask them for the log's key"
        raise CliError(f"you may not read {place}", hint=hint, code=Exit.FORBIDDEN) from error
    except errors.NotFound as error:
        hint = (
            "give --system-namespace, and --secret where chart value rootKey.existingSecret is set"
        )
        raise CliError(f"there is no {place}", hint=hint, code=Exit.NOT_FOUND) from error
    except KeyError as error:
        raise CliError(f"{place} has no entry {_ENTRY}") from error


def read(file: Path) -> bytes:
    """Read a key from a file.

    Raises:
        CliError: the file holds none.
    """
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) == _BYTES:
        return key
    text = f"--key-file {file} holds no key: it is {2 * _BYTES} hexadecimal digits"
    raise CliError(text, hint="have it written by: practicum audit key", code=Exit.USAGE)
