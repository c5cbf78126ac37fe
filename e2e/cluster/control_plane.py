"""A real API server without nodes: etcd, kube-apiserver and kube-controller-manager on loopback.

For tests at the API level. Needs no root and no container engine; each instance has its own
ports and its own folder, and ends what it started.

    with ControlPlane(folder) as control_plane:
        run_tests(control_plane.kubeconfig)
"""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from e2e.cluster import binaries
from e2e.cluster.cache import Cache, remove, write_whole
from e2e.cluster.errors import ClusterError
from e2e.cluster.pki import DOCUMENTATION_ADDRESS, make_pki
from e2e.cluster.ports import free_ports
from e2e.cluster.processes import alive, end, keep_at_exit, spawn, stop_at_exit

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.05
# An API server drains its watches for long; nothing here depends on its good-bye.
_PATIENCE_SECONDS = 1.0
_STATE = "control-plane.json"
_LOG_LINES = 15
_NODE_CONTROLLERS = (
    "node-ipam-controller",
    "node-lifecycle-controller",
    "node-route-controller",
    "cloud-node-lifecycle-controller",
    "service-lb-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-expander-controller",
)
_SERVICE_RANGE = "10.96.0.0/16"


class ControlPlane:
    """One etcd, one API server and one controller manager in `folder`."""

    def __init__(
        self,
        folder: Path,
        cache: Cache | None = None,
        *,
        audit_policy: str = "",
        scheduler: bool = False,
        controllers_qps: int = 200,
        quota_sync: str = "5m0s",
    ) -> None:
        """Choose what runs beyond the three.

        Args:
            folder: where everything of this instance lies.
            cache: where the binaries are.
            audit_policy: an audit.k8s.io Policy; the API server then writes `audit_log`.
            scheduler: whether pods are given to nodes.
            controllers_qps: how many requests a second the controllers may send.
            quota_sync: how often all quotas are counted anew; until then a quota knows nothing
                of a kind that came after it.
        """
        self.folder = folder.absolute()
        self.cache = cache or Cache.from_environment()
        self._audit_policy = audit_policy
        self._scheduler = scheduler
        self._controllers_qps = controllers_qps
        self._quota_sync = quota_sync
        self.pids: dict[str, int] = {}
        self.ports: dict[str, int] = {}

    @property
    def kubeconfig(self) -> Path:
        """Cluster-admin access."""
        return self.folder / "super-admin.conf"

    @property
    def audit_log(self) -> Path:
        """What the API server answered to whom, one JSON object a line."""
        return self.folder / "audit.log"

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.ports['apiserver']}"

    def start(self) -> ControlPlane:
        """Start all three and return once the API server is ready."""
        self.stop()
        for leftover in ("etcd", "pki", "super-admin.conf", "controller-manager.conf"):
            remove(self.folder / leftover)
        self.folder.mkdir(parents=True, exist_ok=True)
        stop_at_exit(self)
        self.ports = dict(zip(("etcd", "peer", "apiserver"), free_ports(3), strict=True))
        kubeadm = binaries.build(self.cache, "kubernetes") / "kubeadm"
        make_pki(kubeadm, self.folder, self.ports["apiserver"])
        self._spawn("etcd", self._etcd_command())
        # An API server gives up on an etcd that does not listen within its first 20 s.
        self._wait("etcd", self._etcd_listens)
        self.start_apiserver()
        self._spawn("kube-controller-manager", self._controller_manager_command())
        if self._scheduler:
            self._spawn("kube-scheduler", self._scheduler_command())
        self._wait("the default namespace's ServiceAccount", self._has_default_account)
        return self

    def stop(self) -> None:
        """End the processes, also those that an earlier run left in this folder."""
        self._load_state()
        for name in ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            self._end(name)
        remove(self.folder / _STATE)

    def stop_apiserver(self) -> None:
        """Take the API server away; etcd keeps the data."""
        self._end("kube-apiserver")
        self._save_state()

    def start_apiserver(self) -> None:
        """Start the API server again on the same port and wait until it is ready."""
        self._spawn("kube-apiserver", self._apiserver_command())
        self._wait("the API server", self.ready)

    def ready(self) -> bool:
        """Tell whether the API server answers /readyz with ok."""
        return self._get("/readyz") == b"ok"

    def detach(self) -> None:
        """Leave the processes running after this interpreter; `stop` ends them later."""
        keep_at_exit(self)

    def attach(self) -> ControlPlane:
        """Take over what runs in the folder."""
        self._load_state()
        return self

    def __enter__(self) -> ControlPlane:
        """Start."""
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.start()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _etcd_command(self) -> list[str | Path]:
        client = f"https://127.0.0.1:{self.ports['etcd']}"
        peer = f"http://127.0.0.1:{self.ports['peer']}"
        pki = self.folder / "pki" / "etcd"
        return [
            binaries.build(self.cache, "etcd") / "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            f"--cert-file={pki / 'server.crt'}",
            f"--key-file={pki / 'server.key'}",
            f"--trusted-ca-file={pki / 'ca.crt'}",
            "--client-cert-auth",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver_command(self) -> list[str | Path]:
        pki = self.folder / "pki"
        return [
            binaries.build(self.cache, "kubernetes") / "kube-apiserver",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports['apiserver']}",
            f"--advertise-address={DOCUMENTATION_ADDRESS}",
            "--endpoint-reconciler-type=none",
            f"--etcd-servers=https://127.0.0.1:{self.ports['etcd']}",
            f"--etcd-cafile={pki / 'etcd' / 'ca.crt'}",
            f"--etcd-certfile={pki / 'apiserver-etcd-client.crt'}",
            f"--etcd-keyfile={pki / 'apiserver-etcd-client.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--service-cluster-ip-range={_SERVICE_RANGE}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            *self._audit_flags(),
        ]

    def _audit_flags(self) -> list[str]:
        if not self._audit_policy:
            return []
        policy = self.folder / "audit-policy.yaml"
        write_whole(policy, self._audit_policy)
        return [
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            # One file: whoever counts wants all of it.
            "--audit-log-maxsize=100000",
        ]

    def _scheduler_command(self) -> list[str | Path]:
        kubeconfig = self.folder / "scheduler.conf"
        return [
            binaries.build(self.cache, "kubernetes") / "kube-scheduler",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ]

    def _controller_manager_command(self) -> list[str | Path]:
        kubeconfig = self.folder / "controller-manager.conf"
        pki = self.folder / "pki"
        return [
            binaries.build(self.cache, "kubernetes") / "kube-controller-manager",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            "--use-service-account-credentials",
            f"--resource-quota-sync-period={self._quota_sync}",
            f"--kube-api-qps={self._controllers_qps}",
            f"--kube-api-burst={2 * self._controllers_qps}",
            "--controllers=" + ",".join(("*", *(f"-{name}" for name in _NODE_CONTROLLERS))),
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
        ]

    def _spawn(self, name: str, command: list[str | Path]) -> None:
        self.pids[name] = spawn(command, self.folder / f"{name}.log")
        self._save_state()

    def _end(self, name: str) -> None:
        pid = self.pids.pop(name, None)
        if pid is not None:
            end(pid, str(self.folder), _PATIENCE_SECONDS)

    def _wait(self, what: str, happened: Callable[[], bool]) -> None:
        limit = time.monotonic() + _READY_SECONDS
        while not happened():
            for name, pid in self.pids.items():
                if not alive(pid, str(self.folder)):
                    raise ClusterError(f"{name} ended while waiting for {what}\n{self._log(name)}")
            if time.monotonic() > limit:
                log = self._log("kube-apiserver")
                raise ClusterError(f"{what} not there after {_READY_SECONDS:.0f} s\n{log}")
            time.sleep(_POLL_SECONDS)

    def _log(self, name: str) -> str:
        text = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_LOG_LINES:])

    def _etcd_listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports["etcd"])) == 0

    def _has_default_account(self) -> bool:
        return bool(self._get("/api/v1/namespaces/default/serviceaccounts/default"))

    def _get(self, path: str) -> bytes:
        pki = self.folder / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        try:
            with urllib.request.urlopen(
                f"{self.server}{path}", timeout=2, context=context
            ) as answer:
                body: bytes = answer.read()
                return body
        except (OSError, urllib.error.URLError):
            return b""

    def _save_state(self) -> None:
        state = {"pids": self.pids, "ports": self.ports}
        write_whole(self.folder / _STATE, json.dumps(state))

    def _load_state(self) -> None:
        file = self.folder / _STATE
        if file.exists() and not self.pids:
            state = json.loads(file.read_text(encoding="utf-8"))
            self.pids, self.ports = state["pids"], state["ports"]
