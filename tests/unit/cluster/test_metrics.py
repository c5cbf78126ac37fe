"""Metrics of the test cluster: what is applied of upstream's manifests, and what is waited for."""

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster import binaries, metrics
from e2e.cluster.cache import Cache
from e2e.cluster.errors import ClusterError

CONTAINER = {
    "image": "upstream",
    "args": ["--metric-resolution=15s"],
    "resources": {"requests": {"cpu": "100m"}},
    "readinessProbe": {"initialDelaySeconds": 20, "timeoutSeconds": 2},
}
THEIRS = (
    {"kind": "APIService", "metadata": {"name": metrics.API}},
    {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [CONTAINER]}}}},
)


class Cluster:
    """A kubectl whose `top` answers after some tries."""

    def __init__(self, tries: int) -> None:
        self.tries = tries
        self.did: list[str] = []
        self.applied: list[Any] = []

    def __call__(self, *words: str) -> str:
        self.did.append(words[0])
        if words[0] == "create":
            return "\n".join(map(json.dumps, THEIRS))
        if words[0] == "apply":
            self.applied = json.loads(Path(words[-1]).read_text())["items"]
        if words[0] == "top" and self.did.count("top") < self.tries:
            raise ClusterError("Metrics API not available")
        return f"<{words[0]}>"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setattr(binaries, "module_folder", lambda *_: tmp_path)
    monkeypatch.setattr(metrics, "_POLL_SECONDS", 0)
    return Cache(tmp_path)


def test_the_wait_is_at_the_end_of_the_block(cache: Cache) -> None:
    cluster = Cluster(tries=3)
    with metrics.started(cache, cluster, "ours:1"):
        assert cluster.did == ["create", "apply"]
    assert cluster.did[2:] == ["top", "top", "top"]
    assert cluster.applied[0] == THEIRS[0]
    (container,) = cluster.applied[1]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "ours:1"
    assert container["args"] == ["--metric-resolution=15s", "--kubelet-insecure-tls"]
    assert container["readinessProbe"] == {
        "initialDelaySeconds": 1,
        "periodSeconds": 1,
        "timeoutSeconds": 2,
    }


def test_a_cluster_without_figures_is_told_with_evidence(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_SECONDS", 0)
    with (
        pytest.raises(
            ClusterError, match="no metrics: Metrics API not available\n<get>\n<get>\n<logs>"
        ),
        metrics.started(cache, Cluster(tries=99), "ours:1"),
    ):
        pass


def test_an_error_inside_the_block_is_not_waited_upon(cache: Cache) -> None:
    cluster = Cluster(tries=1)
    with pytest.raises(RuntimeError), metrics.started(cache, cluster, "ours:1"):
        raise RuntimeError
    assert "top" not in cluster.did
