"""Policy practicum-learner-pods and Pod Security ``restricted``: what may run, and as whom."""

import contextlib
from collections.abc import Iterator

import pytest

from .actors import JSON_PATCH, MERGE, STRATEGIC
from .cases import Case, create, edit, table
from .conftest import World
from .objects import IMAGE, LISTED_NOWHERE, WORKLOADS, at, container, pod, secured, thing, workload

IMAGES = "is not on the list"
ACCOUNT = "spec.serviceAccountName"
TOKEN = "spec.automountServiceAccountToken"
PSA = 'violates PodSecurity "restricted'
WORDS, HISTORY = "65536 that one pod may carry", "spec.revisionHistoryLimit"


def image(title: str, name: str, refusal: str = "") -> Case:
    return create(title, pod(containers=[container(image=name)]), refusal)


def kept(kind: str, revisions: int):
    body = workload(kind)
    body["spec"]["revisionHistoryLimit"] = revisions
    return body


def volume(**source: object):
    return pod(volumes=[{"name": "v", **source}])


def projected(**source: object):
    return volume(projected={"sources": [source]})


IMAGE_CASES = table(
    image("image of the list", IMAGE),
    image("image of the list, with a slash", "ghcr.io/mlflow/mlflow:v3"),
    image("image off the list", LISTED_NOWHERE, IMAGES),
    image("image of the list behind a prefix", f"evil.example/{IMAGE}", IMAGES),
    image("image of the list before a suffix", f"{IMAGE}/evil", IMAGES),
    image("image by its name alone", "busybox", IMAGES),
    image("dot read as any character", "pythonx3x11", IMAGES),
    image("another major version", "python:4.0", IMAGES),
    create(
        "image of an init container",
        pod(initContainers=[container("i", image=LISTED_NOWHERE)]),
        IMAGES,
    ),
    create("listed image of an init container", pod(initContainers=[container("i")])),
    create("image volume", volume(image={"reference": LISTED_NOWHERE}), IMAGES),
    (
        create(
            f"image in a {kind}",
            workload(kind, containers=[container(image=LISTED_NOWHERE)]),
            IMAGES,
        )
        for kind in WORKLOADS
    ),
)

IDENTITY_CASES = table(
    create("account default", pod(serviceAccountName="default")),
    create("account of a persona", pod(serviceAccountName="ada.learner"), "not found"),
    (
        create(f"another account in a {kind}", workload(kind, serviceAccountName="other"), ACCOUNT)
        for kind in WORKLOADS
    ),
    create(
        "another account by the old field", workload("Deployment", serviceAccount="other"), ACCOUNT
    ),
    create("no token wanted", pod(automountServiceAccountToken=False)),
    create("token wanted", pod(automountServiceAccountToken=True), TOKEN),
    (
        create(
            f"token wanted in a {kind}", workload(kind, automountServiceAccountToken=True), TOKEN
        )
        for kind in WORKLOADS
    ),
    create("projected token", projected(serviceAccountToken={"path": "t"}), TOKEN),
    create("projected ConfigMap", projected(configMap={"name": "x"})),
    create("projected Secret of one's own", projected(secret={"name": "x"})),
)

PLACE_CASES = table(
    create("nodeName", pod(nodeName="n"), "spec.nodeName"),
    create("nodeName in a Deployment", workload("Deployment", nodeName="n"), "spec.nodeName"),
    create(
        "toleration of a taint",
        pod(tolerations=[{"key": "gpu", "operator": "Exists"}]),
        "spec.tolerations",
    ),
    create(
        "toleration of everything", pod(tolerations=[{"operator": "Exists"}]), "spec.tolerations"
    ),
    create(
        "toleration that every pod has",
        pod(
            tolerations=[
                {
                    "key": "node.kubernetes.io/not-ready",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 5,
                }
            ]
        ),
    ),
    create(
        "priority of the system",
        pod(priorityClassName="system-cluster-critical"),
        "spec.priorityClassName",
    ),
    create(
        "priority in a Deployment",
        workload("Deployment", priorityClassName="system-node-critical"),
        "spec.priorityClassName",
    ),
    create("a minute to end", pod(terminationGracePeriodSeconds=60)),
    create("61 seconds to end", pod(terminationGracePeriodSeconds=61), "at most 60"),
    (
        create(
            f"years to end in a {kind}",
            workload(kind, terminationGracePeriodSeconds=10**9),
            "at most 60",
        )
        for kind in WORKLOADS
    ),
)

SIZE_CASES = table(
    create("a script of 64 KiB", pod(containers=[container(args=["x" * 65536])])),
    create("a longer script", pod(containers=[container(args=["x" * 65537])]), WORDS),
    create("a longer command", pod(containers=[container(command=["x" * 65537])]), WORDS),
    create(
        "a longer environment",
        pod(containers=[container(env=[{"name": n, "value": "x" * 33000} for n in "ab"])]),
        WORDS,
    ),
    create(
        "more in several containers",
        pod(
            initContainers=[container("i", args=["x" * 33000])],
            containers=[container(args=["x" * 33000])],
        ),
        WORDS,
    ),
    (
        create(
            f"a longer script in a {kind}",
            workload(kind, containers=[container(args=["x" * 65537])]),
            WORDS,
        )
        for kind in WORKLOADS
    ),
    (
        create(f"{number} old revisions of a {kind}", kept(kind, number), refusal)
        for kind in ("Deployment", "StatefulSet")
        for number, refusal in ((10, ""), (11, HISTORY), (10**6, HISTORY))
    ),
)

RESTRICTED_CASES = table(
    create("privileged", secured(privileged=True, allowPrivilegeEscalation=True), PSA),
    create("privilege escalation", secured(allowPrivilegeEscalation=True), PSA),
    create("added capability", secured(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}), PSA),
    create("capabilities kept", secured(capabilities={}), PSA),
    create("root", secured(runAsNonRoot=False, runAsUser=0), PSA),
    create("unconfined", secured(seccompProfile={"type": "Unconfined"}), PSA),
    (create(field, pod(**{field: True}), PSA) for field in ("hostNetwork", "hostPID", "hostIPC")),
    create("hostPath", volume(hostPath={"path": "/"}), PSA),
    create(
        "hostPort", pod(containers=[container(ports=[{"containerPort": 80, "hostPort": 80}])]), PSA
    ),
    create("NFS volume", volume(nfs={"server": "10.0.0.1", "path": "/"}), PSA),
    create("own claim as a volume", volume(persistentVolumeClaim={"claimName": "mine"})),
)


@pytest.mark.parametrize(
    "case", [*IMAGE_CASES, *IDENTITY_CASES, *PLACE_CASES, *SIZE_CASES, *RESTRICTED_CASES]
)
def test_learner(world: World, case: Case) -> None:
    case.check(world, world.ada)


def test_a_running_pod_is_not_bent_afterwards(world: World) -> None:
    body = pod()
    body["metadata"]["name"] = "real"
    path = "/api/v1/namespaces/{learner}/pods"
    assert world.attempt(world.ada, "POST", path, body, dry_run=False).granted
    bad = [{**container(), "image": LISTED_NOWHERE}]
    toleration = [
        {"op": "add", "path": "/spec/tolerations/-", "value": {"key": "gpu", "operator": "Exists"}}
    ]
    debug = {"ephemeralContainers": [{**container("debug"), "image": LISTED_NOWHERE}]}
    for case in (
        edit("label", "Pod", "real", {"metadata": {"labels": {"a": "b"}}}),
        edit("image", "Pod", "real", {"spec": {"containers": bad}}, IMAGES, content_type=STRATEGIC),
        edit("toleration", "Pod", "real", toleration, "spec.tolerations", content_type=JSON_PATCH),
        edit("status", "Pod", "real", {"status": {}}, "cannot patch", subresource="status"),
        edit(
            "debug",
            "Pod",
            "real",
            {"spec": debug},
            "cannot patch",
            subresource="ephemeralcontainers",
            content_type=STRATEGIC,
        ),
    ):
        case.check(world, world.ada)
    listed = edit(
        "image",
        "Pod",
        "real",
        {"spec": debug},
        IMAGES,
        subresource="ephemeralcontainers",
        content_type=STRATEGIC,
    )
    listed.check(world, world.admin)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "real"}}
    answer = world.attempt(world.ada, "POST", f"{path}/real/eviction", eviction)
    assert answer.status == 403, answer
    assert world.attempt(world.ada, "DELETE", f"{path}/real", dry_run=False).granted


def test_controllers_make_no_pod_that_a_learner_may_not(world: World) -> None:
    """A Deployment from before a policy, or one that slipped by, still yields no such pod."""
    controller = world.impersonated(
        "system:serviceaccount:kube-system:replicaset-controller", "system:serviceaccounts"
    )
    path = "/api/v1/namespaces/{learner}/pods"
    answer = world.attempt(
        controller, "POST", path, pod(containers=[container(image=LISTED_NOWHERE)])
    )
    assert IMAGES in answer.message, answer
    assert world.attempt(controller, "POST", path, pod()).granted


@contextlib.contextmanager
def listed(world: World, images: str, until: str) -> Iterator[None]:
    """Change the lab's list of images for a while; ``until`` is refused as soon as it counts."""
    namespace, path = "/api/v1/namespaces/{learner}", at("Pod")
    key = "practicum.dev/allowed-images"
    before = world.attempt(world.admin, "GET", namespace).body["metadata"]["annotations"][key]

    def put(value: str) -> None:
        patch = {"metadata": {"annotations": {key: value}}}
        answer = world.attempt(
            world.admin, "PATCH", namespace, patch, content_type=MERGE, dry_run=False
        )
        assert answer.granted, answer

    def granted() -> bool:
        return world.attempt(
            world.ada, "POST", path, pod(containers=[container(image=until)])
        ).granted

    put(images)
    try:
        while granted():  # the policy's cache of namespaces is a watch behind
            pass
        yield
    finally:
        put(before)
        while not granted():
            pass


def test_a_template_may_forbid_mutable_tags(world: World) -> None:
    digest = f"busybox@sha256:{'0' * 64}"
    with listed(world, "busybox@sha256:*", until=IMAGE):
        for case in (
            image("digest", digest),
            image("tag", IMAGE, IMAGES),
            image("no tag", "busybox", IMAGES),
            image("tag before a digest", f"{IMAGE}@sha256:{'0' * 64}", IMAGES),
            image("another name's digest", f"evil.example/{digest}", IMAGES),
        ):
            case.check(world, world.ada)


def test_a_list_that_shrank_stops_no_pod_that_runs(world: World) -> None:
    body = thing("Pod", "early", spec=pod()["spec"])
    assert world.attempt(world.ada, "POST", at("Pod"), body, dry_run=False).granted
    try:
        with listed(world, "nothing:1", until=IMAGE):
            refused = world.attempt(world.ada, "POST", at("Pod"), pod())
            assert IMAGES in refused.message
            patch = {"metadata": {"labels": {"a": "b"}}}
            edit("label", "Pod", "early", patch).check(world, world.ada)
    finally:
        path = at("Pod", "{learner}", "early")
        assert world.attempt(world.ada, "DELETE", path, dry_run=False).granted
