"""Bundles before OPA itself: it takes ours, as its own, and nothing that was altered."""

import base64
import gzip
import io
import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from practicum.api.bundles import KEY_ID
from practicum.policy.bundle import SIGNATURES, Bundle, _gzip, _tar
from tests.lab_services import MODULE

from .conftest import tool

KEY = "a-key-of-the-tests-43-characters-long-xxxxx"
RULES = "package lab.x\n\n# ü\nallow if data.lab.limits.most >= input.n\n"
STRANGE = {
    "ä": '\u2028\b\f\n"\\<&>\x7f',
    "n": [1, 1.5, 1e21, -0.25, 12345678901234567890, None, True],
}
ONE = Bundle(
    revision="r1",
    roots=("lab",),
    modules={"x.rego": RULES},
    data={"lab": {"limits": {"most": 3}, "strange": STRANGE}},
)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [tool("opa"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def verified(path: Path, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """Read a bundle as OPA does, signature and all, and write it anew."""
    options = (f"--verification-key={key}", f"--verification-key-id={KEY_ID}")
    output = f"--output={path}.out"
    return run("build", "--bundle", *options, "--signing-alg=HS256", output, path)


def test_opa_takes_a_bundle_and_decides_by_it(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(ONE.packed(KEY))
    done = verified(path)
    assert done.returncode == 0, done.stderr
    done = run("eval", "--bundle", path, "--format=json", "data.lab.strange")
    value = json.loads(done.stdout)["result"][0]["expressions"][0]["value"]
    assert value == STRANGE
    shown = json.loads(run("inspect", "--format=json", path).stdout)
    assert shown["manifest"] == {"revision": "r1", "roots": ["lab"]}


def test_the_modules_own_policies_fit_into_a_bundle(tmp_path: Path) -> None:
    files = {path.name: path.read_text() for path in (MODULE / "policies").glob("*.rego")}
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(replace(ONE, modules=files).packed(KEY))
    assert verified(path).returncode == 0


def test_opa_signs_the_same_files_with_the_same_hashes(tmp_path: Path) -> None:
    for name, raw in ONE.files().items():
        (tmp_path / name).write_bytes(raw)
    options = ("--signing-alg=HS256", f"--signing-key={KEY}", f"--output-file-path={tmp_path}")
    done = run("sign", "--bundle", *options, tmp_path)
    assert done.returncode == 0, done.stderr
    theirs = payload(json.loads((tmp_path / SIGNATURES).read_text())["signatures"][0])
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(ONE.packed(KEY)))) as archive:
        file = archive.extractfile(SIGNATURES)
        assert file
        ours = payload(json.loads(file.read())["signatures"][0])
    assert {
        one["name"].removeprefix(f"{tmp_path}/".lstrip("/")): one["hash"] for one in theirs
    } == {one["name"]: one["hash"] for one in ours}


def payload(token: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["files"]


@pytest.mark.parametrize(
    ("altered", "key", "said"),
    [
        ({}, "another-key", "failed to verify"),
        ({"x.rego": RULES.encode() + b"\nallow := true\n"}, KEY, "digest mismatch"),
        ({"y.rego": b"package lab.y\n"}, KEY, "not included in bundle signature"),
        ({".manifest": b'{"revision":"r2","roots":["lab"]}'}, KEY, "digest mismatch"),
        ({"data.json": b"{}"}, KEY, "digest mismatch"),
        ({SIGNATURES: b'{"signatures":[]}'}, KEY, "missing JWT"),
    ],
)
def test_opa_takes_nothing_that_was_altered(
    tmp_path: Path, altered: dict[str, bytes], key: str, said: str
) -> None:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(ONE.packed(KEY)))) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(_gzip(_tar({**files, **altered})))
    done = verified(path, key)
    assert done.returncode != 0
    assert said in done.stderr + done.stdout
