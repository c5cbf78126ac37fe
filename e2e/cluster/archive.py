"""Write docker-format image archives for single static programs, without any image tool.

Such an image is one layer with one file and needs no build container; several of them share
one archive, so that the node imports all in one go.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class StaticImage:
    """An image that holds one program and, where asked, links to it."""

    names: tuple[str, ...]
    program: Path
    path: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    links: tuple[str, ...] = field(default=())


def write_archive(target: Path, images: Sequence[StaticImage]) -> None:
    """Write all images into one archive that `ctr images import` reads."""
    manifest: list[dict[str, object]] = []
    with tarfile.open(target, "w") as archive:
        for image in images:
            layer = _layer(image)
            digest = hashlib.sha256(layer).hexdigest()
            layer_name = f"{digest}/layer.tar"
            config = json.dumps(_config(image, digest)).encode()
            config_name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(archive, layer_name, layer)
            _add(archive, config_name, config)
            manifest.append(
                {"Config": config_name, "RepoTags": list(image.names), "Layers": [layer_name]}
            )
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _layer(image: StaticImage) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        folders = {"/tmp": 0o1777}
        for parent in Path(image.path).parents:
            if str(parent) != "/":
                folders[str(parent)] = 0o755
        for name, mode in sorted(folders.items()):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            layer.addfile(entry)
        _add(layer, image.path.lstrip("/"), image.program.read_bytes(), 0o755)
        for link in image.links:
            entry = tarfile.TarInfo(link.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, image.path
            layer.addfile(entry)
    return buffer.getvalue()


def _config(image: StaticImage, layer_digest: str) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": image.user,
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            "Entrypoint": list(image.entrypoint) or None,
            "Cmd": list(image.command) or None,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
    }


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
