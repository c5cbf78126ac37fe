"""Packs ``lab-templates/<module>/`` and the components it names into one LabTemplate object."""

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import API_VERSION
from practicum.errors import TemplateError

MAX_BYTES = 200_000
_MODULE_FILES = ("policies", "seed", "files")
_FILE_CALL = re.compile(r"""\bfile\((?:\s*(["'])(?P<path>[^"']+)\1\s*\))?""")
_File = dict[str, str]


def pack(folder: Path) -> dict[str, Any]:
    """Return the LabTemplate made of a module's folder.

    Args:
        folder: ``lab-templates/<module>``; components are looked up in ``../components``.

    Raises:
        TemplateError: a file is missing, or the result is not a valid LabTemplate.
    """
    try:
        return _packed(folder)
    except (KeyError, TypeError, AttributeError, OSError) as error:
        raise TemplateError(f"{folder}: {type(error).__name__}: {error}") from error


def _packed(folder: Path) -> dict[str, Any]:
    source = _yaml(folder / "template.yaml")
    name = source.pop("name", folder.name)
    components = [
        _component(folder.parent / "components" / entry["name"], entry)
        for entry in source.get("components", [])
    ]
    own = {
        "name": name,
        "title": source.get("title", ""),
        **_contents(
            _files(folder, folder / "manifests"),
            [file for part in _MODULE_FILES for file in _files(folder, folder / part)],
        ),
    }
    source["components"] = [*components, own] if own["manifests"] else components
    source["tasks"] = [_task(folder, task) for task in source.get("tasks", [])]
    try:
        spec = LabTemplateSpec.model_validate(source)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TemplateError(f"{folder}/template.yaml: {where}: {first['msg']}") from error
    body = {
        "apiVersion": API_VERSION,
        "kind": "LabTemplate",
        "metadata": {"name": name},
        "spec": spec.wire(),
    }
    if (size := len(yaml.safe_dump(body))) > MAX_BYTES:
        raise TemplateError(f"{folder}: packed it has {size} bytes; at most {MAX_BYTES} fit")
    return body


def _component(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    about = _yaml(folder / "component.yaml")
    return {
        "name": entry["name"],
        "title": about.get("title", ""),
        "version": str(about.get("version", "")),
        "placement": entry.get("placement", "platform"),
        "settings": {**about.get("settings", {}), **entry.get("settings", {})},
        **_contents(_files(folder, folder, "*.yaml.j2"), _files(folder, folder / "files")),
    }


def _contents(manifests: list[_File], files: list[_File]) -> dict[str, list[_File]]:
    """Keep what the manifests ask for: tests of policies, say, have no business in a lab.

    A manifest that works out a path by itself may ask for any of the files.
    """
    calls = [call for one in manifests for call in _FILE_CALL.finditer(one["content"])]
    named = {call["path"] for call in calls}
    kept = files if None in named else [one for one in files if one["path"] in named]
    return {"manifests": manifests, "files": kept}


def _files(root: Path, folder: Path, pattern: str = "**/*") -> list[_File]:
    return [
        {"path": path.relative_to(root).as_posix(), "content": _text(path)}
        for path in sorted(folder.glob(pattern))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: only text can be packed: {error}") from error


def _task(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    path = folder / task["file"]
    if not path.is_file():
        raise TemplateError(f"{folder}/template.yaml: tasks: {task['file']} is missing")
    text = path.read_text(encoding="utf-8")
    return {"name": task["name"], "title": task["title"], "text": text}


def _yaml(path: Path) -> dict[str, Any]:
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(f"{path}: {error}") from error
    if not isinstance(body, dict):
        raise TemplateError(f"{path}: must be a YAML mapping")
    return body


def _block_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Write text of several lines as a block, so that a packed template can be read."""
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(str, _block_text)


def dump(body: dict[str, Any]) -> str:
    """Write a packed template as YAML."""
    return yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


if __name__ == "__main__":
    sys.stdout.write(dump(pack(Path(sys.argv[1]))))
