"""A real API server with the chart on it, and the operator beside it under its own account.

There is no node: pods are born but never run. Where a test needs them to, ``run_pods`` writes
their status as a kubelet would.
"""

import asyncio
import base64
import itertools
import json
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster import binaries
from e2e.cluster.cache import Cache
from e2e.cluster.control_plane import ControlPlane
from e2e.waiting import PATIENCE
from practicum.api.names import API_VERSION
from practicum.errors import ApiError
from practicum.kube.client import Kube, Object

from .command import practicum
from .operator_process import ROOT, OperatorProcess

COURSES = ("course-a", "course-b")
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), quota_sync="10s") as running:
        install_chart(running.kubeconfig)
        yield running


def tool(name: str) -> Path:
    """Return one of the host tools that the cluster's build brings along."""
    return binaries.host_tools(Cache.from_environment())[name]


def install_chart(kubeconfig: Path) -> None:
    """Install the chart as a platform team would; only the operator itself runs elsewhere."""
    done = subprocess.run(
        [
            *(tool("helm"), "--kubeconfig", kubeconfig, "install", "practicum"),
            *(ROOT / "charts/practicum", "--namespace", "practicum-system", "--create-namespace"),
            *("--set", "minTTL=10s", "--set", "replicas=0", "--set", "createCourses=true"),
            *("--set", f"courses={{{','.join(COURSES)}}}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def operator_kubeconfig(control_plane: ControlPlane, tmp_path_factory: Any) -> Path:
    return operator_access(control_plane, tmp_path_factory.mktemp("operator"))


def operator_access(control_plane: ControlPlane, folder: Path) -> Path:
    """Return the chart's ServiceAccount, and nothing more, in a kubeconfig."""
    return access(control_plane, folder, "practicum-system", "practicum")


def access(control_plane: ControlPlane, folder: Path, namespace: str, account: str) -> Path:
    """Return a ServiceAccount in a kubeconfig."""
    token = subprocess.run(
        [
            *(tool("kubectl"), "--kubeconfig", control_plane.kubeconfig),
            *("-n", namespace, "create", "token", account, "--duration=6h"),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["users"] = [{"name": account, "user": {"token": token}}]
    config["contexts"][0]["context"]["user"] = account
    config["current-context"] = config["contexts"][0]["name"]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


async def bind(kube: Kube, namespace: str, account: str, role: str) -> None:
    """Make a ServiceAccount, and give it a ClusterRole in its namespace."""
    meta = {"name": account, "namespace": namespace}
    await kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    await kube.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
    )


@pytest.fixture(scope="session")
def running_operator(
    control_plane: ControlPlane, operator_kubeconfig: Path, tmp_path_factory: Any
) -> Iterator[OperatorProcess]:
    process = OperatorProcess(
        operator_kubeconfig,
        tmp_path_factory.mktemp("operator-log"),
        learner_server=control_plane.server,
        resync="5s",
        stuck_after="3s",
        expiring_soon="20s",
        sweep_interval="3s",
        alias_poll="2s",
        check_pause="1s",
        meter_interval="1h",  # tests of the meter have an operator of their own
        archive_image="example.org/practicum",
        opa=str(tool("opa")),
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def operator(running_operator: OperatorProcess) -> OperatorProcess:
    """The operator, alive at the start of every test."""
    running_operator.revive()
    return running_operator


@pytest.fixture
def operator_with(
    operator: OperatorProcess, operator_kubeconfig: Path, tmp_path: Path
) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts an operator with settings of the test's own in place of the usual one."""
    operator.stop()
    started: list[OperatorProcess] = []

    def start(**settings: str) -> OperatorProcess:
        defaults = {"learner_server": "https://example.org", "resync": "5s", "stuck_after": "3s"}
        started.append(OperatorProcess(operator_kubeconfig, tmp_path, **{**defaults, **settings}))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()
    operator.start()


@pytest.fixture
async def kube(control_plane: ControlPlane) -> AsyncIterator[Kube]:
    """Cluster-admin."""
    async with await Kube.connect(control_plane.kubeconfig) as client:
        yield client


LabMaker = Callable[..., Awaitable[Object]]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
async def make_lab(kube: Kube) -> AsyncIterator[LabMaker]:
    """Creates LabEnvironments with names of their own; deletes them after the test."""
    made: list[tuple[str, str]] = []

    async def make(*, course: str = "course-a", **spec: Any) -> Object:
        name = f"lab{next(_NUMBERS)}"
        body = await kube.create(lab_body(name, course, **spec))
        made.append((course, name))
        return body

    yield make
    for course, name in made:
        await kube.delete("LabEnvironment", course, name)


def lab_body(name: str, course: str = "course-a", **spec: Any) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "LabEnvironment",
        "metadata": {"name": name, "namespace": course},
        "spec": {"template": "mod-506", "learner": {"id": f"{name}@example.org"}, **spec},
    }


async def open_course(kube: Kube, name: str) -> None:
    """Make a course as the chart does: with the operator's binding in it."""
    await kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    binding = await kube.get("RoleBinding", COURSES[0], "practicum-operator-course")
    meta = {"name": "practicum-operator-course", "namespace": name}
    kept = {key: binding[key] for key in ("apiVersion", "roleRef", "subjects")}
    await kube.create({**kept, "kind": "RoleBinding", "metadata": meta})


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """Ask until the answer is true; fails with the last answer or error.

    Args:
        check: asks once; an assertion, an API error or a missing key is asked again.
        seconds: how long it may take on an idle machine.
    """
    deadline = time.monotonic() + PATIENCE * seconds
    while True:
        try:
            answer = await check()
        except (AssertionError, ApiError, KeyError) as error:
            answer = None
            last: object = error
        else:
            last = answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"still not so after {PATIENCE * seconds} s: {last!r}")
        await asyncio.sleep(0.1)


@pytest.fixture
async def instructor(kube: Kube, control_plane: ControlPlane, tmp_path: Path) -> Command:
    """Run the command as somebody who has the chart's role in the course, and nothing else."""
    meta = {"name": "instructor-of-tests", "namespace": "course-a"}
    await kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    for role in ("practicum-instructor", "edit"):
        await kube.apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": meta | {"name": f"tests-{role}"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": role,
                },
                "subjects": [{"kind": "ServiceAccount", **meta}],
            }
        )
    kubeconfig = access(control_plane, tmp_path, meta["namespace"], meta["name"])
    return lambda *words: practicum(kubeconfig, *words)


async def absent(kube: Kube, kind: str, namespace: str, name: str) -> bool:
    return await kube.find(kind, namespace, name) is None


async def read(kube: Kube, lab: Object) -> Object:
    """Return the LabEnvironment as it is now."""
    meta = lab["metadata"]
    return await kube.get("LabEnvironment", meta["namespace"], meta["name"])


async def condition(kube: Kube, lab: Object, kind: str) -> dict[str, Any]:
    """Return one condition; raises KeyError while it is not there."""
    found = (await read(kube, lab)).get("status", {}).get("conditions", [])
    return {c["type"]: c for c in found}[kind]


async def until(
    kube: Kube, lab: Object, kind: str, status: str = "True", seconds: float = 30, reason: str = ""
) -> dict[str, Any]:
    """Wait for a condition."""

    async def holds() -> dict[str, Any] | None:
        now = await condition(kube, lab, kind)
        fits = now["status"] == status and reason in ("", now["reason"])
        assert fits, now
        return now

    found: dict[str, Any] = await eventually(holds, seconds)
    return found


async def told(kube: Kube, lab: Object, reason: str) -> Object:
    """Wait for an Event of the lab and return it; Events follow what they tell of."""

    async def sent() -> Object:
        events = await kube.list("Event", lab["metadata"]["namespace"])
        mine = [e for e in events if e["involvedObject"].get("uid") == lab["metadata"]["uid"]]
        found = [event for event in mine if event["reason"] == reason]
        assert found, {event["reason"] for event in mine}
        return found[0]

    return dict(await eventually(sent))


async def namespaces(kube: Kube, lab: Object) -> tuple[str, str]:
    """Return the learner's and the platform's namespace of a guarded lab."""
    await until(kube, lab, "Guarded")
    learner, platform = (await read(kube, lab))["status"]["namespaces"]
    return learner, platform


async def run_pods(kube: Kube, namespace: str) -> None:
    """Write what a kubelet would: jobs' pods succeed, all others become ready.

    Pods that nobody owns are played by whoever made them.
    """
    for pod in await kube.list("Pod", namespace):
        if not (owners := pod["metadata"].get("ownerReferences")):
            continue
        now = pod["metadata"]["creationTimestamp"]
        if owners[0]["kind"] == "Job":
            status: Object = {"phase": "Succeeded"}
        else:
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
            status = {"phase": "Running", "conditions": [ready]}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
        await kube.request(
            "PATCH", path, body={"status": status}, content_type="application/merge-patch+json"
        )


async def credentials(kube: Kube, lab: Object) -> dict[str, Any]:
    """Return the decoded credentials Secret of a lab."""
    await until(kube, lab, "CredentialsIssued")
    meta = lab["metadata"]
    secret = await kube.get("Secret", meta["namespace"], f"{meta['name']}-credentials")
    text = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    return {
        "kubeconfig": yaml.safe_load(text["kubeconfig"]),
        "tokens": json.loads(text["tokens.json"]),
        "logins": json.loads(text["logins.json"]),
    }


@pytest.fixture
async def as_learner(
    kube: Kube, tmp_path: Path
) -> AsyncIterator[Callable[[Object], Awaitable[Kube]]]:
    """Connects with the kubeconfig that a lab's learner gets."""
    clients: list[Kube] = []

    async def connect(lab: Object) -> Kube:
        path = tmp_path / f"{lab['metadata']['name']}.kubeconfig"
        path.write_text(yaml.safe_dump((await credentials(kube, lab))["kubeconfig"]))
        clients.append(await Kube.connect(path))
        return clients[-1]

    yield connect
    for client in clients:
        await client.close()
