"""The cluster's resource metrics (metrics.k8s.io): what pods use, as `kubectl top` tells it.

The manifests are metrics-server's own. The first figures come with its second look at the
kubelets, so whoever has other work to do does it meanwhile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.cluster import binaries
from e2e.cluster.archive import StaticImage, write_archive
from e2e.cluster.cache import Cache, key_of, write_whole
from e2e.cluster.console import say
from e2e.cluster.errors import ClusterError
from e2e.cluster.images import PREFIX, Image
from e2e.cluster.shell import Kubectl, said
from e2e.cluster.versions import GO_SETS, METRICS_SERVER

API = "v1beta1.metrics.k8s.io"
SET = "metrics-server"
UPSTREAM = f"registry.k8s.io/metrics-server/metrics-server:{METRICS_SERVER}"
_SECONDS = 120
_POLL_SECONDS = 0.5
_BY_LINE = 'jsonpath={@}{"\\n"}'
_ANSWER = ("top", "pods", "--all-namespaces")
_EVIDENCE = (
    ("get", "apiservice", API),
    ("get", "pods", "-n", "kube-system", "-l", f"k8s-app={SET}"),
    ("logs", "-n", "kube-system", f"deployment/{SET}", "--tail=30"),
)


def image(cache: Cache) -> Image:
    """The image with the command built here."""
    name = f"{PREFIX}/{SET}:{METRICS_SERVER}"

    def make(target: Path) -> None:
        program = f"/{SET}"
        built = binaries.build(cache, SET) / SET
        write_archive(target, [StaticImage((name,), built, program, (program,))])

    key = key_of([], binaries.folder_of(cache, GO_SETS[SET]).name)
    return Image(SET, METRICS_SERVER, key, make)


@contextmanager
def started(cache: Cache, kubectl: Kubectl, image_name: str) -> Iterator[None]:
    """Start the server; at the end of the block wait until it has figures of pods.

    Raises:
        ClusterError: it has none in time; the message has its state and its log.
    """
    base = binaries.module_folder(cache, SET, "sigs.k8s.io/metrics-server") / "manifests" / "base"
    lines = kubectl("create", "--dry-run=client", "-o", _BY_LINE, "-k", str(base)).splitlines()
    ours = _ours([json.loads(line) for line in lines], image_name)
    file = cache.cluster / f"{SET}.json"
    write_whole(file, json.dumps({"apiVersion": "v1", "kind": "List", "items": ours}, indent=2))
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
    yield
    _wait(kubectl)


def _ours(manifests: list[dict[str, Any]], image_name: str) -> list[dict[str, Any]]:
    """Return the manifests for a small test node, whose kubelet signed its certificate itself."""
    (deployment,) = (one for one in manifests if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["image"] = image_name
    container["args"].append("--kubelet-insecure-tls")
    container["resources"]["requests"] = {"cpu": "10m", "memory": "50Mi"}
    container["readinessProbe"] |= {"initialDelaySeconds": 1, "periodSeconds": 1}
    return manifests


def _wait(kubectl: Kubectl) -> None:
    began = time.monotonic()
    while True:
        try:
            kubectl(*_ANSWER)
        except ClusterError as error:
            if time.monotonic() - began < _SECONDS:
                time.sleep(_POLL_SECONDS)
                continue
            evidence = said(kubectl, *_EVIDENCE)
            raise ClusterError(f"the cluster serves no metrics: {error}\n{evidence}") from error
        say("metrics", f"kubectl top answers, waited {time.monotonic() - began:.1f} s for it")
        return
