"""Templates with checks: their answers, what they exhibit, their tenants and their drills."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from practicum.api.names import DRILL
from practicum.errors import Forbidden
from practicum.kube.client import Kube, Object
from tests import samples

from .checked import (
    COURSE,
    PLAN,
    TENANT,
    Pupil,
    PupilMaker,
    answers_of,
    pupils,
    states,
    template,
)
from .conftest import LabMaker, absent, eventually, namespaces, read, run_pods, told, until
from .operator_process import OperatorProcess, catalogue

pytestmark = pytest.mark.usefixtures("operator")
SYSTEM = "practicum-system"
CHECK = {"id": "plan", **PLAN}
EXHIBIT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: plan}
data: {a: "41"}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: too-open, namespace: {{ ns["team-a"] }}}
spec:
  podSelector: {}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {practicum.dev/lab-uid: {{ lab.uid }}}}}]
"""
COMPONENT = {
    "name": "start",
    "placement": "learner",
    "exhibits": [{"path": "plan.yaml.j2", "content": EXHIBIT}],
}
SERVER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: busybox:1
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      securityContext:
        {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
"""


@pytest.fixture
async def pupil_in(kube: Kube, make_lab: LabMaker, tmp_path: Path) -> AsyncIterator[PupilMaker]:
    async with pupils(kube, make_lab, tmp_path) as make:
        yield make


async def test_without_its_answers_a_template_is_not_begun(kube: Kube, make_lab: LabMaker) -> None:
    answers, body = template("answerless", CHECK, answers={"a.json": "1"})
    await kube.apply(body)
    lab = await make_lab(template="answerless")
    found = await until(kube, lab, "Accepted", "False", reason="TemplateInvalid")
    assert f"ConfigMap {COURSE}/answerless-answers is missing" in found["message"]
    assert "push both with practicum template push" in found["message"]
    await kube.apply(answers)
    await until(kube, lab, "Ready")


async def test_answers_that_were_altered_are_none(kube: Kube, make_lab: LabMaker) -> None:
    _, body = template("altered", CHECK, answers={"a.json": "2"})
    for one in (body, answers_of("altered", {"a.json": "3"})):
        await kube.apply(one)
    lab = await make_lab(template="altered")
    found = await until(kube, lab, "Accepted", "False", reason="TemplateInvalid")
    assert "altered-answers is not what the template was packed with" in found["message"]


async def test_a_lab_stays_with_the_answers_that_it_began_with(
    kube: Kube, pupil_in: PupilMaker, operator: OperatorProcess
) -> None:
    gate = {"id": "gate", "policy": {"package": "lab.gate", "vectors": "vectors.json"}}
    pupil = await pupil_in(gate, name="kept")
    policy = "package lab.gate\n\ndefault allow := false\n\nallow if input.auc > 0.8\n"
    await pupil.write("policies", gate__rego=policy)
    await kube.delete("ConfigMap", COURSE, "kept-answers")
    await kube.delete("LabTemplate", COURSE, "kept")
    operator.kill()
    operator.start()
    assert states(await pupil.ask()) == {"gate": "pass"}


async def test_answers_are_not_for_learners(pupil_in: PupilMaker) -> None:
    gate = {"id": "gate", "policy": {"package": "lab.gate", "vectors": "vectors.json"}}
    pupil = await pupil_in(gate, name="guarded")
    for refused in (
        pupil.learner.get("ConfigMap", COURSE, "guarded-answers"),
        pupil.learner.list("ConfigMap", COURSE),
        pupil.learner.list("ControllerRevision", SYSTEM),
        pupil.learner.get("LabTemplate", COURSE, "guarded"),
    ):
        with pytest.raises(Forbidden):
            await refused


async def test_the_catalogue_is_published_with_its_answers(kube: Kube) -> None:
    packed = {
        (body["kind"], body["metadata"]["name"]): body
        for path in catalogue().glob("*.json")
        for body in json.loads(path.read_text())["items"]
    }
    assert {name for kind, name in packed if kind == "LabTemplate"} == set(samples.MODULES)

    async def there() -> bool:
        for (kind, name), body in packed.items():
            found = await kube.get(kind, SYSTEM, name)
            assert found["metadata"]["labels"]["practicum.dev/catalogue"] == "image"
            part = "spec" if kind == "LabTemplate" else "data"
            assert set(found[part]) >= set(body[part])
        return True

    await eventually(there)
    found = await kube.get("LabTemplate", SYSTEM, "mod-506")
    assert found["spec"]["answers"] == packed["LabTemplate", "mod-506"]["spec"]["answers"]


async def test_what_came_along_once_and_does_no_more_is_withdrawn(
    kube: Kube, operator: OperatorProcess
) -> None:
    (body,) = template("outdated", CHECK)
    for name, labels in (("outdated", {"practicum.dev/catalogue": "image"}), ("own", {})):
        meta = {"name": name, "namespace": SYSTEM, "labels": labels}
        await kube.apply({**body, "metadata": meta})
    operator.stop()
    operator.start()

    async def withdrawn() -> bool:
        return await absent(kube, "LabTemplate", SYSTEM, "outdated")

    await eventually(withdrawn)
    await kube.get("LabTemplate", SYSTEM, "own")
    await kube.delete("LabTemplate", SYSTEM, "own")


async def test_exhibits_are_made_once_and_are_the_learners(
    kube: Kube, pupil_in: PupilMaker, operator: OperatorProcess
) -> None:
    pupil = await pupil_in(CHECK, changes={"components": [COMPONENT]})
    assert (await read(kube, pupil.lab))["status"]["exhibitsAt"]
    made = await kube.get("ConfigMap", pupil.space, "plan")
    assert made["data"] == {"a": "41"} and "labels" not in made["metadata"]
    policy = await kube.get("NetworkPolicy", pupil.tenant, "too-open")
    (peer,) = policy["spec"]["ingress"][0]["from"]
    uid = pupil.lab["metadata"]["uid"]
    assert peer["namespaceSelector"]["matchLabels"] == {"practicum.dev/lab-uid": uid}

    change = {"data": {"a": "42"}}
    await pupil.learner.merge_patch("ConfigMap", pupil.space, "plan", change)
    await (await pupil.people.as_("lead")).delete("NetworkPolicy", pupil.tenant, "too-open")
    assert states(await pupil.ask()) == {"plan": "pass"}
    operator.kill()
    await pupil.learner.delete("ConfigMap", pupil.space, "plan")
    operator.start()
    assert states(await pupil.ask()) == {"plan": "fail"}
    longer = {"spec": {"ttl": "9h"}}
    await kube.merge_patch("LabEnvironment", COURSE, pupil.name, longer)

    async def seen() -> bool:
        found = await read(kube, pupil.lab)
        return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])

    await eventually(seen)
    assert await absent(kube, "ConfigMap", pupil.space, "plan")
    assert await absent(kube, "NetworkPolicy", pupil.tenant, "too-open")


async def test_a_tenant_is_guarded_and_goes_with_its_lab(kube: Kube, pupil_in: PupilMaker) -> None:
    pupil = await pupil_in(CHECK)
    labels = (await kube.get("Namespace", "", pupil.tenant))["metadata"]["labels"]
    assert labels["practicum.dev/side"] == TENANT
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"

    async def names(kind: str) -> set[str]:
        return {body["metadata"]["name"] for body in await kube.list(kind, pupil.tenant)}

    assert await names("NetworkPolicy") == {"deny-all", "allow-dns"}
    assert await names("ResourceQuota") == {"objects", "compute", "jobs"}
    assert await names("LimitRange") == {"defaults"}
    assert await names("RoleBinding") == {
        *("practicum-operator", "practicum-tenant-viewer", "practicum-tenancy-admin")
    }
    assert await pupil.learner.list("ConfigMap", pupil.tenant)
    with pytest.raises(Forbidden):
        await pupil.learner.delete("ConfigMap", pupil.tenant, "kube-root-ca.crt")

    await kube.delete("LabEnvironment", COURSE, pupil.name)

    async def gone() -> bool:
        lab = await absent(kube, "LabEnvironment", COURSE, pupil.name)
        spaces = (pupil.space, pupil.tenant)
        return lab and all([await absent(kube, "Namespace", "", one) for one in spaces])

    await eventually(gone, 60)


async def test_an_outage_begins_when_asked_for_and_ends_by_itself(
    kube: Kube, make_lab: LabMaker, tmp_path: Path
) -> None:
    changes = {
        "tenants": [],
        "personas": [],
        "sizes": {"standard": {"quota": dict.fromkeys(("learner", "platform"), samples.QUOTA)}},
        "components": [{"name": "web", "manifests": [{"path": "a.yaml.j2", "content": SERVER}]}],
        "drills": [
            {"name": "dark", "title": "Dark", "outage": {"component": "web", "lasts": "30s"}}
        ],
    }
    (body,) = template("drilled", CHECK, **changes)
    await kube.apply(body)
    lab = await make_lab(template="drilled")
    spaces = await namespaces(kube, lab)
    await _run(kube, lab, spaces[1])
    pupil = Pupil(kube, lab, list(spaces), tmp_path)

    async def replicas() -> int:
        found = await kube.get("Deployment", spaces[1], "web")
        return int(found["spec"]["replicas"])

    assert await replicas() == 1
    status = await pupil.ask_as_staff(**{DRILL: "dark"})
    assert status["message"].startswith("drill dark: web does not run until ")
    assert status["drill"]["component"] == "web"

    async def out() -> bool:
        return await replicas() == 0

    await eventually(out)
    await told(kube, lab, "DrillStarted")

    async def over() -> bool:
        now = await pupil.status()
        return await replicas() == 1 and "drill" not in now and now["message"] == "dark is over"

    await eventually(over, 60)
    await told(kube, lab, "DrillEnded")


async def _run(kube: Kube, lab: Object, space: str) -> None:
    async def ready() -> bool:
        await run_pods(kube, space)
        return bool((await read(kube, lab))["status"]["phase"] == "Ready")

    await eventually(ready, 60)
