"""A real Prometheus that scrapes one operator every second."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from e2e.cluster.ports import free_ports

from .promtool import program

Samples = list[dict[str, Any]]
"""Series as Prometheus answers with them: labels under ``metric``, and ``value`` or ``values``."""


class Prometheus:
    """One server in a folder of its own."""

    def __init__(
        self, folder: Path, target: str, rules: Sequence[Mapping[str, Any]], *, every: str = "1s"
    ) -> None:
        """Choose what it scrapes and what it tells.

        Args:
            folder: where its configuration, data and log go.
            target: host and port of the operator's /metrics.
            rules: recording rules and alerts, evaluated in order.
            every: how often it scrapes and evaluates.
        """
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rules.yaml").write_text(
            yaml.safe_dump({"groups": [{"name": "practicum", "rules": [*rules]}]})
        )
        (folder / "prometheus.yaml").write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": every, "evaluation_interval": every},
                    "rule_files": [str(folder / "rules.yaml")],
                    "scrape_configs": [
                        {"job_name": "practicum", "static_configs": [{"targets": [target]}]}
                    ],
                }
            )
        )
        self._command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start, and return once it answers."""
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._ready():
            alive = self._process.poll() is None and time.monotonic() < deadline
            assert alive, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        assert self._process
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=60)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _ask(self, path: str, **query: str) -> Any:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> Samples:
        """Return an expression's series as they are now."""
        return list(self._ask("query", query=expression)["result"])

    def over(self, expression: str, start: float, end: float, step: float) -> Samples:
        """Return an expression's series between two moments, in Unix seconds."""
        moments = {"start": str(start), "end": str(end), "step": str(step)}
        return list(self._ask("query_range", query=expression, **moments)["result"])

    def alerts(self, state: str = "firing") -> dict[str, dict[str, str]]:
        """Return the annotations of each alert that is in a state."""
        return {
            one["labels"]["alertname"]: one["annotations"]
            for one in self._ask("alerts")["alerts"]
            if one["state"] == state
        }
