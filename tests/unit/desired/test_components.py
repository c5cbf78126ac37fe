"""Binding a rendered template to a lab."""

import base64
import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.names import CONFIG_DIGEST, JOB_NAME
from practicum.desired import components
from practicum.errors import TemplateError
from practicum.settings import Settings
from tests import samples
from tests.samples import Rendered

Object = dict[str, Any]


def config_map(**data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


def secret(**data: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": data}


def workload(kind: str, *, image: str = "busybox", **spec: Any) -> Object:
    made: Object = {
        **spec,
        "template": {
            "metadata": {"labels": {"app": "x"}, "annotations": {"a": "b"}},
            "spec": {
                "containers": [{"name": "main", "image": image}],
                "volumes": [
                    {"name": "config", "configMap": {"name": "x"}},
                    {"name": "secret", "secret": {"secretName": "x"}},
                ],
                "automountServiceAccountToken": True,
                "enableServiceLinks": True,
            },
        },
    }
    if kind in ("Deployment", "StatefulSet"):
        made["selector"] = {"matchLabels": {"app": "x"}}
    if kind == "CronJob":
        made = {"schedule": "* * * * *", "jobTemplate": {"spec": made}}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "spec": made}


def bind(*bodies: Object, component: str = "app", **lab: Any) -> list[Object]:
    """Return what becomes of objects, without the ConfigMap of addresses."""
    rendered = [Rendered(copy.deepcopy(body), component) for body in bodies]
    configs, workloads = components.bind(samples.lab(**lab), rendered)
    assert configs[0]["metadata"]["name"] == "lab-endpoints"
    return [*configs[1:], *workloads]


def test_placeholders_become_the_labs_own_values() -> None:
    lab = samples.lab()
    (bound,) = bind(
        config_map(
            a="http://app.<<practicum:ns.platform>>.svc/<<practicum:ns.learner>>",
            b="<<practicum:lab.name>> of <<practicum:lab.learner>>",
            c="x<<practicum:secret:app/admin>>y",
        )
    )
    learner, platform = lab.namespaces["learner"], lab.namespaces["platform"]
    assert bound["data"] == {
        "a": f"http://app.{platform}.svc/{learner}",
        "b": "ada of ada@example.org",
        "c": f"x{lab.password('app/admin')}y",
    }
    assert bound["metadata"]["namespace"] == platform


def test_approvals_are_told_as_json_and_make_a_job_anew() -> None:
    told = config_map(a="<<practicum:approvals>>")
    entry = {
        **{"service": "s", "request": "r", "approvedBy": "ml", "approvedAt": "now"},
        **{"evidenceDigest": "e" * 64, "definition": "d" * 64},
    }
    status = LabEnvironmentStatus.model_validate({"governed": {"features": [entry]}})
    plain = samples.lab()
    governed = replace(plain, resource=plain.resource.model_copy(update={"status": status}))
    rendered = [Rendered(copy.deepcopy(told)), Rendered(workload("Job"))]
    (_, before), (old,) = components.bind(plain, rendered)
    (_, after), (new,) = components.bind(governed, rendered)
    assert before["data"] == {"a": "[]"}
    assert json.loads(after["data"]["a"]) == [entry]
    assert old["metadata"]["name"] != new["metadata"]["name"]


def test_values_are_not_looked_at_again() -> None:
    body = config_map(a="<<practicum:<<practicum:lab.name>>>>")
    assert bind(body)[0]["data"] == {"a": "<<practicum:ada>>"}


def test_a_spare_lab_has_an_empty_learner() -> None:
    assert bind(config_map(a="<<practicum:lab.learner>>"), learner=None)[0]["data"] == {"a": ""}


def test_unknown_placeholders_are_refused() -> None:
    with pytest.raises(TemplateError, match=r"'lab\.colour'"):
        bind(config_map(a="<<practicum:lab.colour>>"))


def test_the_template_is_left_as_it_was() -> None:
    bodies = [config_map(a="<<practicum:lab.name>>"), secret(a="b"), workload("Job")]
    rendered = [Rendered(copy.deepcopy(body)) for body in bodies]
    before = copy.deepcopy(rendered)
    components.bind(samples.lab(suspended=True), rendered)
    assert rendered == before


def test_secrets_are_written_the_way_they_are_read_back() -> None:
    (bound,) = bind(secret(key="<<practicum:secret:p>>") | {"data": {"old": "eA=="}})
    password = samples.lab().password("p")
    assert "stringData" not in bound
    assert bound["type"] == "Opaque"
    assert bound["data"] == {"old": "eA==", "key": base64.b64encode(password.encode()).decode()}


def test_numbers_in_a_secret_are_refused_by_name_or_written() -> None:
    (bound,) = bind(secret() | {"stringData": {"port": 5432}})
    assert base64.b64decode(bound["data"]["port"]) == b"5432"


def test_everything_is_labelled() -> None:
    for body in bind(config_map(), secret(), workload("Deployment"), component="db"):
        labels = body["metadata"]["labels"]
        assert labels["practicum.dev/component"] == "db"
        assert samples.lab().labels().items() <= labels.items()


def test_labels_of_the_lab_win() -> None:
    body = config_map()
    body["metadata"]["labels"] = {"practicum.dev/lab-uid": "x", "app.kubernetes.io/name": "x"}
    (bound,) = bind(body)
    assert bound["metadata"]["labels"]["practicum.dev/lab-uid"] == samples.UID
    assert bound["metadata"]["labels"]["app.kubernetes.io/name"] == "x"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "Job", "CronJob"])
def test_pods_are_hardened(kind: str) -> None:
    settings = Settings(root_key=b"x", node_selector={"pool": "labs"})
    (bound,) = bind(workload(kind), settings=settings)
    template = bound["spec"]
    if kind == "CronJob":
        template = template["jobTemplate"]["spec"]
    template = template["template"]
    assert template["spec"]["automountServiceAccountToken"] is False
    assert template["spec"]["enableServiceLinks"] is False
    assert template["spec"]["nodeSelector"] == {"pool": "labs"}
    assert template["metadata"]["labels"]["app"] == "x"
    assert template["metadata"]["labels"]["practicum.dev/lab-uid"] == samples.UID
    assert template["metadata"]["annotations"]["a"] == "b"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_selectors_find_no_strangers(kind: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]},
    }
    found, made = bind(service, workload(kind), component="db")
    wanted = {"app": "x", "practicum.dev/component": "db"}
    assert found["spec"]["selector"] == made["spec"]["selector"]["matchLabels"] == wanted
    assert wanted.items() <= made["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_workload_without_a_selector_is_the_templates_mistake(kind: str) -> None:
    body = workload(kind)
    del body["spec"]["selector"]
    with pytest.raises(TemplateError, match="selector"):
        bind(body)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("replicas", [None, 1, 3])
def test_suspended_workloads_have_no_replicas(kind: str, replicas: int | None) -> None:
    body = workload(kind)
    if replicas is not None:
        body["spec"]["replicas"] = replicas
    assert bind(body)[0]["spec"]["replicas"] == (replicas or 1)
    assert bind(body, suspended=True)[0]["spec"]["replicas"] == 0


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_suspended_jobs_wait(kind: str) -> None:
    assert bind(workload(kind))[0]["spec"]["suspend"] is False
    assert bind(workload(kind), suspended=True)[0]["spec"]["suspend"] is True


def test_jobs_have_no_replicas_and_deployments_no_suspend() -> None:
    deployment, job = bind(workload("Deployment"), workload("Job"))
    assert "suspend" not in deployment["spec"]
    assert "replicas" not in job["spec"]


def job_name(*bodies: Object, **lab: Any) -> str:
    (job,) = [body for body in bind(*bodies, **lab) if body["kind"] == "Job"]
    assert job["metadata"]["labels"][JOB_NAME] == "x"
    return str(job["metadata"]["name"])


def test_a_jobs_name_follows_its_content_and_only_that() -> None:
    name = job_name(workload("Job"))
    assert name.startswith("x-")
    assert name == job_name(workload("Job"))
    assert name == job_name(workload("Job"), suspended=True)
    assert name == job_name(workload("Job"), ttl="9h")
    assert name != job_name(workload("Job", image="busybox:2"))
    assert name != job_name(workload("Job", backoffLimit=2))
    assert name != job_name(config_map(a="1"), workload("Job"))
    assert job_name(config_map(a="1"), workload("Job")) != job_name(
        config_map(a="2"), workload("Job")
    )


def config_digest(*bodies: Object) -> str:
    (found,) = [body for body in bind(*bodies) if body["kind"] == "Deployment"]
    return str(found["spec"]["template"]["metadata"]["annotations"][CONFIG_DIGEST])


def test_pods_roll_when_what_they_refer_to_changes() -> None:
    deployment = workload("Deployment")
    base = config_digest(config_map(a="1"), secret(a="1"), deployment)
    assert base == config_digest(deployment, secret(a="1"), config_map(a="1"))
    assert base != config_digest(config_map(a="2"), secret(a="1"), deployment)
    assert base != config_digest(config_map(a="1"), secret(a="2"), deployment)


def test_pods_stay_when_something_else_changes() -> None:
    unrelated = config_map(a="1")
    unrelated["metadata"]["name"] = "unrelated"
    deployment = workload("Deployment")
    assert config_digest(deployment) == config_digest(unrelated, deployment)


def test_variables_are_references_too() -> None:
    body = workload("Deployment")
    del body["spec"]["template"]["spec"]["volumes"]
    main = body["spec"]["template"]["spec"]["containers"][0]
    main["env"] = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "a"}}}]
    main["envFrom"] = [{"secretRef": {"name": "x"}}]
    base = config_digest(config_map(a="1"), secret(a="1"), body)
    assert base != config_digest(config_map(a="2"), secret(a="1"), body)
    assert base != config_digest(config_map(a="1"), secret(a="2"), body)


def test_binary_data_counts_too() -> None:
    first, second = (config_map() | {"binaryData": {"a": value}} for value in ("eA==", "eQ=="))
    assert config_digest(first, workload("Deployment")) != config_digest(
        second, workload("Deployment")
    )


def test_a_name_on_the_other_side_is_another_object() -> None:
    def other_side(text: str) -> Object:
        body = config_map(a=text)
        body["metadata"]["namespace"] = "<<practicum:ns.learner>>"
        return body

    deployment = workload("Deployment")
    assert config_digest(config_map(a="1"), other_side("1"), deployment) == config_digest(
        config_map(a="1"), other_side("2"), deployment
    )


def test_configuration_comes_before_workloads() -> None:
    rendered = [Rendered(workload("Deployment")), Rendered(config_map()), Rendered(secret())]
    configs, workloads = components.bind(samples.lab(), rendered)
    assert [body["kind"] for body in configs] == ["ConfigMap", "ConfigMap", "Secret"]
    assert [body["kind"] for body in workloads] == ["Deployment"]


def test_addresses_are_told_on_the_learners_side() -> None:
    lab = samples.lab()
    (endpoints,), _ = components.bind(lab, [])
    assert endpoints["metadata"]["namespace"] == lab.namespaces["learner"]
    assert endpoints["data"] == {"app.url": f"http://app.{lab.namespaces['platform']}.svc:8080/"}
