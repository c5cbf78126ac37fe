"""``practicum doctor``: verdicts on what a cluster offers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from practicum.api.labtemplate import Size
from practicum.catalog.pack import bundled_sizes
from practicum.cli import fitness
from practicum.cli.examination import State
from practicum.policy.room import Room
from practicum.reconcile.rights import Right
from tests import samples
from tests.unit.verdicts import FAIL, OK, UNKNOWN, WARN, judged

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_groups() -> None:
    served = {
        group: [{"name": one} for one in resources] for group, resources in fitness.wanted().items()
    }
    judged(fitness.groups(served), OK, f"{len(served)} API groups")
    policies = "admissionregistration.k8s.io/v1"
    judged(fitness.groups({**served, policies: None}), FAIL, f"policybindings of {policies}")
    judged(fitness.groups({**served, "batch/v1": [{"name": "jobs"}]}), FAIL, "cronjobs of batch/v1")


def service(name: str, available: str, *, local: bool = False) -> Object:
    return {
        "metadata": {"name": name},
        "spec": {} if local else {"service": {"name": "x"}},
        "status": {"conditions": [{"type": "Available", "status": available}]},
    }


@pytest.mark.parametrize(
    ("services", "state", "words"),
    [
        ([], OK, "answer"),
        ([service("v1.apps", "True", local=True), service("v1.x", "True")], OK, "answer"),
        ([service("v1.x", "False"), service("v1.y", "True")], FAIL, "v1.x does not answer"),
        ([{"metadata": {"name": "v1.z"}, "spec": {"service": {}}}], OK, "answer"),
        ([service("v1.apps", "False", local=True)], OK, "answer"),
    ],
)
def test_aggregated(services: list[Object], state: State, words: str) -> None:
    judged(fitness.aggregated(services), state, words)


@pytest.mark.parametrize(
    ("resources", "state", "words"),
    [
        ([{"name": "nodes"}, {"name": "pods"}], OK, "is served"),
        ([], WARN, "what labs use is not known"),
        (None, WARN, "what labs use is not known"),
    ],
)
def test_metrics(resources: list[Object] | None, state: State, words: str) -> None:
    judged(fitness.metrics(resources), state, words)


SECRETS = Right("create", "", "secrets", "", "")


@pytest.mark.parametrize(
    ("missing", "state", "words"),
    [
        ([], OK, "you may install"),
        ([SECRETS], FAIL, "you may not create secrets --all-namespaces"),
        ([SECRETS, SECRETS], FAIL, "(and 1 more)"),
    ],
)
def test_rights(missing: list[Right], state: State, words: str) -> None:
    judged(fitness.rights(missing), state, words)


def quota(seconds_ago: int, **status: Any) -> Object:
    created = (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = {"name": "q", "namespace": "n", "creationTimestamp": created}
    return {"metadata": meta, "spec": {"hard": {"pods": "8"}}, "status": status}


COUNTED = {"hard": {"pods": "8"}}


@pytest.mark.parametrize(
    ("bodies", "state", "words"),
    [
        ([quota(90, **COUNTED), quota(30)], OK, "2 looked at"),
        ([quota(90, **COUNTED), quota(90)], FAIL, "1 of 2 are not counted, n/q for one"),
        ([quota(90, hard={"pods": "7"})], FAIL, "1 of 1"),
        ([], UNKNOWN, "no ResourceQuota"),
    ],
)
def test_quotas(bodies: list[Object], state: State, words: str) -> None:
    judged(fitness.quotas(bodies, NOW), state, words)


def free(cpu: str, gib: int = 8, pods: int = 100) -> Room:
    return Room(Decimal(cpu), Decimal(gib * 2**30), Decimal(pods))


REQUESTS = {"requests": {"cpu": "250m", "memory": "64Mi"}}
SIZE = Size.model_validate(
    {"quota": {"learner": samples.QUOTA}, "resources": {"mlflow": {"server": REQUESTS}}}
)
BARE = SIZE.model_copy(update={"resources": {}})


@pytest.mark.parametrize(
    ("room", "size", "labs", "state", "words"),
    [
        (free("2"), SIZE, 1, OK, "2.0 cores, 8.0 GiB and 100 pods are free on 1 of 2 nodes"),
        (free("2"), SIZE, 8, OK, "one 8 (or 2)"),
        (free("2"), SIZE, 9, WARN, "fewer than 9 of one"),
        (free("2"), BARE, 2, OK, "one 2 (or 2)"),
        (free("0.1"), SIZE, 1, WARN, "one 0 (or 0)"),
        (free("0.1"), SIZE, 0, OK, "one 0 (or 0)"),
    ],
)
def test_capacity(room: Room, size: Size, labs: int, state: State, words: str) -> None:
    judged(fitness.capacity(room, {"one": size}, labs, nodes=(1, 2)), state, words)


def test_before_an_installation_the_modules_that_came_along_are_counted() -> None:
    sizes = bundled_sizes()
    assert set(sizes) == set(samples.MODULES)
    judged(fitness.capacity(free("1000", 4000, 9999), sizes, 1, nodes=(1, 1)), OK, "mod-506 ")


INVALID = (
    'Namespace "x" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: '
    'Invalid value: "y"'
)


@pytest.mark.parametrize(
    ("refusal", "state", "words"),
    [
        (INVALID, OK, "reads its labels"),
        (None, FAIL, "nobody reads"),
        ("namespaces is forbidden: User x", UNKNOWN, "you may not try: namespaces is forbidden"),
    ],
)
def test_pod_security_plugin(refusal: str | None, state: State, words: str) -> None:
    judged(fitness.pod_security_plugin(refusal), state, words)
