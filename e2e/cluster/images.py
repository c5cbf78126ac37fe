"""The component images: one cached archive each, keyed by all that goes into it."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from e2e.cluster import binaries
from e2e.cluster.archive import StaticImage, write_archive
from e2e.cluster.build import Builder, Recipe, copy_into, recipe_folder
from e2e.cluster.cache import REPOSITORY, Cache, ensure, key_of, write_whole
from e2e.cluster.console import say
from e2e.cluster.errors import ClusterError
from e2e.cluster.kind import ARCHIVES_IN_NODE, KindCluster
from e2e.cluster.versions import DEBIAN_POSTGRES, DEBIAN_VALKEY, FEAST, GO_SETS, MLFLOW, OPA

PREFIX = "practicum.local"
UPSTREAM_OPA = f"docker.io/openpolicyagent/opa:{OPA.removeprefix('v')}"
"""Image that the operator's takes the program from; here it is the one built from source."""
_MARKS = "/kind/loaded"
_COPY = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)
_OPERATOR_ARCHIVES_KEPT = 3
_BUILDS_AT_ONCE = 3
_LOADS_AT_ONCE = 2


@dataclass(frozen=True)
class Image:
    """One image: its name in the cluster, its key and how its archive is made."""

    component: str
    tag: str
    key: str
    make: Callable[[Path], None]
    others: tuple[str, ...] = ()
    """Components that run on it besides."""

    @property
    def name(self) -> str:
        """The name that manifests use."""
        return f"{PREFIX}/{self.component}:{self.tag}"

    @property
    def file(self) -> str:
        """The archive's file name; it changes whenever the content may."""
        return f"{self.component}-{self.tag}-{self.key}.tar"


def all_images(builder: Builder) -> list[Image]:
    """Every component image; the operator's only once it has a Containerfile."""
    images = [
        _python_image(builder, "mlflow", MLFLOW),
        _workbench_image(builder),
        _debian_image(builder, "postgres", DEBIAN_POSTGRES),
        _debian_image(builder, "valkey", DEBIAN_VALKEY),
        _opa_image(builder.cache),
    ]
    if (REPOSITORY / "operator" / "Containerfile").exists():
        images.append(_operator_image(builder))
    else:
        say("images", "operator: skipped, there is no operator/Containerfile yet")
    return images


def build_images(cache: Cache, images: list[Image]) -> list[str]:
    """Build what is missing, side by side, and return what could not be built.

    These builds wait for downloads, so more than one per core pays.
    """
    with ThreadPoolExecutor(max_workers=_BUILDS_AT_ONCE) as pool:
        futures = {image.component: pool.submit(ensure_archive, cache, image) for image in images}
    _write_values(cache, images)
    _drop_old_operators(cache)
    failures = {name: future.exception() for name, future in futures.items()}
    return [f"{name}: {error}" for name, error in failures.items() if error is not None]


def ensure_archive(cache: Cache, image: Image) -> None:
    """Make one image's archive unless it is in the cache."""
    began = time.monotonic()
    if ensure(cache, cache.archives / image.file, image.make):
        say("images", f"{image.name} built in {time.monotonic() - began:.0f} s")
    else:
        say("images", f"{image.name} cached")


def load_images(cluster: KindCluster, images: list[Image]) -> None:
    """Import what the node does not hold yet, straight from the mounted cache folder."""
    loaded = loaded_files(cluster)
    archives = cluster.cache.archives
    for image in images:
        if image.file in loaded:
            say("load", f"{image.name} already in the cluster")
    wanted = [image for image in images if image.file not in loaded]
    with ThreadPoolExecutor(max_workers=_LOADS_AT_ONCE) as pool:
        list(pool.map(partial(_load, cluster), (i for i in wanted if (archives / i.file).exists())))


def _load(cluster: KindCluster, image: Image) -> None:
    began = time.monotonic()
    archive = f"{ARCHIVES_IN_NODE}/{image.file}"
    cluster.node("ctr", "--namespace", "k8s.io", "images", "import", "--local", archive)
    cluster.node("touch", f"{_MARKS}/{image.file}")
    say("load", f"{image.name} loaded in {time.monotonic() - began:.1f} s")


def loaded_files(cluster: KindCluster) -> set[str]:
    """The archives that the node has imported."""
    return set(cluster.node("ls", _MARKS).split())


def _python_image(builder: Builder, component: str, version: str) -> Image:
    context = recipe_folder(component)
    name = f"{PREFIX}/{component}:{version}"
    make = _maker(builder, lambda: Recipe(name, context, context / "Containerfile"))
    return Image(component, version, key_of([context], builder.base_key), make)


def _workbench_image(builder: Builder) -> Image:
    context, opa = recipe_folder("workbench"), binaries.folder_of(builder.cache, GO_SETS["opa"])
    name = f"{PREFIX}/workbench:{FEAST}"

    def recipe() -> Recipe:
        images = {UPSTREAM_OPA: binaries.build(builder.cache, "opa")}
        return Recipe(name, context, context / "Containerfile", images=images)

    key = key_of([context], builder.base_key, opa.name)
    return Image("workbench", FEAST, key, _maker(builder, recipe), others=("feast",))


def _debian_image(builder: Builder, component: str, version: str) -> Image:
    context = recipe_folder(component)
    name = f"{PREFIX}/{component}:{version}"
    arguments = {"VERSION": version}
    make = _maker(builder, lambda: Recipe(name, context, context / "Containerfile", arguments))
    return Image(component, version, key_of([context], builder.base_key), make)


def _operator_image(builder: Builder) -> Image:
    containerfile = REPOSITORY / "operator" / "Containerfile"
    sources = _copied_sources(containerfile)
    opa = binaries.folder_of(builder.cache, GO_SETS["opa"])
    there = [source for source in sources if source.exists()]
    key = key_of([containerfile, *there], opa.name)
    name = f"{PREFIX}/operator:{key}"

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=builder.cache.root) as temporary:
            context = Path(temporary)
            for source in sources:
                _copy_sources(source, context)
            images = {UPSTREAM_OPA: binaries.build(builder.cache, "opa")}
            recipe = Recipe(name, context, containerfile, images=images, keep_steps=True)
            _build_and_save(builder, recipe, target)

    return Image("operator", key, builder.base_key, make)


def _copied_sources(containerfile: Path) -> list[Path]:
    """Everything that the Containerfile takes from the repository, and nothing else."""
    text = containerfile.read_text(encoding="utf-8")
    return [REPOSITORY / word for found in _COPY.finditer(text) for word in found[1].split()]


def _copy_sources(source: Path, context: Path) -> None:
    """Copy without byte code, so that an image depends on nothing but the sources."""
    if not source.exists():
        raise ClusterError(f"operator/Containerfile copies {source}, which does not exist (yet)")
    files = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
    wanted = [file for file in files if "__pycache__" not in file.parts]
    copy_into(context, {str(file.relative_to(REPOSITORY)): file for file in wanted})


def _opa_image(cache: Cache) -> Image:
    version = OPA.removeprefix("v")

    def make(target: Path) -> None:
        program = binaries.build(cache, "opa") / "opa"
        name = f"{PREFIX}/opa:{version}"
        image = StaticImage((name,), program, "/opa", ("/opa",), ("run",), "1000:1000")
        write_archive(target, [image])

    folder = binaries.folder_of(cache, GO_SETS["opa"])
    return Image("opa", version, key_of([], folder.name), make)


def _maker(builder: Builder, recipe: Callable[[], Recipe]) -> Callable[[Path], None]:
    return lambda target: _build_and_save(builder, recipe(), target)


def _build_and_save(builder: Builder, recipe: Recipe, target: Path) -> None:
    builder.build(recipe)
    builder.save(recipe.name, target)
    builder.forget(recipe.name)


def _write_values(cache: Cache, images: list[Image]) -> None:
    """Write the Helm values that choose these images."""
    lines = ["images:"]
    lines += [
        f"  {component}: {image.name}"
        for image in images
        for component in (image.component, *image.others)
        if component != "operator"
    ]
    for image in images:
        if image.component == "operator":
            lines += ["image:", f"  repository: {PREFIX}/operator", f'  tag: "{image.tag}"']
    write_whole(cache.image_values, "\n".join(lines) + "\n")


def _drop_old_operators(cache: Cache) -> None:
    archives = sorted(cache.archives.glob("operator-*.tar"), key=lambda file: file.stat().st_mtime)
    for old in archives[:-_OPERATOR_ARCHIVES_KEPT]:
        old.unlink()
