"""What a template may give to a learner as their own: it reaches no further than its lab."""

import copy
from typing import Any

import pytest

from practicum.catalog import exhibits, guard, render
from practicum.catalog.render import Choice
from practicum.errors import TemplateError
from tests import samples

Object = dict[str, Any]
SPACES = ["<<practicum:ns.learner>>", "<<practicum:ns.team-a>>"]
OWN_LAB = {"practicum.dev/lab-uid": "<<practicum:lab.uid>>"}
PODS = {"podSelector": {"matchLabels": {"app": "web"}}}
ACCOUNT = {
    "kind": "ServiceAccount",
    "name": "<<practicum:account:lead>>",
    "namespace": "<<practicum:lab.course>>",
}
RBAC = "rbac.authorization.k8s.io"


def thing(kind: str, api_version: str = "v1", meta: Object | None = None, **body: Any) -> Object:
    metadata = {"name": "x", **(meta or {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def policy(**spec: Any) -> Object:
    return thing("NetworkPolicy", "networking.k8s.io/v1", spec={"podSelector": {}, **spec})


def binding(
    role: str = "practicum-tenant-viewer", kind: str = "ClusterRole", **subject: Any
) -> Object:
    reference = {"apiGroup": RBAC, "kind": kind, "name": role}
    subjects = [{**ACCOUNT, **subject}]
    return thing("RoleBinding", f"{RBAC}/v1", roleRef=reference, subjects=subjects)


def namespaces(**selector: Any) -> Object:
    return {"namespaceSelector": selector}


def refusal(body: object) -> str:
    """Return why an object is refused; empty: it is not."""
    before = copy.deepcopy(body)
    try:
        exhibits.check(body, where="component app", namespaces=SPACES)
    except TemplateError as error:
        assert str(error).startswith("component app, exhibit: ")
        return str(error)
    assert body == before
    return ""


@pytest.mark.parametrize(
    "body",
    [
        thing("ConfigMap", data={"a": "b"}),
        thing("ConfigMap", meta={"namespace": "<<practicum:ns.team-a>>"}),
        thing("ResourceQuota", spec={"hard": {"pods": "2"}}),
        thing("LimitRange", spec={"limits": [{"type": "Pod"}]}),
        policy(),
        policy(policyTypes=["Ingress", "Egress"]),
        policy(ingress=[{"from": [PODS]}], egress=[{"to": [PODS], "ports": [{"port": 80}]}]),
        policy(ingress=[{"from": [{"podSelector": {}}]}]),
        policy(ingress=[{"from": [namespaces(matchLabels=OWN_LAB)]}]),
        policy(ingress=[{"from": [namespaces(matchLabels={**OWN_LAB, "a": "b"}) | PODS]}]),
        policy(egress=[]),
        binding(),
        binding("practicum-tenant-developer"),
        {**binding(), "subjects": []},
    ],
)
def test_allowed(body: Object) -> None:
    assert refusal(body) == ""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (policy(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]), "ipBlock"),
        (policy(egress=[{"to": [PODS, {"ipBlock": {"cidr": "0.0.0.0/0"}}]}]), "ipBlock"),
        (policy(ingress=[{}]), "a rule without from means everybody"),
        (policy(ingress=[{"from": []}]), "a rule without from"),
        (policy(ingress=[{"from": [PODS]}, {"ports": [{"port": 80}]}]), "a rule without from"),
        (policy(egress=[{"ports": [{"port": 80}]}]), "a rule without to"),
        (policy(egress=[{"from": [PODS]}]), "a rule without to"),
        (policy(ingress=[{"from": [namespaces()]}]), "namespaceSelector: add matchLabels"),
        (policy(ingress=[{"from": [{"namespaceSelector": None}]}]), "namespaceSelector"),
        (
            policy(egress=[{"to": [namespaces(matchLabels={"practicum.dev/lab-uid": "x"})]}]),
            "practicum.dev/lab-uid: {{ lab.uid }}",
        ),
        (
            policy(
                ingress=[
                    {"from": [namespaces(matchLabels={"kubernetes.io/metadata.name": "default"})]}
                ]
            ),
            "namespaceSelector",
        ),
        (
            policy(
                ingress=[
                    {
                        "from": [
                            namespaces(
                                matchExpressions=[
                                    {"key": "practicum.dev/lab-uid", "operator": "Exists"}
                                ]
                            )
                        ]
                    }
                ]
            ),
            "namespaceSelector",
        ),
        (policy(extra=1), "spec.extra is not allowed"),
    ],
)
def test_network_policies_stay_within_the_lab(body: Object, said: str) -> None:
    assert said in refusal(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (binding("cluster-admin"), "roleRef: only ClusterRoles practicum-tenant-developer"),
        (binding("practicum-tenancy-admin"), "roleRef"),
        (binding("practicum-learner"), "roleRef"),
        (binding("practicum-tenant-viewer", "Role"), "roleRef"),
        (binding(name="default"), "subjects: only accounts of the lab"),
        (binding(name="ada.learner"), "subjects: only accounts of the lab"),
        (binding(name="system:<<practicum:account:lead>>"), "subjects: only accounts"),
        ({**binding(), "subjects": [{**ACCOUNT, "kind": "User"}]}, "subjects: only accounts"),
        ({**binding(), "subjects": [ACCOUNT, {**ACCOUNT, "kind": "Group"}]}, "subjects: only"),
        # Accounts of the lab "<this one's name>.b", for names of labs may have dots.
        (binding(name="<<practicum:account:b>>.learner"), "subjects: only accounts of the lab"),
        (binding(name="<<practicum:account:b.learner>>"), "subjects: only accounts of the lab"),
        (binding(namespace="kube-system"), "subjects: accounts of the lab lie in"),
        (binding(namespace="<<practicum:ns.learner>>"), "subjects: accounts of the lab lie in"),
    ],
)
def test_bindings_are_of_the_labs_own_people(body: Object, said: str) -> None:
    assert said in refusal(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (thing("ConfigMap", meta={"namespace": "<<practicum:ns.platform>>"}), "is not one of this"),
        (thing("ConfigMap", meta={"namespace": "kube-system"}), "is not one of this"),
        (thing("ConfigMap", meta={"labels": {"practicum.dev/lab": "x"}}), "is reserved"),
        (thing("ConfigMap", meta={"annotations": {"practicum.dev/x": "y"}}), "is reserved"),
        (thing("ConfigMap", meta={"finalizers": ["a/b"]}), "metadata.finalizers is not allowed"),
        (thing("ConfigMap", meta={"ownerReferences": []}), "metadata.ownerReferences"),
        (thing("ConfigMap", data={"<<practicum:ns.learner>>": "x"}), "a key cannot be made"),
        (thing("ServiceAccount"), "kind is not allowed"),
        (thing("Role", f"{RBAC}/v1", rules=[]), "kind is not allowed"),
        (thing("Namespace"), "kind is not allowed"),
        (thing("Pod", spec={}), "kind is not allowed"),
        (thing("ResourceQuota", status={}), "status is not allowed"),
        (thing("NetworkPolicy", "networking.k8s.io/v1beta1", spec={}), "apiVersion must be"),
        (policy(ingress=[{"from": [3]}]), "is malformed"),
        (thing("RoleBinding", f"{RBAC}/v1"), "is malformed"),
        (policy(ingress=3), "is malformed"),
        ("text", "every document must be an object"),
    ],
)
def test_what_no_template_may_give(body: object, said: str) -> None:
    assert said in refusal(body)


@pytest.mark.parametrize("kind", ["ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding"])
def test_what_designs_tenancy_is_no_part_of_the_lab_itself(kind: str) -> None:
    with pytest.raises(TemplateError, match="kind is not allowed"):
        guard.check(thing(kind, spec={}), where="component app", namespaces=SPACES)


TENANTS = {
    "tenants": [{"name": "team-a"}],
    "sizes": {
        "small": {"quota": dict.fromkeys(("learner", "platform", "team-a"), samples.QUOTA)},
    },
}
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: x, namespace: {space}}}
"""


async def rendered(space: str, part: str) -> list[Any]:
    text = MANIFEST.format(space=space)
    component = {"name": "app", part: [{"path": "a.yaml.j2", "content": text}]}
    spec = samples.template(components=[component], **TENANTS)
    return await render.render(spec, Choice("small", {}, {}))


async def test_an_exhibit_is_rendered_as_one() -> None:
    (exhibit,) = await rendered("{{ ns['team-a'] }}", "exhibits")
    assert exhibit.exhibit and exhibit.body["metadata"]["namespace"] == SPACES[1]
    (own,) = await rendered("{{ ns.platform }}", "manifests")
    assert not own.exhibit


async def test_the_platforms_side_is_nobodys_to_exhibit_in() -> None:
    with pytest.raises(TemplateError, match="is not one of this lab's"):
        await rendered("{{ ns.platform }}", "exhibits")
