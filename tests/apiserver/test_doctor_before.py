"""``practicum doctor`` on a real API server that has never seen Practicum, and its installation."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster.control_plane import ControlPlane
from e2e.waiting import eventually
from practicum.cli import doctor, fitness, trial
from practicum.cli.exits import Exit
from practicum.cli.patient import Asked
from practicum.cli.session import Options, Session
from practicum.kube.client import Kube

from .command import examine, practicum, states
from .conftest import access, install_chart, tool
from .operator_process import ROOT

PLACE = "default"
CHART = ROOT / "charts/practicum"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("bare")) as running:
        yield running


@pytest.fixture
async def kube(bare: ControlPlane) -> AsyncIterator[Kube]:
    async with await Kube.connect(bare.kubeconfig) as client:
        yield client


async def account(bare: ControlPlane, kube: Kube, folder: Path, name: str) -> Path:
    """Make somebody without any rights; returns their kubeconfig."""
    meta = {"name": name, "namespace": PLACE}
    await kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    return access(bare, folder, PLACE, name)


def test_the_administrator_may_install(bare: ControlPlane) -> None:
    code, checks = examine(bare.kubeconfig)
    assert states(checks) == {
        "Kubernetes version": "ok",
        "Your rights": "ok",
        "NetworkPolicy": "unknown",
        "StorageClass": "fail",
        "Pod Security": "ok",
        "ResourceQuota": "unknown",
        "Capacity": "warn",
        "API groups": "ok",
        "Aggregated APIs": "ok",
        "Resource metrics": "warn",
        "Clock": "ok",
    }
    assert code == 1
    assert "practicum doctor --probe" in checks["NetworkPolicy"]["remedy"]


async def test_who_has_no_rights_is_told_which_are_missing(
    bare: ControlPlane, kube: Kube, tmp_path: Path
) -> None:
    code, checks = examine(await account(bare, kube, tmp_path, "nobody"))
    found = states(checks)
    assert code == 1
    assert found.pop("Your rights") == "fail"
    assert "you may not get namespaces" in checks["Your rights"]["text"]
    assert found.pop("Resource metrics") == "warn"
    seen = {"Kubernetes version", "API groups", "Clock"}
    assert {name for name, state in found.items() if state == "ok"} == seen
    unseen = [check for name, check in checks.items() if found.get(name) == "unknown"]
    assert len(unseen) == len(found) - len(seen)
    assert all(check["text"].startswith("you may not ") and check["remedy"] for check in unseen)


async def test_an_api_that_does_not_answer_is_named(bare: ControlPlane, kube: Kube) -> None:
    service = {"name": "nowhere", "namespace": PLACE}
    spec = {
        **{"group": "x.example", "version": "v1", "service": service},
        **{"insecureSkipTLSVerify": True, "groupPriorityMinimum": 100, "versionPriority": 100},
    }
    meta = {"name": "v1.x.example"}
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": meta}
    await kube.create(body | {"spec": spec})

    async def seen() -> Any:
        return (await kube.get("APIService", "", "v1.x.example")).get("status")

    try:
        await eventually(seen, 30)
        found = examine(bare.kubeconfig)[1]["Aggregated APIs"]
    finally:
        await kube.delete("APIService", "", "v1.x.example")
    assert found["state"] == "fail"
    assert found["text"].startswith("v1.x.example does not answer")


async def test_a_trial_finds_what_it_can_and_leaves_nothing(
    kube: Kube, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No node takes its pods here; quotas are counted, and Pod Security is on."""
    monkeypatch.setattr(trial, "SECONDS", 3)
    asked = Asked("practicum-system", probe=True, image="example.org/any")
    session = Session(kube, PLACE, Options(output="json"))
    assert await doctor.doctor(session, asked) is Exit.FAILURE
    told = capsys.readouterr()
    found = {check["check"]: check for check in json.loads(told.out)["checks"]}
    assert found["NetworkPolicy"]["state"] == "unknown"
    assert "no node has taken them" in found["NetworkPolicy"]["text"]
    assert found["ResourceQuota"]["text"] == "1 looked at, all are counted"
    assert found["Pod Security"]["text"].startswith("a privileged pod is refused")
    assert told.err == ""
    assert not await kube.list("Namespace", labels="practicum.dev/probe")


async def test_a_trial_that_is_cut_short_leaves_nothing(kube: Kube) -> None:
    session = Session(kube, PLACE, Options(output="json"))
    asked = Asked("practicum-system", probe=True, image="example.org/any")
    task = asyncio.create_task(doctor.doctor(session, asked))

    async def begun() -> Any:
        return await kube.list("Namespace", labels="practicum.dev/probe")

    (made,) = await eventually(begun, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await kube.find("Namespace", "", made["metadata"]["name"]) is None


def test_the_rights_asked_for_are_of_what_the_chart_makes() -> None:
    done = subprocess.run(
        [tool("helm"), "template", "practicum", CHART, "--set", "courses={a},createCourses=true"],
        capture_output=True,
        text=True,
        check=True,
    )
    kinds = {
        (body["apiVersion"].rpartition("/")[0], body["kind"])
        for body in yaml.safe_load_all(done.stdout)
        if body
    }
    made = [rule for rule in fitness.INSTALL if "create" in rule.verbs]
    asked = {(rule.group, one) for rule in made for one in rule.resources}
    plurals = {(group, _plural(kind)) for group, kind in kinds}
    assert plurals == asked


def _plural(kind: str) -> str:
    lower = kind.lower()
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"


async def test_these_rights_and_no_more_install_the_chart(
    bare: ControlPlane, kube: Kube, tmp_path: Path
) -> None:
    """The last of this file: from here on Practicum is installed."""
    rules = [
        {"apiGroups": [rule.group], "resources": list(rule.resources), "verbs": list(rule.verbs)}
        for rule in fitness.INSTALL
    ]
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": "installer"}}
    subject = {"kind": "ServiceAccount", "name": "installer", "namespace": PLACE}
    binding = {
        **{"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "installer"}},
        **{"subjects": [subject], "kind": "ClusterRoleBinding"},
    }
    path = f"/apis/{rbac}/v1"
    await kube.request("POST", f"{path}/clusterroles", body=role | {"rules": rules})
    await kube.request("POST", f"{path}/clusterrolebindings", body=role | binding)
    installer = await account(bare, kube, tmp_path, "installer")
    assert examine(installer)[1]["Your rights"]["state"] == "ok"
    install_chart(installer)
    told = json.loads(practicum(bare.kubeconfig, "doctor", "-o", "json").stdout)
    assert told["installed"]
    after = {check["check"]: check["state"] for check in told["checks"]}
    assert after["CRDs"] == after["Admission policies"] == after["Operator's rights"] == "ok"
