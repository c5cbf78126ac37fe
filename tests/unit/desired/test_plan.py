"""The whole of a lab, for the small template and for every packed module and size."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from practicum.api.kinds import KINDS
from practicum.api.labtemplate import Side
from practicum.api.names import key_of
from practicum.catalog import guard
from practicum.catalog.render import Choice, Rendered, render
from practicum.desired.lab import Lab
from practicum.desired.plan import Plan, plan
from practicum.policy import acceptance
from tests import samples
from tests.quantities import amount

Object = dict[str, Any]
EVERY_SIZE = pytest.mark.parametrize(("module", "size"), samples.sizes())


@cache
def rendered(module: str, size: str) -> list[Rendered]:
    spec = samples.module(module)
    choice = Choice(size, acceptance.parameters({}, spec.parameters), spec.images)
    return asyncio.run(render(spec, choice))


def lab_of(module: str, size: str, **spec: Any) -> Lab:
    return samples.lab(samples.module(module), template=module, size=size, **spec)


def planned(module: str, size: str, **spec: Any) -> Plan:
    return plan(lab_of(module, size, **spec), rendered(module, size))


def pods(workloads: list[Object]) -> Iterator[tuple[str, Object, int]]:
    """Yield the name, the pod spec and the number of pods of each workload."""
    for body in workloads:
        count = body["spec"].get("replicas", 1)
        yield body["metadata"]["name"], guard.pod_template(body)["spec"], count


def test_a_lab_without_a_learner_has_no_access() -> None:
    made = plan(samples.lab(learner=None), [])
    assert made.identities == made.bindings == []
    assert made.guards


@pytest.mark.parametrize("why", ["suspended", "accessRevoked"])
def test_a_lab_whose_access_is_taken_has_none(why: str) -> None:
    made = plan(samples.lab(**{why: True}), [])
    assert made.identities == made.bindings == []
    assert plan(samples.lab(), []).bindings


@EVERY_SIZE
def test_every_object_has_a_name_of_its_own_in_a_place_of_the_lab(module: str, size: str) -> None:
    lab, made = lab_of(module, size), planned(module, size)
    bodies = [*made.namespaces, *made.everything()]
    assert [key for key, number in Counter(map(key_of, bodies)).items() if number > 1] == []
    for body in bodies:
        assert body["apiVersion"] == KINDS[body["kind"]].api_version
        assert lab.labels().items() <= body["metadata"]["labels"].items()
        where = body["metadata"].get("namespace", "")
        assert where in {*lab.namespaces.values(), lab.course} or body["kind"] == "Namespace"
        assert len(body["metadata"]["name"]) <= 63


@EVERY_SIZE
def test_no_placeholder_is_left(module: str, size: str) -> None:
    assert "<<practicum:" not in str(planned(module, size).everything())


@EVERY_SIZE
def test_planning_is_pure(module: str, size: str) -> None:
    assert planned(module, size) == planned(module, size)


@EVERY_SIZE
def test_every_container_asks_for_what_it_gets(module: str, size: str) -> None:
    for name, pod, _ in pods(planned(module, size).workloads):
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            resources = container["resources"]
            for kind in ("cpu", "memory"):
                asked, granted = resources["requests"][kind], resources["limits"][kind]
                assert Decimal(0) < amount(asked) <= amount(granted), (name, container["name"])


@EVERY_SIZE
@pytest.mark.parametrize("side", ["learner", "platform"])
@pytest.mark.parametrize("quota", ["compute", "jobs"])
def test_workloads_fit_their_quota(module: str, size: str, side: Side, quota: str) -> None:
    lab, made = lab_of(module, size), planned(module, size)
    hard = getattr(lab.template.sizes[size].quota[side], quota)
    used: Counter[str] = Counter()
    here = [
        body for body in made.workloads if body["metadata"]["namespace"] == lab.namespaces[side]
    ]
    for _, pod, count in pods(here):
        if ("activeDeadlineSeconds" in pod) is not (quota == "jobs"):
            continue
        used["pods"] += count
        for container in pod["containers"]:
            for part, amounts in container["resources"].items():
                for name, quantity in amounts.items():
                    used[f"{part}.{name}"] += amount(quantity) * count  # type: ignore[assignment]
    for name, bound in hard.items():
        assert used[name] <= amount(bound), f"{name}: {used[name]} of {bound}"


@EVERY_SIZE
@pytest.mark.parametrize("side", ["learner", "platform"])
def test_claims_fit_their_quota(module: str, size: str, side: Side) -> None:
    lab = lab_of(module, size)
    hard = lab.template.sizes[size].quota[side].storage
    claims = [
        amount(body["spec"]["resources"]["requests"]["storage"])
        for body in planned(module, size).configs
        if body["kind"] == "PersistentVolumeClaim"
        and body["metadata"]["namespace"] == lab.namespaces[side]
    ]
    assert sum(claims) <= amount(hard["requests.storage"])
    assert len(claims) <= amount(hard["persistentvolumeclaims"])


@EVERY_SIZE
def test_jobs_end_by_themselves(module: str, size: str) -> None:
    """The quota for jobs counts pods with a deadline: without one they eat the other quota."""
    for body in planned(module, size).workloads:
        if body["kind"] in ("Job", "CronJob"):
            pod = guard.pod_template(body)["spec"]
            assert pod["activeDeadlineSeconds"] <= 3600, body["metadata"]["name"]


@EVERY_SIZE
def test_pods_pass_pod_security_restricted(module: str, size: str) -> None:
    for name, pod, _ in pods(planned(module, size).workloads):
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name


@EVERY_SIZE
def test_services_lead_to_pods_and_pods_to_their_configuration(module: str, size: str) -> None:
    made = planned(module, size)
    found = {key_of(body) for body in (*made.configs, *made.exhibits)}
    labels = [guard.pod_template(body)["metadata"]["labels"] for body in made.workloads]
    for body in made.configs:
        if body["kind"] == "Service":
            selector = body["spec"]["selector"].items()
            assert any(selector <= one.items() for one in labels), body["metadata"]["name"]
    for body in made.workloads:
        where = body["metadata"]["namespace"]
        for kind, name in _references(guard.pod_template(body)["spec"]):
            assert (kind, where, name) in found, (body["metadata"]["name"], kind, name)


_SOURCES = {
    "configMap": ("ConfigMap", "name"),
    "secret": ("Secret", "secretName"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
    "secretKeyRef": ("Secret", "name"),
    "configMapKeyRef": ("ConfigMap", "name"),
}


def _references(pod: Object) -> Iterator[tuple[str, str]]:
    """Yield kind and name of all that a pod's volumes and variables are made of."""
    variables = [v for container in pod["containers"] for v in container.get("env", [])]
    for source in (*pod.get("volumes", []), *(v.get("valueFrom", {}) for v in variables)):
        for field, (kind, name) in _SOURCES.items():
            if field in source:
                yield kind, source[field][name]


@EVERY_SIZE
def test_no_password_lies_outside_a_secret(module: str, size: str) -> None:
    lab, made = lab_of(module, size), planned(module, size)
    secrets = [login.secret for login in lab.template.logins]
    elsewhere = str([body for body in made.everything() if body["kind"] != "Secret"])
    assert not [purpose for purpose in secrets if lab.password(purpose) in elsewhere]


@EVERY_SIZE
def test_a_suspended_module_runs_nothing(module: str, size: str) -> None:
    for body in planned(module, size, suspended=True).workloads:
        spec = body["spec"]
        assert spec.get("replicas") == 0 or spec.get("suspend") is True
