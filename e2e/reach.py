"""Who reaches whom on the network, tried by live connections from learners' own pods.

Each lab gets a door, a pod that listens behind a Service, and a visitor, a pod that tries what it
is told. A refusal counts because the lab's own visitor passes the same door.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from e2e import stage as stages
from e2e.cluster.kind import STAND_INS
from e2e.learner import PORTS, Learner
from e2e.proof import Proof, pod
from e2e.stage import Stage
from practicum.kube.client import Object

DOOR, VISITOR = "door", "visitor"
PORT, KUBELET, OPERATOR, DATABASE = 8000, 10250, 8080, 5432
_START_SECONDS = 180
_PATIENCE = 15
# A closed port refuses by itself: who learns that has come through. A way is open to whoever comes
# through twice: while the agent of the built cluster replaces its rules, a packet may slip by.
_VISIT = """
import concurrent.futures, json, socket, sys, time

def visit(target):
    host, port, patience = target
    deadline = time.monotonic() + patience
    while True:
        seen = knock(host, port)
        if seen[0] == "yes":
            time.sleep(0.3)
            seen = knock(host, port)
        if seen[0] == "yes" or time.monotonic() > deadline:
            return seen
        time.sleep(0.3)

def knock(host, port):
    try:
        socket.create_connection((host, port), timeout=4).close()
    except ConnectionRefusedError as error:
        return "yes", str(error)
    except socket.gaierror as error:
        return "name unknown", str(error)
    except OSError as error:
        return "no", str(error)
    return "yes", ""

with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(visit, json.loads(sys.argv[1])))))
"""


@dataclass(frozen=True)
class Way:
    """One address, and whether a visitor is meant to reach it."""

    claim: str
    host: str
    port: int
    expected: str = "no"


@contextlib.asynccontextmanager
async def open_doors(image: str, *learners: Learner) -> AsyncIterator[None]:
    """Put a door and a visitor into labs, by their learners' own rights, for a while.

    Args:
        image: an image that the labs allow, with ``python3`` in it.
        learners: whose labs.

    Raises:
        TimeoutError: a pod is not ready within three minutes.
    """
    try:
        for learner in learners:
            for body in _furniture(learner.namespace, image):
                await learner.kube.create(body)
        async with asyncio.timeout(_START_SECONDS):
            for learner in learners:
                while not await _ready(learner):
                    await asyncio.sleep(0.3)
        yield
    finally:
        for learner in learners:
            for kind, name in (("Pod", DOOR), ("Pod", VISITOR), ("Service", DOOR)):
                await learner.kube.delete(kind, learner.namespace, name)


def _furniture(namespace: str, image: str) -> list[Object]:
    listen = ["python3", "-m", "http.server", str(PORT), "--directory", "/tmp"]
    door = pod(DOOR, namespace, image, listen)
    door["spec"]["containers"][0]["readinessProbe"] = {
        "tcpSocket": {"port": PORT},
        "periodSeconds": 1,
    }
    visitor = pod(VISITOR, namespace, image, ["sleep", "600"])
    for body in (door, visitor):
        body["metadata"]["labels"] = {"app": body["metadata"]["name"]}
        body["spec"]["terminationGracePeriodSeconds"] = 1
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": DOOR, "namespace": namespace},
        "spec": {"selector": {"app": DOOR}, "ports": [{"port": PORT}]},
    }
    return [door, visitor, service]


async def _ready(learner: Learner) -> bool:
    pods = [await learner.kube.get("Pod", learner.namespace, name) for name in (DOOR, VISITOR)]
    return all(
        any(
            (c["type"], c["status"]) == ("Ready", "True")
            for c in each["status"].get("conditions", ())
        )
        for each in pods
    )


async def network(stage: Stage, own: Learner, other: Learner) -> AsyncIterator[Proof]:
    """Try what a learner's pod reaches in its lab, in another lab and around both.

    Args:
        stage: the cluster.
        own: whose pod tries; both labs' doors are open.
        other: the learner of the other lab, which is awake.
    """
    ways = [*await _own(own), *await _others(other), *_around(stage)]
    node = (await own.kube.get("Pod", own.namespace, DOOR))["status"]["hostIP"]
    ways.append(Way("reach the node's kubelet", node, KUBELET))
    seen = await asyncio.to_thread(_visit, stage, own, ways)
    for way, (answer, detail) in zip(ways, seen, strict=True):
        yield Proof(way.claim, way.expected, answer, detail)


async def _own(own: Learner) -> list[Way]:
    door = await own.kube.get("Pod", own.namespace, DOOR)
    return [
        Way("reach my own pod", door["status"]["podIP"], PORT, "yes"),
        Way("reach my own Service, by its name", DOOR, PORT, "yes"),
        Way("reach my lab's MLflow, by its name", f"mlflow.{own.platform}", PORTS["mlflow"], "yes"),
        Way("reach my lab's database", f"postgres.{own.platform}", DATABASE),
    ]


async def _others(other: Learner) -> list[Way]:
    ways = []
    for what, namespace, name, service, port in (
        ("learner's pod", other.namespace, DOOR, DOOR, PORT),
        ("MLflow", other.platform, "mlflow-0", "mlflow", PORTS["mlflow"]),
    ):
        body = await other.kube.get("Pod", namespace, name)
        front = await other.kube.get("Service", namespace, service)
        ways.append(Way(f"reach another lab's {what}", body["status"]["podIP"], port))
        ways.append(
            Way(f"reach another lab's {what}, by Service", front["spec"]["clusterIP"], port)
        )
    return ways


def _around(stage: Stage) -> list[Way]:
    """Addresses, not names: a name that does not resolve would look like a refusal."""
    operator = ("-n", stages.NAMESPACE, "-l", "app.kubernetes.io/name=practicum")
    pods = json.loads(stage.kubectl("get", "pods", *operator, "-o", "json"))["items"]
    api = json.loads(stage.kubectl("get", "service", "kubernetes", "-n", "default", "-o", "json"))
    return [
        Way("reach the operator", pods[0]["status"]["podIP"], OPERATOR),
        Way("reach the API server", api["spec"]["clusterIP"], 443),
        *(Way(f"reach {what}", address, 80) for what, address in STAND_INS.items()),
    ]


def _visit(stage: Stage, own: Learner, ways: Sequence[Way]) -> list[tuple[str, str]]:
    # That a door is ready kube-proxy learns a moment after the door's own status says so.
    patience = {"yes": _PATIENCE, "no": 0}
    targets = json.dumps([(way.host, way.port, patience[way.expected]) for way in ways])
    credentials = ("--kubeconfig", own.kubeconfig, "--context", own.lab, "-n", own.namespace)
    command = ("exec", VISITOR, "--", "python3", "-c", _VISIT, targets)
    answers = json.loads(stage.kubectl(*credentials, *command))
    return [(answer, detail) for answer, detail in answers]
