"""Bundles of policies: the same bytes from the same facts, and readable by anybody.

That OPA takes them, and nothing that was altered, is in ``tests/apiserver/test_bundle.py``.
"""

import base64
import gzip
import hashlib
import hmac
import io
import json
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.policy import bundle
from practicum.policy.bundle import Bundle

ONE = Bundle(
    revision="r1",
    roots=("lab",),
    modules={"b.rego": "package lab.b\n", "a.rego": "package lab.a\n"},
    data={"lab": {"b": 1, "a": "ä\u2028"}},
)


def unpacked(raw: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(raw))) as archive:
        found = {}
        for entry in archive:
            file = archive.extractfile(entry)
            assert file and entry.mtime == 0
            found[entry.name] = file.read()
        return found


def test_a_bundle_is_the_same_to_the_byte() -> None:
    other = replace(ONE, modules=dict(reversed(ONE.modules.items())))
    assert ONE.packed("key") == other.packed("key")
    known = "5eff09fd95765949a89d4274470f2b0d799c8a2c42620002006ad3824cd17b63"
    assert hashlib.sha256(ONE.packed("key")).hexdigest() == known
    assert ONE.digest() == other.digest()


def test_whatever_it_says_differently_makes_it_another() -> None:
    others = [
        replace(ONE, revision="r2"),
        replace(ONE, roots=("lab/a",)),
        replace(ONE, modules={"a.rego": "package lab.a\n"}),
        replace(ONE, data={}),
    ]
    assert len({one.digest() for one in [ONE, *others]}) == 5


def test_it_has_a_manifest_its_files_and_a_signature_over_all_of_them() -> None:
    files = unpacked(ONE.packed("key"))
    assert list(files) == [".manifest", ".signatures.json", "a.rego", "b.rego", "data.json"]
    assert json.loads(files[".manifest"]) == {"revision": "r1", "roots": ["lab"]}
    assert files["data.json"] == '{"lab":{"a":"ä\\u2028","b":1}}'.encode()
    (token,) = json.loads(files[".signatures.json"])["signatures"]
    said, _, mac = token.rpartition(".")
    right = hmac.new(b"key", said.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(mac + "==") == right
    payload = json.loads(base64.urlsafe_b64decode(said.partition(".")[2] + "=="))
    assert [one["name"] for one in payload["files"]] == [
        *(".manifest", "a.rego", "b.rego", "data.json")
    ]


@given(st.binary(max_size=70000))
def test_what_is_wrapped_is_what_is_unwrapped(raw: bytes) -> None:
    assert gzip.decompress(bundle._gzip(raw)) == raw


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 131070, 131071])
def test_blocks_of_every_size_are_whole(size: int) -> None:
    raw = bytes(at % 251 for at in range(size))
    assert gzip.decompress(bundle._gzip(raw)) == raw


def test_what_is_no_json_is_no_data() -> None:
    with pytest.raises(ValueError, match="JSON"):
        replace(ONE, data={"a": float("inf")}).packed("key")
