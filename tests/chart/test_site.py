"""What the values of a site mean in what is rendered."""

import dataclasses
import json
from typing import Any

import pytest

from practicum.api.labtemplate import LabTemplateSpec
from practicum.settings import Settings, load

from .rendering import VALUES, environment, objects, one, pods, render, template

DIGEST = "sha256:" + "0123456789abcdef" * 4
MIRROR = "registry.example.org/mirror"


@pytest.mark.parametrize(
    "repository",
    [
        *("operator", "practicum/operator", "practicum.local/operator", "localhost/operator"),
        *("registry:5000/a/operator", f"{MIRROR}/operator"),
    ],
)
def test_chart_and_operator_mirror_alike(repository: str) -> None:
    bodies = objects(render(image={"repository": repository, "tag": "1"}, imageMirror=f"{MIRROR}/"))
    wanted = Settings(image_mirror=MIRROR).mirrored(f"{repository}:1")
    used = {spec["containers"][0]["image"] for spec in pods(bodies).values()}
    settings = environment(bodies)
    used |= {settings["PRACTICUM_CHECK_IMAGE"], settings["PRACTICUM_PROBE_IMAGE"]}
    assert used == {wanted}


def test_a_digest_goes_before_a_tag() -> None:
    bodies = objects(render(image={"repository": "a.example/op", "tag": "1", "digest": DIGEST}))
    images = [spec["containers"][0]["image"] for spec in pods(bodies).values()]
    assert images == [f"a.example/op@{DIGEST}"] * 3


def test_the_operator_reads_what_the_chart_says() -> None:
    for path in VALUES.glob("*.yaml"):
        settings = load(environment(objects(template(path))))
        assert settings.catalogue or path.stem == "minimal"
    settings = load(environment(objects(render())))
    # Prices are the chart's: without one nothing costs anything.
    assert dataclasses.replace(settings, rate_card=Settings().rate_card) == Settings(
        probe_image="practicum.local/operator:0.1.0",
        check_image="practicum.local/operator:0.1.0",
        archive_image="practicum.local/operator:0.1.0",
        catalogue="/opt/catalogue",
    )


def test_templates_of_the_values_are_templates() -> None:
    bodies = objects(template(VALUES / "production.yaml"))
    data = one(bodies, "ConfigMap", "practicum-templates")["data"]
    (body,) = json.loads(data["risk-basics.json"])["items"]
    assert (body["kind"], body["metadata"]["name"]) == ("LabTemplate", "risk-basics")
    LabTemplateSpec.model_validate(body["spec"])
    volumes = {v["name"]: v for v in pods(bodies)["Deployment/practicum"]["volumes"]}
    assert volumes["templates"]["projected"]["sources"] == [
        {"configMap": {"name": name}} for name in ("risk-advanced", "practicum-templates")
    ]
    folders = environment(bodies)["PRACTICUM_CATALOGUE"].split(":")
    mounts = pods(bodies)["Deployment/practicum"]["containers"][0]["volumeMounts"]
    assert folders == ["/opt/catalogue", "/etc/practicum/templates"]
    assert folders[1] in [mount["mountPath"] for mount in mounts]


@pytest.mark.parametrize(("replicas", "budget"), [(0, False), (1, False), (2, True)])
def test_one_of_several_always_stays(replicas: int, budget: bool) -> None:
    bodies = objects(render(replicas=replicas))
    deployment = one(bodies, "Deployment", "practicum")["spec"]
    rolling = {"maxUnavailable": 0, "maxSurge": 1}
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    budgets = [body["spec"]["minAvailable"] for body in bodies if "Budget" in body["kind"]]
    assert budgets == ([1] if budget else [])


def test_ones_own_affinity_goes_before_ours() -> None:
    own: Any = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}
    assert pods(objects(render(affinity=own)))["Deployment/practicum"]["affinity"] == own
    (kind,) = pods(objects(render()))["Deployment/practicum"]["affinity"]["podAntiAffinity"]
    assert kind == "preferredDuringSchedulingIgnoredDuringExecution", "one node has to do"
