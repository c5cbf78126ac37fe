"""``practicum token``: the credential plugin that kubectl runs before it talks to the cluster."""

import asyncio
import base64
import json
import os
import sys
from typing import Any

from practicum import clock, errors
from practicum.cli.exits import CliError
from practicum.cli.tokens import (
    Cache,
    Key,
    Token,
    exec_credential,
    folder,
    from_secret,
    newest,
    read_jwt,
)

_EXEC_INFO = "KUBERNETES_EXEC_INFO"
_FIRST_TOKEN = "PRACTICUM_TOKEN"  # noqa: S105  the name of a variable
_PATIENCE = 8.0


def token(lab: str, namespace: str, user: str) -> None:
    """Print an ExecCredential with the newest token that can be had.

    Raises:
        CliError: no living token is left.
    """
    now = clock.utcnow()
    cluster = _cluster(os.environ.get(_EXEC_INFO, ""))
    key = Key(cluster.get("server", ""), namespace, lab, user)
    cache = Cache(folder(dict(os.environ)))
    first = read_jwt(os.environ.get(_FIRST_TOKEN, ""))
    best = newest([cache.load(key), first], now)
    why = "the token is over"
    if best and now >= best.renew_at:
        try:
            best = newest([best, _fetch(cluster, key, best)], now) or best
            cache.store(key, best, now)
        except (errors.PracticumError, ValueError, TimeoutError) as error:
            why = str(error)
    if best is None:
        raise CliError(
            f"no valid token is left for lab {lab} in {namespace} ({why})",
            hint="the lab has ended, or this kubeconfig is old: ask your instructor for it anew",
        )
    sys.stdout.write(json.dumps(exec_credential(best, now)) + "\n")


def _cluster(info: str) -> dict[str, Any]:
    """Return the cluster that the client is about to talk to, as far as it says so."""
    try:
        return dict(json.loads(info)["spec"]["cluster"]) if info else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _fetch(cluster: dict[str, Any], key: Key, current: Token) -> Token:
    if not cluster.get("server"):
        raise CliError(f"{_EXEC_INFO} does not name the cluster (provideClusterInfo: true)")
    return asyncio.run(_from_secret(cluster, key, current))


async def _from_secret(cluster: dict[str, Any], key: Key, current: Token) -> Token:
    from practicum.kube import person

    ca = base64.b64decode(cluster.get("certificate-authority-data") or "").decode()
    name = cluster.get("tls-server-name") or ""
    async with (
        asyncio.timeout(_PATIENCE),
        person.direct(key.server, ca, current.value, tls_server_name=name) as kube,
    ):
        secret = await kube.get("Secret", key.namespace, f"{key.lab}-credentials")
    entries = json.loads(base64.b64decode(secret.get("data", {}).get("tokens.json") or "e30="))
    if key.user not in entries:
        raise CliError(f"Secret {key.lab}-credentials has no token for {key.user}")
    return from_secret(entries[key.user], clock.utcnow())
