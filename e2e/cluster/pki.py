"""Certificates and kubeconfigs of the light control plane, made by kubeadm's own phases."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from e2e.cluster.shell import run
from e2e.cluster.versions import KUBERNETES

# kubeadm wants an address that is not loopback; this one only fills a field and is never dialled.
DOCUMENTATION_ADDRESS = "192.0.2.1"


def make_pki(kubeadm: Path, folder: Path, port: int) -> None:
    """Write certificates to `folder/pki` and kubeconfigs to `folder`."""
    certificates = folder / "pki"
    config = folder / "kubeadm.json"
    cluster = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": KUBERNETES,
        "certificatesDir": str(certificates),
        "controlPlaneEndpoint": f"127.0.0.1:{port}",
        "encryptionAlgorithm": "ECDSA-P256",
        "apiServer": {"certSANs": ["127.0.0.1", "localhost"]},
        "etcd": {"local": {"dataDir": str(folder / "etcd"), "serverCertSANs": ["127.0.0.1"]}},
    }
    init = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": DOCUMENTATION_ADDRESS, "bindPort": port},
        "nodeRegistration": {"name": "control-plane"},
    }
    config.write_text("---\n".join(json.dumps(part) + "\n" for part in (cluster, init)))
    run([kubeadm, "init", "phase", "certs", "all", "--config", config])
    for name in ("super-admin", "controller-manager", "scheduler"):
        phase: list[str | Path] = [kubeadm, "init", "phase", "kubeconfig", name]
        run([*phase, "--config", config, "--kubeconfig-dir", folder])
        file = folder / f"{name}.conf"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(DOCUMENTATION_ADDRESS, "127.0.0.1"), encoding="utf-8")
    _write_admin_pair(folder)


def _write_admin_pair(folder: Path) -> None:
    """Unpack the administrator's certificate and key, for a client that reads files only."""
    text = (folder / "super-admin.conf").read_text(encoding="utf-8")
    for name, suffix in (("client-certificate-data", "crt"), ("client-key-data", "key")):
        found = re.search(rf"{name}: (\S+)", text)
        if found:
            file = folder / "pki" / f"admin.{suffix}"
            file.touch(mode=0o600)
            file.write_bytes(base64.b64decode(found[1]))
