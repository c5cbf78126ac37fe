"""The kind cluster: create, look at, remove."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

from e2e.cluster import binaries, storage
from e2e.cluster.cache import Cache, write_whole
from e2e.cluster.console import timed
from e2e.cluster.engine import Engine, remove_cgroups
from e2e.cluster.netpol.rules import TABLE
from e2e.cluster.shell import answers, run

CLUSTER = "practicum"
NODE = f"{CLUSTER}-control-plane"
AGENT = "practicum-netpol"
ARCHIVES_IN_NODE = "/kind/archives"
STAND_INS = {
    "the metadata address of a cloud": "169.254.169.254",
    "private addresses, 10/8": "10.255.255.1",
    "private addresses, 172.16/12": "172.31.255.1",
    "private addresses, 192.168/16": "192.168.255.1",
}
_SERVICES = "10.96.0.0/16"
_READY_SECONDS = 90


def kubectl(cache: Cache, kubeconfig: Path, *words: str) -> str:
    """Run kubectl against a cluster and return what it printed."""
    return run([_kubectl(cache), "--kubeconfig", kubeconfig, *words])


def api_answers(cache: Cache, kubeconfig: Path) -> bool:
    """Ask the API server itself: an engine may call a dead node `Up`."""
    if not kubeconfig.exists():
        return False
    words = ("--kubeconfig", kubeconfig, "--request-timeout=4s", "get", "--raw=/readyz")
    return answers([_kubectl(cache), *words], timeout=6)


def _kubectl(cache: Cache) -> Path:
    """The built kubectl, else the machine's own, else one built now."""
    built = binaries.built(cache, "kubernetes")
    found = shutil.which("kubectl")
    if built is None and found:
        return Path(found)
    return binaries.build(cache, "kubernetes") / "kubectl"


class KindCluster:
    """One kind cluster on podman, from a locally built node image."""

    def __init__(self, cache: Cache, engine: Engine) -> None:
        self.cache = cache
        self.engine = engine
        self.environment = {**engine.environment, "KIND_EXPERIMENTAL_PROVIDER": "podman"}

    def create(self, node_image: str) -> None:
        """Create the cluster and wait until pods can be scheduled and DNS answers."""
        config = self.cache.cluster / "kind.json"
        write_whole(config, json.dumps(_config(node_image, self.cache.archives), indent=2))
        self.cache.archives.mkdir(parents=True, exist_ok=True)
        fresh = self.cache.cluster / "kubeconfig.unfinished"
        fresh.unlink(missing_ok=True)
        self.engine.create_network()
        command = ["create", "cluster", "--name", CLUSTER, "--config", str(config), "--retain"]
        with timed("cluster", f"kind create cluster --name {CLUSTER}"):
            self._kind(*command, "--kubeconfig", str(fresh))
        # Without a default route, host-network processes need this one to reach Services.
        self.node("ip", "route", "replace", _SERVICES, "dev", "eth0")
        for address in STAND_INS.values():
            # The node answers there, so that a pod is kept off by its policies and nothing else.
            self.node("ip", "address", "replace", f"{address}/32", "dev", "lo")
        with timed("cluster", "node, DNS and storage Ready"):
            self._wait_ready(fresh)
        fresh.rename(self.cache.kubeconfig)

    def delete(self) -> None:
        """Remove the cluster, also a dead or half-made one, and its network."""
        self.cache.kubeconfig.unlink(missing_ok=True)
        if self.exists():
            with timed("cluster", f"kind delete cluster --name {CLUSTER}"):
                # Nothing in there is worth the ten seconds that a polite end may take.
                self.engine.podman_answers("kill", NODE)
                container = self.engine.container_id(NODE)
                self._kind("delete", "cluster", "--name", CLUSTER)
                remove_cgroups(container)
        self.engine.remove_network()

    def exists(self) -> bool:
        """Tell whether the engine knows the node, alive or not."""
        return self.engine.podman_answers("container", "exists", NODE)

    def node(self, *words: str) -> str:
        """Run a command in the node."""
        return self.engine.podman("exec", NODE, *words)

    def enforces_policies(self) -> bool:
        """Tell whether the NetworkPolicy agent runs and its rules are in the node's kernel."""
        agent = ("systemctl", "is-active", "--quiet", AGENT)
        rules = ("nft", "list", "chain", *TABLE.split(), "forward")
        return all(self.engine.podman_answers("exec", NODE, *words) for words in (agent, rules))

    def _kind(self, *words: str) -> str:
        program = binaries.build(self.cache, "kind") / "kind"
        log = self.cache.log(f"kind-{words[0]}")
        return run([program, *words], env=self.environment, log=log)

    def _wait_ready(self, kubeconfig: Path) -> None:
        kubectl_words = ["wait", "--for=condition=Ready", "node", "--all"]
        kubectl(self.cache, kubeconfig, *kubectl_words, f"--timeout={_READY_SECONDS}s")
        # Not Available: kubeadm lets CoreDNS be that without a single ready pod. Once one is, pods
        # reach the API server by its Service.
        ready = "--for=jsonpath={.status.readyReplicas}"
        words = ("wait", "-n", "kube-system", ready, "deployment", "--all")
        kubectl(self.cache, kubeconfig, *words, f"--timeout={_READY_SECONDS}s")
        storage.start(partial(kubectl, self.cache, kubeconfig))


def _config(node_image: str, archives: Path) -> dict[str, object]:
    """The kind configuration; JSON is YAML too."""
    kubelet = {"kind": "KubeletConfiguration", "failCgroupV1": False}
    patched = {"kind": "InitConfiguration", "patches": {"directory": "/kind/patches"}}
    etcd = {"local": {"extraArgs": [{"name": "unsafe-no-fsync", "value": "true"}]}}
    # By default a quota learns of a new kind, such as ours, within five minutes.
    counting = {"extraArgs": [{"name": "resource-quota-sync-period", "value": "30s"}]}
    cluster = {"kind": "ClusterConfiguration", "etcd": etcd, "controllerManager": counting}
    mount = {"hostPath": str(archives), "containerPath": ARCHIVES_IN_NODE, "readOnly": True}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"disableDefaultCNI": True},
        "kubeadmConfigPatches": [json.dumps(patch) for patch in (kubelet, patched, cluster)],
        "nodes": [{"role": "control-plane", "image": node_image, "extraMounts": [mount]}],
    }
