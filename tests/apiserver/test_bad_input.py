"""Bad input is refused by the API server, or shown with a remedy; nothing is half-created."""

import asyncio
from typing import Any

import pytest

from practicum.api.names import API_VERSION
from practicum.errors import Conflict, Forbidden, Invalid
from practicum.kube.client import Kube, Object
from practicum.reconcile.apply import Applier
from practicum.reconcile.inventory import Inventory

from .conftest import LabMaker, condition, lab_body, namespaces, read, told, until

pytestmark = pytest.mark.usefixtures("operator")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ttl": "5s"}, "spec.ttl must be at least"),
        ({"ttl": "9999h"}, "spec.ttl must be at most 2160h"),
        ({"ttl": "soon"}, "spec.ttl"),
        ({"ttl": "8 h"}, "spec.ttl"),
        ({"ttl": "-8h"}, "spec.ttl"),
        ({"ttl": 8}, "spec.ttl"),
        ({"ttl": ""}, "spec.ttl"),
        ({"learner": {"id": ""}}, "spec.learner.id"),
        ({"learner": {"id": "x" * 300}}, "spec.learner.id"),
        ({"learner": {"id": "two words"}}, "spec.learner.id"),
        ({"learner": {"id": "a", "displayName": "x" * 200}}, "displayName"),
        ({"learner": {"id": "a", "subjects": [{"name": "system:admin"}]}}, "system:"),
        (
            {"learner": {"id": "a", "subjects": [{"kind": "ServiceAccount", "name": "b"}]}},
            "Unsupported value",
        ),
        ({"learner": {"id": "a", "subjects": [{"name": f"u{n}"} for n in range(9)]}}, "subjects"),
        ({"personas": {"ds": {"subject": {"name": "system:masters"}}}}, "system:"),
        ({"template": ""}, "spec.template"),
        ({"template": "Not A Name"}, "spec.template"),
        ({"size": "x" * 64}, "spec.size"),
        ({"onExpiry": "Explode"}, "spec.onExpiry"),
        ({"parameters": {"dataset": "x" * 257}}, "spec.parameters"),
        ({"parameters": {f"p{n}": 1 for n in range(33)}}, "spec.parameters"),
        ({"parameters": {"dataset": ["a", "list"]}}, "spec.parameters"),
    ],
)
async def test_refused_by_the_api_server(kube: Kube, spec: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        await kube.create(lab_body("bad", **spec))


async def test_a_long_name_is_refused(kube: Kube) -> None:
    with pytest.raises(Invalid, match="at most 52 characters"):
        await kube.create(lab_body("x" * 53))


async def test_unknown_fields_are_refused_by_a_strict_client(kube: Kube) -> None:
    body = lab_body("bad", namespace="kube-system")
    path = "/apis/practicum.dev/v1alpha1/namespaces/course-a/labenvironments"
    with pytest.raises(Invalid, match="unknown field"):
        await kube.request("POST", path, query={"fieldValidation": "Strict"}, body=body)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"template": "mod-504"}, "spec.template cannot change: create another"),
        ({"parameters": {"dataset": "card-fraud"}}, "spec.parameters cannot change"),
        ({"learner": {"id": "somebody-else"}}, "spec.learner is set once"),
        ({"learner": None}, "spec.learner is set once"),
    ],
)
async def test_an_immutable_field_stays(
    kube: Kube, make_lab: LabMaker, edit: dict[str, Any], message: str
) -> None:
    lab = await make_lab()
    with pytest.raises(Invalid, match=message):
        await kube.merge_patch(
            "LabEnvironment", "course-a", lab["metadata"]["name"], {"spec": edit}
        )


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        ({"template": "mod-999"}, "TemplateNotFound", "mod-999"),
        ({"ttl": "100h"}, "TTLAboveMaximum", "set at most 72h"),
        ({"size": "gigantic"}, "SizeUnknown", "spec.size 'gigantic' is not one of"),
        ({"parameters": {"dataset": "iris"}}, "ParametersInvalid", "spec.parameters.dataset"),
        ({"parameters": {"colour": "red"}}, "ParametersInvalid", "spec.parameters.colour"),
    ],
)
async def test_what_only_the_operator_can_know(
    kube: Kube, make_lab: LabMaker, spec: dict[str, Any], reason: str, message: str
) -> None:
    lab = await make_lab(**spec)
    found = await until(kube, lab, "Accepted", "False", reason=reason)
    assert message in found["message"]
    now = await read(kube, lab)
    assert now["status"]["phase"] == "Failed"
    assert "finalizers" not in now["metadata"]
    await nothing_was_made(kube, lab)
    await told(kube, lab, reason)


async def test_a_namespace_that_is_no_course(kube: Kube) -> None:
    stranger: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stranger"}}
    await kube.create(stranger)
    lab = await kube.create(lab_body("alice", "stranger"))
    found = await until(kube, lab, "Accepted", "False", reason="CourseNotEnabled")
    assert "courses" in found["message"]
    await nothing_was_made(kube, lab)
    await told(kube, lab, "CourseNotEnabled")
    await kube.delete("LabEnvironment", "stranger", "alice")


GREEDY = {
    "a pod of the node's own network": """
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec: {hostNetwork: true, containers: []}
""",
    "a cluster-scoped kind": """
apiVersion: v1
kind: Namespace
metadata: {name: greedy}
""",
    "a ClusterRole": """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: greedy}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
""",
    "a RoleBinding": """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: greedy}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: default}]
""",
    "a webhook": """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: greedy}
webhooks: []
""",
    "an admission policy's binding": """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: greedy}
spec: {policyName: practicum-learner-pods, validationActions: [Audit]}
""",
    "a token Secret": """
apiVersion: v1
kind: Secret
metadata: {name: greedy}
type: kubernetes.io/service-account-token
""",
    "another namespace": """
apiVersion: v1
kind: ConfigMap
metadata: {name: greedy, namespace: kube-system}
""",
    "the course's namespace": """
apiVersion: v1
kind: ConfigMap
metadata: {name: greedy, namespace: course-a}
""",
    "a list of such things": """
apiVersion: v1
kind: List
metadata: {name: greedy}
items: [{apiVersion: v1, kind: Namespace, metadata: {name: greedy}}]
""",
    "another document behind a harmless one": """
apiVersion: v1
kind: ConfigMap
metadata: {name: harmless}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: greedy}
""",
}


@pytest.mark.parametrize("what", GREEDY)
async def test_a_template_that_asks_for_too_much(kube: Kube, make_lab: LabMaker, what: str) -> None:
    """Refused as a whole, before anything of the lab exists, and the object is named."""
    name = f"greedy-{list(GREEDY).index(what)}"
    await kube.create(template(name, GREEDY[what]))
    lab = await make_lab(template=name, parameters={})
    found = await until(kube, lab, "Accepted", "False", reason="TemplateInvalid")
    assert " greedy: " in found["message"]
    await nothing_was_made(kube, lab)
    assert await nothing_greedy(kube)
    await kube.delete("LabTemplate", "course-a", name)


async def nothing_greedy(kube: Kube) -> bool:
    """Whether no object of a greedy template exists anywhere."""
    paths = [
        *("/api/v1/configmaps", "/api/v1/secrets", "/api/v1/pods", "/api/v1/namespaces"),
        *("/api/v1/serviceaccounts", "/apis/rbac.authorization.k8s.io/v1/rolebindings"),
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    ]
    found = [await kube.request("GET", path) for path in paths]
    names = {body["metadata"]["name"] for page in found for body in page["items"]}
    assert "practicum-operator" in names, "the listing saw nothing at all"
    return names.isdisjoint({"greedy", "harmless"})


async def test_an_edit_above_the_maximum_leaves_the_end_where_it_was(
    kube: Kube, make_lab: LabMaker
) -> None:
    lab = await make_lab(ttl="2h")
    await until(kube, lab, "CredentialsIssued")
    before = (await read(kube, lab))["status"]["expiresAt"]
    name = lab["metadata"]["name"]
    await kube.merge_patch("LabEnvironment", "course-a", name, {"spec": {"ttl": "100h"}})
    await until(kube, lab, "Accepted", "False", reason="TTLAboveMaximum")
    status = (await read(kube, lab))["status"]
    assert status["expiresAt"] == before
    assert (await condition(kube, lab, "CredentialsIssued"))["status"] == "True"


async def test_a_namespace_that_is_not_the_labs_is_never_adopted(
    kube: Kube, make_lab: LabMaker
) -> None:
    lab, other = await make_lab(), await make_lab()
    learner, _ = await namespaces(kube, lab)
    await until(kube, lab, "CredentialsIssued")
    await relabel(kube, learner, other["metadata"]["uid"])
    found = await until(kube, lab, "NamespacesReady", "False", reason="NamespaceTaken")
    assert learner in found["message"]
    labels = (await kube.get("Namespace", "", learner))["metadata"]["labels"]
    assert labels["practicum.dev/lab-uid"] == other["metadata"]["uid"]
    await relabel(kube, learner, lab["metadata"]["uid"])
    await until(kube, lab, "NamespacesReady")


async def relabel(kube: Kube, namespace: str, uid: str) -> None:
    labels = {"practicum.dev/lab-uid": uid}
    await kube.merge_patch("Namespace", "", namespace, {"metadata": {"labels": labels}})


async def test_what_became_of_a_namespace_after_it_was_read_is_not_overwritten(kube: Kube) -> None:
    meta = {"name": "lab-taken-123456", "labels": {"practicum.dev/lab-uid": "its-lab"}}
    desired = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    live = await kube.create(desired)
    applier = Applier(kube, Inventory())
    await applier.apply_to(live, desired)
    live = await kube.get("Namespace", "", "lab-taken-123456")
    await relabel(kube, "lab-taken-123456", "another-lab")
    with pytest.raises(Conflict):
        await applier.apply_to(live, desired)
    kept = (await kube.get("Namespace", "", "lab-taken-123456"))["metadata"]["labels"]
    assert kept["practicum.dev/lab-uid"] == "another-lab"
    await kube.delete("Namespace", "", "lab-taken-123456")


async def test_the_refused_can_be_mended(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab(size="gigantic")
    await until(kube, lab, "Accepted", "False")
    name = lab["metadata"]["name"]
    await kube.merge_patch("LabEnvironment", "course-a", name, {"spec": {"size": "standard"}})
    await until(kube, lab, "CredentialsIssued")
    await until(kube, lab, "Accepted")


async def test_a_template_that_appears_later_is_found(kube: Kube, make_lab: LabMaker) -> None:
    lab = await make_lab(template="late", parameters={})
    await until(kube, lab, "Accepted", "False", reason="TemplateNotFound")
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello}\n"
    await kube.create(template("late", config_map))
    await until(kube, lab, "Ready", seconds=20)
    await kube.delete("LabTemplate", "course-a", "late")


@pytest.mark.usefixtures("operator")
async def test_the_learner_cannot_forge_status(kube: Kube, make_lab: LabMaker, as_learner) -> None:
    lab = await make_lab()
    client = await as_learner(lab)
    path = f"/apis/{API_VERSION}/namespaces/course-a/labenvironments/{lab['metadata']['name']}"
    with pytest.raises(Forbidden):
        await client.request(
            "PATCH",
            f"{path}/status",
            body={"status": {"phase": "Ready"}},
            content_type="application/merge-patch+json",
        )


def template(name: str, manifest: str) -> Object:
    quota = {"compute": {"pods": "5"}, "jobs": {"pods": "1"}, "storage": {}}
    component = {"name": "main", "manifests": [{"path": "main.yaml.j2", "content": manifest}]}
    return {
        "apiVersion": API_VERSION,
        "kind": "LabTemplate",
        "metadata": {"name": name, "namespace": "course-a"},
        "spec": {
            "title": name,
            "defaultSize": "small",
            "sizes": {"small": {"quota": {"learner": quota, "platform": quota}}},
            "components": [component],
        },
    }


async def nothing_was_made(kube: Kube, lab: Object) -> None:
    await asyncio.sleep(0.5)
    selector = f"practicum.dev/lab-uid={lab['metadata']['uid']}"
    for kind in ("Namespace", "ServiceAccount", "RoleBinding", "Role", "Secret"):
        assert await kube.list(kind, labels=selector) == []
