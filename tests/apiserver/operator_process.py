"""The operator as a process of its own, so that a test can kill it like a node would."""

import atexit
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from e2e.cluster.ports import free_ports
from practicum.catalog import pack

ROOT = Path(__file__).parents[2]
ROOT_KEY = "a-root-key-for-tests"
_START_SECONDS = 180
"""On a busy machine; after a kill it waits for the dead one's lease too."""


@functools.cache
def catalogue() -> Path:
    """Pack the modules of this checkout, as the operator's image has them."""
    folder = Path(tempfile.mkdtemp(prefix="practicum-catalogue-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    pack.write(ROOT / "lab-templates", folder)
    return folder


class OperatorProcess:
    """``python -m practicum`` against one API server, with the chart's own ServiceAccount."""

    def __init__(
        self,
        kubeconfig: Path,
        folder: Path,
        module: str = "practicum",
        **settings: str,
    ) -> None:
        (port,) = free_ports(1)
        self._module = module
        self._log = folder / "operator.log"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}",
            "PRACTICUM_ROOT_KEY": ROOT_KEY,
            "PRACTICUM_HTTP_PORT": str(port),
            "PRACTICUM_CATALOGUE": str(catalogue()),
            **{f"PRACTICUM_{name.upper()}": value for name, value in settings.items()},
        }

    def start(self, *, leader: bool = True) -> None:
        """Start it and return once it leads, or merely stands by."""
        assert self._process is None, "it runs already"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not (self.metric("practicum_leader ") if leader else self._answers()):
            assert self._process.poll() is None, self.log[-2000:]
            assert time.monotonic() < deadline, self.log[-2000:]
            time.sleep(0.1)

    def revive(self) -> None:
        """Start it again if it has ended in whatever way."""
        if not self.running:
            self.stop()
            self.start()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: it gives its lease up."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process:
            process, self._process = self._process, None
            process.send_signal(number)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=10):
                return True
        except OSError:
            return False

    @property
    def address(self) -> str:
        """Host and port of its /metrics."""
        return f"127.0.0.1:{self._port}"

    def scrape(self) -> str:
        """Return /metrics, nothing while it is not there."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def metric(self, name: str) -> float:
        """Return one sample of /metrics, 0 while it is not there."""
        lines = self.scrape().splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), 0.0)
