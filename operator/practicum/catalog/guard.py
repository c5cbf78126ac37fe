"""What a template may contain, whatever it says: a fixed allow-list of kinds and pod fields.

It works on parsed objects, after jinja, so no way of writing YAML gets round it. The operator's
own confinement policy and Pod Security ``restricted`` stand behind it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from practicum.api.kinds import KINDS
from practicum.api.names import GROUP, PLACEHOLDER
from practicum.errors import TemplateError

Object = Mapping[str, Any]

WORKLOADS: Final = ("Deployment", "StatefulSet", "Job", "CronJob")
_TOP: Final = frozenset({"apiVersion", "kind", "metadata"})
_METADATA: Final = frozenset({"name", "namespace", "labels", "annotations"})
_SERVICE: Final = frozenset({"ports", "selector", "type", "clusterIP", "publishNotReadyAddresses"})
_CLAIM: Final = frozenset({"accessModes", "resources", "storageClassName"})
_POD: Final = frozenset(
    {
        *("containers", "initContainers", "volumes", "securityContext", "restartPolicy"),
        *("terminationGracePeriodSeconds", "activeDeadlineSeconds", "enableServiceLinks"),
        *("automountServiceAccountToken", "hostname", "subdomain"),
    }
)
_VOLUMES: Final = frozenset({"name", "configMap", "secret", "emptyDir", "persistentVolumeClaim"})
_CAPABILITY_FREE: Final = frozenset({"privileged", "procMount", "seLinuxOptions"})


Rules = Mapping[str, tuple[frozenset[str], Callable[[Object], Iterator[str]]]]
"""By kind: the fields beside metadata that it may have, and what else is wrong with it."""


def check(
    body: object, *, where: str, namespaces: Collection[str], more: Rules = MappingProxyType({})
) -> None:
    """Refuse an object that no template may make.

    Args:
        body: one parsed document.
        where: what to call its origin in the message.
        namespaces: the namespaces of this lab; anything else is refused.
        more: kinds that are allowed besides.

    Raises:
        TemplateError: naming the object, the field and what is allowed.
    """
    if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
        raise TemplateError(f"{where}: every document must be an object with metadata")
    name = f"{where}: {body.get('kind')} {body['metadata'].get('name')}"
    try:
        problem = next(_problems(body, namespaces, {**_RULES, **more}), None)
    except (KeyError, TypeError, AttributeError) as error:
        problem = f"is malformed: {type(error).__name__}: {error}"
    if problem:
        raise TemplateError(f"{name}: {problem}")


def _problems(body: Object, namespaces: Collection[str], rules: Rules) -> Iterator[str]:
    kind, meta = str(body.get("kind")), body["metadata"]
    if kind not in rules:
        yield f"kind is not allowed; a template may make {', '.join(sorted(rules))}"
        return
    fields, rest = rules[kind]
    if body.get("apiVersion") != KINDS[kind].api_version:
        yield f"apiVersion must be {KINDS[kind].api_version}"
    yield from _placeholder_keys(body)
    yield from unknown(body, _TOP | fields, "")
    yield from unknown(meta, _METADATA, "metadata.")
    if not isinstance(meta.get("name"), str):
        yield "metadata.name is missing"
    if meta.get("namespace", next(iter(namespaces))) not in namespaces:
        yield f"metadata.namespace {meta['namespace']!r} is not one of this lab's"
    yield from _reserved(meta)
    yield from rest(body)


def _placeholder_keys(node: Any) -> Iterator[str]:
    """Keys are checked here as they stand, so nothing may be put into them later."""
    if isinstance(node, Mapping):
        for key, child in node.items():
            if PLACEHOLDER in str(key):
                yield f"{key}: a key cannot be made of the lab's values"
            yield from _placeholder_keys(child)
    elif isinstance(node, list):
        for child in node:
            yield from _placeholder_keys(child)


def _reserved(meta: Object) -> Iterator[str]:
    for part in ("labels", "annotations"):
        for key in meta.get(part, {}):
            if str(key).startswith(f"{GROUP}/"):
                yield f"{key}: the prefix {GROUP}/ is reserved"


def unknown(body: Object, allowed: frozenset[str], prefix: str) -> Iterator[str]:
    """Name the fields that an object has and may not have."""
    for key in body:
        if key not in allowed:
            yield f"{prefix}{key} is not allowed here"


def _config_map(_: Object) -> Iterator[str]:
    return iter(())


def _secret(body: Object) -> Iterator[str]:
    if body.get("type", "Opaque") != "Opaque":
        yield f"type {body['type']!r} is not allowed; only Opaque"


def _service(body: Object) -> Iterator[str]:
    spec = body["spec"]
    yield from unknown(spec, _SERVICE, "spec.")
    if spec.get("type", "ClusterIP") != "ClusterIP":
        yield f"spec.type {spec['type']!r} is not allowed; only ClusterIP"
    if spec.get("clusterIP", "None") != "None":
        yield "spec.clusterIP may only be None"


def _claim(body: Object) -> Iterator[str]:
    yield from unknown(body["spec"], _CLAIM, "spec.")


def _workload(body: Object) -> Iterator[str]:
    spec = body["spec"]
    if spec.get("volumeClaimTemplates"):
        yield "spec.volumeClaimTemplates cannot be changed later; use a PersistentVolumeClaim"
    template = pod_template(body)
    yield from _reserved(template.get("metadata", {}))
    pod = template["spec"]
    yield from unknown(pod, _POD, "pod spec.")
    for volume in pod.get("volumes", []):
        yield from unknown(volume, _VOLUMES, f"volume {volume.get('name')}: ")
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        yield from _container(container)


def _container(container: Object) -> Iterator[str]:
    name, context = container.get("name"), container.get("securityContext", {})
    for field in _CAPABILITY_FREE & set(context):
        yield f"container {name}: securityContext.{field} is not allowed"
    if context.get("capabilities", {}).get("add"):
        yield f"container {name}: capabilities.add is not allowed"
    if any("hostPort" in port or "hostIP" in port for port in container.get("ports", [])):
        yield f"container {name}: hostPort and hostIP are not allowed"


SPEC: Final = frozenset({"spec"})
_RULES: Final[Rules] = {
    "ConfigMap": (frozenset({"data", "binaryData", "immutable"}), _config_map),
    "Secret": (frozenset({"data", "stringData", "type"}), _secret),
    "Service": (SPEC, _service),
    "PersistentVolumeClaim": (SPEC, _claim),
    **{kind: (SPEC, _workload) for kind in WORKLOADS},
}


def pod_template(body: Object) -> dict[str, Any]:
    """Return the pod template of a workload (shared, not copied)."""
    spec = body["spec"]
    if body["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: dict[str, Any] = spec["template"]
    return template
