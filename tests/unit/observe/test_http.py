"""The probes' answers, asked for over a real socket."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from practicum.observe import http

Get = Callable[[str], tuple[int, str]]


@pytest.fixture(scope="module")
def health() -> http.Health:
    return http.Health()


@pytest.fixture(scope="module")
def get(health: http.Health) -> Iterator[Get]:
    server = http.serve(health, 0)

    def ask(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{server.server_port}{path}", timeout=5
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    yield ask
    server.shutdown()
    server.server_close()


def test_probes(health: http.Health, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    assert get("/healthz") == (200, "ok\n")
    assert get("/readyz") == (503, "not ok\n")
    health.ready = lambda: True
    assert get("/readyz") == (200, "ok\n")
    assert get("/")[0] == get("/metrics/x")[0] == 404
    monkeypatch.setattr(http, "_SILENT_SECONDS", -1)
    assert get("/healthz")[0] == 503
    monkeypatch.undo()
    health.beat()
    assert get("/healthz")[0] == 200


def test_metrics_name_no_lab(get: Get) -> None:
    status, text = get("/metrics")
    assert status == 200
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE practicum_")}
    assert {"practicum_labs", "practicum_reconcile_total", "practicum_sweep_halted"} <= names
    for line in text.splitlines():
        if line.startswith("practicum_"):
            for label in ("lab=", "learner=", "namespace=", "uid=", "name="):
                assert label not in line
