"""Let Kubernetes' own NetworkPolicy cases judge the cluster's network.

The cases are those of its e2e suite at the cluster's version; their pods run agnhost, from the same
module. Both are built on demand: nothing else needs them.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import binaries
from e2e.cluster.archive import StaticImage, write_archive
from e2e.cluster.cache import Cache, key_of, write_whole
from e2e.cluster.console import say, timed
from e2e.cluster.errors import ClusterError
from e2e.cluster.images import PREFIX, Image, ensure_archive, load_images
from e2e.cluster.kind import KindCluster
from e2e.cluster.versions import GO_SETS

_SUITE = "kubernetes-tests"
_SCTP = "SCTPConnectivity"
_NO_SCTP = "this kernel has no SCTP"
_SAID_BY_ALL = ("[sig-network] ", " [Feature:NetworkPolicy]", "NetworkPolicy between ")


@dataclass(frozen=True)
class Case:
    """One case of the suite: its name, how it ended and in how many seconds."""

    name: str
    state: str
    seconds: float
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether the case ran and did not pass."""
        return self.state not in ("passed", "skipped")

    def as_text(self) -> str:
        """One row of the table, and what the case said where it did not pass."""
        took = f"{self.seconds:5.0f} s" if self.seconds else " " * 7
        note = f"  ({self.note})" if self.note else ""
        return f"{self.state:<8} {took}  {self.name}{note}"


def judge(cache: Cache, kubeconfig: Path, cluster: KindCluster | None, focus: str) -> list[Case]:
    """Run the cases, which takes many minutes, and return how each ended, by name.

    Args:
        cache: where suite, report and log are.
        kubeconfig: the cluster, as its administrator.
        cluster: the node that needs agnhost; without one, upstream's image is pulled.
        focus: a regular expression on the cases' names; empty for all.

    Raises:
        ClusterError: there is no report.
    """
    folder = binaries.build(cache, _SUITE)
    environment = _agnhost(cache, cluster, folder / "agnhost") if cluster else {}
    report, log = cache.root / "logs" / "netpol.json", cache.log("netpol")
    report.unlink(missing_ok=True)
    words = [f"--kubeconfig={kubeconfig}", "--provider=skeleton", f"--ginkgo.json-report={report}"]
    words += ["--ginkgo.no-color", "--ginkgo.v", f"--ginkgo.focus={focus}"]
    words += [] if _kernel_has_sctp() else [f"--ginkgo.skip={_SCTP}"]
    with log.open("w", encoding="utf-8") as output, timed("netpol", f"the cases, log: {log}"):
        command = [str(folder / _SUITE), *words]
        subprocess.run(
            command,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            check=False,
        )
    if not report.exists():
        raise ClusterError(f"the suite came to no report: {log}")
    return _cases(json.loads(report.read_text(encoding="utf-8")))


def table(cases: Sequence[Case]) -> str:
    """Return one row per case and the sum."""
    count = {state: sum(case.state == state for case in cases) for state in ("passed", "skipped")}
    failed = sum(case.failed for case in cases)
    total = f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped"
    return "\n".join((*(case.as_text() for case in cases), total))


def _agnhost(cache: Cache, cluster: KindCluster, program: Path) -> dict[str, str]:
    """Load the cases' image and return the environment that makes the suite use it."""
    module = binaries.module_folder(cache, _SUITE, "k8s.io/kubernetes")
    version = (module / "test/images/agnhost/VERSION").read_text(encoding="utf-8").strip()
    name = f"{PREFIX}/agnhost:{version}"
    layer = StaticImage((name,), program, "/agnhost", ("/agnhost",), ("pause",))
    key = key_of([], binaries.folder_of(cache, GO_SETS[_SUITE]).name)
    image = Image("agnhost", version, key, lambda target: write_archive(target, [layer]))
    ensure_archive(cache, image)
    load_images(cluster, [image])
    registries = cache.cluster / "suite-registries.yaml"
    write_whole(registries, f"promoterE2eRegistry: {PREFIX}\n")
    return {"KUBE_TEST_REPO_LIST": str(registries)}


def _kernel_has_sctp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        say("netpol", f"{_NO_SCTP}: the {_SCTP} cases are skipped")
        return False
    return True


def _cases(report: list[dict[str, Any]]) -> list[Case]:
    specs = [spec for suite in report for spec in suite["SpecReports"] or []]
    found = [_case(spec) for spec in specs if spec["LeafNodeType"] == "It"]
    # What a focus leaves out is in the report, too: skipped, without a reason.
    ran = (case for case in found if case.state != "skipped" or case.note)
    return sorted(ran, key=lambda case: case.name)


def _case(spec: dict[str, Any]) -> Case:
    parts = [*(spec["ContainerHierarchyTexts"] or []), spec["LeafNodeText"]]
    note = (spec.get("Failure") or {}).get("Message", "").split("\n")[0][:90]
    if spec["State"] == "skipped" and _SCTP in " ".join(parts):
        note = _NO_SCTP
    name = " ".join(parts)
    for words in _SAID_BY_ALL:
        name = name.replace(words, "")
    return Case(name, spec["State"], spec["RunTime"] / 1e9, note)
