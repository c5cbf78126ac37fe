"""Stock kind with upstream images, where a registry answers. Untested on a machine without one."""

from __future__ import annotations

from e2e.cluster import binaries
from e2e.cluster.cache import REPOSITORY, Cache, key_of, write_whole
from e2e.cluster.console import say, timed
from e2e.cluster.kind import CLUSTER, api_answers
from e2e.cluster.shell import run

_OPERATOR = "practicum.local/operator"


def up(cache: Cache, engine: str) -> None:
    """Create the cluster with kind's own node image."""
    if api_answers(cache, cache.kubeconfig):
        say("cluster", "healthy already")
        return
    say("cluster", f"stock kind on {engine} with upstream images (this way is untested here)")
    delete(cache, engine)
    cache.cluster.mkdir(parents=True, exist_ok=True)
    words = ["--name", CLUSTER, "--wait", "120s", "--kubeconfig", str(cache.kubeconfig)]
    with timed("cluster", f"kind create cluster --name {CLUSTER}"):
        run([_kind(cache), "create", "cluster", *words], env=_environment(engine))


def load(cache: Cache, engine: str) -> None:
    """Build and load the operator's image; the components' images come from upstream."""
    sources = ("operator", "requirements", "pyproject.toml")
    tag = key_of([REPOSITORY / source for source in sources])
    name = f"{_OPERATOR}:{tag}"
    containerfile = REPOSITORY / "operator" / "Containerfile"
    with timed("images", f"{engine} build of {name}"):
        run([engine, "build", "--file", containerfile, "--tag", name, REPOSITORY])
    with timed("load", name):
        words = ["load", "docker-image", name, "--name", CLUSTER]
        run([_kind(cache), *words], env=_environment(engine))
    write_whole(cache.image_values, f'image:\n  repository: {_OPERATOR}\n  tag: "{tag}"\n')


def delete(cache: Cache, engine: str) -> None:
    """Remove the cluster, if there is one."""
    run([_kind(cache), "delete", "cluster", "--name", CLUSTER], env=_environment(engine))
    cache.kubeconfig.unlink(missing_ok=True)


def _kind(cache: Cache) -> str:
    return str(binaries.build(cache, "kind") / "kind")


def _environment(engine: str) -> dict[str, str]:
    return {"KIND_EXPERIMENTAL_PROVIDER": engine}
