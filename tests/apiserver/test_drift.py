"""Whatever is changed behind the operator's back is put right again, and nothing else is."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from practicum.kube.client import Kube, Object

from .conftest import LabMaker, absent, eventually, namespaces, read, until
from .operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

Tamper = Callable[[Kube, str, str], Awaitable[object]]
Holds = Callable[[Kube, str, str], Awaitable[bool]]


async def _quota_raised(kube: Kube, learner: str, _: str) -> None:
    patch = {"spec": {"hard": {"requests.cpu": "99", "count/ingresses.networking.k8s.io": "7"}}}
    await kube.merge_patch("ResourceQuota", learner, "compute", {"spec": {"hard": {"pods": "99"}}})
    await kube.merge_patch("ResourceQuota", learner, "objects", patch)


async def _quota_restored(kube: Kube, learner: str, _: str) -> bool:
    compute = await kube.get("ResourceQuota", learner, "compute")
    objects = await kube.get("ResourceQuota", learner, "objects")
    strange = {"requests.cpu", "count/ingresses.networking.k8s.io"} & set(objects["spec"]["hard"])
    return compute["spec"]["hard"]["pods"] != "99" and not strange


async def _policy_deleted(kube: Kube, _: str, platform: str) -> None:
    await kube.delete("NetworkPolicy", platform, "deny-all")


async def _policy_back(kube: Kube, _: str, platform: str) -> bool:
    return await kube.find("NetworkPolicy", platform, "deny-all") is not None


async def _policy_opened(kube: Kube, learner: str, _: str) -> None:
    patch = {"spec": {"ingress": [{}], "policyTypes": ["Ingress"]}}
    await kube.merge_patch("NetworkPolicy", learner, "deny-all", patch)


async def _policy_closed(kube: Kube, learner: str, _: str) -> bool:
    spec = (await kube.get("NetworkPolicy", learner, "deny-all"))["spec"]
    return "ingress" not in spec and spec["policyTypes"] == ["Ingress", "Egress"]


async def _label_loosened(kube: Kube, learner: str, _: str) -> None:
    labels = {
        "pod-security.kubernetes.io/enforce": "privileged",
        "pod-security.kubernetes.io/enforce-version": "v1.20",
    }
    await kube.merge_patch("Namespace", "", learner, {"metadata": {"labels": labels}})


async def _label_restored(kube: Kube, learner: str, _: str) -> bool:
    labels = (await kube.get("Namespace", "", learner))["metadata"]["labels"]
    return (
        labels["pod-security.kubernetes.io/enforce"] == "restricted"
        and "pod-security.kubernetes.io/enforce-version" not in labels
    )


async def _stranger_in_pod(kube: Kube, _: str, platform: str) -> None:
    pod = (await kube.get("StatefulSet", platform, "opa"))["spec"]["template"]["spec"]
    stranger = {**pod["containers"][0], "name": "stranger", "ports": []}
    path = "/spec/template/spec"
    additions = {
        "containers/-": stranger,
        "containers/0/env/-": {"name": "EVIL", "value": "1"},
        "volumes/-": {"name": "strange", "emptyDir": {}},
    }
    patch = [
        {"op": "add", "path": f"{path}/{field}", "value": value}
        for field, value in additions.items()
    ]
    await kube.json_patch("StatefulSet", platform, "opa", patch)


async def _stranger_out(kube: Kube, _: str, platform: str) -> bool:
    pod = (await kube.get("StatefulSet", platform, "opa"))["spec"]["template"]["spec"]
    names = {entry["name"] for entry in (*pod["containers"], *pod["volumes"])}
    env = {entry["name"] for entry in pod["containers"][0].get("env", [])}
    return not names & {"stranger", "strange"} and "EVIL" not in env


async def _scaled_away(kube: Kube, _: str, platform: str) -> None:
    await kube.merge_patch("StatefulSet", platform, "mlflow", {"spec": {"replicas": 0}})


async def _scaled_back(kube: Kube, _: str, platform: str) -> bool:
    return (await kube.get("StatefulSet", platform, "mlflow"))["spec"]["replicas"] == 1


async def _policy_text_changed(kube: Kube, _: str, platform: str) -> None:
    patch = {"data": {"promotion.rego": "package lab.promotion", "more.rego": "package x"}}
    await kube.merge_patch("ConfigMap", platform, "opa-policies", patch)


async def _policy_text_restored(kube: Kube, _: str, platform: str) -> bool:
    data = (await kube.get("ConfigMap", platform, "opa-policies"))["data"]
    return "more.rego" not in data and len(data["promotion.rego"]) > 1000


async def _binding_widened(kube: Kube, learner: str, _: str) -> None:
    everybody = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group"}
    patch = {"subjects": [{**everybody, "name": "system:authenticated"}]}
    await kube.merge_patch("RoleBinding", learner, "learner", patch)


async def _binding_narrowed(kube: Kube, learner: str, _: str) -> bool:
    subjects = (await kube.get("RoleBinding", learner, "learner"))["subjects"]
    return [subject["kind"] for subject in subjects] == ["ServiceAccount"]


async def _job_deleted(kube: Kube, _: str, platform: str) -> None:
    for job in await kube.list("Job", platform):
        await kube.delete("Job", platform, job["metadata"]["name"])


async def _job_back(kube: Kube, _: str, platform: str) -> bool:
    jobs = await kube.list("Job", platform)
    return len([job for job in jobs if "deletionTimestamp" not in job["metadata"]]) == 2


@pytest.mark.parametrize(
    ("tamper", "holds"),
    [
        (_quota_raised, _quota_restored),
        (_policy_deleted, _policy_back),
        (_policy_opened, _policy_closed),
        (_label_loosened, _label_restored),
        (_stranger_in_pod, _stranger_out),
        (_scaled_away, _scaled_back),
        (_policy_text_changed, _policy_text_restored),
        (_binding_widened, _binding_narrowed),
        (_job_deleted, _job_back),
    ],
    ids=lambda part: part.__name__.strip("_"),
)
async def test_drift_is_repaired_and_counted(
    kube: Kube, make_lab: LabMaker, operator: OperatorProcess, tamper: Tamper, holds: Holds
) -> None:
    lab = await make_lab()
    places = await namespaces(kube, lab)
    await until(kube, lab, "CredentialsIssued")
    assert await holds(kube, *places)
    before = _repairs(operator)
    await tamper(kube, *places)
    await eventually(lambda: holds(kube, *places))

    async def counted() -> bool:
        return _repairs(operator) > before

    await eventually(counted)


def _repairs(operator: OperatorProcess) -> float:
    lines = operator.scrape().splitlines()
    found = [line for line in lines if line.startswith("practicum_drift_repairs_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


async def test_a_deleted_service_account_gets_fresh_credentials(
    kube: Kube, make_lab: LabMaker, as_learner: Callable[[Object], Awaitable[Kube]]
) -> None:
    lab = await make_lab()
    await until(kube, lab, "CredentialsIssued")
    name = lab["metadata"]["name"]
    before = await kube.get("Secret", "course-a", f"{name}-credentials")
    await kube.delete("ServiceAccount", "course-a", f"{name}.learner")

    async def renewed() -> bool:
        now = await kube.get("Secret", "course-a", f"{name}-credentials")
        return bool(now["data"] != before["data"])

    await eventually(renewed)
    client = await as_learner(lab)
    assert (await client.get("LabEnvironment", "course-a", name))["metadata"]["name"] == name


@pytest.mark.parametrize("how", ["deleted", "edited"])
async def test_a_lost_credentials_secret_is_issued_again(
    kube: Kube, make_lab: LabMaker, how: str
) -> None:
    """Nobody watches Secrets: this one is looked at with every resync.

    Which is rarer the more labs there are, those included that other tests left to be deleted.
    """
    lab = await make_lab()
    await until(kube, lab, "CredentialsIssued")
    name = f"{lab['metadata']['name']}-credentials"
    if how == "deleted":
        await kube.delete("Secret", "course-a", name)
    else:
        await kube.merge_patch("Secret", "course-a", name, {"data": {"kubeconfig": "eA=="}})

    async def whole() -> bool:
        return (await kube.get("Secret", "course-a", name))["data"]["kubeconfig"] != "eA=="

    labs = len(await kube.list("LabEnvironment"))
    await eventually(whole, 20 + 1.5 * labs)


async def test_a_namespace_deleted_by_others_is_not_rebuilt(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab()
    learner, _ = await namespaces(kube, lab)
    await until(kube, lab, "CredentialsIssued")
    await kube.delete("Namespace", "", learner)
    await until(kube, lab, "NamespacesReady", "False", reason="NamespaceLost")
    assert "create another" in (await read(kube, lab))["status"]["message"]
    await eventually(lambda: absent(kube, "Namespace", "", learner), 60)
    await asyncio.sleep(3)
    assert await absent(kube, "Namespace", "", learner)


async def test_a_steady_lab_costs_no_writes(kube: Kube, make_lab: LabMaker, operator) -> None:
    lab = await make_lab()
    await until(kube, lab, "CredentialsIssued")
    await asyncio.sleep(2)
    kinds = ("ResourceQuota", "NetworkPolicy", "StatefulSet", "RoleBinding", "ConfigMap")
    before = {kind: operator.metric(f'practicum_applies_total{{kind="{kind}"}}') for kind in kinds}
    await asyncio.sleep(6)
    after = {kind: operator.metric(f'practicum_applies_total{{kind="{kind}"}}') for kind in kinds}
    assert before == after
    assert all(before.values())
