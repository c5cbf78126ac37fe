"""Pods that look at a lab from within: as restricted as any, nobody's, and without a token."""

from typing import Any

import pytest

from practicum.api.labtemplate import LEARNER, PLATFORM
from practicum.desired import check_pods
from practicum.desired.check_pods import PROBE, WORKER, CheckPod
from practicum.settings import Settings
from tests import samples
from tests.quantities import amount

Object = dict[str, Any]
POD = CheckPod(
    side=LEARNER,
    image="example.org/bench:1",
    command=["python3", "-c", "print()"],
    seconds=90,
    environment={"FILES": "{}", "HOME": "/elsewhere"},
    config_maps={"repo": "feature-repo", "tests": "tests"},
    resources=WORKER,
)


def manifest(pod: CheckPod = POD, **lab: Any) -> Object:
    return check_pods.manifest(samples.lab(**lab), pod)


def container(body: Object) -> Object:
    (only,) = body["spec"]["containers"]
    return dict(only)


def test_it_passes_pod_security_restricted() -> None:
    """Every field of https://kubernetes.io/docs/concepts/security/pod-security-standards/."""
    body = manifest()
    spec, only = body["spec"], container(body)
    security = only["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] is True
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    assert not {"privileged", "procMount", "seLinuxOptions"} & set(security)
    assert not [port for port in only.get("ports", []) if "hostPort" in port]
    kinds = {key for volume in spec["volumes"] for key in volume} - {"name"}
    assert kinds == {"emptyDir", "configMap"}


def test_it_is_nobodys_at_the_api_server() -> None:
    spec = manifest()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert "serviceAccountName" not in spec


def test_it_ends_by_itself() -> None:
    spec = manifest()["spec"]
    assert spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] == 90
    assert spec["terminationGracePeriodSeconds"] <= 1


@pytest.mark.parametrize("side", [LEARNER, PLATFORM])
def test_it_is_the_labs_and_known_as_a_look(side: str) -> None:
    lab = samples.lab()
    meta = check_pods.manifest(lab, CheckPod(side, "x", [], 1))["metadata"]
    assert meta["namespace"] == lab.namespaces[side]
    assert meta["generateName"] == "practicum-check-" and "name" not in meta
    assert meta["labels"]["app.kubernetes.io/managed-by"] == "practicum"
    assert meta["labels"]["practicum.dev/lab-uid"] == lab.uid
    assert meta["labels"]["practicum.dev/check"] == "pod"
    assert "practicum.dev/component" not in meta["labels"], "no Service of the lab finds it"


def test_files_lie_where_the_command_looks_for_them() -> None:
    body = manifest()
    mounts = {one["mountPath"]: one for one in container(body)["volumeMounts"]}
    assert set(mounts) == {"/work", "/in/repo", "/in/tests"}
    volumes = {one["name"]: one for one in body["spec"]["volumes"]}
    assert set(volumes) == {one["name"] for one in mounts.values()}
    assert volumes[mounts["/in/repo"]["name"]]["configMap"]["name"] == "feature-repo"
    assert volumes[mounts["/in/repo"]["name"]]["configMap"]["optional"] is True
    assert all(mounts[path]["readOnly"] for path in ("/in/repo", "/in/tests"))
    assert amount(volumes["work"]["emptyDir"]["sizeLimit"]) <= amount("256Mi")
    assert container(body)["workingDir"] == check_pods.WORK


def test_what_it_is_told_is_in_its_environment_once() -> None:
    names = [one["name"] for one in container(manifest())["env"]]
    assert len(set(names)) == len(names)
    values = {one["name"]: one["value"] for one in container(manifest())["env"]}
    assert values["FILES"] == "{}"
    assert values["TMPDIR"] == check_pods.WORK
    assert not [one for one in container(manifest())["env"] if "valueFrom" in one]


def test_it_goes_to_the_nodes_of_labs() -> None:
    settings = Settings(root_key=b"x", node_selector={"pool": "labs"})
    assert manifest(settings=settings)["spec"]["nodeSelector"] == {"pool": "labs"}


@pytest.mark.parametrize("resources", [PROBE, WORKER])
def test_it_is_small_and_says_so(resources: Object) -> None:
    for name in ("cpu", "memory"):
        request, limit = resources["requests"][name], resources["limits"][name]
        assert 0 < amount(request) <= amount(limit)
    used = container(manifest(CheckPod(LEARNER, "x", [], 1, resources=resources)))["resources"]
    assert used == resources
    assert container(manifest(CheckPod(LEARNER, "x", [], 1)))["resources"] == PROBE
