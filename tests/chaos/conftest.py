"""A control plane, a proxy before it, and an operator that sees the cluster through the proxy."""

import base64
import functools
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster.control_plane import ControlPlane
from practicum.kube.client import Kube, Object
from tests import governed, lab_services
from tests.apiserver.conftest import (
    COURSES,
    LabMaker,
    install_chart,
    kube,
    make_lab,
    operator_access,
    operator_kubeconfig,
    tool,
)
from tests.apiserver.operator_process import OperatorProcess
from tests.apiserver.rooms import services_at
from tests.bench import templates
from tests.governed import Room
from tests.lab_services import LabServices

from .proxy import Proxy
from .trap import settled

__all__ = ["kube", "make_lab", "operator_access", "operator_kubeconfig"]

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    users: ["system:serviceaccount:practicum-system:practicum"]
    verbs: [create, update, patch, delete, deletecollection]
  - level: None
"""


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One that writes down who has written what."""
    folder = tmp_path_factory.mktemp("control-plane")
    with ControlPlane(folder, audit_policy=AUDIT_POLICY, quota_sync="10s") as running:
        install_chart(running.kubeconfig)
        yield running


@pytest.fixture(scope="session")
def proxy(control_plane: ControlPlane) -> Iterator[Proxy]:
    with Proxy(control_plane.server, authority(control_plane)) as running:
        yield running


def authority(control_plane: ControlPlane) -> str:
    """Return the CA of the API server, in PEM."""
    cluster = yaml.safe_load(control_plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    return base64.b64decode(cluster["certificate-authority-data"]).decode()


def claims(token: str) -> dict[str, Any]:
    """Return what a token says of itself."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return found


@pytest.fixture(scope="session")
def behind_proxy(proxy: Proxy, operator_kubeconfig: Path, tmp_path_factory: Any) -> Path:
    """The operator's kubeconfig, by way of the proxy."""
    config = yaml.safe_load(operator_kubeconfig.read_text())
    config["clusters"][0]["cluster"] = {"server": proxy.url}
    path: Path = tmp_path_factory.mktemp("behind-proxy") / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="session")
def running_operator(
    control_plane: ControlPlane, behind_proxy: Path, tmp_path_factory: Any
) -> Iterator[OperatorProcess]:
    process = OperatorProcess(
        behind_proxy,
        tmp_path_factory.mktemp("operator-log"),
        learner_server=control_plane.server,
        # The operator itself goes by the proxy, which has none.
        learner_ca=authority(control_plane),
        leader_elect="false",
        resync="5s",
        stuck_after="3s",
        expiring_soon="5s",
        sweep_interval="3s",
        alias_poll="1s",
        opa=str(tool("opa")),
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def operator(running_operator: OperatorProcess, proxy: Proxy) -> OperatorProcess:
    """The operator, alive and undisturbed at the start of every test."""
    proxy.plan = lambda call: None
    proxy.watch_writes(lambda count: None)
    running_operator.revive()
    return running_operator


@pytest.fixture
async def guard_templates(kube: Kube) -> AsyncIterator[None]:
    """Templates of guards alone in both courses: no pod has to run for a lab to be ready."""
    bodies = [body for course in COURSES for body in templates.objects(course)]
    for body in bodies:
        await kube.apply(body)
    yield
    for body in bodies:
        meta = body["metadata"]
        await kube.delete("LabTemplate", meta["namespace"], meta["name"])


ADDRESSES = lab_services.addresses(41, 64)
_FREE = itertools.cycle(ADDRESSES)
RoomMaker = Callable[..., Awaitable[Room]]
"""Takes the LabTemplate; that of `governed` where there is no other."""


opa, services = services_at(ADDRESSES)


@pytest.fixture
async def make_room(
    kube: Kube,
    operator: OperatorProcess,
    services: LabServices,
    make_lab: LabMaker,
    tmp_path: Path,
) -> RoomMaker:
    """Makes a lab with services of its own, in which changes can begin."""

    async def make(template: Object | None = None) -> Room:
        operator.revive()
        address = next(_FREE)
        services.registries[address] = lab_services.Registry()
        services.feasts[address] = lab_services.Feast()
        applied = await kube.apply(template or governed.template("course-a"))
        lab = await make_lab(template=applied["metadata"]["name"])
        room = await governed.enter(kube, lab, services, address, tmp_path)
        await settled(room)
        return room

    return make


_FAULTS, _KILLS = "fault", "kill"
RecordKills = Callable[[str, dict[str, list[int]]], None]
"""Takes a stretch and the k that were tried, by where they struck."""


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keeps a line for the end of the run."""
    return functools.partial(record_property, _FAULTS)


@pytest.fixture
def record_kills(record_property: Callable[[str, object], None]) -> RecordKills:
    """Keeps what was tried for the end of the run: stretch, where it struck and every k."""

    def record(name: str, tried: dict[str, list[int]]) -> None:
        for at, ks in tried.items():
            record_property(_KILLS, f"{f'{name}, {at}':<32}k = {', '.join(map(str, ks))}")

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have kept for the end, wherever they ran."""
    said = [
        kept
        for reports in terminalreporter.stats.values()
        for one in reports
        if getattr(one, "when", "") == "call"
        for kept in one.user_properties
    ]
    for kind, title in (
        (_FAULTS, "faults"),
        (_KILLS, "killed after the k-th write, and converged"),
    ):
        if lines := [line for which, line in said if which == kind]:
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.write_line(line)
