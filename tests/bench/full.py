"""Whole labs of a module on nodes that only pretend: every object and pod, until all is Ready."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from e2e.cluster import binaries
from e2e.cluster.cache import Cache
from e2e.cluster.ports import free_ports
from e2e.cluster.processes import end, spawn
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import AUDIT_NAMESPACE
from practicum.catalog.pack import pack
from practicum.kube.client import Object
from practicum.policy.readiness import assess

from . import labs, ledger
from .audit import Counted
from .burst import QUIET
from .floor import floor, floor_labs
from .ground import COURSE, ROOT, Ground, ground
from .report import Row, row
from .settings import Options

MODULE = "mod-506"
NODES = 10
STAGES = (
    "node/fast/node-initialize.yaml",
    *(f"pod/fast/pod-{step}.yaml" for step in ("ready", "complete", "delete")),
)
"""kwok's own rules of what becomes of a node and a pod, from its module's folder."""
CLAIMS = 2
"""Volumes of one lab: PostgreSQL's and MLflow's."""


async def measure(options: Options) -> list[Row]:
    """Measure labs and floor in turn, each run on a control plane of its own."""
    n = options.size(200, 10)
    figure, of = f"whole labs of {MODULE} on kwok nodes", f"{n} labs"
    runs = [await _run(options, n, number) for number in range(options.runs)]
    options.ledger["full"] = ledger.shares(runs[-1].counted, n)
    ours = [n / run.clock.span for run in runs]
    raw = [n / run.floor for run in runs]
    ratios = [mine / bare for mine, bare in zip(ours, raw, strict=True)]
    worst = [max(run.clock.seconds) for run in runs]
    requests = [run.counted.total / n for run in runs]
    controllers = [run.counted.controllers.total() / n for run in runs]
    return [
        row(figure, "labs/s from apply to Ready", ours, "/s", of),
        row(figure, "raw floor: the same objects, all pods ready", raw, "/s", of),
        row(figure, "share of the floor", ratios, "", of, at_least=0.6),
        row(figure, "worst lab, apply to Ready", worst, "s", of),
        row(figure, "API requests a lab, every verb", requests, "", of),
        row(figure, "  beside it the controllers'", controllers, "", of),
    ]


@dataclass(frozen=True)
class Run:
    """Whole labs, and then as many by a bare client."""

    clock: labs.Clock
    counted: Counted
    floor: float
    """Seconds until all workloads of the bare client were ready."""


async def _run(options: Options, n: int, number: int) -> Run:
    async with nodes(CLAIMS * 2 * n) as here:
        await here.start()
        await asyncio.sleep(QUIET)
        mark = here.audit.mark()
        bodies = [labs.body(f"full-{i}", COURSE, MODULE) for i in range(n)]
        clock = await labs.run(here.admin, bodies, labs.ready)
        await asyncio.sleep(QUIET)
        counted = here.audit.since(mark)
        options.say(f"full {number + 1}: {n / clock.span:.2f} labs/s")
        await here.stop()
        seconds = await _floor(here, n)
        options.say(f"full {number + 1}: floor {n / seconds:.2f} labs/s")
    return Run(clock, counted, seconds)


async def _floor(here: Ground, n: int) -> float:
    spec = LabTemplateSpec.model_validate(pack(ROOT / "lab-templates" / MODULE)["spec"])
    made = await floor_labs(here, n, MODULE)
    began = time.monotonic()
    # The plans are made and encoded before the clock of the floor starts; so is ours here.
    applied = await floor(here, spec, made)
    encoded = time.monotonic() - began - applied
    await _all_ready(here)
    return time.monotonic() - began - encoded


async def _all_ready(here: Ground) -> None:
    async with asyncio.timeout(labs.PATIENCE):
        while True:
            found: list[Object] = []
            for kind in ("StatefulSet", "Deployment", "Job"):
                found += await here.admin.list(kind)
            if found and all(assess(body).ready for body in found):
                return
            await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def nodes(volumes: int, *, apart: str = "", **settings: str) -> AsyncIterator[Ground]:
    """Bring up a scheduler too, volumes, and nodes whose pods are make-believe.

    Args:
        volumes: how many there are.
        apart: label of pods that get a node, and whose life is somebody else's; in namespace
            practicum-audit what they print is in the folder's keeper.log.
        settings: the operator's, beside the chart's.
    """
    cache = Cache.from_environment()
    kwok = await asyncio.to_thread(binaries.build, cache, "kwok")
    module = await asyncio.to_thread(binaries.module_folder, cache, "kwok", "sigs.k8s.io/kwok")
    async with ground(scheduler=True, **settings) as here:
        config = here.folder / "kwok.yaml"
        rules = [*_stages(module / "kustomize/stage", apart), _logs(here.folder / "keeper.log")]
        config.write_text(yaml.safe_dump_all(rules))
        for i in range(NODES):
            await _node(here, f"node-{i}")
        gate = asyncio.Semaphore(labs.WIDTH)

        async def volume(i: int) -> None:
            async with gate:
                await here.admin.request("POST", "/api/v1/persistentvolumes", body=_volume(i))

        await asyncio.gather(*(volume(i) for i in range(volumes)))
        kubeconfig = here.control_plane.kubeconfig
        (port,) = free_ports(1)
        command: list[str | Path] = [
            kwok / "kwok",
            "--kubeconfig",
            kubeconfig,
            f"--config={config}",
        ]
        command += ["--manage-all-nodes=true", "--node-ip", "127.0.0.1"]
        command += [f"--node-port={port}", f"--server-address=127.0.0.1:{port}"]
        pid = spawn(command, here.folder / "kwok.log")
        try:
            yield here
        finally:
            await asyncio.to_thread(end, pid, str(kubeconfig))


def _stages(folder: Path, apart: str) -> list[Object]:
    found = [yaml.safe_load((folder / stage).read_text()) for stage in STAGES]
    for stage in found:
        # Whoever starts them, a kubelet is the one that lets go of a pod that is deleted.
        if apart and stage["metadata"]["name"] in ("pod-ready", "pod-complete"):
            others = {"key": f'.metadata.labels["{apart}"]', "operator": "DoesNotExist"}
            stage["spec"]["selector"]["matchExpressions"].append(others)
    return found


def _logs(file: Path) -> Object:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "keepers"},
        "spec": {
            "selector": {"matchNamespaces": [AUDIT_NAMESPACE]},
            "logs": [{"logsFile": str(file)}],
        },
    }


async def _node(here: Ground, name: str) -> None:
    room = {"cpu": "1000", "memory": "4000Gi", "pods": "5000", "ephemeral-storage": "9000Gi"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": room, "capacity": room},
    }
    await here.admin.request("POST", "/api/v1/nodes", body=node)
    # Admission taints a new node, and the controller that would lift that does not run here.
    await here.admin.request(
        "PATCH",
        f"/api/v1/nodes/{name}",
        body={"spec": {"taints": None}},
        content_type="application/merge-patch+json",
    )


def _volume(i: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"volume-{i}"},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/nowhere/{i}"},
        },
    }
