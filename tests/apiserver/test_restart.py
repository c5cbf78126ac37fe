"""A lab of guards alone, and what a restarted operator does with it: nothing, unless it must."""

from collections.abc import AsyncIterator

import pytest

from practicum.kube.client import Kube, Object
from tests.bench import templates

from .conftest import LabMaker, absent, eventually, read, until
from .operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")
PASSES = 'practicum_reconcile_total{result="ok",runner="labs"}'
WRITTEN = 'practicum_applies_total{kind="'


@pytest.fixture
async def guarded(kube: Kube, make_lab: LabMaker) -> AsyncIterator[Object]:
    """A Ready lab whose template has no components."""
    for body in templates.objects("course-a"):
        await kube.apply(body)
    lab = await make_lab(template=templates.GUARDS)
    await until(kube, lab, "Ready")
    yield await read(kube, lab)


async def restart(operator: OperatorProcess) -> None:
    operator.stop()
    operator.start()


async def test_a_template_without_components_needs_one_namespace(
    kube: Kube, guarded: Object
) -> None:
    (learner,) = guarded["status"]["namespaces"]
    assert await absent(kube, "Namespace", "", f"{learner}-platform")
    assert guarded["status"]["services"] == []
    assert len(await kube.list("ResourceQuota", learner)) == 3
    policies = {body["metadata"]["name"] for body in await kube.list("NetworkPolicy", learner)}
    assert policies == {"deny-all", "allow-dns", "allow-namespace"}
    account = await kube.get("ServiceAccount", learner, "default")
    assert account["automountServiceAccountToken"] is False


async def test_a_restarted_operator_applies_nothing(
    kube: Kube, guarded: Object, operator: OperatorProcess
) -> None:
    assert guarded["status"]["seal"]
    await restart(operator)

    async def looked() -> bool:
        return operator.metric(PASSES) > 0

    await eventually(looked)
    meta = guarded["metadata"]
    now = await kube.get("LabEnvironment", meta["namespace"], meta["name"])
    assert now["metadata"]["resourceVersion"] == meta["resourceVersion"]
    for kind in ("ResourceQuota", "NetworkPolicy", "RoleBinding", "ServiceAccount"):
        assert operator.metric(f'{WRITTEN}{kind}"}}') == 0


async def test_what_was_changed_while_it_was_away_is_put_right(
    kube: Kube, guarded: Object, operator: OperatorProcess
) -> None:
    (learner,) = guarded["status"]["namespaces"]
    operator.stop()
    await kube.delete("NetworkPolicy", learner, "deny-all")
    await kube.merge_patch("ResourceQuota", learner, "compute", {"spec": {"hard": {"pods": "99"}}})
    operator.start()

    async def right() -> bool:
        quota = await kube.get("ResourceQuota", learner, "compute")
        back = await kube.find("NetworkPolicy", learner, "deny-all")
        return back is not None and quota["spec"]["hard"]["pods"] != "99"

    await eventually(right)


async def test_a_seal_of_somebody_elses_making_is_not_believed(
    kube: Kube, guarded: Object, operator: OperatorProcess
) -> None:
    meta = guarded["metadata"]
    operator.stop()
    path = f"/apis/practicum.dev/v1alpha1/namespaces/{meta['namespace']}/labenvironments"
    await kube.request(
        "PATCH",
        f"{path}/{meta['name']}/status",
        body={"status": {"seal": "0" * 32}},
        content_type="application/merge-patch+json",
    )
    operator.start()

    async def sealed_anew() -> bool:
        return bool((await read(kube, guarded))["status"]["seal"] == guarded["status"]["seal"])

    await eventually(sealed_anew)
    assert operator.metric(f'{WRITTEN}ResourceQuota"}}') >= 3
