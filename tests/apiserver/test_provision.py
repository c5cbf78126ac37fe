"""From apply to a guarded lab with credentials, on a real API server."""

import base64
import json
import time

import pytest

from practicum.api.names import LAB_UID
from practicum.errors import Forbidden
from practicum.kube.client import Kube
from practicum.kube.stream import watch
from practicum.reconcile.runner import background

from .conftest import (
    LabMaker,
    condition,
    credentials,
    eventually,
    namespaces,
    read,
    run_pods,
    told,
    until,
)

QUOTAS = {"objects", "compute", "jobs"}
pytestmark = pytest.mark.usefixtures("operator")


async def test_a_lab_becomes_ready_step_by_step(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab()
    learner, platform = await namespaces(kube, lab)
    await until(kube, lab, "CredentialsIssued")
    assert (await condition(kube, lab, "ComponentsReady"))["reason"] == "ComponentsStarting"
    assert (await read(kube, lab))["status"]["phase"] == "Provisioning"

    async def ready() -> bool:
        await run_pods(kube, platform)
        return (await read(kube, lab))["status"]["phase"] == "Ready"

    await eventually(ready, 60)
    status = (await read(kube, lab))["status"]
    assert {service["name"]: service["ready"] for service in status["services"]} == {
        "mlflow": True,
        "feast": True,
        "opa": True,
        "serving": True,
    }
    assert status["message"] == ""
    issued = (await told(kube, lab, "CredentialsIssued"))["message"]
    assert "quotas, limits and network policies are in force" in issued
    assert "the lab is ready" in (await told(kube, lab, "Ready"))["message"]
    assert learner.startswith(f"lab-{lab['metadata']['name']}-")


async def test_guards_are_complete_in_both_namespaces(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab()
    for namespace in await namespaces(kube, lab):
        labels = (await kube.get("Namespace", "", namespace))["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert labels[LAB_UID] == lab["metadata"]["uid"]
        quotas = await kube.list("ResourceQuota", namespace)
        assert {quota["metadata"]["name"] for quota in quotas} == QUOTAS
        for quota in quotas:
            assert quota["status"]["hard"] == quota["spec"]["hard"]
        policies = {p["metadata"]["name"] for p in await kube.list("NetworkPolicy", namespace)}
        assert policies >= {"deny-all", "allow-dns", "allow-namespace", "allow-services"}
        assert len(await kube.list("LimitRange", namespace)) == 1


async def test_guards_are_in_force_before_anybody_gets_in(kube: Kube, make_lab: LabMaker) -> None:
    """Every quota's status says so, in the order of resourceVersions, before the first binding."""
    in_force: dict[tuple[str, str], int] = {}

    async def record() -> None:
        async for event in watch(kube, "ResourceQuota", ""):
            body = event.object
            if event.type in ("ADDED", "MODIFIED") and (
                body.get("status", {}).get("hard") == body["spec"]["hard"]
            ):
                meta = body["metadata"]
                key = (meta["namespace"], meta["name"])
                in_force.setdefault(key, int(meta["resourceVersion"]))

    async with background(record()):
        lab = await make_lab()
        places = await namespaces(kube, lab)
        await until(kube, lab, "CredentialsIssued")

        async def seen() -> bool:
            return len([key for key in in_force if key[0] in places]) == 2 * len(QUOTAS)

        await eventually(seen)
    for namespace, binding in zip(places, ("learner", "viewer"), strict=True):
        given = await kube.get("RoleBinding", namespace, binding)
        guards = [in_force[namespace, quota] for quota in QUOTAS]
        for kind in ("NetworkPolicy", "LimitRange"):
            bodies = await kube.list(kind, namespace)
            guards += [int(body["metadata"]["resourceVersion"]) for body in bodies]
        assert int(given["metadata"]["resourceVersion"]) > max(guards)


async def test_guards_and_credentials_come_in_seconds(kube: Kube, make_lab: LabMaker) -> None:
    began = time.monotonic()
    lab = await make_lab()
    await until(kube, lab, "CredentialsIssued")
    print(f"apply to credentials: {time.monotonic() - began:.2f} s")


async def test_what_the_learner_may_do(kube: Kube, make_lab: LabMaker, as_learner) -> None:
    lab = await make_lab()
    learner, platform = await namespaces(kube, lab)
    name, client = lab["metadata"]["name"], await as_learner(lab)
    own = await client.get("LabEnvironment", "course-a", name)
    assert own["metadata"]["uid"] == lab["metadata"]["uid"]
    await client.get("Secret", "course-a", f"{name}-credentials")
    assert await client.list("Pod", learner) == []

    async def sees_pods() -> bool:
        return "mlflow-0" in {pod["metadata"]["name"] for pod in await client.list("Pod", platform)}

    await eventually(sees_pods)
    config_map = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"}}
    await client.create(config_map | {"metadata": {"name": "mine", "namespace": learner}})
    for refused in (
        client.list("Namespace"),
        client.list("Secret", platform),
        client.list("ConfigMap", platform),
        client.list("Secret", "course-a"),
        client.list("LabEnvironment", "course-a"),
        client.list("PersistentVolume"),
        client.create(config_map | {"metadata": {"name": "mine", "namespace": platform}}),
        client.delete("ResourceQuota", learner, "compute"),
        client.delete("NetworkPolicy", learner, "deny-all"),
        client.delete("RoleBinding", learner, "learner"),
        client.merge_patch("Namespace", "", learner, {"metadata": {"labels": {"a": "b"}}}),
        client.merge_patch("LabEnvironment", "course-a", name, {"spec": {"ttl": "72h"}}),
        client.request("POST", f"/api/v1/namespaces/{platform}/pods/mlflow-0/exec"),
    ):
        with pytest.raises(Forbidden):
            await refused


async def test_two_labs_see_nothing_of_each_other(
    kube: Kube, make_lab: LabMaker, as_learner
) -> None:
    one, two = await make_lab(), await make_lab()
    client = await as_learner(one)
    others = await namespaces(kube, two)
    for refused in (
        *(client.list("Pod", namespace) for namespace in others),
        *(client.list("Secret", namespace) for namespace in others),
        client.get("LabEnvironment", "course-a", two["metadata"]["name"]),
        client.get("Secret", "course-a", f"{two['metadata']['name']}-credentials"),
    ):
        with pytest.raises(Forbidden):
            await refused


async def test_tokens_end_before_the_lab(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab(ttl="1h")
    tokens = (await credentials(kube, lab))["tokens"]
    end = (await read(kube, lab))["status"]["expiresAt"]
    for token in tokens.values():
        payload = token["token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert claims["sub"].startswith("system:serviceaccount:course-a:")
        assert token["expiresAt"] < end


async def test_passwords_are_derived_and_differ_by_lab(kube: Kube, make_lab: LabMaker) -> None:
    one, two = await make_lab(), await make_lab()
    first, second = await credentials(kube, one), await credentials(kube, two)
    passwords = [login["password"] for login in (*first["logins"], *second["logins"])]
    assert len(set(passwords)) == len(passwords) > 4
    assert all(len(password) == 43 for password in passwords)


async def test_a_lab_without_a_learner_is_a_spare(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab(learner=None)
    learner, _ = await namespaces(kube, lab)
    await until(kube, lab, "CredentialsIssued", "False", reason="NoLearner")
    assert await kube.find("RoleBinding", learner, "learner") is None
    meta = lab["metadata"]
    await kube.merge_patch(
        "LabEnvironment", "course-a", meta["name"], {"spec": {"learner": {"id": "ada"}}}
    )
    await until(kube, lab, "CredentialsIssued")


async def test_no_secret_in_logs_or_status(kube: Kube, make_lab: LabMaker, operator) -> None:
    lab = await make_lab()
    issued = await credentials(kube, lab)
    secrets = [token["token"] for token in issued["tokens"].values()]
    secrets += [login["password"] for login in issued["logins"]]
    said = operator.log + json.dumps(await read(kube, lab))
    said += json.dumps(await kube.list("Event", "course-a"))
    assert len(secrets) > 5
    assert not [secret for secret in secrets if secret in said]
