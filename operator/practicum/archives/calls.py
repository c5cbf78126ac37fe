"""Asks a porter: straight to its address, by no proxy, following no redirect."""

import time
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import urlsplit

TIMEOUT: Final = 120
"""Seconds in which something has to come from a volume, or be taken in by it."""
_PATIENCE: Final = 20
"""Seconds in which a network learns of a new pod: until then its policies let nothing through."""
BROKEN: Final = (HTTPException, TimeoutError, ConnectionError)
"""What is raised where a stream breaks off."""


class Refused(Exception):
    """A porter said no; the message is what it said."""


def ask(method: str, url: str, token: str, body: Any = None, size: int = 0) -> HTTPResponse:
    """Send one request; the answer is open to be read.

    Args:
        method: GET or PUT.
        url: address of the porter.
        token: opens it.
        body: file to send.
        size: how many bytes it has.

    Raises:
        Refused: the answer is not 200.
        OSError, HTTPException: there is none.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Length"] = str(size)
    _connect(connection)
    connection.request(method, "/", body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise Refused(f"{answer.status} {answer.read(500).decode('utf-8', 'replace')}")
    return answer


def _connect(connection: HTTPConnection) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.connect()
        except OSError as error:
            if time.monotonic() > until:
                where = f"{connection.host}:{connection.port}"
                raise ConnectionError(f"no way to {where}: {error}") from error
            time.sleep(0.5)
        else:
            return
