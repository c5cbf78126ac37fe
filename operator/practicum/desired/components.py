"""Binds a rendered template to one lab: names and passwords in, labels and safety on."""

import base64
import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from practicum.api import names
from practicum.api.canonical import digest
from practicum.api.labtemplate import LEARNER, Side
from practicum.desired import access, release
from practicum.desired.lab import Lab, Object
from practicum.errors import TemplateError

_PLACEHOLDER: Final = re.compile(names.PLACEHOLDER + "([^<>]+)>>")
_CONFIG: Final = ("ConfigMap", "Secret", "PersistentVolumeClaim", "Service")
_SCALED: Final = ("Deployment", "StatefulSet")
_REFERENCES: Final = {
    **dict.fromkeys(("configMap", "configMapRef", "configMapKeyRef"), "ConfigMap"),
    **dict.fromkeys(("secret", "secretRef", "secretKeyRef"), "Secret"),
}


class Rendered(Protocol):
    """One object of a template with placeholders in it (``catalog.render.Rendered``)."""

    @property
    def component(self) -> str:
        """Name of the component it belongs to."""

    @property
    def placement(self) -> Side:
        """Side it lies on unless it says otherwise."""

    @property
    def exhibit(self) -> bool:
        """Whether it becomes the learner's own."""

    @property
    def body(self) -> dict[str, Any]:
        """The object."""


def bind(lab: Lab, rendered: Iterable[Rendered]) -> tuple[list[Object], list[Object]]:
    """Return the lab's component objects as (configuration, workloads), in that order of need.

    Raises:
        TemplateError: a placeholder is unknown.
    """
    kept = [item for item in rendered if not item.exhibit]
    bound = [_labelled(lab, item, _substituted(lab, item.body)) for item in kept]
    contents = _contents(bound)
    configs = [body for body in bound if body["kind"] in _CONFIG]
    workloads = [_finished(lab, body, contents) for body in bound if body["kind"] not in _CONFIG]
    return [*_endpoints(lab), *_tasks(lab), *configs], workloads


def exhibits(lab: Lab, rendered: Iterable[Rendered]) -> list[Object]:
    """Return what becomes the learner's own: as it is written, with the lab's names in it.

    Raises:
        TemplateError: a placeholder is unknown.
    """
    made = [_substituted(lab, item.body) for item in rendered if item.exhibit]
    for body in made:
        body["metadata"].setdefault("namespace", lab.namespaces[LEARNER])
    return made


def _substituted(lab: Lab, body: Mapping[str, Any]) -> Object:
    values = {f"ns.{side}": namespace for side, namespace in lab.namespaces.items()}
    learner = lab.resource.spec.learner
    values |= {"policy.bundles": release.bundles(lab)}
    values |= {"lab.name": lab.name, "lab.learner": learner.id if learner else ""}
    values |= {"lab.course": lab.course, "lab.uid": lab.uid}
    values |= {"approvals": lab.approvals}

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        return _derived(lab, name)

    def walk(node: Any) -> Any:
        if isinstance(node, str):
            return _PLACEHOLDER.sub(value, node)
        if isinstance(node, Mapping):
            return {walk(key): walk(child) for key, child in node.items()}
        if isinstance(node, list):
            return [walk(child) for child in node]
        return copy.copy(node)

    result: Object = walk(body)
    return result


def _derived(lab: Lab, name: str) -> str:
    """Return what a placeholder with a parameter stands for."""
    kind, _, parameter = name.partition(":")
    if kind == "secret":
        return lab.password(parameter)
    if kind == "released":
        return release.policies(lab, parameter)
    if kind == "account":
        return access.account(lab, parameter)
    raise TemplateError(f"unknown placeholder {name!r}")


def _labelled(lab: Lab, item: Rendered, body: Object) -> Object:
    meta = body["metadata"]
    meta.setdefault("namespace", lab.namespaces[item.placement])
    meta["labels"] = {**meta.get("labels", {}), **lab.labels(**{names.COMPONENT: item.component})}
    if body["kind"] == "Service" and body["spec"].get("selector"):
        body["spec"]["selector"][names.COMPONENT] = item.component
    if body["kind"] in _SCALED:
        # Nobody else can bear this label, so neither a Service nor a scaling finds a stranger.
        selector = (body["spec"].get("selector") or {}).get("matchLabels")
        if not selector:
            raise TemplateError(
                f"{body['kind']} {meta['name']}: spec.selector.matchLabels is empty"
            )
        selector[names.COMPONENT] = item.component
    if body["kind"] == "Secret":
        text = body.pop("stringData", {})
        encoded = {
            key: base64.b64encode(str(value).encode()).decode() for key, value in text.items()
        }
        body["data"] = {**body.get("data", {}), **encoded}
        body.setdefault("type", "Opaque")
    return body


def _contents(bound: Iterable[Object]) -> dict[tuple[str, str, str], Any]:
    """Return what every ConfigMap and Secret says, by namespace, kind and name."""
    return {
        (body["metadata"]["namespace"], body["kind"], body["metadata"]["name"]): [
            body.get("data"),
            body.get("binaryData"),
        ]
        for body in bound
        if body["kind"] in ("ConfigMap", "Secret")
    }


def _references(node: Any) -> Iterator[tuple[str, str]]:
    """Find the ConfigMaps and Secrets that a pod spec mounts or reads variables from.

    Optional ones are left out: what a pod can do without may change while it runs.
    """
    if isinstance(node, list):
        for child in node:
            yield from _references(child)
    elif isinstance(node, Mapping):
        for field, child in node.items():
            if field in _REFERENCES and isinstance(child, Mapping):
                if child.get("optional"):
                    continue
                name = child.get("name") or child.get("secretName")
                yield _REFERENCES[field], str(name)
            else:
                yield from _references(child)


def _config_digest(
    namespace: str, pod: Object, contents: Mapping[tuple[str, str, str], Any]
) -> str:
    wanted = sorted(set(_references(pod)))
    return digest(
        [[kind, name, contents.get((namespace, kind, name))] for kind, name in wanted], 16
    )


def _finished(lab: Lab, body: Object, contents: Mapping[tuple[str, str, str], Any]) -> Object:
    """Label and harden the pods of a workload, then scale it as the lab's suspension asks.

    The pods carry a digest of the configuration that they refer to, so that a change rolls them
    and makes a Job anew.
    """
    kind, spec, meta = body["kind"], body["spec"], body["metadata"]
    job = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
    pod_meta = job["template"].setdefault("metadata", {})
    pod_meta["labels"] = {**pod_meta.get("labels", {}), **meta["labels"]}
    pod_meta["annotations"] = {
        **pod_meta.get("annotations", {}),
        names.CONFIG_DIGEST: _config_digest(meta["namespace"], job["template"]["spec"], contents),
    }
    pod = job["template"]["spec"]
    pod["automountServiceAccountToken"] = False
    pod["enableServiceLinks"] = False
    if lab.settings.node_selector:
        pod["nodeSelector"] = dict(lab.settings.node_selector)
    if kind == "Job":
        meta["labels"] = {**meta["labels"], names.JOB_NAME: meta["name"]}
        meta["name"] = f"{meta['name']}-{digest(spec, 8)}"
    if kind in _SCALED:
        halted = lab.suspended or meta["labels"][names.COMPONENT] == lab.outage
        spec["replicas"] = 0 if halted else spec.get("replicas", 1)
    else:
        spec["suspend"] = lab.suspended or spec.get("suspend", False)
    return body


def _endpoints(lab: Lab) -> list[Object]:
    """Return the ConfigMap that tells the learner's pods where everything is, if there is any."""
    data = {f"{service['name']}.url": service["url"] for service in access.services(lab)}
    return [lab.object("ConfigMap", "lab-endpoints", LEARNER, data=data)] if data else []


def _tasks(lab: Lab) -> list[Object]:
    """Return the ConfigMap with what there is to do, which learners read for themselves."""
    tasks = lab.template.tasks
    data = {f"{number:02}-{task.name}.md": task.text for number, task in enumerate(tasks, 1)}
    return [lab.object("ConfigMap", names.TASKS, LEARNER, data=data)] if data else []
