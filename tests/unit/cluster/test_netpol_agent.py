"""The test cluster's NetworkPolicy agent: whose an address is, and when a pod may start."""

import io
import json
import socketserver
import threading
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.netpol import cni
from e2e.cluster.netpol.agent import PATHS, State


def body(uid: str, address: str = "", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    status = {"phase": phase} | ({"podIP": address} if address else {})
    return {"metadata": {"uid": uid}, "spec": spec, "status": status}


def state(*bodies: dict[str, Any]) -> State:
    made = State()
    made.objects = {kind: {} for kind in PATHS}
    made.objects["pods"] = {each["metadata"]["uid"]: each for each in bodies}
    return made


def owners(made: State) -> dict[str, str]:
    return {address: pod["metadata"]["uid"] for address, pod in made.pods().items()}


def test_running_pods_own_their_addresses() -> None:
    ending = body("b", "10.0.0.2")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ended = [body("c", "10.0.0.3", "Succeeded"), body("d", "10.0.0.4", "Failed")]
    host = body("e", "10.89.7.2", hostNetwork=True)
    made = state(body("a", "10.0.0.1"), ending, *ended, host, body("f", phase="Pending"))
    assert owners(made) == {"10.0.0.1": "a", "10.0.0.2": "b"}


def test_the_plugins_word_goes_before_the_api_servers() -> None:
    made = state(body("old", "10.0.0.1"), body("new", phase="Pending"))
    made.claims = {"10.0.0.1": "new", "10.0.0.9": "not seen yet"}
    assert owners(made) == {"10.0.0.1": "new"}


def test_a_new_sandbox_gives_the_old_address_back() -> None:
    made = state(body("a", "10.0.0.1"))
    made.claims = {"10.0.0.1": "a"}
    threading.Thread(target=made.admit, args=("a", "10.0.0.2"), daemon=True).start()
    with made.changed:
        assert made.changed.wait_for(made.due, timeout=5)
        assert owners(made) == {"10.0.0.2": "a"}


def test_a_pod_is_admitted_once_the_kernel_has_its_rules() -> None:
    made, answers = state(body("a")), []
    asking = threading.Thread(target=lambda: answers.append(made.admit("a", "10.0.0.1")))
    asking.start()
    with made.changed:
        assert made.changed.wait_for(made.due, timeout=5)
        assert not answers
        made.enforced = {address: "a" for address in made.pods()}
        made.changed.notify_all()
    asking.join(5)
    assert answers == [True]


def test_nothing_is_due_before_every_kind_is_known() -> None:
    made = State()
    with made.changed:
        made.touch()
    assert not made.due()
    made.objects = {kind: {} for kind in PATHS}
    assert made.due()


RESULT = {"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.1/32"}]}


def call(monkeypatch: pytest.MonkeyPatch, socket: Path, command: str) -> int:
    monkeypatch.setattr(cni, "SOCKET", str(socket))
    monkeypatch.setenv("CNI_COMMAND", command)
    monkeypatch.setenv("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAME=p;K8S_POD_UID=u")
    config = {"cniVersion": "1.0.0", "prevResult": RESULT}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(config)))
    return cni.main()


@pytest.mark.parametrize("admitted", [True, False])
def test_the_plugin_lets_a_pod_start_when_the_agent_says_so(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    admitted: bool,
) -> None:
    asked = []

    class Agent(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(json.loads(self.rfile.readline()))
            if admitted:
                self.wfile.write(b"in force\n")

    path = tmp_path / "agent"
    with socketserver.UnixStreamServer(str(path), Agent) as server:
        threading.Thread(target=server.handle_request).start()
        code = call(monkeypatch, path, "ADD")
    said = json.loads(capsys.readouterr().out)
    assert asked == [{"uid": "u", "address": "10.0.0.1"}]
    assert (code, said == RESULT) == ((0, True) if admitted else (1, False))


def test_without_an_agent_no_pod_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, tmp_path / "nobody", "ADD") == 1
    assert "NetworkPolicy agent" in json.loads(capsys.readouterr().out)["msg"]


def test_the_end_of_a_pod_needs_no_agent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, tmp_path / "nobody", "DEL") == 0
    assert not capsys.readouterr().out
