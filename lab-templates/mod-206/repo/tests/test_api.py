from fastapi.testclient import TestClient
from platform_api.app import create_app

client = TestClient(create_app())


def test_it_is_alive():
    assert client.get("/healthz").json() == {"status": "ok"}


def test_tenants_are_listed():
    assert client.get("/v1/tenants").status_code == 200
