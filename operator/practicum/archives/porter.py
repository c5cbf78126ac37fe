"""Stands in a pod beside one volume: hands it out as a stream, or takes a stream into it.

It knows only the digest of its token, so nothing in its pod is secret, and it never connects to
anybody. ``python -m practicum.archives.porter read|write FOLDER``.
"""

import hashlib
import hmac
import io
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from practicum.archives import volumes

PORT: Final = 8099
TOKEN_DIGEST: Final = "PRACTICUM_ARCHIVE_TOKEN_SHA256"  # noqa: S105


class _Chunked(io.RawIOBase):
    """Sends what is written in HTTP's chunks."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink

    def write(self, block: Any) -> int:
        if block:
            self._sink.write(f"{len(block):x}\r\n".encode())
            self._sink.write(block)
            self._sink.write(b"\r\n")
        return len(block)


class _Body(io.RawIOBase):
    """Reads a request's body of known length."""

    def __init__(self, source: Any, length: int) -> None:
        self._source, self._left = source, length

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._source.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block


class Porter(BaseHTTPRequestHandler):
    """Answers GET with the volume's stream, or PUT by unpacking one, whichever it is there for."""

    protocol_version = "HTTP/1.1"
    folder: Path
    writes: bool
    token_digest: str

    def do_GET(self) -> None:
        """Hand the volume out; an answer that breaks off is no whole stream."""
        if not self._admitted(writes=False):
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        index = volumes.pack(self.folder, _Chunked(self.wfile))
        self.wfile.write(b"0\r\n\r\n")
        print(f"handed out: {len(index.files)} files, {len(index.skipped)} left out", flush=True)

    def do_PUT(self) -> None:
        """Take a stream in."""
        if not self._admitted(writes=True):
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
            index = volumes.unpack(_Body(self.rfile, length), self.folder)
        except (volumes.Damaged, OSError, ValueError) as error:
            self._say(422, f"{error}")
            return
        self._say(200, f"taken in: {len(index.files)} files")

    def _admitted(self, *, writes: bool) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        digest = hashlib.sha256(given.encode()).hexdigest()
        if not hmac.compare_digest(digest, self.token_digest):
            self._say(401, "the token is not this archive's")
        elif writes is not self.writes:
            self._say(405, "this volume is only " + ("written" if self.writes else "read"))
        else:
            return True
        return False

    def _say(self, status: int, text: str) -> None:
        body = text.encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(text, flush=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet: what matters is printed."""


def serve(
    folder: Path, *, writes: bool, token_digest: str, at: tuple[str, int] = ("", PORT)
) -> Any:
    """Return a server for one volume; ``serve_forever`` runs it."""
    kind = type(
        "One", (Porter,), {"folder": folder, "writes": writes, "token_digest": token_digest}
    )
    return ThreadingHTTPServer(at, kind)


def main() -> None:
    """Run until the pod ends."""
    mode, folder = sys.argv[1:]
    server = serve(Path(folder), writes=mode == "write", token_digest=os.environ[TOKEN_DIGEST])
    server.serve_forever()


if __name__ == "__main__":
    main()
