"""The operator is down when a lab expires: tokens die by themselves, the rest on its return."""

import asyncio
import functools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from practicum.api.times import parse_rfc3339
from practicum.clock import utcnow
from practicum.errors import ApiError
from practicum.kube.client import Kube, Object
from tests.apiserver.conftest import LabMaker, credentials, eventually, read
from tests.apiserver.operator_process import OperatorProcess

from .conftest import claims
from .proxy import Proxy
from .test_kills import leftovers, phase_is
from .trap import FULL

SHORTEST = timedelta(minutes=10)
"""Kubernetes mints no token of a shorter life, so waiting for one to die takes as long."""
MARGIN = timedelta(seconds=60)
Report = Callable[[str], None]


async def tokens(kube: Kube, lab: Object) -> dict[str, str]:
    """Return every token that a lab's kubeconfig holds, by the name of its user."""
    users = (await credentials(kube, lab))["kubeconfig"]["users"]
    return {user["name"]: user["user"]["token"] for user in users if "token" in user["user"]}


@pytest.mark.parametrize("ttl", ["15m", "45m", "8h"])
async def test_no_token_outlives_its_lab(
    kube: Kube, operator: OperatorProcess, make_lab: LabMaker, ttl: str
) -> None:
    lab = await make_lab(ttl=ttl)
    found = await tokens(kube, lab)
    end = parse_rfc3339((await read(kube, lab))["status"]["expiresAt"])
    assert len(found) > 1, "the learner's and the personas'"
    for name, token in found.items():
        assert claims(token)["exp"] <= (end - MARGIN).timestamp(), name


@pytest.mark.skipif(not FULL, reason="takes 13 minutes: make chaos-full")
@pytest.mark.timeout(1200)
async def test_expiry_while_the_operator_is_down(
    kube: Kube,
    operator: OperatorProcess,
    proxy: Proxy,
    make_lab: LabMaker,
    tmp_path: Path,
    report: Report,
) -> None:
    lab = await make_lab(ttl="12m")
    kubeconfig = (await credentials(kube, lab))["kubeconfig"]
    end = parse_rfc3339((await read(kube, lab))["status"]["expiresAt"])
    operator.kill()
    refused = {
        name: asyncio.create_task(_refused(kubeconfig, name, token, tmp_path))
        for name, token in (await tokens(kube, lab)).items()
    }
    moments = {name: await task for name, task in refused.items()}
    report(
        "operator down over a lab's expiry: "
        f"last of {len(moments)} tokens refused {(end - max(moments.values())).seconds} s before"
    )
    assert all(moment <= end for moment in moments.values()), (moments, end)
    await asyncio.sleep(max(0.0, (end - utcnow()).total_seconds()))
    assert await leftovers(kube, lab), "nobody is there to take it away"
    operator.start()
    await eventually(functools.partial(phase_is, kube, lab, "Expired"), 90)
    assert not await leftovers(kube, lab)


async def _refused(kubeconfig: dict[str, Any], name: str, token: str, folder: Path) -> Any:
    """Use a token until it is refused; returns when that was."""
    alone = {**kubeconfig, "users": [{"name": name, "user": {"token": token}}]}
    alone["contexts"] = [c for c in kubeconfig["contexts"] if c["context"]["user"] == name]
    alone["current-context"] = alone["contexts"][0]["name"]
    path = folder / f"{name}.kubeconfig"
    path.write_text(yaml.safe_dump(alone))
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with await Kube.connect(path) as person:
        while True:
            try:
                await person.request(
                    "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=body
                )
            except ApiError as error:
                assert error.status in (401, 403), error
                return utcnow()
            await asyncio.sleep(1)
