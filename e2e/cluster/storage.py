"""The cluster's default StorageClass: its provisioner is started, and makes a volume.

The provisioner has no readiness probe and ends when the API server's Service does not answer it
yet, so its Deployment says little: storage is there when a pod has had a volume.
"""

from __future__ import annotations

from pathlib import Path

from e2e.cluster.console import say
from e2e.cluster.errors import ClusterError
from e2e.cluster.shell import Kubectl, said

NAMESPACE = "local-path-storage"
DEPLOYMENT = "local-path-provisioner"
_TRIAL = Path(__file__).with_name("trial.yaml")
_SECONDS = 45
_LOG_LINES = 30


def start(kubectl: Kubectl) -> None:
    """Start the provisioner and wait until a pod has had a volume from it.

    A provisioner that makes none is shown with its log and is started anew, once.

    Raises:
        ClusterError: no volume came of that either.
    """
    kubectl("scale", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}", "--replicas=1")
    if _has_volume(kubectl):
        return
    say("storage", f"no volume in {_SECONDS} s\n{_evidence(kubectl)}")
    kubectl("rollout", "restart", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}")
    if not _has_volume(kubectl):
        raise ClusterError(f"the cluster's storage makes no volume\n{_evidence(kubectl)}")


def _has_volume(kubectl: Kubectl) -> bool:
    """Whether a pod with a new claim ends well in time; both are deleted then."""
    ended = "--for=jsonpath={.status.phase}=Succeeded"
    try:
        kubectl("apply", "-f", str(_TRIAL))
        kubectl("wait", "-n", NAMESPACE, "pod/practicum-trial", ended, f"--timeout={_SECONDS}s")
    except ClusterError:
        return False
    kubectl("delete", "-f", str(_TRIAL), "--wait=false")
    return True


def _evidence(kubectl: Kubectl) -> str:
    """What the provisioner did, as far as it can be had."""
    of_it = ("-n", NAMESPACE, f"deployment/{DEPLOYMENT}", f"--tail={_LOG_LINES}")
    state = ("get", "-n", NAMESPACE, "pods,pvc,events")
    return said(kubectl, state, ("logs", *of_it), ("logs", *of_it, "--previous"))
