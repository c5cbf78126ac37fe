"""The container engine of the built cluster: podman and buildah with files of their own.

Storage, networks and settings live in the cache folder, so nothing of the machine's own
containers is touched and removing the cache removes everything.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
from contextlib import suppress
from pathlib import Path

from e2e.cluster.cache import Cache, key_of, locked, remove, write_whole
from e2e.cluster.console import timed
from e2e.cluster.errors import ClusterError
from e2e.cluster.shell import answers, run
from e2e.cluster.versions import DEBIAN_SUITE

NETWORK = "kind"
SUBNETS = tuple(f"10.89.{number}.0/24" for number in range(7, 12))
"""The nodes' network is the first that nothing on the machine uses: another cache's cluster may."""
_PACKAGES = {
    "podman": "podman",
    "buildah": "buildah",
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "debootstrap": "debootstrap",
    "/bin/busybox": "busybox-static",
    "/usr/bin/catatonit": "catatonit",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "openssl": "openssl",
}
_WANTED_FILES = 65536
_WANTED_PROCESSES = 30000


def missing_for_building() -> str:
    """Say in one sentence why images cannot be built here; empty when they can."""
    if os.geteuid() != 0:
        return "building the cluster's images needs root (run it with sudo)"
    release = _os_release()
    if release.get("ID") != "debian" or release.get("VERSION_CODENAME") != DEBIAN_SUITE:
        name = release.get("PRETTY_NAME", "this system")
        return f"building the cluster's images needs Debian 12 ({DEBIAN_SUITE}), not {name}"
    if os.uname().machine != "x86_64":
        return f"building the cluster's images needs x86_64, not {os.uname().machine}"
    return ""


def install_packages(cache: Cache) -> None:
    """Install the Debian packages that the engine needs, when one is missing."""
    wanted = sorted(
        package for program, package in _PACKAGES.items() if shutil.which(program) is None
    )
    if not wanted:
        return
    with locked(cache, "apt"), timed("packages", f"apt-get install {' '.join(wanted)}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update"], env=quiet, log=cache.log("apt-update"))
        command = ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
        run(command, env=quiet, log=cache.log("apt-install"))


class Engine:
    """Runs podman and buildah against the storage and the settings in the cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.folder = cache.root / "containers"
        # Per cache folder, so that two caches on a machine do not mix their containers.
        self.runtime = Path("/run") / f"practicum-{key_of([], str(cache.root))}"
        self.environment = {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }

    def configure(self) -> None:
        """Write the engine's settings, with limits this machine allows."""
        Path("/lib/modules").mkdir(parents=True, exist_ok=True)
        files = _hard_limit(resource.RLIMIT_NOFILE, _WANTED_FILES)
        processes = _hard_limit(resource.RLIMIT_NPROC, _WANTED_PROCESSES)
        networks = self.folder / "networks"
        networks.mkdir(parents=True, exist_ok=True)
        write_whole(
            self.folder / "containers.conf",
            "[containers]\n"
            f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
            "[engine]\n"
            'runtime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
            f'tmp_dir = "{self.runtime / "libpod"}"\n'
            "[network]\n"
            f'network_backend = "cni"\nnetwork_config_dir = "{networks}"\n',
        )
        write_whole(
            self.folder / "storage.conf",
            "[storage]\n"
            'driver = "overlay"\n'
            f'graphroot = "{self.folder / "storage"}"\n'
            f'runroot = "{self.runtime / "storage"}"\n',
        )

    def podman(self, *words: str | Path) -> str:
        """Run podman and return what it printed."""
        return run(["podman", *words], env=self.environment)

    def podman_answers(self, *words: str | Path) -> bool:
        """Tell whether a podman command succeeds."""
        return answers(["podman", *words], env=self.environment, timeout=60)

    def buildah(self, *words: str | Path, log: str = "") -> str:
        """Run buildah and return what it printed."""
        log_file = self.cache.log(log) if log else None
        return run(["buildah", *words], env=self.environment, log=log_file)

    def has_image(self, name: str) -> bool:
        """Tell whether the engine's own storage holds an image."""
        return self.podman_answers("image", "exists", name)

    def create_network(self) -> None:
        """Make the nodes' network: they reach each other and the host, nothing else."""
        if not self.podman_answers("network", "exists", NETWORK):
            self._take_subnet()
        # Patched even when it was there: an interrupted run may have left it with a way out.
        file = self.folder / "networks" / f"{NETWORK}.conflist"
        network = json.loads(file.read_text(encoding="utf-8"))
        for plugin in network["plugins"]:
            if plugin["type"] == "bridge":
                plugin.update(isGateway=True, ipMasq=False, isDefaultGateway=False)
                plugin["ipam"]["routes"] = []
        write_whole(file, json.dumps(network, indent=2))

    def _take_subnet(self) -> None:
        *first, last = (("network", "create", "--subnet", one, NETWORK) for one in SUBNETS)
        if not any(self.podman_answers(*command) for command in first):
            self.podman(*last)

    def remove_network(self) -> None:
        """Remove the nodes' network and its bridge."""
        if self.podman_answers("network", "exists", NETWORK):
            self.podman("network", "rm", "--force", NETWORK)
        remove(Path("/var/lib/cni/networks") / NETWORK)

    def container_id(self, name: str) -> str:
        """The full id of a container."""
        return self.podman("container", "inspect", "--format", "{{.Id}}", name).strip()

    def reset(self) -> None:
        """Remove all images and containers, so that the storage folder can go."""
        self.configure()
        self.podman("system", "reset", "--force")
        remove(self.runtime)


def remove_cgroups(container: str) -> None:
    """Remove the empty control groups that a systemd node leaves behind, deepest first."""
    for tree in Path("/sys/fs/cgroup").glob(f"*/libpod_parent/*{container}"):
        for folder, _, _ in os.walk(tree, topdown=False):
            with suppress(OSError):  # a group that still holds a process stays
                Path(folder).rmdir()
        with suppress(OSError):  # other containers are in there
            (tree.parent / "conmon").rmdir()
            tree.parent.rmdir()


def _os_release() -> dict[str, str]:
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return {}
    rows = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: value.strip('"') for name, value in rows}


def _hard_limit(kind: int, wanted: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def require_buildable() -> None:
    """Raise the sentence of `missing_for_building`, if there is one."""
    missing = missing_for_building()
    if missing:
        raise ClusterError(missing)
