"""Credentials given out are made void, and access is taken and given back, one lab or a class."""

import csv
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from practicum.errors import ApiError
from practicum.kube.client import Kube, Object

from .conftest import (
    Command,
    LabMaker,
    absent,
    condition,
    credentials,
    eventually,
    namespaces,
    read,
    until,
)
from .operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")
AsLearner = Callable[[Object], Awaitable[Kube]]


async def annotate(kube: Kube, lab: Object, value: str) -> None:
    meta = lab["metadata"]
    patch = {"metadata": {"annotations": {"practicum.dev/rotate-credentials": value}}}
    await kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], patch)


async def dead(client: Kube, lab: Object) -> None:
    """Wait until the API server, which remembers tokens for seconds, knows a client's no more."""

    async def refused() -> bool:
        try:
            await client.list("Pod", lab["status"]["namespaces"][0])
        except ApiError as error:
            return error.status == 401
        return False

    await eventually(refused)
    with pytest.raises(ApiError) as read_own:
        await client.get("LabEnvironment", *(lab["metadata"][key] for key in ("namespace", "name")))
    assert read_own.value.status == 401


async def rotated(kube: Kube, lab: Object, value: str) -> Object:
    async def said() -> Object:
        found = await read(kube, lab)
        assert found["status"]["credentials"]["rotation"] == value
        return found

    return dict(await eventually(said))


async def test_rotation_makes_old_tokens_void(
    kube: Kube, make_lab: LabMaker, as_learner: AsLearner
) -> None:
    lab = await make_lab()
    learner, _ = await namespaces(kube, lab)
    old = await as_learner(lab)
    assert await old.list("Pod", learner) == []
    before = await credentials(kube, lab)

    await annotate(kube, lab, "2026-11-26T12:00:00Z")
    now = await rotated(kube, lab, "2026-11-26T12:00:00Z")
    await dead(old, now)
    after = await credentials(kube, lab)
    assert set(before["tokens"]) == set(after["tokens"])
    assert all(
        after["tokens"][who]["token"] != before["tokens"][who]["token"] for who in after["tokens"]
    )
    assert await (await as_learner(lab)).list("Pod", learner) == []


async def test_rotation_holds_although_nobody_knows_what_was_issued(
    kube: Kube, make_lab: LabMaker, as_learner: AsLearner, operator: OperatorProcess
) -> None:
    lab = await make_lab()
    learner, _ = await namespaces(kube, lab)
    old = await as_learner(lab)
    meta = lab["metadata"]
    operator.kill()
    await kube.delete("Secret", meta["namespace"], f"{meta['name']}-credentials")
    await annotate(kube, lab, "second")
    operator.start()
    now = await rotated(kube, lab, "second")
    await dead(old, now)
    new = await as_learner(lab)
    operator.kill()
    operator.start()
    await eventually(lambda: _looked(kube, lab))
    assert await new.list("Pod", learner) == []


async def _looked(kube: Kube, lab: Object) -> bool:
    """Let the new process look at the lab: an edit is answered after that."""
    meta = lab["metadata"]
    await kube.merge_patch(
        "LabEnvironment", meta["namespace"], meta["name"], {"spec": {"ttl": "9h"}}
    )
    now = await read(kube, lab)
    return bool(now["status"]["observedGeneration"] >= now["metadata"]["generation"])


async def test_access_is_taken_and_given_back_while_the_lab_runs(
    kube: Kube, make_lab: LabMaker, as_learner: AsLearner
) -> None:
    lab = await make_lab()
    learner, platform = await namespaces(kube, lab)
    old = await as_learner(lab)
    meta = lab["metadata"]

    async def revoke(truth: bool) -> None:
        spec = {"spec": {"accessRevoked": truth}}
        await kube.merge_patch("LabEnvironment", meta["namespace"], meta["name"], spec)

    await revoke(True)
    await until(kube, lab, "CredentialsIssued", "False", reason="AccessRevoked")
    now = await read(kube, lab)
    assert "credentials" not in now["status"]
    await dead(old, now)
    assert await absent(kube, "Secret", meta["namespace"], f"{meta['name']}-credentials")
    assert not [
        one
        for one in await kube.list("RoleBinding", learner)
        if one["metadata"]["name"] == "learner"
    ]
    assert (await kube.get("StatefulSet", platform, "mlflow"))["spec"]["replicas"] == 1
    assert (await condition(kube, lab, "Ready"))["reason"] != "AccessRevoked"

    await revoke(False)
    await until(kube, lab, "CredentialsIssued")
    assert await (await as_learner(lab)).list("Pod", learner) == []
    await dead(old, await read(kube, lab))


@pytest.fixture
async def class_of(kube: Kube) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Makes a cohort of labs that are there."""
    where = ("LabCohort", "course-a", "class-x")

    async def make(*labs: Object) -> str:
        learners = [lab["spec"]["learner"] for lab in labs]
        spec = {"roster": {"learners": learners}, "templates": [{"name": "mod-506"}]}
        meta = {"namespace": where[1], "name": where[2]}
        api = "practicum.dev/v1alpha1"
        await kube.create({"apiVersion": api, "kind": where[0], "metadata": meta, "spec": spec})
        rows = [
            {
                "lab": lab["metadata"]["name"],
                "learner": lab["spec"]["learner"]["id"],
                "template": "mod-506",
                "phase": "Provisioning",
            }
            for lab in labs
        ]
        await kube.request(
            "PATCH",
            f"/apis/{api}/namespaces/{where[1]}/labcohorts/{where[2]}/status",
            body={"status": {"labs": rows}},
            content_type="application/merge-patch+json",
        )
        return where[2]

    yield make
    await kube.delete(*where)


def exported(folder: Path) -> dict[str, dict[str, str]]:
    """Return the index of a directory of kubeconfigs, by learner; all is for its owner alone."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    text = (folder / "index.csv").read_text()
    rows = {row["learner"]: row for row in csv.DictReader(text.splitlines())}
    assert {row["file"] for row in rows.values()} | {"index.csv"} == set(modes)
    return rows


async def test_a_class_gets_its_kubeconfigs_and_loses_them(
    kube: Kube,
    make_lab: LabMaker,
    instructor: Command,
    class_of: Callable[..., Awaitable[str]],
    tmp_path: Path,
) -> None:
    ada = await make_lab()
    bob = await make_lab(
        learner={"id": "bob", "displayName": "=1+1", "subjects": [{"name": "bob@idp"}]}
    )
    late = await make_lab(template="no-such-template")
    cohort = await class_of(ada, bob, late)
    for lab in (ada, bob):
        await until(kube, lab, "CredentialsIssued")

    def run(*words: str) -> Any:
        return instructor("credentials", *words)

    folder = tmp_path / "class"
    done = run("export", "--cohort", cohort, "--to", str(folder))
    assert done.returncode == 1
    assert done.stdout == f"2 of 3 kubeconfigs and index.csv in {folder}\n"
    name = late["metadata"]["name"]
    assert f"{name}@example.org ({name}): lab {name} has no credentials yet" in done.stderr
    index = exported(folder)
    row = index[ada["spec"]["learner"]["id"]]
    now = await read(kube, ada)
    assert row["namespace"] == now["status"]["namespaces"][0]
    assert row["expiresAt"] == now["status"]["credentials"]["expiresAt"]
    assert index["bob"]["displayName"] == "'=1+1"

    mine, theirs = folder / row["file"], folder / index["bob"]["file"]
    token = yaml.safe_load(mine.read_text())["users"][0]["user"]["token"]
    assert token not in done.stdout + done.stderr + (folder / "index.csv").read_text()
    assert yaml.safe_load(theirs.read_text())["users"] == [{"name": "bob@idp", "user": {}}]
    async with await Kube.connect(mine, ada["metadata"]["name"]) as client:
        assert await client.list("Pod", row["namespace"]) == []
        again = run("export", "--cohort", cohort, "--to", str(folder), "--learner", "bob")
        assert (again.returncode, "is not empty" in again.stderr) == (5, True)

        only = ("--cohort", cohort, "--learner", row["learner"], "--wait")
        rotated = run("rotate", *only)
        assert (rotated.returncode, token in rotated.stdout) == (0, False), rotated.stderr
        await dead(client, now)
    fresh = run("export", *only[:4], "--to", str(folder), "--force")
    assert fresh.returncode == 0, fresh.stderr
    async with await Kube.connect(mine, ada["metadata"]["name"]) as client:
        assert await client.list("Pod", row["namespace"]) == []
        assert run("revoke", *only).returncode == 0
        await dead(client, now)
    explained = instructor("explain", ada["metadata"]["name"])
    assert "AccessRevoked" in explained.stdout
    assert run("grant", *only).returncode == 0
    await until(kube, ada, "CredentialsIssued")
