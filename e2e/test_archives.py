"""A lab ends with an archive, and comes back from it with everything that was worked out in it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import COURSE, manifest, read, watch_until_ready
from e2e.learner import Learner, learner
from e2e.promotion import Registry
from e2e.stage import Stage
from e2e.waiting import eventually
from practicum.api.names import AUDIT_NAMESPACE
from practicum.api.times import parse_rfc3339
from practicum.clock import utcnow

LAB, BACK, REFUSED = "carol", "carol-back", "carol-refused"
NOTE = {"plan.md": "# What I found\n\nMine to keep.\n"}


@pytest.fixture(scope="module")
def archived(stage: Stage) -> Iterator[str]:
    """A lab that ends with an archive; nothing of it, nor of what came of it, is left behind."""
    stage.kubectl("apply", "-f", "-", stdin=manifest(LAB, onExpiry="Archive"))
    watch_until_ready(stage, LAB)
    yield str(read(stage, LAB)["metadata"]["uid"])
    for name in (LAB, BACK, REFUSED):
        where = ("lab", name, "-n", COURSE)
        note = "practicum.dev/skip-archive=true"
        if stage.kubectl("get", *where, "--ignore-not-found"):
            stage.kubectl("annotate", *where, note)
            stage.kubectl("delete", *where, "--wait=false")


async def features(one: Learner) -> list[str]:
    """Return the feature services of a lab's Feast registry."""
    async with one.service("feast") as feast:
        answer = await feast.call("/api/v1/feature_services?project=lab")
    assert answer.status == 200, answer
    return sorted(each["spec"]["name"] for each in answer.body["featureServices"])


async def versions(one: Learner) -> dict[str, Any]:
    """Return what a lab's model registry says of its versions, without the addresses."""
    async with one.service("mlflow") as mlflow:
        found = await Registry(mlflow, one).candidates()
    return {
        each["version"]: (each["run_id"], each.get("tags"), each.get("aliases")) for each in found
    }


_SEEN: dict[str, Any] = {}


async def test_a_lab_is_archived_when_it_ends(stage: Stage, archived: str, tmp_path: Path) -> None:
    async with learner(stage, COURSE, LAB, tmp_path) as carol:
        meta = {"name": "notes", "namespace": carol.namespace}
        note = NOTE | {"where": carol.namespace}
        await carol.kube.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": note}
        )
        async with carol.service("mlflow") as mlflow:
            tag = {"name": "fraud-dev", "version": "2", "key": "review", "value": "kept"}
            login, path = (
                carol.login("mlflow", "reviewer-ml"),
                "/api/2.0/mlflow/model-versions/set-tag",
            )
            assert (await mlflow.call(path, body=tag, login=login)).status == 200
        _SEEN.update(versions=await versions(carol), features=await features(carol))
    began, lab = time.monotonic(), read(stage, LAB)
    age = (utcnow() - parse_rfc3339(lab["metadata"]["creationTimestamp"])).total_seconds()
    patch = json.dumps({"spec": {"ttl": f"{int(age) + 12}s"}})
    stage.kubectl("patch", "lab", LAB, "-n", COURSE, "--type", "merge", "-p", patch)

    async def expired() -> bool:
        return bool(read(stage, LAB)["status"]["phase"] == "Expired")

    await eventually(expired, 150)
    for namespace in lab["status"]["namespaces"]:
        assert not stage.kubectl("get", "namespace", namespace, "--ignore-not-found")
    listed = stage.practicum("archive", "list", "-n", COURSE, "-o", "json")
    (found,) = (one for one in json.loads(listed.stdout) if one["archive"] == archived)
    assert found["volumes"] == ["platform/mlflow-artifacts", "platform/postgres"]
    assert not found["skipped"]
    print(f"archived in {time.monotonic() - began:.0f} s: {found['size']} bytes")


def test_an_archive_is_taken_along(stage: Stage, archived: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    got = stage.practicum("archive", "get", LAB, "-n", COURSE, "--to", str(copy))
    assert got.returncode == 0, got.stderr
    assert (copy / "documents/learner/notes/plan.md").read_text() == NOTE["plan.md"]
    assert json.loads((copy / "check-report.json").read_text())
    records = [json.loads(line) for line in (copy / "audit.jsonl").read_text().splitlines()]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    head = read(stage, LAB)["status"]["audit"]
    verified = stage.practicum(
        *("audit", "verify", str(copy / "audit.jsonl"), "--head", f"{head['seq']}:{head['hash']}")
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


async def test_a_lab_comes_back_with_its_work(stage: Stage, archived: str, tmp_path: Path) -> None:
    began = time.monotonic()
    words = ("archive", "restore", archived, "-n", COURSE, "--name", BACK, "--ttl", "2h")
    back = stage.practicum(*words, "--wait")
    assert back.returncode == 0, back.stdout + back.stderr
    print(f"back in {time.monotonic() - began:.0f} s")
    assert read(stage, BACK)["status"]["restored"]["archive"] == archived
    async with learner(stage, COURSE, BACK, tmp_path) as carol:
        note = await carol.kube.get("ConfigMap", carol.namespace, "notes")
        assert note["data"] == NOTE | {"where": carol.namespace}
        assert await features(carol) == _SEEN["features"]
        assert await versions(carol) == _SEEN["versions"]
        assert await carol.kube.list("NetworkPolicy", carol.namespace)
    doors = stage.kubectl("get", "networkpolicy", "-A", "-o", "name")
    assert "allow-archive" not in doors


async def test_a_tampered_archive_is_refused(stage: Stage, archived: str, tmp_path: Path) -> None:
    spoil(stage, f"{COURSE}/{LAB}-{archived}/volumes/platform/postgres.tar.gz")
    words = ("archive", "restore", LAB, "-n", COURSE, "--name", REFUSED)
    assert stage.practicum(*words).returncode == 0

    async def refused() -> bool:
        told = stage.practicum("explain", REFUSED, "-n", COURSE).stdout
        return "DigestMismatch" in told and "postgres.tar.gz is altered" in told

    await eventually(refused, 60)
    got = stage.practicum("archive", "get", LAB, "-n", COURSE, "--to", str(tmp_path / "copy"))
    assert got.returncode == 1
    assert "postgres.tar.gz is altered" in got.stderr


def spoil(stage: Stage, path: str) -> None:
    """Change one byte of an archive, as only who may make pods beside the shelf can."""
    told = json.loads(
        stage.kubectl("-n", AUDIT_NAMESPACE, "get", "cm", "practicum-archive", "-o", "json")
    )
    script = f"f = open('/archive/{path}', 'r+b'); f.seek(4000); b = f.read(1); f.seek(4000); "
    script += "f.write(bytes([b[0] ^ 1]))"
    container = {
        "name": "spoil",
        "image": told["data"]["image"],
        "command": ["python", "-c", script],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "shelf", "mountPath": "/archive"}],
    }
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "spoil", "namespace": AUDIT_NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [
                {"name": "shelf", "persistentVolumeClaim": {"claimName": "practicum-archive"}}
            ],
        },
    }
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    done = "--for=jsonpath={.status.phase}=Succeeded"
    stage.kubectl("-n", AUDIT_NAMESPACE, "wait", "pod/spoil", done, "--timeout=120s")
    stage.kubectl("-n", AUDIT_NAMESPACE, "delete", "pod", "spoil")
