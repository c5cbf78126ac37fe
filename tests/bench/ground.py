"""What every figure stands on: a control plane with the chart on it, and the operator beside it."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.control_plane import ControlPlane
from practicum.kube.client import Kube
from tests.apiserver.conftest import COURSES, install_chart, operator_access
from tests.apiserver.operator_process import ROOT, OperatorProcess

from . import templates
from .audit import POLICY, AuditLog

__all__ = ["COURSE", "ROOT", "ROOT_KEY", "Ground", "cpu_seconds", "ground", "rss_megabytes"]
COURSE = COURSES[0]
CONTROLLERS_QPS = 1000
"""So that what is measured is work, and not the limit that the controllers put on themselves."""
ROOT_KEY = "a-root-key-for-tests"
"""The one that OperatorProcess gives the operator."""


@dataclass
class Ground:
    """One control plane, its administrator, and an operator that is started when wanted."""

    control_plane: ControlPlane
    admin: Kube
    operator: OperatorProcess
    operator_access: Path
    """The operator's identity, and nothing more, as a kubeconfig."""
    folder: Path
    audit: AuditLog = field(init=False)

    def __post_init__(self) -> None:
        self.audit = AuditLog(self.control_plane.audit_log)

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each process has used, and the benchmark's own."""
        pids = dict(self.control_plane.pids) | {"bench": os.getpid()}
        if self.operator.running:
            pids["operator"] = self.operator.pid
        return {name: cpu_seconds(pid) for name, pid in pids.items()}

    async def start(self) -> None:
        """Start the operator; returns once it watches."""
        await asyncio.to_thread(self.operator.start)

    async def stop(self) -> None:
        """End the operator."""
        await asyncio.to_thread(self.operator.stop)


@contextlib.asynccontextmanager
async def ground(
    *, scheduler: bool = False, quota_sync: str = "5m0s", **settings: str
) -> AsyncIterator[Ground]:
    """Bring up everything but the operator; ``settings`` are the operator's, beside the chart's."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="practicum-bench-")))
        plane = ControlPlane(
            folder / "plane",
            audit_policy=POLICY,
            scheduler=scheduler,
            controllers_qps=CONTROLLERS_QPS,
            quota_sync=quota_sync,
        )
        stack.callback(plane.stop)
        await asyncio.to_thread(plane.start)
        await asyncio.to_thread(install_chart, plane.kubeconfig)
        access = await asyncio.to_thread(operator_access, plane, folder)
        operator = OperatorProcess(access, folder, learner_server=plane.server, **settings)
        stack.callback(operator.stop)
        async with await Kube.connect(plane.kubeconfig) as admin:
            for body in templates.objects(COURSE):
                await admin.apply(body)
            yield Ground(plane, admin, operator, access, folder)


def cpu_seconds(pid: int, *, children: bool = False) -> float:
    """Return the CPU time that a process has used so far, and those that it started and ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11 : 15 if children else 13])) / os.sysconf("SC_CLK_TCK")


def rss_megabytes(pid: int, what: str = "VmRSS") -> float:
    """Return the memory of a process, or with ``VmHWM`` the most that it ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024
