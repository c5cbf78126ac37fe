"""Build images from a debootstrap base with buildah, one archive per image in the cache."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.cache import SOURCES, Cache, ensure, key_of, locked, remove, write_whole
from e2e.cluster.console import timed
from e2e.cluster.engine import Engine
from e2e.cluster.errors import ClusterError
from e2e.cluster.shell import run
from e2e.cluster.versions import DEBIAN_SUITE

_BASE_PACKAGES = "ca-certificates,curl,python3-minimal,python3-venv"
_BASE_RECIPE = "1"
_PIP_SETTING = re.compile(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$")
_PIP_WANTED = {"index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries"}
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Recipe:
    """What goes into one buildah build."""

    name: str
    context: Path
    containerfile: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    # Folders that stand for images which the Containerfile copies from.
    images: Mapping[str, Path] = field(default_factory=dict)
    # Keep the steps of a build whose sources change often, so that only the changed ones run.
    keep_steps: bool = False


class Builder:
    """Builds images on the local Debian and Python base."""

    def __init__(self, cache: Cache, engine: Engine) -> None:
        self.cache = cache
        self.engine = engine
        self.base_key = key_of([], DEBIAN_SUITE, _BASE_PACKAGES, _BASE_RECIPE)
        self.base = f"practicum.local/base:{self.base_key}"

    def ensure_base(self) -> str:
        """Return the name of the base image, made when missing."""
        tree = self.cache.root / "base" / f"{DEBIAN_SUITE}-{self.base_key}.tar"
        ensure(self.cache, tree, self._debootstrap)
        with locked(self.cache, "base-image"):
            if not self.engine.has_image(self.base):
                self._import_base(tree)
        return self.base

    def build(self, recipe: Recipe) -> None:
        """Build one image on the base into the engine's storage."""
        self.ensure_base()
        command: list[str | Path] = ["bud", "--isolation", "chroot"]
        command.append(f"--layers={str(recipe.keep_steps).lower()}")
        command += ["--pull-never", "--file", recipe.containerfile, "--tag", recipe.name]
        for argument, value in {"BASE": self.base, **recipe.arguments}.items():
            command += ["--build-arg", f"{argument}={value}"]
        for image, folder in recipe.images.items():
            command += ["--build-context", f"{image}={folder}"]
        log = "image-" + recipe.name.rsplit("/", 1)[-1].replace(":", "-")
        with tempfile.TemporaryDirectory(dir=self.cache.root) as scratch:
            for mount in _mounts(Path(scratch)):
                command += ["--volume", mount]
            self.engine.buildah(*command, recipe.context, log=log)

    def save(self, name: str, target: Path) -> None:
        """Write an image to an uncompressed archive: packing costs more than it saves here."""
        self.engine.buildah("push", "--quiet", name, f"docker-archive:{target}:{name}")

    def forget(self, name: str) -> None:
        """Drop a built image from the engine's storage, and kept steps older than a day."""
        self.engine.buildah("rmi", "--force", name)
        self.engine.podman("image", "prune", "--force", "--filter", "until=24h")

    def _debootstrap(self, target: Path) -> None:
        folder = target.with_suffix(".d")
        remove(folder)
        log = self.cache.log("debootstrap")
        command = ["debootstrap", "--variant=minbase", f"--include={_BASE_PACKAGES}"]
        with timed("base", f"debootstrap {DEBIAN_SUITE}"):
            run([*command, DEBIAN_SUITE, folder, _debian_mirror()], log=log)
        # The machine's own package sources are mounted during builds, never kept in an image.
        for leftover in ("etc/apt/sources.list", "var/lib/apt/lists", "var/cache/apt/archives"):
            remove(folder / leftover)
        (folder / "var/lib/apt/lists/partial").mkdir(parents=True)
        (folder / "var/cache/apt/archives/partial").mkdir(parents=True)
        (folder / "etc/pip.conf").touch()
        run(["tar", "--create", "--numeric-owner", "--file", target, "--directory", folder, "."])
        shutil.rmtree(folder)

    def _import_base(self, tree: Path) -> None:
        with timed("base", f"import {self.base}"):
            container = self.engine.buildah("from", "scratch").strip()
            try:
                self.engine.buildah("add", container, tree, "/")
                self.engine.buildah("commit", "--quiet", container, self.base)
            finally:
                self.engine.buildah("rm", container)


def _mounts(scratch: Path) -> list[str]:
    """Lend a build this machine's package sources and certificates; none stays in the image."""
    settings, certificate = _pip_settings()
    mounts = ["/usr/share/keyrings:/usr/share/keyrings:ro"]
    if certificate.exists():
        # The file, not its folder: packages write their own certificates beside it.
        mounts.append(f"{certificate}:{_CERTIFICATES}:ro")
        settings["cert"] = str(_CERTIFICATES)
    # A copy, because packages write into this folder as well.
    shutil.copytree("/etc/apt", scratch / "apt")
    mounts.append(f"{scratch / 'apt'}:/etc/apt")
    lines = "".join(f"{name} = {value}\n" for name, value in sorted(settings.items()))
    # The index address may hold a password.
    write_whole(scratch / "pip.conf", f"[global]\n{lines}", 0o600)
    mounts.append(f"{scratch / 'pip.conf'}:/etc/pip.conf:ro")
    return mounts


def _pip_settings() -> tuple[dict[str, str], Path]:
    """Read how this machine's pip reaches its index, so that pip in a build does the same."""
    settings = {"disable-pip-version-check": "true", "progress-bar": "off"}
    certificate = _CERTIFICATES
    for line in run(["python3", "-m", "pip", "config", "list"]).splitlines():
        found = _PIP_SETTING.match(line.replace("default-timeout", "timeout"))
        if found and found[1] in _PIP_WANTED:
            settings[found[1]] = found[2]
        elif found and found[1] == "cert":
            certificate = Path(found[2])
    return settings, certificate


def _debian_mirror() -> str:
    """Find the Debian mirror this machine already uses."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    pattern = re.compile(r"^(?:deb\s+(?:\[.*?\]\s+)?|URIs:\s*)(\S+/debian/?)(?:\s|$)", re.MULTILINE)
    for source in sources:
        if source.suffix in (".list", ".sources") and source.is_file():
            found = pattern.search(source.read_text(encoding="utf-8"))
            if found:
                return found[1]
    raise ClusterError("no Debian mirror in /etc/apt/sources.list or sources.list.d")


def copy_into(folder: Path, files: Mapping[str, Path]) -> None:
    """Hard-link or copy files into a build context under the given names."""
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)


def recipe_folder(name: str) -> Path:
    """The folder with an image's Containerfile."""
    return SOURCES / "images" / name
