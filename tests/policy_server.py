"""OPA itself with the policies of MOD-506, for labs whose services are played without a node."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.lab_services import MODULE


@contextmanager
def opa(binary: Path, addresses: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run OPA with the policies of MOD-506 on port 8181 of each address."""
    policies = sorted((MODULE / "policies").glob("*.rego"))
    files = [path for path in policies if not path.name.endswith("_test.rego")]
    # The real day of a test must not be one of a freeze.
    data = yaml.safe_load((MODULE / "policies/data.yaml").read_text())
    data["lab"]["freeze_calendar"] = []
    thawed = log.with_name("data.yaml")
    thawed.write_text(yaml.safe_dump(data))
    files.append(thawed)
    where = [f"--addr={address}:8181" for address in addresses]
    with log.open("wb") as out:
        command = [binary, "run", "--server", *where, "--skip-version-check", *files]
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            _await_health(addresses[-1], log)
            yield process
        finally:
            process.kill()
            process.wait()


def _await_health(address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://{address}:8181/health", timeout=1)
            return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def decisions(address: str) -> int:
    """Return how often the OPA that listens at an address was asked, there and elsewhere."""
    with urllib.request.urlopen(f"http://{address}:8181/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    counts = [one for one in lines if one.startswith("http_request_duration_seconds_count{")]
    return sum(int(float(one.rsplit(" ", 1)[1])) for one in counts if '"v1/data"' in one)
