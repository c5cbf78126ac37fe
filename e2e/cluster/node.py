"""The kind node image, put together from built commands, Debian packages and kind's own files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from e2e.cluster import binaries
from e2e.cluster.archive import StaticImage, write_archive
from e2e.cluster.build import Builder, Recipe, copy_into, recipe_folder
from e2e.cluster.cache import Cache, ensure, key_of, locked
from e2e.cluster.console import timed
from e2e.cluster.shell import run
from e2e.cluster.versions import GO_SETS, KUBERNETES, LOCAL_PATH

NODE_SETS = ("kubernetes", "etcd", "containerd", "coredns", "kind", "local-path-provisioner")
_HELPER = "practicum.local/busybox:stable"
_PROVISIONER = f"practicum.local/local-path-provisioner:{LOCAL_PATH}"
_KIND_PAUSE = "registry.k8s.io/pause:3.10"
_CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
_CNI = ("ptp", "loopback", "portmap", "host-local")
_AGENT = Path(__file__).with_name("netpol")
_AGENT_IN_NODE = "opt/practicum/netpol"


def node_image(builder: Builder) -> str:
    """Return the name of the node image in the engine's storage, built when missing."""
    cache = builder.cache
    built = [binaries.folder_of(cache, GO_SETS[goset]).name for goset in NODE_SETS]
    sources = [recipe_folder("node"), recipe_folder("kube-proxy"), _AGENT, Path(__file__)]
    key = key_of(sources, builder.base_key, *built)
    name = f"practicum.local/node:{KUBERNETES}-{key}"
    with locked(cache, "node-image"):
        if not builder.engine.has_image(name):
            folders = {goset: binaries.build(cache, goset) for goset in NODE_SETS}
            with timed("node image", name):
                system = _system_archive(builder, folders, key)
                _build(builder, folders, system, name)
    return name


def _system_archive(builder: Builder, folders: dict[str, Path], key: str) -> Path:
    """Put the images that kubeadm and the storage provisioner want into one archive."""
    cache = builder.cache
    target = cache.root / "system" / f"system-{key}.tar"
    proxy = cache.root / "system" / f"kube-proxy-{key}.tar"

    def make(unfinished: Path) -> None:
        write_archive(unfinished, _static_images(folders))

    ensure(cache, target, make)
    ensure(cache, proxy, _proxy_maker(builder, folders["kubernetes"]))
    return target.parent


def _proxy_maker(builder: Builder, kubernetes: Path) -> Callable[[Path], None]:
    def make(unfinished: Path) -> None:
        name = f"registry.k8s.io/kube-proxy:{KUBERNETES}"
        with tempfile.TemporaryDirectory(dir=builder.cache.root) as temporary:
            context = Path(temporary)
            copy_into(context, {"kube-proxy": kubernetes / "kube-proxy"})
            containerfile = recipe_folder("kube-proxy") / "Containerfile"
            builder.build(Recipe(name, context, containerfile))
        builder.save(name, unfinished)
        builder.forget(name)

    return make


def _static_images(folders: dict[str, Path]) -> list[StaticImage]:
    kubernetes = folders["kubernetes"]
    listing = run(
        [kubernetes / "kubeadm", "config", "images", "list", "--kubernetes-version", KUBERNETES]
    )
    wanted = {name.rsplit("/", 1)[-1].split(":")[0]: name for name in listing.split()}
    images = [
        StaticImage((wanted[command],), kubernetes / command, f"/usr/local/bin/{command}")
        for command in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    ]
    pauses = tuple(sorted({wanted["pause"], _KIND_PAUSE}))
    catatonit = Path("/usr/bin/catatonit")
    busybox = tuple(f"/bin/{applet}" for applet in ("sh", "mkdir", "rm", "chmod"))
    return [
        *images,
        StaticImage((wanted["etcd"],), folders["etcd"] / "etcd", "/usr/local/bin/etcd"),
        StaticImage(
            (wanted["coredns"],), folders["coredns"] / "coredns", "/coredns", ("/coredns",)
        ),
        StaticImage(pauses, catatonit, "/pause", ("/pause", "-P")),
        StaticImage(
            (_PROVISIONER,),
            folders["local-path-provisioner"] / "local-path-provisioner",
            "/usr/local/bin/local-path-provisioner",
        ),
        StaticImage((_HELPER,), Path("/bin/busybox"), "/bin/busybox", links=busybox),
    ]


def _build(builder: Builder, folders: dict[str, Path], archives: Path, name: str) -> None:
    key = name.rsplit("-", 1)[-1]
    with tempfile.TemporaryDirectory(dir=builder.cache.root) as temporary:
        context = Path(temporary)
        rootfs = context / "rootfs"
        _kind_files(builder.cache, rootfs)
        shutil.copytree(recipe_folder("node") / "files", rootfs, dirs_exist_ok=True)
        files = {f"usr/bin/{tool}": folders["kubernetes"] / tool for tool in ("kubeadm", "kubelet")}
        files["usr/bin/kubectl"] = folders["kubernetes"] / "kubectl"
        files |= {f"usr/local/bin/{tool}": folders["containerd"] / tool for tool in _CONTAINERD}
        files |= {f"opt/cni/bin/{tool}": folders["containerd"] / tool for tool in _CNI}
        files |= {f"{_AGENT_IN_NODE}/{file.name}": file for file in _AGENT.glob("*.py")}
        files |= {
            f"kind/images/{archive}.tar": archives / f"{archive}-{key}.tar"
            for archive in ("system", "kube-proxy")
        }
        copy_into(rootfs, files)
        plugin = rootfs / "opt/cni/bin/practicum-netpol"
        shutil.copyfile(_AGENT / "cni.py", plugin)
        plugin.chmod(0o755)
        (rootfs / "kind/version").write_text(KUBERNETES, encoding="utf-8")
        manifests = rootfs / "kind/manifests"
        manifests.mkdir(parents=True)
        storage = _storage_manifest(builder.cache)
        (manifests / "default-storage.yaml").write_text(storage, encoding="utf-8")
        builder.build(Recipe(name, context, recipe_folder("node") / "Containerfile"))


def _kind_files(cache: Cache, rootfs: Path) -> None:
    """Copy the node's static files from kind's module, made writable and executable again."""
    module = binaries.module_folder(cache, "kind", "sigs.k8s.io/kind")
    source = module / "images" / "base" / "files"
    shutil.copytree(source, rootfs, copy_function=shutil.copyfile)
    for path in [rootfs, *rootfs.rglob("*")]:
        script = path.is_file() and path.parent.name == "bin"
        path.chmod(0o755 if path.is_dir() or script else 0o644)
    config = rootfs / "etc/containerd/config.toml"
    text = config.read_text(encoding="utf-8")
    # Root here may not lower an OOM score, and a pod whose runtime tries dies at once.
    text = text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true")
    config.write_text(text, encoding="utf-8")


def _storage_manifest(cache: Cache) -> str:
    """Take the provisioner's own manifest: our images, the default class, not started yet."""
    module = binaries.module_folder(
        cache, "local-path-provisioner", "github.com/rancher/local-path-provisioner"
    )
    text = (module / "deploy" / "local-path-storage.yaml").read_text(encoding="utf-8")
    default = (
        "  name: standard\n"
        "  annotations:\n"
        '    storageclass.kubernetes.io/is-default-class: "true"\n'
        "provisioner:"
    )
    return (
        text.replace("  name: local-path\nprovisioner:", default)
        .replace(f"image: rancher/local-path-provisioner:{LOCAL_PATH}", f"image: {_PROVISIONER}")
        .replace("image: busybox\n", f"image: {_HELPER}\n")
        .replace("  replicas: 1\n", "  replicas: 0\n")
    )
