"""What the operator may not do with its own credentials, even where RBAC cannot say so."""

import pytest

from practicum.api.names import FINALIZER

from .actors import APPLY, MERGE, Object
from .cases import Case, create, delete, edit, table
from .conftest import World, until
from .objects import OURS, at, binding, pod, raw, thing

NAMESPACES = "writes and deletes only namespaces named lab-*"
OUTSIDE = "outside labs the operator writes and deletes only"
ROLE, SUBJECTS, ESCALATION = "roleRef", "subjects", "attempting to grant"
BOUND = "courses that it is bound to"
RBAC = "cannot"
SCHEDULERS = "system::leader-locking-kube-scheduler"
SELF = {"kind": "ServiceAccount", "name": "practicum", "namespace": "{system}"}
LEARNER = {"kind": "ServiceAccount", "name": "ada.learner", "namespace": "{course}"}
EVERYBODY = {
    "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:authenticated"
}  # fmt: skip
TUTOR = {
    "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "tutor@example.org"
}  # fmt: skip
USAGE = "practicum-usage-2026-11"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def namespace(name: str, labels: dict[str, str]) -> Object:
    return thing("Namespace", name, {"labels": labels})


def without(label: str) -> dict[str, str]:
    return {key: value for key, value in (OURS | RESTRICTED).items() if key != label}


def role(*rules: Object, labels: Object = OURS) -> Object:
    return thing("Role", "tried", {"labels": labels}, rules=list(rules))


WATCH = {
    "apiGroups": ["practicum.dev"], "resources": ["labenvironments"], "verbs": ["get"],
}  # fmt: skip


def of_role(name: str, bound: str) -> Object:
    body = binding(bound, LEARNER)
    reference = {**body["roleRef"], "kind": "Role"}
    return {**body, "metadata": {**body["metadata"], "name": name}, "roleRef": reference}


def token(seconds: int) -> Case:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    path = at("ServiceAccount", "{course}", "ada.learner", "token")
    refusal = "86400" if seconds > 86400 else ""
    spec = {"expirationSeconds": seconds}
    return Case(f"token for {seconds} s", "POST", path, {**body, "spec": spec}, refusal)


def alien(title: str, patch: Object, refusal: str = "", place: str = "closed") -> Case:
    """Change a lab of a namespace in which the operator is not bound."""
    return edit(title, "LabEnvironment", "alien", patch, refusal, namespace=place)


NAMESPACE_CASES = table(
    create("lab namespace", namespace("lab-x-1", OURS | RESTRICTED)),
    create("name without the prefix", namespace("x-1", OURS | RESTRICTED), NAMESPACES),
    (
        create(f"namespace without {label}", namespace("lab-x-1", without(label)), NAMESPACES)
        for label in OURS
    ),
    create("namespace without Pod Security", namespace("lab-x-1", OURS), "pod-security"),
    edit("own namespace", "Namespace", "{learner}", {"metadata": {"annotations": {"x": "1"}}}),
    edit(
        "own namespace given away",
        *("Namespace", "{learner}"),
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
        NAMESPACES,
    ),
    (
        edit(f"{name} adopted", "Namespace", name, {"metadata": {"labels": OURS}}, NAMESPACES)
        for name in ("kube-system", "{course}", "default")
    ),
    (delete(f"{name} deleted", "Namespace", name, NAMESPACES) for name in ("{course}", "{system}")),
    delete("kube-system deleted", "Namespace", "kube-system", "may not be deleted"),
    delete("own namespace deleted", "Namespace", "{learner}"),
)

RIGHTS_CASES = table(
    create("learner's role in a lab", binding("practicum-learner", LEARNER), namespace="{learner}"),
    (
        create(f"{name} bound in {place}", binding(name, who), ROLE, place)
        for name, who in (("practicum-operator-lab", SELF), ("practicum-learner", LEARNER))
        for place in ("kube-system", "{course}", "{system}")
    ),
    create("cluster-admin in a lab", binding("cluster-admin", LEARNER), ESCALATION),
    create("edit in a lab", binding("edit", LEARNER), ESCALATION),
    create("its own role for a learner", binding("practicum-operator-lab", LEARNER), SUBJECTS),
    create("everybody a learner", binding("practicum-learner", EVERYBODY), SUBJECTS),
    create("learner's Role in a course", of_role("x.learner", "x.learner"), namespace="{course}"),
    create("Role of another name", of_role("x.learner", "tutors"), ROLE, "{course}"),
    create("Role that is no learner's", of_role("tutors", "tutors"), ROLE, "{course}"),
    create("Role of the cluster", of_role("x.learner", SCHEDULERS), ESCALATION, "kube-system"),
    create("Role in a course", role(WATCH), namespace="{course}"),
    create("Role without our label", role(WATCH, labels={}), OUTSIDE, "{course}"),
    create(
        "Role beyond its own rights",
        role({"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}),
        *(ESCALATION, "{course}"),
    ),
    delete("somebody's binding in a course", "RoleBinding", "tutors", OUTSIDE, "{course}"),
    delete(
        "a binding of the cluster",
        "RoleBinding",
        SCHEDULERS,
        OUTSIDE,
        "kube-system",
    ),
    token(3600),
    token(86400),
    token(86401),
)

COURSE_CASES = table(
    create("Secret in a course", thing("Secret", meta={"labels": OURS}), namespace="{course}"),
    create("Secret without our label", thing("Secret"), OUTSIDE, "{course}"),
    delete("somebody's Secret deleted", "Secret", "tutors", OUTSIDE, "{course}"),
    edit(
        "somebody's Secret taken over",
        "Secret",
        "tutors",
        {"metadata": {"labels": OURS}},
        OUTSIDE,
        namespace="{course}",
    ),
    create(
        "Secret of a course not opted in", thing("Secret", meta={"labels": OURS}), RBAC, "closed"
    ),
    alien("a lab taken on where it is not bound", {"metadata": {"finalizers": ["a.b/c"]}}, BOUND),
    alien("a lab changed where it is not bound", {"spec": {"suspended": True}}, BOUND),
    alien("one changed in a course that goes", {"spec": {"suspended": True}}, BOUND, "going"),
    alien("one labelled there", {"metadata": {"labels": {"a": "b"}}}, BOUND, "going"),
    alien("one let go there", {"metadata": {"finalizers": None}}, place="going"),
    Case("Secret read in a course not opted in", "GET", at("Secret", "closed", "exam"), None, RBAC),
    Case("all Secrets of the cluster", "GET", at("Secret", ""), None, RBAC),
    Case("all Secrets of a course", "GET", at("Secret", "{course}"), None, RBAC),
    Case("its own root key", "GET", at("Secret", "{system}", "practicum-root-key"), None, RBAC),
    create("ConfigMap in a course", thing("ConfigMap", meta={"labels": OURS}), OUTSIDE, "{course}"),
    create("usage record", thing("ConfigMap", USAGE, {"labels": OURS}), namespace="{course}"),
    create("usage record that is not ours", thing("ConfigMap", USAGE), OUTSIDE, "{course}"),
    create("usage record elsewhere", thing("ConfigMap", USAGE, {"labels": OURS}), RBAC, "closed"),
    edit(
        "somebody's ConfigMap taken over",
        *("ConfigMap", "kube-root-ca.crt", {"metadata": {"labels": OURS}}, OUTSIDE),
        namespace="{course}",
    ),
    delete("a roster deleted", "ConfigMap", "kube-root-ca.crt", RBAC, "{course}"),
    create(
        "ConfigMap by a mistaken binding",
        thing("ConfigMap", meta={"labels": OURS}),
        OUTSIDE,
        "mistaken",
    ),
    delete("deletion by a mistaken binding", "ConfigMap", "kube-root-ca.crt", OUTSIDE, "mistaken"),
    Case("exec in a lab", "POST", at("Pod", "{platform}", "mlflow-0", "exec"), None, RBAC),
    Case(
        "a ClusterRole", "POST", raw("rbac.authorization.k8s.io/v1", "clusterroles", ""), {}, RBAC
    ),
    Case(
        "its own confinement",
        "DELETE",
        raw(
            "admissionregistration.k8s.io/v1",
            "validatingadmissionpolicies",
            "",
            "practicum-operator-confinement",
        ),
        None,
        RBAC,
    ),
    Case("the nodes", "GET", raw("v1", "nodes", ""), None, RBAC),
)


ENDLESS, PSA = "a token without an end", 'violates PodSecurity "restricted'
PROBE, RECORD = "practicum-probe", "practicum-network-policy"
TOKEN_OF = {
    "labels": OURS,
    "annotations": {"kubernetes.io/service-account.name": "default"},
}  # fmt: skip


def endless() -> Object:
    return thing("Secret", meta=TOKEN_OF, type="kubernetes.io/service-account-token")


PROBE_CASES = table(
    create("pod of the probe", pod(), namespace=PROBE),
    create("host network in the probe", pod(hostNetwork=True), PSA, PROBE),
    create("another account in the probe", pod(serviceAccountName="x"), "not found", PROBE),
    (
        create(f"{kind} beside the probe", thing(kind), RBAC, PROBE)
        for kind in ("ConfigMap", "Secret", "ServiceAccount", "Service", "NetworkPolicy")
    ),
    delete("the probe's policy", "NetworkPolicy", "closed", RBAC, PROBE),
    (create(f"pod in {place}", pod(), RBAC, place) for place in ("{system}", "{course}")),
    edit(
        *("another ConfigMap", "ConfigMap", "kube-root-ca.crt", {"data": {"x": "y"}}, OUTSIDE),
        namespace="{system}",
    ),
    create("ConfigMap of that name", thing("ConfigMap", "answers"), OUTSIDE, "{system}"),
    delete("answers deleted", "ConfigMap", "mod-506-answers", RBAC, "{system}"),
    delete("the record deleted", "ConfigMap", RECORD, RBAC, "{system}"),
    (
        create(f"token Secret in {place}", endless(), ENDLESS, place)
        for place in ("{course}", "{learner}", "{platform}")
    ),
)


@pytest.fixture(scope="module")
def strangers(world: World) -> None:
    """What others have: bindings and Secrets of a course, a course not opted in, a mistake."""
    for body in (
        namespace("closed", {}),
        namespace("going", {}),
        namespace("mistaken", {}),
    ):
        world.attempt(world.admin, "POST", at("Namespace"), body, dry_run=False)
    for kind, name, place, fields in (
        ("RoleBinding", "tutors", "{course}", binding("edit", TUTOR, labels={})),
        ("RoleBinding", "tried", "mistaken", binding("practicum-operator-lab", SELF, labels={})),
        ("Secret", "tutors", "{course}", {}),
        ("Secret", "exam", "closed", {}),
        ("LabEnvironment", "alien", "closed", {"spec": {"template": "mod-506"}}),
        ("LabEnvironment", "alien", "going", {"spec": {"template": "mod-506"}}),
    ):
        body = {**thing(kind, name), **{k: v for k, v in fields.items() if k != "metadata"}}
        answer = world.attempt(
            world.admin, "PATCH", at(kind, place, name), body,
            content_type=APPLY, dry_run=False, query={"fieldManager": "tests"},
        )  # fmt: skip
        assert answer.granted, answer
    going = at("LabEnvironment", "going", "alien")
    held = {"metadata": {"finalizers": [FINALIZER]}}
    for method, path, body in (
        ("PATCH", going, held),
        ("DELETE", at("Namespace", "", "going"), None),
    ):
        answer = world.attempt(world.admin, method, path, body, content_type=MERGE, dry_run=False)
        assert answer.granted, answer
    # A controller makes what is tried on, and the API server has to learn of the binding.
    certificate = at("ConfigMap", "mistaken", "kube-root-ca.crt")
    until(
        lambda: OUTSIDE in world.attempt(world.operator, "DELETE", certificate).message,
        "the mistaken binding gives nothing",
    )


@pytest.mark.usefixtures("strangers")
@pytest.mark.parametrize("case", [*NAMESPACE_CASES, *RIGHTS_CASES, *COURSE_CASES, *PROBE_CASES])
def test_operator(world: World, case: Case) -> None:
    case.check(world, world.operator)


@pytest.mark.usefixtures("strangers")
def test_a_namespace_with_a_forged_label_is_left_alone(world: World) -> None:
    """The prefix alone, or the label alone, makes no lab."""
    for name, labels in (("lab-foreign", {}), ("foreign", OURS)):
        body = namespace(name, labels)
        world.attempt(world.admin, "POST", at("Namespace"), body, dry_run=False)
        delete("it", "Namespace", name, NAMESPACES).check(world, world.operator)
        patch = {"metadata": {"labels": OURS | RESTRICTED}}
        answer = world.attempt(
            world.operator, "PATCH", at("Namespace", "", name), patch, content_type=MERGE
        )
        assert NAMESPACES in answer.message, answer
        assert world.attempt(
            world.admin, "DELETE", at("Namespace", "", name), dry_run=False
        ).granted
