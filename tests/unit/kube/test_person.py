"""Connections of a second identity: what comes along from the first, and what must not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from practicum.kube import person
from practicum.kube.client import Kube

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def written(folder: Path, name: str, context: str, server: str) -> Path:
    body: dict[str, Any] = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / name
    path.write_text(yaml.safe_dump(body))
    return path


def test_the_server_of_a_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a", "ada-ds", "https://a:6443/")
    assert person.server_of(path, "ada-ds") == "https://a:6443"
    assert person.server_of(path, "ada-mle") == ""
    assert person.server_of(tmp_path / "none", "ada-ds") == ""
    (tmp_path / "bad").write_text("contexts: [{}]")
    assert person.server_of(tmp_path / "bad", "ada-ds") == ""
    second = written(tmp_path, "b", "bob-ds", "https://b:6443")
    monkeypatch.setenv("KUBECONFIG", f"{path}:{second}")
    assert person.server_of(None, "ada-ds") == "https://a:6443"


async def test_another_token_for_the_same_server_brings_no_certificate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(person, "ApiClient", _Client)
    configuration = person.Configuration(host="https://a:6443")
    configuration.tls_server_name, configuration.verify_ssl = "kube.example", False
    configuration.proxy, configuration.ca_cert_data = "http://proxy:3128", PEM
    configuration.cert_file, configuration.key_file = "admin.crt", "admin.key"
    configuration.api_key["BearerToken"] = "Bearer admin"
    first = Kube(_Client(configuration))
    second = person.bearer(first, "of-ds")._api.configuration
    assert second.host == "https://a:6443"
    assert (second.tls_server_name, second.verify_ssl) == ("kube.example", False)
    assert (second.proxy, second.ca_cert_data) == ("http://proxy:3128", PEM)
    assert second.api_key == {"BearerToken": "Bearer of-ds"}
    assert (second.cert_file, second.key_file) == (None, None)
    assert configuration.api_key == {"BearerToken": "Bearer admin"}


class _Client:
    """Keeps a configuration, and reads no certificate."""

    def __init__(self, configuration: Any) -> None:
        self.configuration = configuration
