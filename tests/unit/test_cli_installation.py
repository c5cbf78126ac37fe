"""``practicum doctor``: verdicts on what is installed."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from practicum.api.crd import crds
from practicum.api.names import NETWORK_RECORD
from practicum.cli import installation
from practicum.cli.examination import State
from tests.unit.verdicts import FAIL, OK, UNKNOWN, WARN, judged

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ago(**span: int) -> str:
    return (NOW - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def installed() -> dict[str, Object]:
    return {crd["spec"]["names"]["plural"]: copy.deepcopy(crd) for crd in crds().values()}


def spec_of(found: dict[str, Object], plural: str) -> Object:
    schema = found[plural]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields: Object = schema["properties"]["spec"]["properties"]
    return fields


def test_schemas() -> None:
    judged(installation.schemas(installed()), OK, "this command's version")
    older, newer, none = installed(), installed(), installed()
    del spec_of(older, "labtemplates")["components"]["items"]["properties"]["files"]
    found = installation.schemas(older)
    judged(found, WARN, "no labtemplates .spec.components[].files")
    spec_of(newer, "labenvironments")["colour"] = {"type": "string"}
    judged(installation.schemas(newer), WARN, "newer than this command: labenvironments")
    del none["attestations"]
    judged(installation.schemas(none), FAIL, "attestations is missing")


def test_what_the_server_adds_to_a_schema_is_no_other_version() -> None:
    found = installed()
    spec_of(found, "labenvironments")["ttl"]["default"] = "1h"
    judged(installation.schemas(found), OK, "")


def pod(ended: str = "", *, ready: bool = False) -> Object:
    end = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": ended}
    one = {"lastState": {"terminated": end} if ended else {}}
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {"containerStatuses": [one], "conditions": conditions}
    return {"metadata": {"name": "practicum-0"}, "status": status}


def warning(reason: str, seen: str, kind: str = "Pod", name: str = "practicum-0") -> Object:
    return {
        "metadata": {},
        "reason": reason,
        "message": "words",
        "lastTimestamp": seen,
        "involvedObject": {"kind": kind, "name": name},
    }


@pytest.mark.parametrize(
    ("pods", "events", "state", "words"),
    [
        ([pod(), {"metadata": {"name": "new"}}], [], OK, "no warning"),
        ([pod(ago(minutes=5))], [], WARN, "practicum-0 ended 5m ago (OOMKilled, exit code 137)"),
        ([pod(ago(hours=2))], [warning("Old", ago(hours=2))], OK, "no warning"),
        ([pod(ready=True)], [warning("Unhealthy", ago(minutes=1))], OK, "no warning"),
        ([], [warning("Unhealthy", ago(minutes=1))], OK, "no warning"),
        ([], [warning("Late", ago(minutes=1), "Deployment", "x")], WARN, "Late of Deployment x"),
        ([], [warning("NotEnforced", ago(minutes=1), "ConfigMap", NETWORK_RECORD)], OK, ""),
        (
            [pod()],
            [warning("Late", ago(minutes=1)), warning("Early", ago(minutes=9))],
            WARN,
            "Late of Pod practicum-0: words",
        ),
    ],
)
def test_health(pods: list[Object], events: list[Object], state: State, words: str) -> None:
    judged(installation.health(pods, events, NOW), state, words)


def binding(course: str, role: str = installation.COURSE_BINDING) -> Object:
    return {"metadata": {"namespace": course}, "roleRef": {"name": role}}


@pytest.mark.parametrize(
    ("bindings", "state", "words"),
    [
        ([binding("b"), binding("a"), binding("c", "other")], OK, "2: a, b"),
        ([binding(one) for one in "abcde"], OK, "5: a, b, c and 2 more"),
        ([binding("c", "other")], WARN, "none is opted in"),
    ],
)
def test_courses(bindings: list[Object], state: State, words: str) -> None:
    judged(installation.courses(bindings), state, words)


def deployment(**environment: Any) -> Object:
    env = [{"name": name, **entry} for name, entry in environment.items()]
    return {"spec": {"template": {"spec": {"containers": [{"env": env}]}}}}


def test_root_key() -> None:
    named = {"valueFrom": {"secretKeyRef": {"name": "ours", "key": "root-key"}}}
    assert installation.root_key_name(deployment(PRACTICUM_ROOT_KEY=named)) == "ours"
    assert installation.root_key_name(None) == "practicum-root-key"
    judged(installation.root_key("ours", {"data": {"root-key": "c2VjcmV0"}}), OK, "Secret ours")
    judged(installation.root_key("ours", {"data": {"other": "x"}}), FAIL, "has no root-key")
    judged(installation.root_key("ours", None), FAIL, "has no root-key")


TEMPLATE = {"spec": {"images": {"mlflow": "ghcr.io/mlflow:3", "opa": "openpolicyagent/opa:1"}}}


def node(*images: str) -> Object:
    return {"status": {"images": [{"names": [one]} for one in images] + [{"names": None}]}}


@pytest.mark.parametrize(
    ("nodes", "instead", "state", "words"),
    [
        ([node("ghcr.io/mlflow:3"), node("docker.io/openpolicyagent/opa:1")], {}, OK, "2 that"),
        ([node("ghcr.io/mlflow:3")], {}, UNKNOWN, "1 of 2 are on no node yet: openpolicyagent"),
        ([node("local/mlflow:3")], {"mlflow": "local/mlflow:3"}, UNKNOWN, "1 of 2"),
        ([], {}, UNKNOWN, "2 of 2"),
    ],
)
def test_images(nodes: list[Object], instead: dict[str, str], state: State, words: str) -> None:
    settings = deployment(PRACTICUM_IMAGES={"value": json.dumps(instead)})
    judged(installation.images(settings, [TEMPLATE, TEMPLATE], nodes), state, words)


def lab(name: str, phase: str = "", created: str = ago(hours=1), **meta: str) -> Object:
    status = {"phase": phase, "message": "why"} if phase else {}
    metadata = {"namespace": "course", "name": name, "creationTimestamp": created, **meta}
    return {"metadata": metadata, "spec": {"template": "mod-506"}, "status": status}


@pytest.mark.parametrize(
    ("bodies", "state", "words"),
    [
        ([], OK, "none of 0 is stuck"),
        ([lab("a", "Ready"), lab("b", "Ready"), lab("c", "Pending")], OK, "2 Ready, 1 Pending"),
        ([lab("a", "Failed"), lab("b", "Ready")], WARN, "1 of 2 are stuck: course/a Failed ("),
        ([lab("a", "Degraded")], WARN, "course/a Degraded"),
        ([lab("a")], WARN, "course/a Pending (NotObserved)"),
        ([lab("a", created=ago(minutes=1))], OK, "1 Pending"),
        ([lab("a", "Terminating", deletionTimestamp=ago(minutes=11))], WARN, "a Terminating"),
        ([lab("a", "Terminating", deletionTimestamp=ago(minutes=2))], OK, "1 Terminating"),
    ],
)
def test_labs(bodies: list[Object], state: State, words: str) -> None:
    judged(installation.labs(bodies, NOW), state, words)
