"""What solutions of modules are written with: kubectl as the learner, and services by HTTP."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from practicum.api.solution import Place
from practicum.sdk import services, solving
from practicum.sdk.solving import Reply, Service, SolutionError, Solver

LOGINS = [
    {"service": "mlflow", "persona": "", "username": "learner", "password": "p1", "kind": "basic"},
    {"service": "mlflow", "persona": "ds", "username": "ds", "password": "p2", "kind": "basic"},
    {"service": "opa", "persona": "ds", "username": "ds", "password": "p3", "kind": "bearer"},
]


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        said = {
            "body": self.rfile.read(length).decode(),
            "who": self.headers.get("Authorization", ""),
            "method": self.command,
        }
        self.send_response(int(self.path.strip("/") or 200))
        self.end_headers()
        self.wfile.write(b"text" if self.path == "/202" else json.dumps(said).encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_service_is_asked_with_json_and_a_login(url: str) -> None:
    mlflow = Service("mlflow", url, LOGINS)
    said = mlflow.call("POST", "/200", {"a": 1}, persona="ds")
    assert json.loads(said["body"]) == {"a": 1}
    assert said["who"] == "Basic " + base64.b64encode(b"ds:p2").decode()
    assert mlflow.call("GET", "/200", persona="")["who"].endswith(
        base64.b64encode(b"learner:p1").decode()
    )
    assert mlflow.call("GET", "/200")["who"] == ""
    assert Service("opa", url, LOGINS).call("GET", "/200", persona="ds")["who"] == "Bearer p3"


def test_another_status_is_an_error_unless_any_will_do(url: str) -> None:
    service = Service("mlflow", url, LOGINS)
    with pytest.raises(SolutionError, match="GET mlflow/403: 403"):
        service.call("GET", "/403")
    assert service.call("GET", "/403", expect=403)["method"] == "GET"
    assert service.call("GET", "/202", expect=None) == Reply(202, "text")


def test_what_was_forwarded_too_early_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(services, "_TRIES", 3)
    with pytest.raises(OSError, match="refused"):
        Service("mlflow", "http://127.0.0.1:9", []).call("GET", "/")


@pytest.fixture
def solver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Solver:
    """A solver whose kubectl writes down what it is asked; it knows one ConfigMap."""
    program = tmp_path / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" "$*" >> {tmp_path}/calls\n'
        'case "$*" in *broken*) echo "no way" >&2; exit 3;; *"get configmap docs"*) echo docs;;\n'
        f"*-f*) cat >> {tmp_path}/stdin;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    place = Place("ada", "course-a", {"learner": "lab-ada"}, "/k", "/s", LOGINS, str(tmp_path))
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    return Solver.from_environment()


def calls(solver: Solver) -> list[str]:
    return (solver.folder / "calls").read_text().splitlines()


def test_kubectl_is_the_learners_or_a_personas(solver: Solver) -> None:
    solver.kubectl("get", "pods")
    solver.kubectl("get", "pods", persona="lead")
    assert calls(solver) == [
        "--kubeconfig /k --context ada get pods",
        "--kubeconfig /k --context ada-lead get pods",
    ]
    with pytest.raises(SolutionError, match="exit 3: no way"):
        solver.kubectl("broken")


def test_objects_are_applied_at_once(solver: Solver) -> None:
    objects: list[dict[str, Any]] = [{"kind": "ConfigMap"}, {"kind": "Service"}]
    solver.apply(*objects, persona="lead")
    assert json.loads((solver.folder / "stdin").read_text())["items"] == objects
    assert calls(solver) == ["--kubeconfig /k --context ada-lead apply -f -"]


def test_keys_of_a_config_map_are_added(solver: Solver) -> None:
    solver.config_map("docs", {"a.yaml": "x"})
    solver.config_map("new", {"b.yaml": "y"})
    verbs = [call.split(" ")[4] for call in calls(solver)]
    assert verbs == ["get", "patch", "get", "create", "patch"]
    assert '{"data": {"b.yaml": "y"}}' in calls(solver)[-1]


def test_a_solution_knows_where_it_is(solver: Solver) -> None:
    assert (solver.lab, solver.course) == ("ada", "course-a")
    assert solver.namespaces == {"learner": "lab-ada"}


def test_objects_are_read_as_json(solver: Solver) -> None:
    assert solver.find("pod", "gone") is None
    with pytest.raises(ValueError, match="Expecting value"):
        solver.get("configmap", "docs", persona="lead")
    place = "--namespace lab-ada --output=json"
    assert calls(solver) == [
        f"--kubeconfig /k --context ada get pod gone {place} --ignore-not-found",
        f"--kubeconfig /k --context ada-lead get configmap docs {place}",
    ]


def test_others_rate_for_as_long_as_they_are_let_in(solver: Solver) -> None:
    with pytest.raises(SolutionError, match="no way"), solver.raters("a@x", "b@x"):
        solver.rate("panel", "a@x", pitch=(4, 5))
        solver.rate("broken", "broken@x", pitch=(4, 5))
    own = "--kubeconfig /s --namespace course-a"
    role = "--clusterrole=practicum-instructor --user=a@x --user=b@x"
    assert calls(solver) == [
        f"{own} create rolebinding ada-raters {role}",
        f"{own} create --as a@x -f -",
        f"{own} create --as broken@x -f -",
        f"{own} delete rolebinding ada-raters",
    ]
    said = json.loads((solver.folder / "stdin").read_text())
    assert said["metadata"] == {"generateName": "ada-panel-"}
    assert said["spec"]["rubric"] == [{"criterion": "pitch", "score": 4, "max": 5}]
    assert said["spec"]["rater"] == "a@x"


def test_logins_are_a_personas_or_the_learners(solver: Solver) -> None:
    assert solver.login("mlflow")["username"] == "learner"
    assert solver.login("opa", "ds")["password"] == "p3"
    with pytest.raises(SolutionError, match="the learner has no login at opa"):
        solver.login("opa")


@pytest.fixture
def commands(solver: Solver, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the practicum command is asked, with the codes that are accepted."""
    asked: list[list[str]] = []
    told = {"list": {"items": [{"spec": {"requester": "x:course.ada.ds"}}]}, "status": {"n": 1}}

    def practicum(*words: str, accept: tuple[int, ...] = (0,)) -> str:
        asked.append([*words, str(accept)])
        return json.dumps(told.get(words[1]))

    monkeypatch.setattr(solver, "practicum", practicum)
    return asked


def test_changes_are_asked_for_and_answered(solver: Solver, commands: list[list[str]]) -> None:
    solver.ask("promote", "fraud", name="one", persona="ds")
    solver.approve("one", "a", "b")
    solver.approve("one", "a", wait=False)
    solver.roll_back("fraud", reason="why", persona="oncall")
    assert solver.change("one", accept=(0, 1)) == {"n": 1}
    assert [" ".join(words) for words in commands] == [
        "change request promote fraud --name one --reason one --as ds --wait --lab ada (0, 1)",
        "change approve one --as a --wait --lab ada (0,)",
        "change approve one --as b --wait --lab ada (0,)",
        "change approve one --as a --lab ada (0,)",
        "rollback fraud --reason why --as oncall --wait --lab ada (0,)",
        "change status one --output=json --lab ada (0, 1)",
    ]


def test_who_took_part_is_counted(
    solver: Solver, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [{"spec": {"approver": f"x:course.ada.{who}"}} for who in ("risk", "ds", "risk")]
    monkeypatch.setattr(solver, "get", lambda kind: {"items": answers})
    assert solver.participation() == [
        {"persona": "ds", "requests": 1, "answers": 1},
        {"persona": "risk", "requests": 0, "answers": 2},
    ]
    assert commands == [["change", "list", "--output=json", "--lab", "ada", "(0,)"]]


def test_changes_are_counted_by_how_they_ended() -> None:
    ended = {
        "PromoteModel": ("Executed", "RolledBack", "Denied", "Expired"),
        "RollbackModel": ("Executed", "Rejected"),
    }
    requests = [
        {"spec": {"action": action}, "status": {"state": state}}
        for action, states in ended.items()
        for state in states
    ]
    assert solving.counted(requests) == {
        "requests": 6,
        "executed": 3,
        "refused": 2,
        "rollbacks": 1,
    }


def test_it_is_waited_for_what_comes_about_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "_PAUSE_SECONDS", 0)
    looks = iter(["", None, "there"])
    assert solving.awaited("it", lambda: next(looks)) == "there"
    with pytest.raises(SolutionError, match="it did not come about within 0 s"):
        solving.awaited("it", lambda: False, 0)
