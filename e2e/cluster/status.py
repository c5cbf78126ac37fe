"""What exists right now, asked from the API server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from e2e.cluster import metrics
from e2e.cluster.cache import Cache
from e2e.cluster.engine import Engine
from e2e.cluster.errors import ClusterError
from e2e.cluster.images import PREFIX
from e2e.cluster.kind import KindCluster, api_answers, kubectl
from e2e.cluster.provider import Kind, Provider

NODE_PARTS = ("agnhost", "busybox", "local-path-provisioner", metrics.SET)
ENFORCED = "enforced by the test agent"
_NOT_ENFORCED = "NOT enforced, no pod starts: the test agent does not answer in the node"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_DNS_LABEL = "kube-dns"


@dataclass
class Status:
    """The answers of `status`; `healthy` decides the exit code."""

    provider: str
    kubeconfig: str
    api_server: bool = False
    version: str = ""
    nodes: int = 0
    nodes_ready: bool = False
    dns_ready: bool = False
    storage_class: str = ""
    network_policy: str = "unknown"
    resource_metrics: bool = False
    images: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """A pod with a volume and a name to look up would run."""
        network = self.network_policy != _NOT_ENFORCED
        parts = (self.api_server, self.nodes_ready, self.dns_ready, bool(self.storage_class))
        return network and all(parts)

    def as_json(self) -> str:
        """The same for programs."""
        return json.dumps({**asdict(self), "healthy": self.healthy}, indent=2)

    def as_text(self) -> str:
        """One row per fact."""
        rows = {
            **asdict(self),
            "images": ", ".join(self.images) or "none loaded",
            "healthy": self.healthy,
        }
        return "\n".join(
            f"{name.replace('_', ' '):<24} {_word(value)}" for name, value in rows.items()
        )


def look(cache: Cache, provider: Provider, *, with_images: bool = True) -> Status:
    """Ask the cluster; what it does not answer stays at no."""
    status = Status(str(provider.kind), str(provider.kubeconfig))
    if not api_answers(cache, provider.kubeconfig):
        return status
    status.api_server = True
    status.version = _ask(cache, provider, "version").get("serverVersion", {}).get("gitVersion", "")
    wanted = ("get", "nodes,deployments,storageclasses,apiservices", "--all-namespaces")
    for item in _ask(cache, provider, *wanted).get("items", []):
        _note(status, item)
    if provider.kind is Kind.STOCK:
        status.network_policy = "enforced by kind's own network"
    elif provider.kind is Kind.BUILT:
        cluster = KindCluster(cache, Engine(cache))
        status.network_policy = ENFORCED if cluster.enforces_policies() else _NOT_ENFORCED
        status.images = loaded_names(cluster) if with_images else []
    return status


def _note(status: Status, item: dict[str, Any]) -> None:
    """Enter what one object says."""
    meta = item["metadata"]
    if item["kind"] == "Node":
        status.nodes_ready = _holds(item, "Ready") and (status.nodes_ready or status.nodes == 0)
        status.nodes += 1
    elif item["kind"] == "Deployment" and meta.get("labels", {}).get("k8s-app") == _DNS_LABEL:
        status.dns_ready = item["status"].get("readyReplicas", 0) > 0
    elif item["kind"] == "StorageClass" and meta.get("annotations", {}).get(_DEFAULT_CLASS):
        status.storage_class = meta["name"]
    elif item["kind"] == "APIService" and meta["name"] == metrics.API:
        status.resource_metrics = _holds(item, "Available")


def _holds(item: dict[str, Any], condition: str) -> bool:
    found = item.get("status", {}).get("conditions", [])
    return any(each["type"] == condition and each["status"] == "True" for each in found)


def loaded_names(cluster: KindCluster) -> list[str]:
    """Our component images in the node."""
    try:
        listing = cluster.node("ctr", "--namespace", "k8s.io", "images", "ls", "-q")
    except ClusterError:
        return []
    ours = (name for name in listing.split() if name.startswith(f"{PREFIX}/"))
    return sorted(name for name in ours if name.split("/")[1].split(":")[0] not in NODE_PARTS)


def _ask(cache: Cache, provider: Provider, *words: str) -> dict[str, Any]:
    try:
        text = kubectl(cache, provider.kubeconfig, "--request-timeout=5s", *words, "-o", "json")
    except ClusterError:
        return {}
    answer: dict[str, Any] = json.loads(text)
    return answer


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
