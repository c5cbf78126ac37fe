"""``practicum doctor`` on the real cluster: for its administrator, and for a course's."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from e2e.conftest import COURSE
from e2e.stage import Stage
from e2e.waiting import eventually

CHANGES_WITH_THE_OTHER_TESTS = {"Capacity", "Labs", "Operator's health", "Images"}
"""They kill operators, break labs and fill the node: a warning tells the truth."""


def examined(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """Return the checks by name."""
    assert done.stdout, done.stderr
    return {check["check"]: check for check in json.loads(done.stdout)["checks"]}


async def test_the_administrator_tries_the_cluster_out(stage: Stage) -> None:
    async def led() -> bool:
        """Whoever was killed by an earlier test has been followed by another."""
        checks = examined(stage.practicum("doctor", "-o", "json"))
        return checks["Leader"]["state"] == "ok"

    await eventually(led, 60)
    done = stage.practicum("doctor", "--probe", "-o", "json")
    checks = examined(done)
    wrong = {name: check for name, check in checks.items() if check["state"] != "ok"}
    assert wrong.keys() <= CHANGES_WITH_THE_OTHER_TESTS | {"NetworkPolicy"}, wrong
    failed = {name for name, check in wrong.items() if check["state"] == "fail"}
    assert failed <= {"NetworkPolicy"}
    assert done.returncode == len(failed)
    assert checks["StorageClass"]["text"].endswith("a pod has had a volume from it")
    assert checks["Pod Security"]["text"].startswith("a privileged pod is refused")
    assert checks["ResourceQuota"]["text"] == "1 looked at, all are counted"
    assert "mod-506 " in checks["Capacity"]["text"]

    async def nothing() -> bool:
        where = ("namespaces", "-l", "practicum.dev/probe=doctor", "-o", "name")
        return not stage.kubectl("get", *where)

    await eventually(nothing, 60)


def test_a_courses_administrator_is_told_what_is_not_for_them(stage: Stage, tmp_path: Path) -> None:
    name = "course-admin"
    stage.kubectl("-n", COURSE, "create", "serviceaccount", name)
    bound = ("--clusterrole=admin", f"--serviceaccount={COURSE}:{name}")
    stage.kubectl("-n", COURSE, "create", "rolebinding", name, *bound)
    try:
        kubeconfig = _access(stage, tmp_path, name)
        done = stage.practicum("doctor", "--kubeconfig", str(kubeconfig), "-o", "json")
    finally:
        stage.kubectl("-n", COURSE, "delete", f"serviceaccount/{name}", f"rolebinding/{name}")
    checks = examined(done)
    seen = {name for name, check in checks.items() if check["state"] == "ok"}
    assert seen == {"Kubernetes version", "API", "API groups", "Resource metrics", "Clock"}
    unseen = [check for name, check in checks.items() if name not in seen]
    assert all(
        check["state"] == "unknown" and check["text"].startswith("you may not") and check["remedy"]
        for check in unseen
    ), unseen
    assert (done.returncode, done.stderr) == (0, "")


def _access(stage: Stage, folder: Path, name: str) -> Path:
    config: dict[str, Any] = yaml.safe_load(stage.kubeconfig.read_text())
    token = stage.kubectl("-n", COURSE, "create", "token", name).strip()
    config["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
