"""Credentials given out are made void, and access is taken and given back, one lab or a class."""

import csv
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from practicum.api.names import COHORT
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
async def cohort(kube: Kube, instructor: Command, tmp_path: Path) -> AsyncIterator[str]:
    """A class of two with labs, and of one whose lab is not made."""
    roster = tmp_path / "roster.csv"
    roster.write_text("id,name,subjects,suspended\nada,,,\nbob,=1+1,bob@idp,\nzoe,,,true\n")
    words = ("cohort", "import", str(roster), "--name", "class-x", "--template", "mod-506")
    done = instructor(*words)
    assert done.returncode == 0, done.stderr
    yield "class-x"
    await kube.delete("LabCohort", "course-a", "class-x")

    async def gone() -> bool:
        return not await kube.list("LabEnvironment", "course-a", f"{COHORT}=class-x")

    await eventually(gone, 90)


async def with_credentials(kube: Kube, cohort: str) -> dict[str, Object]:
    """Return the labs of a class by learner, once there are credentials for two."""

    async def told() -> dict[str, Object]:
        labs = await kube.list("LabEnvironment", "course-a", f"{COHORT}={cohort}")
        found = {lab["spec"]["learner"]["id"]: lab for lab in labs}
        assert [lab for lab in labs if "credentials" in lab["status"]] == labs
        assert set(found) == {"ada", "bob"}
        return found

    return dict(await eventually(told, 60))


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
    kube: Kube, instructor: Command, cohort: str, tmp_path: Path
) -> None:
    labs = await with_credentials(kube, cohort)
    ada = labs["ada"]

    def run(*words: str) -> Any:
        return instructor("credentials", *words)

    folder = tmp_path / "class"
    done = run("export", "--cohort", cohort, "--to", str(folder))
    assert done.returncode == 1
    assert done.stdout == f"2 of 3 kubeconfigs and index.csv in {folder}\n"
    assert done.stderr.startswith("zoe (class-x-zoe-")
    assert done.stderr.endswith(" is not made yet; suspended in the roster\n")
    index = exported(folder)
    row = index["ada"]
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
