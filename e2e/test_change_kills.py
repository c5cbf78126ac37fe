"""SIGKILL of the operator, in its pod on the real node, after the k-th effect of a promotion.

MLflow, Feast, OPA and the serving target are the lab's own. ``tests/chaos/test_change_kills.py``
does the same on a control plane without nodes, where more kinds of changes can be tried.
"""

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.candidates import Candidates
from e2e.conftest import COURSE, SETTINGS, manifest, watch_until_ready
from e2e.learner import learner
from e2e.stage import NAMESPACE, RELEASE, Stage, install_chart
from practicum.sdk import Change, Lab

FULL = os.environ.get("PRACTICUM_CHAOS") == "full"
SLICE = (25, 46)
LAB = "kay"
SECONDS = 270
TRAP = Path(__file__).with_name("trap.py")
# The kubelet waits longer and longer before it starts a container again; a loop does not.
AGAIN = 'trap "kill $!; exit" TERM; while :; do python /trap/trap.py & wait $!; done'
PATCH = {
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "operator",
                        "command": ["sh", "-c", AGAIN],
                        "volumeMounts": [{"name": "trap", "mountPath": "/trap"}],
                    }
                ],
                "volumes": [{"name": "trap", "configMap": {"name": "trap"}}],
            }
        },
    }
}


@dataclass(frozen=True)
class Trap:
    """The operator's pod, with a trap in it."""

    stage: Stage

    def set(self, effects: int) -> None:
        """Kill the operator after so many effects."""
        self._inside(f"rm -f /tmp/sprung; echo {effects} > /tmp/new; mv /tmp/new /tmp/trap")

    def take_away(self) -> str:
        """Let it live; returns after which effect it was killed, empty if it was not."""
        return self._inside("rm -f /tmp/trap; cat /tmp/sprung 2>/dev/null || true").strip()

    def _inside(self, command: str) -> str:
        where = ("-n", NAMESPACE, f"deployment/{RELEASE}")
        return self.stage.kubectl("exec", *where, "--", "sh", "-c", command)


@pytest.fixture
def trap(stage: Stage) -> Iterator[Trap]:
    """Puts the trap into the operator's pod, and in the end the pod back as the chart has it."""
    where = ("-n", NAMESPACE)
    stage.kubectl("create", "configmap", "trap", *where, f"--from-file={TRAP}")
    stage.kubectl("patch", f"deployment/{RELEASE}", *where, "-p", json.dumps(PATCH))
    try:
        stage.kubectl("rollout", "status", f"deployment/{RELEASE}", *where, "--timeout=120s")
        yield Trap(stage)
    finally:
        # Patched back it would keep kubectl as the owner of fields that are helm's.
        stage.kubectl("delete", f"deployment/{RELEASE}", "configmap/trap", *where)
        install_chart(stage, **SETTINGS)


@dataclass
class Room:
    """A lab, its personas, and where its candidates come from."""

    stage: Stage
    people: dict[str, Lab]
    candidates: Candidates

    def records(self) -> list[Any]:
        """Return the lab's audit log."""
        shown = self.stage.practicum("audit", "show", LAB, "-n", COURSE, "-o", "json")
        assert shown.returncode == 0, shown.stderr
        found: list[Any] = json.loads(shown.stdout)
        return found

    def forth_and_back(self, name: str, version: str) -> None:
        """Promote by three people, roll back by a fourth, and wait until all has arrived."""
        forth, back = f"{name}-forth", f"{name}-back"
        ds = self.people["ds"]
        asked = ds.request("promote", "fraud-dev", version, reason="more recall", request=forth)
        assert asked.wait(SECONDS).state == "AwaitingApproval"
        for reviewer in ("reviewer-risk", "reviewer-ml"):
            self.people[reviewer].approve(asked.refresh())
        self.until(forth, "Executed")
        oncall = self.people["oncall"]
        oncall.request("rollback", "fraud", reason="drift", request=back)
        self.until(back, "Executed")
        self.until(forth, "RolledBack")

    def until(self, name: str, state: str) -> Change:
        """Wait until a request is in a state and, where something is to be served, it is."""
        deadline = time.monotonic() + SECONDS
        while True:
            found = self.people["ds"].change(name)
            served = found.outcome is not None and found.outcome.served_at is not None
            if found.state == state and served:
                return found
            assert time.monotonic() < deadline, (name, found.state, found.message)
            time.sleep(0.3)


@pytest.fixture
async def room(stage: Stage, tmp_path: Path) -> AsyncIterator[Room]:
    """A lab of its own, Ready and empty-handed."""
    stage.kubectl("apply", "-f", "-", stdin=manifest(LAB))
    try:
        watch_until_ready(stage, LAB)
        async with AsyncExitStack() as stack:
            kay = await stack.enter_async_context(learner(stage, COURSE, LAB, tmp_path))
            mlflow = await stack.enter_async_context(kay.service("mlflow"))
            lab = stack.enter_context(Lab.connect(kay.kubeconfig, LAB, lab=LAB))
            names = ("ds", "reviewer-risk", "reviewer-ml", "oncall")
            people = {name: lab.acting_as(name) for name in names}
            yield Room(stage, people, Candidates(mlflow, kay.login("mlflow", "ds")))
    finally:
        stage.kubectl("delete", "lab", LAB, "-n", COURSE, "--wait=false")


async def all_is_once(room: Room, before: int, name: str, version: str) -> None:
    """What is on record since then, what the requests show and where the aliases are agree."""
    records = room.records()[before:]
    forth, back = f"{name}-forth", f"{name}-back"
    assert len({one["id"] for one in records}) == len(records)
    for request, states in (
        (forth, ["Requested", "AwaitingApproval", "Approved", "Executed", "RolledBack"]),
        (back, ["Requested", "AwaitingApproval", "Approved", "Executed"]),
    ):
        mine = [one for one in records if one.get("request", {}).get("name") == request]
        moves = [one for one in mine if one["type"] == "StateChanged"]
        assert [one["state"] for one in moves] == states
        shown = room.people["ds"].change(request)
        status = shown.body["status"]
        assert (status["state"], status["transitions"]) == (states[-1], len(states))
        assert status["evidence"]["digest"] == moves[-1]["evidence"]["digest"]
        assert [one["outcome"] for one in mine if one["type"] == "Served"] == [status["outcome"]]
    answered = [one["answer"] for one in records if one["type"] == "Answered"]
    assert len(answered) == len(set(answered)) == 2
    assert {one["type"] for one in records} == {"StateChanged", "Answered", "Served"}
    copies = await room.candidates.copies(version)
    assert len(copies) == 1
    assert await room.candidates.aliases() == {"champion": "1", "previous": copies[0]}


@pytest.mark.timeout(3600)
async def test_a_kill_after_any_effect_of_a_promotion_changes_nothing_in_the_end(
    trap: Trap, room: Room, record_kill: Callable[[int, str], None]
) -> None:
    for k in range(1, 1000) if FULL else SLICE:
        version, before = await room.candidates.another(), len(room.records())
        trap.set(k)
        room.forth_and_back(f"kill-{k}", version)
        where = trap.take_away()
        await all_is_once(room, before, f"kill-{k}", version)
        room.stage.kubectl(
            "-n", room.people["ds"].namespace, "delete", "changerequests,changeapprovals", "--all"
        )
        if not where:
            assert FULL, f"never struck at {k}"
            break
        record_kill(k, where)
    verified = room.stage.practicum("audit", "verify", "--lab", LAB, "-n", COURSE)
    assert verified.returncode == 0, verified.stdout
