"""Acts as a persona of a lab: by a context of the kubeconfig, else by the lab's credentials.

A persona's context holds a token that ends with the day, and the Secret always the newest one; a
context that the API server no longer knows is therefore passed over.
"""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from practicum import errors
from practicum.api.names import LabKey
from practicum.desired.lab import credentials_name
from practicum.governance.place import Account, username
from practicum.kube import person
from practicum.kube.client import Kube

_UNKNOWN = 401


@asynccontextmanager
async def acting(
    kube: Kube, kubeconfig: Path | None, lab: LabKey, persona: str
) -> AsyncGenerator[Kube]:
    """Connect as a persona, or as nobody else where none is named.

    Args:
        kube: the connection so far.
        kubeconfig: the file that it was made from; None: ``$KUBECONFIG`` or the default one.
        lab: whose persona.
        persona: its name; empty: stay who you are.

    Raises:
        ChangeError: NoSuchPersona, or WrongContext for a context that is somebody else's.
        ApiError: neither context nor Secret can be had.
    """
    if not persona:
        yield kube
        return
    async with await _connect(kube, kubeconfig, Account(lab, persona)) as other:
        yield other


async def _connect(kube: Kube, kubeconfig: Path | None, wanted: Account) -> Kube:
    context = f"{wanted.lab.name}-{wanted.persona}"
    if person.server_of(kubeconfig, context) == kube.server.rstrip("/"):
        other = (await person.connect(kubeconfig, context)).kube
        if await _is(other, context, wanted):
            return other
        await other.close()
    return person.bearer(kube, await _token(kube, wanted))


async def _is(other: Kube, context: str, wanted: Account) -> bool:
    """Whether a context still is somebody, and then the one it is called after."""
    try:
        name = await username(other)
        if not name.startswith("system:serviceaccount:") or name == wanted.username:
            return True
        text = f"context {context} is {name}, and not persona {wanted.persona} of lab {wanted.lab}"
        raise errors.ChangeError("WrongContext", text)
    except errors.ApiError as error:
        if error.status == _UNKNOWN:
            return False
        await other.close()
        raise
    except errors.ChangeError:
        await other.close()
        raise


async def _token(kube: Kube, wanted: Account) -> str:
    lab, name = wanted.lab, credentials_name(wanted.lab.name)
    secret = await kube.get("Secret", lab.namespace, name)
    known = json.loads(base64.b64decode(secret.get("data", {}).get("tokens.json") or "e30="))
    if entry := known.get(f"{lab.name}.{wanted.persona}"):
        return str(entry["token"])
    others = sorted(account.rpartition(".")[2] for account in known)
    there = ", ".join(one for one in others if one != "learner") or "none"
    raise errors.ChangeError(
        "NoSuchPersona",
        f"the credentials of lab {lab.name} have no persona {wanted.persona}; they have: {there}",
    )
