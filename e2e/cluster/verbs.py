"""What the command line's verbs do, in order."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

from e2e.cluster import binaries, images, judge, metrics, stock
from e2e.cluster.build import Builder
from e2e.cluster.cache import Cache, locked, remove
from e2e.cluster.console import elapsed, say
from e2e.cluster.engine import Engine, install_packages, require_buildable
from e2e.cluster.errors import ClusterError
from e2e.cluster.kind import KindCluster, api_answers, kubectl
from e2e.cluster.node import NODE_SETS, node_image
from e2e.cluster.provider import Kind, Provider, choose, forget, remembered
from e2e.cluster.status import look


def up(cache: Cache, *, with_images: bool) -> Provider:
    """Make sure that a Ready cluster runs, and on demand that it holds the component images."""
    provider = choose(cache)
    if provider.kind is Kind.EXISTING:
        _check_existing(cache, provider)
    else:
        with locked(cache, "cluster"):
            _up(cache, provider, with_images)
    say("up", f"KUBECONFIG={provider.kubeconfig}")
    say("up", f"Ready, {elapsed():.1f} s in total")
    return provider


def load(cache: Cache) -> None:
    """Build the images and load them into the running cluster."""
    provider = choose(cache)
    if provider.kind is Kind.EXISTING:
        say("images", "nothing done: push the operator's image where your cluster pulls from")
        return
    with locked(cache, "cluster"):
        if provider.kind is Kind.STOCK:
            stock.load(cache, provider.engine)
        else:
            _load_all(cache, _builder(cache))
    say("images", f"Helm values: {cache.image_values}")
    say("images", f"done, {elapsed():.1f} s in total")


def judge_network(cache: Cache, focus: str) -> list[judge.Case]:
    """Let Kubernetes' NetworkPolicy cases judge the running cluster."""
    provider = choose(cache)
    if not api_answers(cache, provider.kubeconfig):
        raise ClusterError("no cluster answers: run `up` first")
    cluster = KindCluster(cache, _engine(cache)) if provider.kind is Kind.BUILT else None
    return judge.judge(cache, provider.kubeconfig, cluster, focus)


def down(cache: Cache, *, with_cache: bool) -> None:
    """Remove the cluster and its network, and on demand everything ever built."""
    with locked(cache, "cluster"):
        provider = remembered(cache)
        if provider and provider.kind is Kind.STOCK:
            stock.delete(cache, provider.engine)
        elif provider:
            KindCluster(cache, _engine(cache)).delete()
        forget(cache)
    if with_cache:
        engine = Engine(cache)
        if engine.folder.exists():
            engine.reset()
        remove(cache.root)
    say("down", f"done, {elapsed():.1f} s in total")


def _up(cache: Cache, provider: Provider, with_images: bool) -> None:
    if provider.kind is Kind.STOCK:
        stock.up(cache, provider.engine)
        with metrics.started(cache, partial(kubectl, cache, cache.kubeconfig), metrics.UPSTREAM):
            if with_images:
                stock.load(cache, provider.engine)
        return
    builder = _builder(cache)
    if look(cache, provider, with_images=False).healthy:
        say("cluster", "healthy already")
        with _metrics(builder):
            if with_images:
                _load_all(cache, builder)
    else:
        _create(builder, with_images)
    say("network", f"NetworkPolicy: {look(cache, provider, with_images=False).network_policy}")


def _create(builder: Builder, with_images: bool) -> None:
    cluster = KindCluster(builder.cache, builder.engine)
    with ThreadPoolExecutor(max_workers=2) as pool:
        base = pool.submit(builder.ensure_base)
        built = pool.submit(_build_images, builder, base) if with_images else None
        binaries.build_all(builder.cache, (*NODE_SETS, metrics.SET))
        base.result()
        node = node_image(builder)
        cluster.delete()
        cluster.create(node)
        with _metrics(builder):
            if built is not None:
                wanted, failures = built.result()
                images.load_images(cluster, wanted)
                _report(failures)


def _metrics(builder: Builder) -> AbstractContextManager[None]:
    """Start what serves resource metrics; its first figures are waited for at the block's end."""
    cache, image = builder.cache, metrics.image(builder.cache)
    images.ensure_archive(cache, image)
    images.load_images(KindCluster(cache, builder.engine), [image])
    return metrics.started(cache, partial(kubectl, cache, cache.kubeconfig), image.name)


def _build_images(builder: Builder, base: Future[str]) -> tuple[list[images.Image], list[str]]:
    base.result()
    wanted = images.all_images(builder)
    return wanted, images.build_images(builder.cache, wanted)


def _load_all(cache: Cache, builder: Builder) -> None:
    builder.ensure_base()
    wanted = images.all_images(builder)
    failures = images.build_images(cache, wanted)
    if not api_answers(cache, cache.kubeconfig):
        raise ClusterError("the images are built, but no cluster answers: run `up` first")
    images.load_images(KindCluster(cache, builder.engine), wanted)
    _report(failures)


def _report(failures: list[str]) -> None:
    if failures:
        raise ClusterError("images that could not be built:\n" + "\n".join(failures))


def _engine(cache: Cache) -> Engine:
    require_buildable()
    install_packages(cache)
    engine = Engine(cache)
    engine.configure()
    return engine


def _builder(cache: Cache) -> Builder:
    return Builder(cache, _engine(cache))


def _check_existing(cache: Cache, provider: Provider) -> None:
    if not api_answers(cache, provider.kubeconfig):
        raise ClusterError(f"PRACTICUM_KUBECONFIG={provider.kubeconfig}: no answer from there")
    say("cluster", f"using the existing one of {provider.kubeconfig}")
