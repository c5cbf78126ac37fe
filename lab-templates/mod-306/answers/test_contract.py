"""What every client of the platform's interface has to do, tried on a server that is known."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from platform_client import PlatformClient, PlatformError

ANSWERS = {
    "/v1/tenants": (200, {"items": [{"name": "team-a"}, {"name": "team b"}]}),
    "/v1/models": (200, {"items": [{"name": "one"}, {"name": "two"}]}),
    "/v1/models?tenant=team-a": (200, {"items": [{"name": "one"}]}),
    "/v1/models?tenant=team+b": (200, {"items": []}),
}
MISSING = (404, {"error": {"code": "TENANT_UNKNOWN", "message": "there is no such tenant"}})


@pytest.fixture
def platform():
    asked = []

    class Stub(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.replace("%20", "+")
            asked.append(path)
            status, body = ANSWERS.get(path, MISSING)
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def test_tenants_are_those_of_version_1(platform):
    url, asked = platform
    assert PlatformClient(url).tenants() == [{"name": "team-a"}, {"name": "team b"}]
    assert asked == ["/v1/tenants"]


def test_models_of_all_tenants(platform):
    assert [one["name"] for one in PlatformClient(platform[0]).models()] == ["one", "two"]


@pytest.mark.parametrize(("tenant", "count"), [("team-a", 1), ("team b", 0)])
def test_models_of_one_tenant(platform, tenant, count):
    assert len(PlatformClient(platform[0]).models(tenant)) == count


def test_a_refusal_keeps_status_and_code(platform):
    with pytest.raises(PlatformError) as caught:
        PlatformClient(platform[0]).models("nobody")
    assert (caught.value.status, caught.value.code) == (404, "TENANT_UNKNOWN")


def called(*arguments):
    command = [sys.executable, "-m", "platform_client", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_command_writes_json(platform):
    done = called(platform[0], "models", "team-a")
    assert (done.returncode, json.loads(done.stdout)) == (0, [{"name": "one"}])


def test_the_command_fails_with_a_word(platform):
    done = called(platform[0], "models", "nobody")
    assert done.returncode == 1
    assert "TENANT_UNKNOWN" in done.stderr


def test_the_live_platform_answers():
    found = PlatformClient("http://platform-api:8080", timeout=10).tenants()
    assert {one["name"] for one in found} >= {"team-a", "team-b"}
