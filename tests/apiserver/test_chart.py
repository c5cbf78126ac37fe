"""The chart as an API server takes it: upgrades, Pod Security, rights, priority, and its end."""

import asyncio
import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import yaml

from e2e.cluster.control_plane import ControlPlane
from practicum.api.names import API_VERSION
from practicum.errors import Forbidden
from practicum.kube.client import Kube, Object
from tests.chart.rendering import CHART, VALUES, objects, pods, template

from .conftest import LabMaker, eventually, read, tool, until
from .operator_process import ROOT, OperatorProcess

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/labenvironments.practicum.dev"
Answer = subprocess.CompletedProcess[str]


@pytest.fixture
async def restricted(kube: Kube) -> AsyncIterator[str]:
    """A namespace like the operator's, labelled as the documentation says."""
    body: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "held"}}
    body["metadata"]["labels"] = RESTRICTED
    await kube.create(body)
    for name in ("practicum", "practicum-test"):
        meta = {"name": name, "namespace": "held"}
        await kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    yield "held"
    await kube.delete("Namespace", "", "held")


async def test_every_pod_is_let_in_where_restricted_is_enforced(
    kube: Kube, restricted: str
) -> None:
    path = f"/api/v1/namespaces/{restricted}/pods"
    for site in ("default", "production"):
        specs = pods(objects(template(VALUES / f"{site}.yaml")))
        assert set(specs) == {
            "Deployment/practicum",
            "Job/practicum-uninstall",
            "Pod/practicum-test",
        }
        for spec in specs.values():
            body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
            await kube.request("POST", path, query={"dryRun": "All"}, body=body)
            bent = copy.deepcopy(body)
            bent["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
            with pytest.raises(Forbidden, match="violates PodSecurity"):
                await kube.request("POST", path, query={"dryRun": "All"}, body=bent)


@pytest.mark.parametrize(
    ("role", "kinds", "verb"),
    [
        ("edit", {"labcohorts", "labenvironments", "labtemplates"}, "create"),
        ("admin", {"labcohorts", "labenvironments", "labtemplates"}, "create"),
        ("view", {"attestations", "labcohorts", "labenvironments", "labtemplates"}, "watch"),
    ],
)
async def test_a_courses_staff_holds_our_kinds_by_kubernetes_own_roles(
    kube: Kube, role: str, kinds: set[str], verb: str
) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}"

    async def aggregated() -> bool:
        rules = (await kube.request("GET", path))["rules"]
        ours = [one for one in rules if "practicum.dev" in one.get("apiGroups", [])]
        return kinds <= {kind for one in ours if verb in one["verbs"] for kind in one["resources"]}

    assert await eventually(aggregated)


async def test_the_operators_requests_have_places_of_their_own(
    kube: Kube, operator_kubeconfig: Path
) -> None:
    root = "/apis/flowcontrol.apiserver.k8s.io/v1"
    uids = {}
    for plural in ("flowschemas", "prioritylevelconfigurations"):
        for one in (await kube.request("GET", f"{root}/{plural}"))["items"]:
            uids[one["metadata"]["uid"]] = one["metadata"]["name"]
    wanted = {
        "/api/v1/namespaces": ("practicum", "practicum"),
        "/version": ("practicum", "practicum"),
        "/apis/coordination.k8s.io/v1/namespaces/practicum-system/leases/practicum-operator": (
            *("practicum-lease", "leader-election"),
        ),
    }
    for path, levels in wanted.items():
        # kubectl prints the headers of answers at this level.
        said = await asyncio.to_thread(
            run, tool("kubectl"), "--kubeconfig", operator_kubeconfig, "get", "--raw", path, "-v=8"
        )
        found = dict(re.findall(r"X-Kubernetes-Pf-(\w+)-Uid: (\S+)", said.stderr))
        assert (uids[found["Flowschema"]], uids[found["Prioritylevel"]]) == levels, path


def run(*command: str | Path, **environment: str) -> Answer:
    return subprocess.run(
        command, env=environment or None, capture_output=True, text=True, check=False
    )


@pytest.fixture
def helm(control_plane: ControlPlane) -> Callable[..., Answer]:
    flags = ("--kubeconfig", control_plane.kubeconfig, "--namespace", "practicum-system")
    return lambda *arguments: run(tool("helm"), *flags, *arguments)


@pytest.fixture
def revision(helm: Callable[..., Answer]) -> Iterator[str]:
    """The release's revision; the test may leave a later one."""
    shown = json.loads(helm("status", "practicum", "-o", "json").stdout)
    yield str(shown["version"])
    done = helm("rollback", "practicum", str(shown["version"]))
    assert done.returncode == 0, done.stderr


async def test_crds_follow_an_upgrade_and_a_rollback(
    kube: Kube,
    operator: OperatorProcess,
    make_lab: LabMaker,
    helm: Callable[..., Answer],
    revision: str,
    tmp_path: Path,
) -> None:
    lab = await make_lab()
    await until(kube, lab, "Guarded")
    later = tmp_path / "practicum"
    shutil.copytree(CHART, later)
    path = later / "files/crds/labenvironments.yaml"
    body = yaml.safe_load(path.read_text())
    version = body["spec"]["versions"][0]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["room"] = {"type": "string", "maxLength": 8}
    path.write_text(yaml.safe_dump(body))

    async def knows_rooms() -> bool:
        found = (await kube.request("GET", CRD))["spec"]["versions"][0]
        return "room" in found["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]

    assert not await knows_rooms()
    done = helm("upgrade", "practicum", later, "--reset-then-reuse-values")
    assert done.returncode == 0, done.stderr
    assert await knows_rooms()
    meta = lab["metadata"]
    patch = {"spec": {"room": "R 12"}}

    async def taken() -> bool:
        await kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], patch)
        return bool((await read(kube, lab))["spec"].get("room") == "R 12")

    await eventually(taken)
    done = helm("rollback", "practicum", revision)
    assert done.returncode == 0, done.stderr
    assert not await knows_rooms()
    now = await read(kube, lab)
    assert now["metadata"]["uid"] == meta["uid"] and "deletionTimestamp" not in now["metadata"]


def farewell(kubeconfig: Path, *arguments: str) -> Answer:
    """Run what the chart's hook runs, under the operator's own account."""
    command = (sys.executable, "-m", "practicum.reconcile.farewell", *arguments)
    return run(*command, PYTHONPATH=str(ROOT / "operator"), KUBECONFIG=str(kubeconfig))


async def _no_labs(kube: Kube) -> bool:
    held = [one for one in await kube.list("LabEnvironment") if one["metadata"].get("finalizers")]
    spaces = await kube.list("Namespace", labels="practicum.dev/lab-uid")
    return not held and not spaces


async def test_the_operator_stays_while_there_are_labs_and_sees_them_off_if_told_to(
    kube: Kube, operator: OperatorProcess, operator_kubeconfig: Path
) -> None:
    await eventually(lambda: _no_labs(kube), 60)
    cohort = {"name": "parting", "namespace": "course-a"}
    spec = {"roster": {"learners": [{"id": "eve@example.org"}]}, "templates": [{"name": "mod-506"}]}
    head = {"apiVersion": API_VERSION, "kind": "LabCohort"}
    await kube.create({**head, "metadata": cohort, "spec": spec})
    (lab,) = await eventually(lambda: kube.list("LabEnvironment", "course-a"))
    await until(kube, lab, "Guarded")
    refused = farewell(operator_kubeconfig)
    assert refused.returncode == 1, refused
    assert f"lab course-a/{lab['metadata']['name']} (" in refused.stdout
    assert "deletionTimestamp" not in (await read(kube, lab))["metadata"]
    # The operator does without the owner of this only after a while.
    (space, *_) = (await read(kube, lab))["status"]["namespaces"]
    meta = {"name": "stuck", "namespace": space, "finalizers": ["example.org/x"]}
    await kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    late = farewell(operator_kubeconfig, "--delete", "--patience", "1")
    assert late.returncode == 1
    assert "not all labs are gone after 1 s" in late.stdout and f"namespace {space}" in late.stdout
    done = farewell(operator_kubeconfig, "--delete", "--patience", "120")
    assert (done.returncode, done.stdout) == (0, "practicum: no lab is left, the operator may go\n")
    assert await _no_labs(kube)
    assert farewell(operator_kubeconfig).returncode == 0
    assert (await kube.get("LabCohort", "course-a", "parting"))["spec"]["paused"]
    await kube.delete("LabCohort", "course-a", "parting")
