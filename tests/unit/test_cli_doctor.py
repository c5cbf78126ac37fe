"""``practicum doctor``: each check's verdicts, and the command for those who see little."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from practicum import errors
from practicum.api.crd import crds
from practicum.api.names import API_VERSION
from practicum.cli import doctor, examination
from practicum.cli.examination import State
from practicum.cli.exits import CliError, Exit
from practicum.cli.patient import Asked
from practicum.cli.session import Options, Session
from practicum.kube.client import Kube
from practicum.reconcile.rights import Right
from tests import samples
from tests.unit.verdicts import FAIL, OK, UNKNOWN, WARN, judged

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SERVED = sorted(crd["spec"]["names"]["plural"] for crd in crds().values())


@pytest.mark.parametrize(
    ("git", "state", "words"),
    [
        ("v1.36.3", OK, "v1.36.3"),
        ("v1.34.0", OK, "v1.34.0"),
        ("v1.34.1-eks-1a2b", OK, "eks"),
        ("v1.100.0", OK, "v1.100.0"),
        ("v2.0.0", OK, "v2.0.0"),
        ("v1.33.9", FAIL, "older than 1.34"),
        ("", UNKNOWN, "calls itself ''"),
        ("devel", UNKNOWN, "devel"),
    ],
)
def test_version(git: str, state: State, words: str) -> None:
    judged(examination.version({"gitVersion": git}), state, words)


@pytest.mark.parametrize(
    ("served", "state", "words"),
    [
        ([*SERVED, "labenvironments/status"], OK, "is served"),
        (SERVED[:-1], FAIL, "no labtemplates"),
        (None, FAIL, f"no {', '.join(SERVED)}"),
    ],
)
def test_api(served: list[str] | None, state: State, words: str) -> None:
    resources = None if served is None else [{"name": name} for name in served]
    judged(examination.api(resources), state, words)


def deployment(replicas: int = 1, available: int = 1, **environment: str) -> Object:
    env = [{"name": name, "value": value} for name, value in environment.items()]
    env.append({"name": "PRACTICUM_ROOT_KEY", "valueFrom": {}})  # type: ignore[dict-item]
    status: Object = {"availableReplicas": available} if available else {}
    status["conditions"] = [{"status": "False", "message": "no quorum of pods"}]
    template = {"spec": {"containers": [{"name": "operator", "env": env}, {"name": "x"}]}}
    return {"spec": {"replicas": replicas, "template": template}, "status": status}


@pytest.mark.parametrize(
    ("body", "state", "words"),
    [
        (deployment(), OK, "1 of 1"),
        (deployment(2, 2), OK, "2 of 2"),
        (deployment(2, 1), WARN, "1 of 2"),
        (deployment(1, 0), FAIL, "0 of 1 replicas are available: no quorum of pods"),
        (deployment(0, 0), FAIL, "scaled to 0"),
        (None, FAIL, "no Deployment"),
    ],
)
def test_operator(body: Object | None, state: State, words: str) -> None:
    judged(examination.operator(body), state, words)


def lease(seconds_ago: float, holder: str = "practicum-0") -> Object:
    renewed = (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15}}


@pytest.mark.parametrize(
    ("body", "of", "state", "words"),
    [
        (lease(2), None, OK, "practicum-0 holds it, renewed 2s ago"),
        (lease(-2), None, OK, "renewed 0s ago"),
        (lease(14), None, OK, "14s ago"),
        (lease(16), None, FAIL, "renewed it 16s ago"),
        (lease(7200), None, FAIL, "renewed it 2h ago"),
        (lease(-61), None, FAIL, "1m1s ahead"),
        (lease(2, ""), None, FAIL, "no operator holds"),
        ({"spec": {"holderIdentity": "x"}}, None, FAIL, "no operator holds"),
        (None, deployment(), FAIL, "no operator holds"),
        (None, deployment(PRACTICUM_LEADER_ELECT="false"), OK, "is off"),
    ],
)
def test_lease(body: Object | None, of: Object | None, state: State, words: str) -> None:
    judged(examination.lease(body, of, NOW), state, words)


BIND = Right("bind", "rbac.authorization.k8s.io", "clusterroles", "practicum-learner", "")


@pytest.mark.parametrize(
    ("missing", "state", "words"),
    [
        ([], OK, "every right"),
        ([BIND], FAIL, "does not let it bind clusterroles.rbac"),
        ([BIND, BIND, BIND], FAIL, "(and 2 more)"),
    ],
)
def test_rights(missing: list[Right], state: State, words: str) -> None:
    judged(examination.rights(missing), state, words)


def bound(name: str, **spec: Any) -> Object:
    return {"spec": {"policyName": name, "validationActions": ["Deny"], **spec}}


ALL = [{"metadata": {"name": name}} for name in examination.POLICIES]
BOUND = [bound(name) for name in examination.POLICIES]
FIRST = examination.POLICIES[0]


@pytest.mark.parametrize(
    ("found", "bindings", "state", "words"),
    [
        (ALL, BOUND, OK, "policies deny"),
        ([], [], FAIL, "missing: practicum-attestations, "),
        (ALL[1:], BOUND, FAIL, f"missing: {FIRST}"),
        (ALL, BOUND[1:], FAIL, f"deny everywhere: {FIRST}"),
        (ALL, [*BOUND[1:], bound(FIRST, validationActions=["Warn", "Audit"])], FAIL, FIRST),
        (ALL, [*BOUND[1:], bound(FIRST, matchResources={"namespaceSelector": {}})], FAIL, FIRST),
        (ALL, [*BOUND, bound(FIRST, validationActions=["Warn"])], OK, "deny"),
    ],
)
def test_policies(found: list[Object], bindings: list[Object], state: State, words: str) -> None:
    judged(examination.policies(found, bindings), state, words)


def test_the_policies_that_are_looked_for_are_the_charts() -> None:
    folder = samples.ROOT / "charts/practicum/templates/policies"
    text = "\n".join(path.read_text() for path in folder.glob("*.yaml"))
    names = re.findall(r"kind: ValidatingAdmissionPolicy\nmetadata:\n  name: (\S+)", text)
    assert sorted(names) == sorted(examination.POLICIES)


def record(enforced: str, **data: str) -> Object:
    stamp = "2026-11-21T09:00:00Z"
    return {"data": {"enforced": enforced, "probedAt": stamp, "message": "why", **data}}


@pytest.mark.parametrize(
    ("body", "state", "words"),
    [
        (record("true"), OK, "enforced, as tried 3h ago"),
        (record("false"), FAIL, "labs reach one another"),
        (record("unknown"), UNKNOWN, "why"),
        (record("maybe"), UNKNOWN, "why"),
        ({}, UNKNOWN, "the record is empty"),
        (None, UNKNOWN, "has not tried"),
    ],
)
def test_network(body: Object | None, state: State, words: str) -> None:
    judged(examination.network(body, NOW), state, words)


def storage_class(name: str, default: str = "", by: str = "x/y", binding: str = "") -> Object:
    key = "storageclass.kubernetes.io/is-default-class"
    meta = {"name": name, "annotations": {key: default} if default else {}}
    return {"metadata": meta, "provisioner": by, "volumeBindingMode": binding or "Immediate"}


STANDARD, SLOW = storage_class("standard", "true"), storage_class("slow", "false")
LATE = storage_class("late", "true", binding="WaitForFirstConsumer")
BY_HAND = storage_class("local", "true", "kubernetes.io/no-provisioner")


@pytest.mark.parametrize(
    ("classes", "wanted", "state", "words"),
    [
        ([STANDARD, SLOW], "", OK, "standard of x/y; volumes are made before"),
        ([LATE], "", OK, "late of x/y; a claim stays Pending until a pod uses it"),
        ([BY_HAND], "", FAIL, "local provisions nothing"),
        ([STANDARD, BY_HAND], "local", FAIL, "local provisions nothing"),
        ([SLOW], "", FAIL, "stay Pending"),
        ([], "", FAIL, "stay Pending"),
        ([STANDARD, storage_class("fast", "true")], "", WARN, "standard, fast"),
        ([STANDARD, SLOW], "slow", OK, "slow of x/y"),
        ([STANDARD], "fast", FAIL, "labs.storageClass fast does not exist"),
    ],
)
def test_storage(classes: list[Object], wanted: str, state: State, words: str) -> None:
    judged(examination.storage(classes, wanted), state, words)


@pytest.mark.parametrize(
    ("refusal", "state", "words"),
    [
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": …', OK, "is refused"),
        (None, FAIL, "was let into"),
        ('pods is forbidden: User "ada" cannot create resource', UNKNOWN, "not tried"),
        ('namespaces "practicum-probe" not found', UNKNOWN, "not found"),
    ],
)
def test_pod_security(refusal: str | None, state: State, words: str) -> None:
    judged(examination.pod_security(refusal), state, words)


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [(0, OK, "0 s"), (-59, OK, "59 s"), (61, WARN, "61 s"), (-3600, WARN, "3600 s")],
)
def test_clock(seconds: int, state: State, words: str) -> None:
    judged(examination.clock(timedelta(seconds=seconds)), state, words)


class Closed:
    """An API server that tells its version, serves our group or not, and nothing else."""

    def __init__(self, error: errors.ApiError, *, installed: bool = True) -> None:
        self.error = error
        self.skew = timedelta(0)
        self.down = False
        self.open = {"/version", *([f"/apis/{API_VERSION}"] if installed else ())}

    async def request(self, method: str, path: str, **_: Any) -> Any:
        if path in self.open and not self.down:
            return {"gitVersion": "v1.36.3", "resources": [{"name": name} for name in SERVED]}
        if path == f"/apis/{API_VERSION}":
            raise NOT_FOUND
        raise self.error

    async def list(self, *_: Any, **__: Any) -> Any:
        raise self.error

    find = create = list


NOT_FOUND = errors.NotFound(404, "NotFound", "not found")
FORBIDDEN = errors.Forbidden(403, "Forbidden", "leases is forbidden")
BROKEN = errors.ApiError(500, "InternalError", "etcd is away")
ASKED = Asked("practicum-system")


def session(kube: Closed, output: str = "") -> Session:
    return Session(cast(Kube, kube), "course-a", Options(output=output))


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize(("error", "words"), [(FORBIDDEN, "you may not"), (BROKEN, "etcd is away")])
async def test_who_may_see_nothing_learns_what_can_be_learnt(
    installed: bool, error: errors.ApiError, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kube = Closed(error, installed=installed)
    assert await doctor.doctor(session(kube, "json"), ASKED) is Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["installed"] is installed
    states = {check["check"]: check["state"] for check in told["checks"]}
    seen = {"Kubernetes version", "Clock", *(["API"] if installed else [])}
    assert list(states) == [name for name, _ in (doctor.AFTER if installed else doctor.BEFORE)]
    assert {name for name, state in states.items() if state == "ok"} == seen
    unseen = [check for check in told["checks"] if check["check"] not in seen]
    assert {check["state"] for check in unseen} == {"unknown"}
    assert all(words in check["text"] and check["remedy"] for check in unseen)


async def test_a_failed_check_is_exit_1_and_shown_with_its_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(*_: Any) -> Object:
        return deployment()

    monkeypatch.setattr(Closed, "find", found)
    closed = session(Closed(NOT_FOUND, installed=False))
    assert await doctor.doctor(closed, ASKED) is Exit.FAILURE
    shown = capsys.readouterr().out
    assert re.search(r"API +fail +practicum.dev/v1alpha1 is not served", shown)
    assert "remedy: helm upgrade" in shown


async def test_without_an_api_server_there_is_nothing_to_examine() -> None:
    kube = Closed(errors.ApiError(0, "Unreachable", "connection refused"))
    kube.down = True
    with pytest.raises(errors.ApiError, match="connection refused"):
        await doctor.doctor(session(kube), ASKED)


async def test_who_may_make_no_namespace_is_told_so_and_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = replace(ASKED, probe=True, image="operator:1")
    assert await doctor.doctor(session(Closed(FORBIDDEN), "json"), asked) is Exit.OK
    told = capsys.readouterr()
    assert "nothing is tried out, for you may not: leases is forbidden" in told.err
    assert len(json.loads(told.out)["checks"]) == len(doctor.AFTER)


async def test_trying_out_needs_an_image() -> None:
    with pytest.raises(CliError, match="nothing says of which image"):
        await doctor.doctor(session(Closed(NOT_FOUND)), replace(ASKED, probe=True))
