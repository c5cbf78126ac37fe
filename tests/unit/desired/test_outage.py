"""A drill keeps one component from running, for as long as the lab's status says so."""

from typing import Any

import pytest

from practicum.api.labstatus import ChecksStatus, DrillStatus, LabEnvironmentStatus
from practicum.desired import components
from practicum.desired.lab import Lab
from tests import samples
from tests.samples import Rendered

Object = dict[str, Any]


def scaled(kind: str = "Deployment", **spec: Any) -> Object:
    pod = {"containers": [{"name": "main", "image": "busybox"}]}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": pod}
    selector = {"matchLabels": {"app": "x"}}
    made = {"selector": selector, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": made}


def job() -> Object:
    pod = {"containers": [{"name": "main", "image": "busybox"}]}
    body = {"template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "seed"}, "spec": body}


def lab(component: str = "", **spec: Any) -> Lab:
    """Return a lab in which a component does not run."""
    made = samples.lab(**spec)
    said = {"name": "dark", "component": component, "until": "2026-11-21T13:00:00Z"}
    checks = ChecksStatus(drill=DrillStatus.model_validate(said) if component else None)
    resource = made.resource.model_copy(update={"status": LabEnvironmentStatus(checks=checks)})
    return Lab(resource, made.template, made.settings)


def replicas(of: Lab, *bodies: Rendered) -> list[int]:
    _, workloads = components.bind(of, bodies)
    return [body["spec"].get("replicas") for body in workloads]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_component_that_is_out_has_no_replicas(kind: str) -> None:
    one, other = Rendered(scaled(kind, replicas=2), "app"), Rendered(scaled(kind), "db")
    assert replicas(lab(), one, other) == [2, 1]
    assert replicas(lab("app"), one, other) == [0, 1]
    assert replicas(lab("db"), one, other) == [2, 0]


def test_all_of_a_component_is_out() -> None:
    both = [Rendered(scaled("Deployment"), "app"), Rendered(scaled("StatefulSet"), "app")]
    assert replicas(lab("app"), *both) == [0, 0]


def test_jobs_have_run_already() -> None:
    _, (body,) = components.bind(lab("app"), [Rendered(job(), "app")])
    assert body["spec"]["suspend"] is False
    _, (before,) = components.bind(lab(), [Rendered(job(), "app")])
    assert body == before, "an outage makes no Job anew"


def test_after_an_outage_everything_is_as_before() -> None:
    made = [Rendered(scaled(replicas=3), "app")]
    assert components.bind(lab(), made) == components.bind(samples.lab(), made)
    _, (out,) = components.bind(lab("app"), made)
    _, (back,) = components.bind(lab(), made)
    assert {**out["spec"], "replicas": 3} == back["spec"]
    assert out["metadata"] == back["metadata"]


def test_a_suspended_lab_stays_so() -> None:
    made = [Rendered(scaled(), "app"), Rendered(scaled(), "db")]
    assert replicas(lab("app", suspended=True), *made) == [0, 0]


def test_a_component_that_nobody_has_stops_nothing() -> None:
    assert replicas(lab("none"), Rendered(scaled(), "app")) == [1]
    assert (lab("none").outage, lab().outage, samples.lab().outage) == ("none", "", "")
