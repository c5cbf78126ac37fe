"""SDK and command line with answers that are made up."""

import json

import httpx
import pytest
from platform_sdk import cli
from platform_sdk.client import Client, PlatformError
from typer.testing import CliRunner


def client(*answers):
    left = list(answers)
    asked = []

    def answer(request):
        asked.append(request)
        return left.pop(0)

    made = Client("http://api", "secret", httpx.MockTransport(answer))
    made.asked = asked
    return made


def ok(body, status=200):
    return httpx.Response(status, json=body)


def refusal():
    body = {"code": "TENANT_FOREIGN", "detail": "not yours", "control": "API-2"}
    return ok(body, 403)


def test_the_token_goes_along():
    found = client(ok({"items": [], "next": None}))
    assert list(found.tenants()) == []
    assert found.asked[0].headers["authorization"] == "Bearer secret"


def test_pages_are_followed():
    first, second = {"items": [{"name": "a"}], "next": "Yg=="}, {"items": [{"name": "b"}]}
    found = client(ok(first), ok(second))
    assert [one["name"] for one in found.models(1)] == ["a", "b"]
    assert found.asked[1].url.params["cursor"] == "Yg=="


def test_refusals_are_errors_that_name_the_control():
    with pytest.raises(PlatformError, match="403 TENANT_FOREIGN: not yours, by API-2"):
        client(refusal()).model("churn-dev")


def test_answers_that_are_no_json_are_errors():
    with pytest.raises(PlatformError, match="502 NOT_JSON"):
        client(httpx.Response(502, text="<html>")).usage()


def test_a_platform_that_is_away_is_an_error():
    def away(request):
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(PlatformError, match="0 UNREACHABLE"):
        Client("http://api", "", httpx.MockTransport(away)).usage()


def run(monkeypatch, made, *words):
    monkeypatch.setattr(cli, "client", lambda: made)
    return CliRunner().invoke(cli.app, words)


COMMANDS = [
    ("tenants list", {"items": []}, []),
    ("models list", {"items": []}, []),
    ("models show fraud", {"name": "fraud"}, {"name": "fraud"}),
    ("models canary fraud-dev --version 2", {"requests": 200}, {"requests": 200}),
    ("features list", {"items": []}, []),
    ("features show fraud_v1 --purpose audit", {"pii": "none"}, {"pii": "none"}),
    ("promotions create fraud-dev --version 2 --reason because", {"id": "prm-1"}, {"id": "prm-1"}),
    ("promotions list", {"items": []}, []),
    ("promotions show prm-1", {"id": "prm-1"}, {"id": "prm-1"}),
    ("usage show", {"totals": {}}, {"totals": {}}),
]


@pytest.mark.parametrize(("words", "body", "shown"), COMMANDS)
def test_commands_print_json(monkeypatch, words, body, shown):
    done = run(monkeypatch, client(ok(body)), *words.split())
    assert done.exit_code == 0
    assert json.loads(done.stdout) == shown


def test_errors_end_with_one(monkeypatch, capsys):
    monkeypatch.setattr(cli, "client", lambda: client(refusal()))
    monkeypatch.setattr("sys.argv", ["platform", "models", "show", "churn-dev"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "403 TENANT_FOREIGN" in capsys.readouterr().err


def test_help_names_every_group():
    shown = CliRunner().invoke(cli.app, ["--help"]).stdout
    assert all(word in shown for word in ("tenants", "models", "features", "promotions", "usage"))
