"""``make bench-ready``: from apply to Ready, beside kubectl apply of the very same manifests.

The floor is what the cluster itself needs: kubectl applies the rendered manifests (guards and
components, no operator involved) and the clock stops when every pod is ready and every Job is
complete. Both are measured in turn, in one run, on one machine.
"""

import argparse
import asyncio
import itertools
import statistics
import time
import uuid
from typing import Any

import yaml

from e2e import stage as stages
from e2e.cluster.cache import Cache
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import MANAGED_BY
from practicum.catalog.pack import pack
from practicum.catalog.render import Choice, render
from practicum.desired.lab import Lab
from practicum.desired.plan import Plan, plan
from practicum.kube.client import Kube, Object
from practicum.policy import acceptance
from practicum.policy.readiness import assess
from practicum.settings import Settings

MODULE = stages.ROOT / "lab-templates" / "mod-506"
COURSE = stages.TEST_COURSES[1]
POLL = 0.05
PATIENCE = 300


async def desired(images: dict[str, str]) -> Plan:
    """Return the plan of a lab that no operator knows, in namespaces of its own."""
    spec = LabTemplateSpec.model_validate(pack(MODULE)["spec"])
    resource = LabEnvironment.model_validate(
        {
            "metadata": {"name": "floor", "namespace": COURSE, "uid": str(uuid.uuid4())},
            "spec": {"template": "mod-506", "learner": {"id": "floor@example.org"}},
        }
    )
    size, values = acceptance.choose(resource.spec, spec)
    rendered = await render(spec, Choice(size, values, {**spec.images, **images}))
    return plan(Lab(resource, spec, Settings(root_key=b"bench", images=images)), rendered)


def as_manifests(wanted: Plan) -> tuple[str, list[Object]]:
    """Return what kubectl is given, without the label by which the operator knows its own."""
    bodies = [*wanted.namespaces, *wanted.guards, *wanted.configs, *wanted.workloads]
    # kubectl adopts no ServiceAccount that it did not make itself without a warning.
    bodies = [body for body in bodies if body["kind"] != "ServiceAccount"]
    text = yaml.safe_dump_all(bodies).replace(f"{MANAGED_BY}: practicum", f"{MANAGED_BY}: bench")
    return text, list(yaml.safe_load_all(text))


async def floor(stage: stages.Stage, kube: Kube, images: dict[str, str]) -> float:
    """Return the seconds that the cluster itself takes."""
    text, bodies = as_manifests(await desired(images))
    began = time.monotonic()
    await asyncio.to_thread(stage.kubectl, "apply", "--server-side", "-f", "-", stdin=text)
    workloads = [body for body in bodies if body["kind"] in ("Deployment", "StatefulSet", "Job")]
    assert len(workloads) == 6, "four components and two seed Jobs"

    async def all_ready() -> bool:
        for body in workloads:
            meta = body["metadata"]
            live = await kube.get(body["kind"], meta["namespace"], meta["name"])
            if not assess(live).ready:
                return False
        return True

    await until(all_ready)
    seconds = time.monotonic() - began
    places = [body["metadata"]["name"] for body in bodies if body["kind"] == "Namespace"]
    stage.kubectl("delete", "namespace", *places, "--wait", "--timeout=180s")
    return seconds


async def lab(stage: stages.Stage, kube: Kube, number: int) -> dict[str, float]:
    """Return the seconds from apply to each step of a real lab."""
    name = f"bench-{number}-{uuid.uuid4().hex[:4]}"
    body = {
        "apiVersion": "practicum.dev/v1alpha1",
        "kind": "LabEnvironment",
        "metadata": {"name": name, "namespace": COURSE},
        "spec": {"template": "mod-506", "learner": {"id": "bench@example.org"}},
    }
    seen: dict[str, float] = {}
    began = time.monotonic()
    await asyncio.to_thread(stage.kubectl, "apply", "-f", "-", stdin=yaml.safe_dump(body))
    seen["kubectl"] = time.monotonic() - began

    async def all_steps() -> bool:
        status = (await kube.get("LabEnvironment", COURSE, name)).get("status", {})
        for condition in status.get("conditions", []):
            if condition["status"] == "True":
                seen.setdefault(condition["type"], time.monotonic() - began)
        if "Guarded" not in seen:
            await quotas(kube, status.get("namespaces", []), seen, began)
        return "Ready" in seen

    await until(all_steps)
    stage.kubectl("delete", "lab", name, "-n", COURSE, "--wait", "--timeout=180s")
    return seen


async def quotas(kube: Kube, namespaces: list[str], seen: dict[str, float], began: float) -> None:
    """Note when the quotas were there and when their controller had counted them."""
    found = [quota for place in namespaces for quota in await kube.list("ResourceQuota", place)]
    if len(found) == 6:
        seen.setdefault("quotas", time.monotonic() - began)
        if all(assess(quota).ready for quota in found):
            seen.setdefault("counted", time.monotonic() - began)


async def until(check: Any) -> None:
    """Poll until the answer is true."""
    async with asyncio.timeout(PATIENCE):
        while not await check():
            await asyncio.sleep(POLL)


def cluster_images() -> dict[str, str]:
    """Return the images that replace the template's on this cluster."""
    values = Cache.from_environment().image_values
    return dict(yaml.safe_load(values.read_text())["images"]) if values.exists() else {}


def line(what: str, values: list[float]) -> float:
    """Print median and spread of a row; returns the median."""
    middle = statistics.median(values)
    spread = f"{min(values):.2f}..{max(values):.2f}"
    print(f"{what:<44} {middle:7.2f} s   {spread:>14}   N={len(values)}")
    return middle


async def main(rounds: int) -> None:
    """Measure and print."""
    stage = stages.bring_up()
    stages.install_chart(stage)
    images = cluster_images()
    floors: list[float] = []
    labs: list[dict[str, float]] = []
    async with await Kube.connect(stage.kubeconfig) as kube:
        await lab(stage, kube, 0)  # warms the images' files and the operator's rendering
        for number in itertools.islice(itertools.count(1), rounds):
            floors.append(await floor(stage, kube, images))
            labs.append(await lab(stage, kube, number))
            print(f"round {number}: floor {floors[-1]:.2f} s, lab {labs[-1]['Ready']:.2f} s")
    print(f"\n{'':<44} {'median':>9}   {'spread':>14}")
    base = line("kubectl apply, all pods ready, Jobs complete", floors)
    ready = line("LabEnvironment, apply to Ready", [one["Ready"] for one in labs])
    print(f"{'ratio (aim: at most 1.25)':<44} {ready / base:7.2f}")
    line("apply to guards and credentials", [one["CredentialsIssued"] for one in labs])
    waits = [max(0.0, one["Guarded"] - one.get("quotas", one["Guarded"])) for one in labs]
    line("  of it, waiting for the quota controller", waits)
    line("  of it, kubectl apply itself", [one["kubectl"] for one in labs])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(main(parser.parse_args().rounds))
