import httpx
from platform_sdk.client import Client


def test_tenants_are_read():
    answer = httpx.Response(200, json={"items": [{"name": "team-a"}]})
    client = Client("http://api", "token", httpx.MockTransport(lambda request: answer))
    assert list(client.tenants()) == [{"name": "team-a"}]
