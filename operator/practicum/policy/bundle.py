"""Builds the signed bundle in which a revision of a lab's policies reaches its OPA.

Pure: the same files, revision and key give the same bytes, wherever and whenever, so a bundle can
be made again instead of being kept safe. Nothing is compressed, because compression differs from
one zlib to the next and 64 KiB need none. Formats: https://www.openpolicyagent.org/docs/management-bundles
"""

import base64
import hashlib
import hmac
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from practicum.api.bundles import ALGORITHM, KEY_ID
from practicum.api.canonical import canonical

SIGNATURES: Final = ".signatures.json"
_MANIFEST: Final = ".manifest"
_DATA: Final = "data.json"
_STORED: Final = 0xFFFF
"""Bytes of one block that deflate leaves as they are."""


@dataclass(frozen=True)
class Bundle:
    """What goes into a bundle."""

    revision: str
    roots: tuple[str, ...]
    """Below which all of its packages and data lie; it owns everything there."""
    modules: Mapping[str, str]
    """Rego by file name."""
    data: Any
    """Of JSON."""

    def files(self) -> dict[str, bytes]:
        """Return its files by name, signatures aside."""
        manifest = {"revision": self.revision, "roots": sorted(self.roots)}
        structured = {_MANIFEST: manifest, _DATA: self.data}
        made = {name: _canonical(value) for name, value in structured.items()}
        return made | {name: text.encode() for name, text in self.modules.items()}

    def digest(self) -> str:
        """Return what it is known by: SHA-256 over all that it says, hexadecimal."""
        sums = {name: hashlib.sha256(raw).hexdigest() for name, raw in self.files().items()}
        return hashlib.sha256(canonical(sums).encode()).hexdigest()

    def packed(self, key: str) -> bytes:
        """Return it as a gzipped tar archive that is signed with a key."""
        files = self.files()
        token = {"signatures": [signature(files, key)]}
        return _gzip(_tar({**files, SIGNATURES: _canonical(token)}))


def signature(files: Mapping[str, bytes], key: str) -> str:
    """Return the JSON Web Token that vouches for files.

    OPA hashes JSON by its canonical form, so structured files have to be in that form.
    """
    listed = [
        {"algorithm": "SHA-256", "hash": hashlib.sha256(files[name]).hexdigest(), "name": name}
        for name in sorted(files)
    ]
    head = {"alg": ALGORITHM, "kid": KEY_ID, "typ": "JWT"}
    said = ".".join(_base64(_canonical(part)) for part in (head, {"files": listed}))
    mac = hmac.new(key.encode(), said.encode(), hashlib.sha256).digest()
    return f"{said}.{_base64(mac)}"


def _canonical(value: Any) -> bytes:
    """Write JSON as OPA does before it hashes: sorted, no spaces, and as Go escapes."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _tar(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))
    return target.getvalue()


def _gzip(raw: bytes) -> bytes:
    """Wrap bytes as RFC 1952 has it, stored as they are."""
    head = b"\x1f\x8b\x08\x00" + b"\x00" * 4 + b"\x00\xff"
    tail = struct.pack("<II", zlib.crc32(raw), len(raw) & 0xFFFFFFFF)
    return head + b"".join(_blocks(raw)) + tail


def _blocks(raw: bytes) -> Iterator[bytes]:
    for start in range(0, max(len(raw), 1), _STORED):
        part = raw[start : start + _STORED]
        last = start + _STORED >= len(raw)
        yield struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part
