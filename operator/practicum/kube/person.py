"""Connects as a person: by a kubeconfig and its plugins, or by an address, a CA and a token.

``kubernetes.aio`` runs credential plugins without telling them the cluster and swallows their
errors; the command line's own plugin needs the first and its user the second.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import config as kube_config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

from practicum.api.names import NAMESPACE_PREFIX
from practicum.errors import ApiError
from practicum.kube.client import Kube

EXEC_INFO = "KUBERNETES_EXEC_INFO"


@dataclass(frozen=True)
class Connection:
    """A client, and the namespace of the course as far as the kubeconfig tells."""

    kube: Kube
    namespace: str
    context_namespace: str = ""
    """What the context itself names: for a learner the lab's namespace."""


async def connect(kubeconfig: Path | None = None, context: str | None = None) -> Connection:
    """Connect by ``kubeconfig``, else ``$KUBECONFIG``, else ``~/.kube/config``, else the pod's.

    Raises:
        ApiError: no configuration was found, it does not load, or its plugin failed.
    """
    paths = search_path(kubeconfig)
    if not any(path.is_file() for path in paths):
        return _in_cluster(paths)
    configuration = Configuration()
    try:
        merged = KubeConfigMerger(os.pathsep.join(str(path) for path in paths)).config
        _check_context(merged.value, context)
        loader = _Loader(config_dict=merged, active_context=context, config_base_path=None)
        await loader.load_and_set(configuration)
        client = ApiClient(configuration)
    except (kube_config.ConfigException, OSError, yaml.YAMLError, TypeError) as error:
        named = os.pathsep.join(str(path) for path in paths)
        reason = " ".join(str(error).split())
        raise ApiError(0, "NoKubeconfig", f"kubeconfig {named} is not usable: {reason}") from error
    namespace = loader.namespace
    return Connection(Kube(client), course(namespace, configuration.api_key), namespace)


def server_of(kubeconfig: Path | None, context: str) -> str:
    """Return the address of a context's cluster; empty where no such context can be read."""
    paths = [path for path in search_path(kubeconfig) if path.is_file()]
    if not paths:
        return ""
    try:
        merged = KubeConfigMerger(os.pathsep.join(str(path) for path in paths)).config.value
        contexts = {one["name"]: one["context"] for one in merged.get("contexts") or ()}
        clusters = {one["name"]: one["cluster"] for one in merged.get("clusters") or ()}
        return str(clusters[contexts[context]["cluster"]]["server"]).rstrip("/")
    except (kube_config.ConfigException, OSError, yaml.YAMLError, LookupError, AttributeError):
        return ""


def course(namespace: str, api_key: Mapping[str, str]) -> str:
    """Return the course's namespace, given the context's.

    A learner's contexts name the lab's namespace, but the learner's ServiceAccount, and with it
    the LabEnvironment, lives in the course's; the token says which that is.
    """
    if not namespace.startswith(NAMESPACE_PREFIX):
        return namespace
    try:
        payload = api_key["BearerToken"].removeprefix("Bearer ").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["kubernetes.io"]["namespace"])
    except (KeyError, IndexError, ValueError, TypeError):
        return namespace


def search_path(kubeconfig: Path | None) -> list[Path]:
    """Return the files that a kubeconfig is merged from, in kubectl's order."""
    if kubeconfig is not None:
        return [kubeconfig]
    named = os.environ.get("KUBECONFIG", "")
    files = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
    return files or [Path.home() / ".kube" / "config"]


def direct(server: str, ca: str, token: str, *, tls_server_name: str = "") -> Kube:
    """Return a client for an address, a PEM bundle (empty: the system's) and a bearer token."""
    configuration = Configuration(host=server.rstrip("/"))
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    configuration.ca_cert_data = ca or None
    configuration.tls_server_name = tls_server_name or None
    return Kube(ApiClient(configuration))


def bearer(kube: Kube, token: str) -> Kube:
    """Return a client of the same API server for whoever holds a token.

    A client certificate must not come along: the API server would believe it first.
    """
    known = kube._api.configuration
    configuration = Configuration(host=known.host)
    for part in _SAME_SERVER:
        setattr(configuration, part, getattr(known, part))
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    return Kube(ApiClient(configuration))


def _in_cluster(paths: list[Path]) -> Connection:
    configuration = Configuration()
    try:
        kube_config.load_incluster_config(client_configuration=configuration)
    except kube_config.ConfigException as error:
        named = ", ".join(str(path) for path in paths)
        raise ApiError(0, "NoKubeconfig", f"no kubeconfig: {named} does not exist") from error
    mounted = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    namespace = mounted.read_text(encoding="utf-8").strip() if mounted.is_file() else "default"
    return Connection(Kube(ApiClient(configuration)), namespace)


def _check_context(document: Mapping[str, Any], context: str | None) -> None:
    wanted = context or document.get("current-context")
    names = [entry["name"] for entry in document.get("contexts") or ()]
    if not wanted:
        raise kube_config.ConfigException("it has no current context: choose one with --context")
    if wanted not in names:
        known = ", ".join(names) or "none"
        raise kube_config.ConfigException(f"it has no context {wanted}; it has: {known}")


class _Loader(KubeConfigLoader):  # type: ignore[misc]
    """Runs credential plugins the way that client-go does."""

    @property
    def namespace(self) -> str:
        return str(self._current_context["context"].safe_get("namespace") or "default")

    async def load_from_exec_plugin(self) -> bool:
        stanza = self._user["exec"].value
        status = await _run_plugin(stanza, self._cluster_info() if stanza.get(_PROVIDE) else None)
        if token := status.get("token"):
            self.token = f"Bearer {token}"
        if certificate := status.get("clientCertificateData"):
            pair = {"client-certificate-data": certificate, "client-key-data": status.get(_KEY)}
            encoded = {k: base64.b64encode(str(v).encode()).decode() for k, v in pair.items()}
            self._user.value.update(encoded)
        return True

    def _cluster_info(self) -> dict[str, Any]:
        cluster = self._cluster.value
        info = {key: cluster[key] for key in _CLUSTER_KEYS if key in cluster}
        if "certificate-authority-data" not in info and "certificate-authority" in cluster:
            base = Path(self._get_base_path(self._cluster.path))
            pem = (base / cluster["certificate-authority"]).read_bytes()
            info["certificate-authority-data"] = base64.b64encode(pem).decode()
        return info


_SAME_SERVER = (
    *("ssl_ca_cert", "ca_cert_data", "verify_ssl", "disable_strict_ssl_verification"),
    *("assert_hostname", "tls_server_name", "proxy", "proxy_headers"),
)
_PROVIDE = "provideClusterInfo"
_KEY = "clientKeyData"
_CLUSTER_KEYS = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority-data",
    "proxy-url",
)


async def _run_plugin(stanza: dict[str, Any], cluster: dict[str, Any] | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"interactive": sys.stdin.isatty()}
    if cluster is not None:
        spec["cluster"] = cluster
    info = {"apiVersion": stanza.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    extra = {item["name"]: str(item["value"]) for item in stanza.get("env") or ()}
    command = [stanza["command"], *(str(part) for part in stanza.get("args") or ())]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=os.environ | extra | {EXEC_INFO: json.dumps(info)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        hint = stanza.get("installHint") or "install it, or use a context without a plugin"
        raise ApiError(0, "NoPlugin", f"credential plugin {command[0]}: {error}; {hint}") from error
    out, complaint = await process.communicate()
    if process.returncode:
        said = complaint.decode("utf-8", "replace").strip() or f"it ended with {process.returncode}"
        raise ApiError(401, "PluginFailed", f"credential plugin {command[0]}: {said}")
    try:
        return dict(json.loads(out)["status"])
    except (ValueError, KeyError, TypeError) as error:
        text = f"credential plugin {command[0]} did not print an ExecCredential"
        raise ApiError(401, "PluginFailed", text) from error
