"""The story of MOD-506 on a real cluster, played by its personas with the learner's kubeconfig.

In order, on one lab: a good candidate is promoted by two people, the others are refused each for
its trap, what is wrong in production is rolled back, what others move is put back, and all of it is
on record.
"""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import COURSE, read, ready
from e2e.governed import Practicum, change, noted, reached, served, theirs, turned
from e2e.learner import Learner
from e2e.stage import ROOT, Stage
from e2e.waiting import eventually
from practicum.errors import Forbidden
from practicum.sdk import Lab

PROMOTION = "promote-2"
POLICIES = ROOT / "lab-templates/mod-506/policies"
OWN = ("promotion.rego", "features.rego", "data.yaml")


@pytest.fixture
def practicum(stage: Stage, bob: Learner) -> Practicum:
    """The command with nothing but what the learner was given."""
    return theirs(stage, bob).practicum


async def test_before_anything_the_first_version_is_served(bob: Learner) -> None:
    assert await served(bob) == "1"


def test_a_good_candidate_is_asked_for(practicum: Practicum) -> None:
    asked = practicum(
        *("change", "request", "promote", "fraud-dev", "--version", "2"),
        *("--name", PROMOTION, "--reason", "more recall", "--as", "ds", "--wait"),
        *("--timeout", "180s"),
    )
    assert asked.returncode == 0, asked.stderr
    assert "waits for approval: 0 of 2" in asked.stdout
    status = change(practicum, PROMOTION)["status"]
    assert status["state"] == "AwaitingApproval"
    assert status["decision"]["allow"]


async def test_nobody_approves_what_they_asked_for(bob: Learner, practicum: Practicum) -> None:
    refused = practicum("change", "approve", PROMOTION, "--as", "ds")
    assert refused.returncode == 4, refused
    assert "nobody approves a request of their own" in refused.stderr
    with Lab.connect(bob.kubeconfig, bob.lab, lab=bob.lab) as lab, pytest.raises(Forbidden):
        lab.acting_as("ds").approve(PROMOTION)
    assert await served(bob) == "1"


def test_one_approval_is_not_enough_and_two_of_one_role_neither(practicum: Practicum) -> None:
    for _ in range(2):
        approved = practicum(
            *("change", "approve", PROMOTION, "--as", "reviewer-risk", "--comment", "holds"),
            *("--wait", "--timeout", "180s"),
        )
        assert approved.returncode == 0, approved.stderr
    status = change(practicum, PROMOTION)["status"]
    assert (status["state"], status["approvals"]) == ("AwaitingApproval", "1/2")


async def test_with_the_second_it_is_promoted_and_served(
    bob: Learner, practicum: Practicum
) -> None:
    with Lab.connect(bob.kubeconfig, bob.lab, lab=bob.lab, persona="reviewer-ml") as lab:
        given = lab.approve(PROMOTION, comment="metrics hold")
        promoted = lab.wait(PROMOTION, timeout=180, answer=given)
    assert promoted.succeeded
    await turned(bob, "2")
    await noted(practicum, PROMOTION)


@pytest.mark.parametrize(
    ("version", "control"), [("3", "PRM-4"), ("4", "PRM-7"), ("5", "PRM-6"), ("6", "PRM-5")]
)
def test_each_other_candidate_is_refused_for_its_trap(
    practicum: Practicum, version: str, control: str
) -> None:
    name = f"promote-{version}"
    asked = practicum(
        *("change", "request", "promote", "fraud-dev", "--version", version),
        *("--name", name, "--reason", "newer", "--as", "mle", "--wait", "--timeout", "180s"),
    )
    assert asked.returncode == 1, asked
    assert f"{control}:" in asked.stdout
    decision = change(practicum, name)["status"]["decision"]
    assert [one["control"] for one in decision["reasons"]] == [control]
    assert decision["decisionId"]
    assert decision["policyRevision"] == "promotion/1"


async def test_a_rollback_takes_one_on_call(bob: Learner, practicum: Practicum) -> None:
    back = practicum(
        *("rollback", "fraud", "--reason", "drift", "--as", "oncall"),
        *("--wait", "--timeout", "180s"),
    )
    assert back.returncode == 0, back
    await turned(bob, "1")
    await reached(practicum, PROMOTION, "RolledBack", 30)


async def test_what_others_move_is_put_back_within_a_minute(
    stage: Stage, bob: Learner, practicum: Practicum
) -> None:
    found = json.loads(stage.kubectl("-n", bob.platform, "get", "secret", "mlflow", "-o", "json"))
    password = base64.b64decode(found["data"]["MLFLOW_AUTH_ADMIN_PASSWORD"]).decode()
    admin = {"kind": "basic", "username": "admin", "password": password}
    path = "/api/2.0/mlflow/registered-models/alias"
    async with bob.service("mlflow") as mlflow:
        moved = {"name": "fraud", "alias": "champion", "version": "2"}
        assert (await mlflow.call(path, body=moved, login=admin)).status == 200

        async def back() -> bool:
            query = f"{path}?name=fraud&alias=champion"
            answer = await mlflow.call(query, login=bob.login("mlflow", "ds"))
            return bool(answer.body["model_version"]["version"] == "1")

        await eventually(back, 60)

    async def told() -> bool:
        events = stage.kubectl("get", "events", "-n", COURSE, "-o", "json")
        return "AliasReverted" in [one["reason"] for one in json.loads(events)["items"]]

    await eventually(told, 30)


async def test_without_policy_nothing_is_allowed(
    stage: Stage, bob: Learner, practicum: Practicum
) -> None:
    node = stage.kubectl("get", "nodes", "-o", "name").strip()
    stage.kubectl("cordon", node)
    try:
        stage.kubectl("-n", bob.platform, "delete", "pod", "opa-0", "--wait", "--timeout=60s")
        asked = practicum(
            *("change", "request", "promote", "fraud-dev", "--version", "2", "--name", "blind"),
            *("--reason", "again", "--as", "ds", "--wait", "--timeout", "180s"),
        )
    finally:
        stage.kubectl("uncordon", node)
    assert asked.returncode == 1, asked
    assert "OPA: OPA could not be asked" in asked.stdout
    assert await served(bob) == "1"


async def test_once_it_is_back_it_decides_again(
    stage: Stage, bob: Learner, practicum: Practicum
) -> None:
    where = ("-n", bob.platform, "--for=condition=Ready", "--timeout=300s")
    stage.kubectl("wait", "pod/opa-0", *where)
    await ready(stage, "bob", 90)
    asked = practicum(
        *("change", "request", "promote", "fraud-dev", "--version", "2", "--name", "sighted"),
        *("--reason", "again", "--as", "ds", "--wait", "--timeout", "180s"),
    )
    assert asked.returncode == 0, asked
    taken = practicum("change", "withdraw", "sighted", "--as", "ds")
    assert taken.returncode == 0, taken.stderr
    await reached(practicum, "sighted", "Withdrawn", 20)


async def test_features_are_approved_and_marked_where_they_are_kept(
    bob: Learner, practicum: Practicum
) -> None:
    refused = _ask(practicum, "approve-features", "fraud_v0", "--name", "features-0", "--as", "ds")
    assert refused.returncode == 1, refused
    # Its contact data is direct, and half of it is missing.
    assert all(f"{control}:" in refused.stdout for control in ("FGV-2", "FGV-5"))
    asked = _ask(practicum, "approve-features", "fraud_v1", "--name", "features-1", "--as", "ds")
    assert asked.returncode == 0, asked
    for reviewer in ("reviewer-risk", "reviewer-ml"):
        given = practicum("change", "approve", "features-1", "--as", reviewer)
        assert given.returncode == 0, given.stderr
    await reached(practicum, "features-1", "Executed", 120)
    async with bob.service("feast") as feast:
        found = await feast.call("/api/v1/feature_services/fraud_v1?project=lab")
    assert found.body["spec"]["tags"]["approval_id"] == "features-1"


def _ask(practicum: Practicum, *words: str) -> subprocess.CompletedProcess[str]:
    more = ("--reason", "it is time", "--wait", "--timeout", "180s")
    return practicum("change", "request", *words, *more)


async def write(learner: Learner, **files: str) -> None:
    """Write policies as the learner; those of the module where none are given."""
    texts = {name: (POLICIES / name).read_text() for name in OWN}
    texts |= {name.replace("__", "."): text for name, text in files.items()}
    meta = {"name": "policies", "namespace": learner.namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": texts}
    await learner.kube.apply(body, manager="kubectl")


async def test_a_broken_policy_is_told_within_half_a_minute(stage: Stage, bob: Learner) -> None:
    await write(bob, mine__rego="package lab.mine\n\nallow := missing\n")

    def seen() -> dict[str, Any]:
        found = read(stage, "bob")["status"]["conditions"]
        loaded: dict[str, Any] = {one["type"]: one for one in found}.get("PolicyLoaded", {})
        return loaded

    async def broken() -> bool:
        return bool(seen().get("reason") == "PolicyBroken")

    await eventually(broken, 30)
    assert "mine.rego:3" in seen()["message"]
    written = await bob.kube.get("ConfigMap", bob.namespace, "policies")
    said = json.loads(written["metadata"]["annotations"]["practicum.dev/policy-status"])
    assert said["status"] == "Broken"
    told = stage.practicum("explain", "bob", "-n", COURSE)
    assert "mine.rego:3" in told.stdout

    await write(bob, mine__rego="package lab.mine\n\nallow := true\n")

    async def mended() -> bool:
        return bool(seen().get("reason") == "PolicyVetted")

    await eventually(mended, 30)


async def test_a_policy_is_released_decides_and_goes_back(
    stage: Stage, bob: Learner, practicum: Practicum
) -> None:
    stricter = (POLICIES / "promotion.rego").read_text().replace("promotion/1", "promotion/2")
    await write(bob, promotion__rego=stricter)
    for name, version in (("release-2", "strict"), ("release-back", "template")):
        asked = _ask(
            *(practicum, "release-policy", "policies", "--version", version),
            *("--name", name, "--as", "mle"),
        )
        assert asked.returncode == 0, asked
        given = practicum("change", "approve", name, "--as", "reviewer-risk")
        assert given.returncode == 0, given.stderr
        await reached(practicum, name, "Executed", 180)
        judged = _ask(
            *(practicum, "promote", "fraud-dev", "--version", "3"),
            *("--name", f"judged-{version}", "--as", "ds"),
        )
        assert judged.returncode == 1, judged
        decision = change(practicum, f"judged-{version}")["status"]["decision"]
        expected = "promotion/2" if version == "strict" else "promotion/1"
        assert decision["policyRevision"].startswith(expected), decision


async def test_all_of_it_is_on_record_and_tampering_shows(stage: Stage, tmp_path: Path) -> None:
    async def head_follows() -> bool:
        shown = stage.practicum("audit", "show", "bob", "-n", COURSE, "-o", "json")
        last = json.loads(shown.stdout)[-1]["seq"]
        return bool(last == read(stage, "bob")["status"]["audit"]["seq"])

    await eventually(head_follows, 30)
    live = stage.practicum("audit", "verify", "--lab", "bob", "-n", COURSE)
    assert live.returncode == 0, live
    export = tmp_path / "audit.jsonl"
    written = stage.practicum("audit", "export", "bob", "-n", COURSE, "--file", str(export))
    assert written.returncode == 0, written.stderr
    audit = read(stage, "bob")["status"]["audit"]
    head = f"{audit['seq']}:{audit['hash']}"
    key = tmp_path / "key"
    key.write_text(stage.practicum("audit", "key", "bob", "-n", COURSE).stdout)
    with_key = ("--head", head, "--key-file", str(key))
    whole = stage.practicum("audit", "verify", str(export), *with_key)
    assert whole.returncode == 0, whole
    records = [json.loads(line) for line in export.read_text().splitlines()]
    tampered = next(n for n, one in enumerate(records) if one.get("state") == "Denied")
    records[tampered]["state"] = "Executed"
    export.write_text("".join(json.dumps(one) + "\n" for one in records))
    caught = stage.practicum("audit", "verify", str(export), "--head", head)
    assert caught.returncode == 1, caught
    assert f"record {tampered + 1} is not as it was written" in caught.stdout
    kinds = {one["type"] for one in records}
    assert kinds >= {"Baseline", "StateChanged", "Answered", "Served", "AliasMoved"}
    simulated = [one["actor"]["simulated"] for one in records if "actor" in one]
    assert all(simulated)


def test_the_report_says_how_it_went(stage: Stage) -> None:
    shown = stage.practicum("report", "lifecycle", "bob", "-n", COURSE, "-o", "json")
    assert shown.returncode == 0, shown.stderr
    (fraud,) = [one for one in json.loads(shown.stdout)["models"] if one["name"] == "fraud"]
    assert (fraud["executed"], fraud["rollbacks"]) == (2, 1)
    assert fraud["served"]["count"] >= 1
