"""The lab's model server against a stand-in for MLflow: both speak HTTP over the loopback."""

import base64
import http.client
import json
import math
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import samples

sys.path.insert(0, str(samples.ROOT / "lab-templates/components/serving/files"))
import registry
import serve

PASSWORD = "a-password-of-the-tests"
LOGIN = "Basic " + base64.b64encode(f"serving:{PASSWORD}".encode()).decode()


class Mlflow(HTTPServer):
    """Two versions with a scorer each, an alias, and what may go wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MlflowHandler)
        self.alias: str | None = "1"
        self.scorers = {
            "1": b'{"intercept":0,"weights":{"a":1.0,"b":-2}}',
            "2": b'{"intercept":1.5,"weights":{"a":0}}',
        }
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def reply(self, path: str) -> tuple[int, bytes]:
        name, _, query = path.removeprefix("/api/2.0/").partition("?")
        if name == "mlflow/registered-models/alias":
            assert query == "name=fraud&alias=champion"
            if self.alias is None:
                return 400, b'{"error_code": "INVALID_PARAMETER_VALUE"}'
            named = {"version": self.alias, "run_id": f"run{self.alias}"}
            return 200, json.dumps({"model_version": named}).encode()
        if name == "mlflow/runs/get":
            assert query == f"run_id=run{self.alias}"
            return 200, b'{"run": {"info": {"experiment_id": "7"}}}'
        root = f"mlflow-artifacts/artifacts/7/run{self.alias}/artifacts/"
        assert name == f"{root}model/scorer.json"
        return 200, self.scorers[self.alias or ""]


class _MlflowHandler(BaseHTTPRequestHandler):
    server: Mlflow

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        granted = self.headers.get("Authorization") == LOGIN
        status, raw = self.server.reply(self.path) if granted else (401, b"")
        self.send_response(status)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


def run(server: HTTPServer) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mlflow() -> Iterator[Mlflow]:
    yield from run(Mlflow())


@pytest.fixture
def follower(mlflow: Mlflow, tmp_path: Path) -> Any:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    source = registry.Registry(mlflow.address, "serving", tmp_path / "password")
    return serve.Follower(source, "fraud", "champion", "model/scorer.json")


@pytest.fixture
def server(follower: Any) -> Iterator[Any]:
    yield from run(serve.Server(("127.0.0.1", 0), follower))


def call(
    server: Any, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    address = ("127.0.0.1", server.server_address[1])
    with closing(http.client.HTTPConnection(*address, timeout=5)) as connection:
        connection.request(method, path, raw, headers)
        response = connection.getresponse()
        said = response.read()
    return response.status, json.loads(said) if said else {}


def test_nothing_is_served_before_the_first_version(server: Any) -> None:
    for method, path in (("GET", "/ping"), ("GET", "/version"), ("POST", "/invocations")):
        status, said = call(server, method, path, b"{}" if method == "POST" else None)
        assert status == 503
        assert said["message"] == "no version is loaded yet: the registry was not asked yet"


def test_the_version_of_the_alias_is_served(server: Any) -> None:
    server.follower.poll()
    assert call(server, "GET", "/ping")[0] == 200
    status, said = call(server, "GET", "/version")
    assert status == 200
    assert said.pop("since")[-1] == "Z"
    assert said == {
        "model": "fraud",
        "alias": "champion",
        "version": "1",
        "run_id": "run1",
        "stale": False,
    }
    records = {"dataframe_records": [{"a": 2, "b": 1}, {"a": 1, "b": 0, "c": "ignored"}]}
    status, said = call(server, "POST", "/invocations", records)
    assert (status, said["model_version"]) == (200, "1")
    assert said["predictions"] == pytest.approx([0.5, 1 / (1 + math.exp(-1))])


def test_the_alias_is_followed(server: Any, mlflow: Mlflow) -> None:
    server.follower.poll()
    first = call(server, "GET", "/version")[1]["since"]
    server.follower.poll()
    assert call(server, "GET", "/version")[1]["since"] == first
    mlflow.alias = "2"
    server.follower.poll()
    said = call(server, "GET", "/version")[1]
    assert (said["version"], said["run_id"], said["stale"]) == ("2", "run2", False)
    assert said["since"] >= first
    said = call(server, "POST", "/invocations", {"dataframe_records": [{"a": 9}]})[1]
    assert (said["model_version"], said["predictions"]) == ("2", pytest.approx([0.8175744762]))


def test_a_version_is_loaded_once(follower: Any, mlflow: Mlflow) -> None:
    for _ in range(3):
        follower.poll()
    assert sum("artifacts" in path for path in mlflow.asked) == 1


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ({"alias": None}, "MLflow answered 400"),
        ({"alias": "2", "scorers": {"2": b"<html>"}}, "the artifact is no linear scorer"),
        ({"alias": "2", "scorers": {"2": b'{"weights":{}}'}}, "the artifact is no linear scorer"),
        ({"alias": "2", "scorers": {"2": b'{"intercept":true,"weights":{}}'}}, "no linear scorer"),
        ({"alias": "2", "scorers": {"2": b'{"intercept":NaN,"weights":{}}'}}, "no linear scorer"),
        ({"alias": "2", "scorers": {"2": b'{"intercept":0,"weights":[1]}'}}, "no linear scorer"),
        ({"alias": "2", "scorers": {"2": b"[" * 100_000}}, "no linear scorer"),
        ({"alias": "2", "scorers": {"2": b" " * (1 << 21)}}, "more than"),
        ({"alias": ""}, "names no version with a run"),
    ],
)
def test_the_last_good_version_goes_on(
    server: Any, mlflow: Mlflow, trouble: dict[str, Any], told: str
) -> None:
    server.follower.poll()
    good = dict(mlflow.__dict__)
    mlflow.__dict__.update(trouble)
    server.follower.poll()
    assert told in server.follower.trouble
    said = call(server, "GET", "/version")[1]
    assert (said["version"], said["stale"]) == ("1", True)
    assert call(server, "GET", "/ping")[0] == 200
    records = {"dataframe_records": [{"a": 0, "b": 0}]}
    assert call(server, "POST", "/invocations", records)[1]["predictions"] == [0.5]
    mlflow.__dict__.update(good)
    server.follower.poll()
    assert call(server, "GET", "/version")[1]["stale"] is False


def test_an_absent_mlflow_is_told_and_outlived(follower: Any, mlflow: Mlflow) -> None:
    follower.poll()
    reached = follower.registry.address
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        closed = listener.getsockname()[1]
    object.__setattr__(follower.registry, "address", f"127.0.0.1:{closed}")
    follower.poll()
    assert follower.told()["stale"] is True
    assert "cannot be reached" in follower.trouble
    object.__setattr__(follower.registry, "address", reached)
    follower.poll()
    assert follower.told()["stale"] is False


def test_no_credential_is_said(
    follower: Any, mlflow: Mlflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    follower.poll()
    (tmp_path / "password").write_text("another-password")
    follower.poll()
    follower.poll()
    assert follower.trouble == "MLflow answered 401 to GET /api/2.0/mlflow/registered-models/alias"
    (tmp_path / "password").unlink()
    follower.poll()
    assert follower.told()["stale"] is True
    said = capsys.readouterr()
    assert said.out.count("MLflow answered 401") == 1
    for secret in (PASSWORD, "another-password", LOGIN.split()[1]):
        assert secret not in said.out + said.err


@pytest.mark.parametrize(
    ("body", "needle"),
    [
        (b"{", "the body is not JSON"),
        (b"\xff\xfe\x00", "the body is not JSON"),
        (b"[" * 50_000, "the body is not JSON"),
        ([], "dataframe_records"),
        ({"inputs": []}, "dataframe_records"),
        ({"dataframe_records": {}}, "dataframe_records"),
        ({"dataframe_records": [[1, 2]]}, "dataframe_records[0] must be an object"),
        ({"dataframe_records": [{"a": 1, "b": 1}, {}]}, "records[1] lacks the field 'a'"),
        ({"dataframe_records": [{"a": 1, "b": "1"}]}, "the field 'b' must be a finite number"),
        ({"dataframe_records": [{"a": None, "b": 1}]}, "the field 'a' must be a finite number"),
        ({"dataframe_records": [{"a": True, "b": 1}]}, "the field 'a' must be a finite number"),
        (b'{"dataframe_records": [{"a": NaN, "b": 1}]}', "the field 'a'"),
        (b'{"dataframe_records": [{"a": 1, "b": 1e999}]}', "the field 'b'"),
        ({"dataframe_records": [{"a": 10**400, "b": 1}]}, "the field 'a'"),
    ],
)
def test_bad_input_is_refused_by_name(server: Any, body: Any, needle: str) -> None:
    server.follower.poll()
    status, said = call(server, "POST", "/invocations", body)
    assert (status, said["error_code"]) == (400, "BAD_REQUEST")
    assert needle in said["message"]


def test_extreme_scores_stay_probabilities(follower: Any) -> None:
    follower.poll()
    scorer = follower.served.scorer
    assert scorer.predict({"a": 1e308, "b": 0}, "r") == 1
    assert scorer.predict({"a": 0, "b": 1e308}, "r") == 0
    with pytest.raises(registry.InputError, match="a, b are too large"):
        registry.Scorer(0, {"a": 10, "b": 10}).predict({"a": 1e308, "b": -1e308}, "r")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/metrics", {}, 404),
        ("POST", "/ping", {}, 404),
        ("DELETE", "/version", {}, 501),
        ("GET", "/version?pretty", {}, 200),
        ("POST", "/invocations", {"Content-Length": "-1"}, 411),
        ("POST", "/invocations", {"Content-Length": "x"}, 411),
        ("POST", "/invocations", {"Content-Length": "262145"}, 413),
        ("POST", "/invocations", {"Content-Length": "9" * 5000}, 413),
    ],
)
def test_what_is_no_request_of_ours(
    server: Any, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    server.follower.poll()
    with closing(http.client.HTTPConnection(*server.server_address, timeout=5)) as connection:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == status


def test_too_many_requests_at_once_are_refused(server: Any) -> None:
    server.follower.poll()
    held = [socket.create_connection(server.server_address) for _ in range(serve.MAX_REQUESTS)]
    try:
        assert call(server, "GET", "/ping") == (503, {})
    finally:
        for connection in held:
            connection.close()
    for _ in range(serve.MAX_REQUESTS):
        assert server.free.acquire(timeout=5)
    server.free.release(serve.MAX_REQUESTS)
    assert call(server, "GET", "/ping")[0] == 200
