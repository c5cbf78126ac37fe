"""The control plane and the operator are those of the tests at the API level."""

from tests.apiserver.conftest import (
    control_plane,
    kube,
    make_lab,
    operator,
    operator_kubeconfig,
    operator_with,
    running_operator,
)

__all__ = [
    "control_plane",
    "kube",
    "make_lab",
    "operator",
    "operator_kubeconfig",
    "operator_with",
    "running_operator",
]
