"""What a template may not make, one line each; what it may, and that nothing trips the guard."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from practicum.api.kinds import KINDS
from practicum.catalog import guard
from practicum.errors import TemplateError

Object = dict[str, Any]
NAMESPACES = {"<<practicum:ns.learner>>", "<<practicum:ns.platform>>"}


def check(body: object) -> None:
    guard.check(body, where="component app", namespaces=NAMESPACES)


def meta(name: str = "x", **more: Any) -> Object:
    return {"name": name, **more}


def workload(kind: str = "Deployment") -> Object:
    pod = {
        "containers": [
            {
                "name": "main",
                "image": "busybox",
                "securityContext": {"capabilities": {"drop": ["ALL"]}},
                "ports": [{"containerPort": 80}],
            }
        ],
        "initContainers": [{"name": "first", "image": "busybox"}],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "config", "configMap": {"name": "x"}},
            {"name": "secret", "secret": {"secretName": "x"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "x"}},
        ],
        "securityContext": {"runAsNonRoot": True},
        "restartPolicy": "Always",
    }
    spec: Object = {"template": {"metadata": {"labels": {"app": "x"}}, "spec": pod}}
    if kind == "CronJob":
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": spec}}
    return {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": meta(labels={"app": "x"}, namespace="<<practicum:ns.learner>>"),
        "spec": spec,
    }


def plain(kind: str, api_version: str = "v1", **body: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": meta(), **body}


ALLOWED: dict[str, Object] = {
    **{kind: workload(kind) for kind in guard.WORKLOADS},
    "ConfigMap": plain("ConfigMap", data={"a": "b"}, binaryData={}, immutable=True),
    "Secret": plain("Secret", stringData={"a": "b"}, type="Opaque"),
    "Service": plain("Service", spec={"ports": [{"port": 80}], "selector": {"app": "x"}}),
    "headless Service": plain("Service", spec={"clusterIP": "None", "type": "ClusterIP"}),
    "PersistentVolumeClaim": plain(
        "PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"], "resources": {}}
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name: str) -> None:
    before = copy.deepcopy(ALLOWED[name])
    check(ALLOWED[name])
    assert ALLOWED[name] == before


FORBIDDEN_KINDS = [
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "PersistentVolume"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("v1", "ServiceAccount"),
    ("v1", "Pod"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("v1", "Endpoints"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("policy/v1", "PodDisruptionBudget"),
    ("v1", "List"),
    ("v1", "ConfigMapList"),
    ("practicum.dev/v1alpha1", "LabEnvironment"),
    ("v1", None),
]


@pytest.mark.parametrize(("api_version", "kind"), FORBIDDEN_KINDS)
def test_forbidden_kinds(api_version: str, kind: str) -> None:
    with pytest.raises(TemplateError, match=f"^component app: {kind} x: kind is not allowed"):
        check(plain(kind, api_version, data={}))


def pod_of(body: Object) -> Object:
    pod: Object = guard.pod_template(body)["spec"]
    return pod


def main_of(body: Object) -> Object:
    container: Object = pod_of(body)["containers"][0]
    return container


def in_pod(**fields: Any) -> Callable[[Object], None]:
    return lambda body: pod_of(body).update(fields)


def volume(**source: Any) -> Callable[[Object], None]:
    return lambda body: pod_of(body)["volumes"].append({"name": "bad", **source})


def in_container(**fields: Any) -> Callable[[Object], None]:
    return lambda body: main_of(body).update(fields)


def first_container(**fields: Any) -> Callable[[Object], None]:
    return lambda body: pod_of(body)["initContainers"][0].update(fields)


POD_CHANGES: dict[str, tuple[str, Callable[[Object], None]]] = {
    "hostNetwork": ("hostNetwork", in_pod(hostNetwork=True)),
    "hostNetwork, even off": ("hostNetwork", in_pod(hostNetwork=False)),
    "hostPID": ("hostPID", in_pod(hostPID=True)),
    "hostIPC": ("hostIPC", in_pod(hostIPC=True)),
    "hostUsers": ("hostUsers", in_pod(hostUsers=True)),
    "hostAliases": ("hostAliases", in_pod(hostAliases=[])),
    "nodeName": ("nodeName", in_pod(nodeName="node-1")),
    "nodeSelector": ("nodeSelector", in_pod(nodeSelector={})),
    "tolerations": ("tolerations", in_pod(tolerations=[{"operator": "Exists"}])),
    "affinity": ("affinity", in_pod(affinity={})),
    "schedulerName": ("schedulerName", in_pod(schedulerName="mine")),
    "priorityClassName": (
        "priorityClassName",
        in_pod(priorityClassName="system-node-critical"),
    ),
    "runtimeClassName": ("runtimeClassName", in_pod(runtimeClassName="x")),
    "serviceAccountName": ("serviceAccountName", in_pod(serviceAccountName="admin")),
    "serviceAccount": ("serviceAccount", in_pod(serviceAccount="admin")),
    "imagePullSecrets": ("imagePullSecrets", in_pod(imagePullSecrets=[])),
    "shareProcessNamespace": ("shareProcessNamespace", in_pod(shareProcessNamespace=True)),
    "ephemeralContainers": ("ephemeralContainers", in_pod(ephemeralContainers=[])),
    "dnsConfig": ("dnsConfig", in_pod(dnsConfig={})),
    "resourceClaims": ("resourceClaims", in_pod(resourceClaims=[])),
    "hostPath": ("hostPath", volume(hostPath={"path": "/"})),
    "projected": ("projected", volume(projected={"sources": []})),
    "downwardAPI": ("downwardAPI", volume(downwardAPI={})),
    "csi": ("csi", volume(csi={"driver": "x"})),
    "nfs": ("nfs", volume(nfs={"server": "x", "path": "/"})),
    "ephemeral": ("ephemeral", volume(ephemeral={})),
    "iscsi beside emptyDir": ("iscsi", volume(emptyDir={}, iscsi={})),
    "image volume": ("image", volume(image={"reference": "x"})),
    "privileged": ("privileged", in_container(securityContext={"privileged": True})),
    "privileged, even off": ("privileged", in_container(securityContext={"privileged": False})),
    "privileged init": ("privileged", first_container(securityContext={"privileged": True})),
    "procMount": ("procMount", in_container(securityContext={"procMount": "Unmasked"})),
    "seLinuxOptions": ("seLinuxOptions", in_container(securityContext={"seLinuxOptions": {}})),
    "added capability": (
        "capabilities.add",
        in_container(securityContext={"capabilities": {"add": ["NET_BIND_SERVICE"]}}),
    ),
    "hostPort": ("hostPort", in_container(ports=[{"containerPort": 80, "hostPort": 80}])),
    "hostIP": ("hostIP", in_container(ports=[{"containerPort": 80, "hostIP": "0.0.0.0"}])),
    "hostPort of an init": ("hostPort", first_container(ports=[{"hostPort": 80}])),
}


@pytest.mark.parametrize("kind", guard.WORKLOADS)
@pytest.mark.parametrize("name", POD_CHANGES)
def test_forbidden_in_pods(kind: str, name: str) -> None:
    needle, change = POD_CHANGES[name]
    body = workload(kind)
    change(body)
    with pytest.raises(TemplateError) as caught:
        check(body)
    assert str(caught.value).startswith(f"component app: {kind} x: ")
    assert needle in str(caught.value)


def service(**spec: Any) -> Object:
    return plain("Service", spec={"ports": [{"port": 80}], **spec})


def claim(**spec: Any) -> Object:
    return plain("PersistentVolumeClaim", spec={"accessModes": [], **spec})


def with_meta(**fields: Any) -> Object:
    body = plain("ConfigMap")
    body["metadata"].update(fields)
    return body


FORBIDDEN_FIELDS: dict[str, tuple[str, Object]] = {
    "NodePort": ("NodePort", service(type="NodePort")),
    "LoadBalancer": ("LoadBalancer", service(type="LoadBalancer")),
    "ExternalName": ("ExternalName", service(type="ExternalName")),
    "externalName": ("externalName", service(externalName="example.org")),
    "externalIPs": ("externalIPs", service(externalIPs=["192.0.2.1"])),
    "loadBalancerIP": ("loadBalancerIP", service(loadBalancerIP="192.0.2.1")),
    "loadBalancerClass": ("loadBalancerClass", service(loadBalancerClass="x")),
    "healthCheckNodePort": ("healthCheckNodePort", service(healthCheckNodePort=1)),
    "a wished cluster IP": ("clusterIP", service(clusterIP="10.96.0.10")),
    "clusterIPs": ("clusterIPs", service(clusterIPs=["10.96.0.10"])),
    "service-account token": (
        "service-account-token",
        plain("Secret", type="kubernetes.io/service-account-token"),
    ),
    "bootstrap token": ("bootstrap", plain("Secret", type="bootstrap.kubernetes.io/token")),
    "docker config": ("dockerconfig", plain("Secret", type="kubernetes.io/dockerconfigjson")),
    "volumeName": ("volumeName", claim(volumeName="pv-of-others")),
    "dataSource": ("dataSource", claim(dataSource={})),
    "dataSourceRef": ("dataSourceRef", claim(dataSourceRef={"namespace": "other"})),
    "claim selector": ("selector", claim(selector={})),
    "volumeMode": ("volumeMode", claim(volumeMode="Block")),
    "another namespace": ("'kube-system'", with_meta(namespace="kube-system")),
    "finalizers": ("finalizers", with_meta(finalizers=["x/y"])),
    "ownerReferences": ("ownerReferences", with_meta(ownerReferences=[])),
    "generateName": ("generateName", with_meta(generateName="x-")),
    "uid": ("uid", with_meta(uid="x")),
    "reserved label": ("practicum.dev/lab-uid", with_meta(labels={"practicum.dev/lab-uid": "x"})),
    "reserved annotation": (
        "practicum.dev/adopt",
        with_meta(annotations={"practicum.dev/adopt": "x"}),
    ),
    "status": ("status", plain("ConfigMap", status={})),
    "no name": ("metadata.name", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
    "name of a number": ("metadata.name", plain("ConfigMap") | {"metadata": {"name": 5}}),
    "wrong version": ("apiVersion must be apps/v1", workload() | {"apiVersion": "v1"}),
}


@pytest.mark.parametrize("name", FORBIDDEN_FIELDS)
def test_forbidden_fields(name: str) -> None:
    needle, body = FORBIDDEN_FIELDS[name]
    with pytest.raises(TemplateError) as caught:
        check(body)
    assert needle in str(caught.value)


def test_volume_claim_templates_are_refused() -> None:
    body = workload("StatefulSet")
    body["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}]
    with pytest.raises(TemplateError, match=r"volumeClaimTemplates.*PersistentVolumeClaim"):
        check(body)


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_reserved_prefix_is_refused_on_pods_too(part: str) -> None:
    body = workload()
    body["spec"]["template"]["metadata"][part] = {"practicum.dev/job": "x"}
    with pytest.raises(TemplateError, match=r"practicum\.dev/job"):
        check(body)


@pytest.mark.parametrize(
    "body",
    [
        workload()
        | {
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {"name": "main", "securityContext": {"<<practicum:lab.name>>": True}}
                        ]
                    }
                }
            }
        },
        plain("ConfigMap") | {"metadata": meta(labels={"<<practicum:lab.learner>>/side": "x"})},
    ],
    ids=["a lab named privileged", "a learner named practicum.dev"],
)
def test_placeholders_are_no_field_names(body: Object) -> None:
    """They are replaced after the guard has looked, in keys too."""
    with pytest.raises(TemplateError):
        check(body)


@pytest.mark.parametrize("body", [None, 5, "text", [], {}, {"kind": "ConfigMap"}, {"metadata": 1}])
def test_what_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(TemplateError, match="component app: every document must be an object"):
        check(body)


WRONG: tuple[Any, ...] = (None, True, 5, "text", [], {}, [None], ["x"], {"x": None})


@pytest.mark.parametrize("name", ALLOWED)
def test_malformed_objects_are_refused_or_pass_but_never_crash(name: str) -> None:
    """Anything may stand where the guard expects a mapping or a list."""
    crashed = {}
    for wrong, (*way, last) in itertools.product(WRONG, _paths(ALLOWED[name])):
        body = copy.deepcopy(ALLOWED[name])
        node = body
        for step in way:
            node = node[step]
        node[last] = wrong
        try:
            check(body)
        except TemplateError:
            continue
        except Exception as error:
            crashed[f"{'.'.join(str(step) for step in (*way, last))} = {wrong}"] = repr(error)
    assert crashed == {}


def _paths(node: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = list(enumerate(node) if isinstance(node, list) else node.items())
    found = [(*prefix, key) for key, _ in items]
    for key, child in items:
        if isinstance(child, dict | list):
            found += _paths(child, (*prefix, key))
    return found
