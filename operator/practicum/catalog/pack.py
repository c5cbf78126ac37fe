"""Packs ``lab-templates/<module>/`` and the components it names into one LabTemplate object.

What is in its folder ``answers``, which no learner may see, goes into a ConfigMap beside it; the
template knows that by a digest.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from practicum.api.labtemplate import LabTemplateSpec, Size
from practicum.api.names import ANSWERS_SUFFIX, API_VERSION
from practicum.catalog.revision import answers_digest
from practicum.errors import TemplateError

MAX_BYTES = 300_000
"""Of each of the two objects."""
_INSTALLED = Path(__file__).parent / "shared"
SHARED = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[3] / "lab-templates"
"""Where the components and the module to begin with are: in the package, or in its sources."""
ASSET_FIELDS = frozenset(
    {"schema", "rules", "vectors", "reference", "edits", "golden", "data", "files"}
)
"""Fields of checks that name files: of folders assets and answers, or others of the module."""
_MODULE_FILES = ("policies", "seed", "files", "repo")
_FILE_CALL = re.compile(r"""\bfile\((?:\s*(["'])(?P<path>[^"']+)\1\s*\))?""")
_File = dict[str, str]


def pack(folder: Path) -> dict[str, Any]:
    """Return the LabTemplate made of a module's folder.

    Args:
        folder: ``lab-templates/<module>``; components are looked up in ``../components``, and
            among those that came with Practicum.

    Raises:
        TemplateError: a file is missing, or the result is not a valid LabTemplate.
    """
    try:
        return _packed(folder)
    except (KeyError, TypeError, AttributeError, OSError) as error:
        raise TemplateError(f"{folder}: {type(error).__name__}: {error}") from error


def bundled_sizes() -> dict[str, Size]:
    """Return the default sizes of the modules that came with Practicum, by name."""
    sources = {path.parent.name: _yaml(path) for path in sorted(SHARED.glob("*/template.yaml"))}
    return {name: default_size(source) for name, source in sources.items()}


def default_size(spec: dict[str, Any]) -> Size:
    """Return the size that labs of a template have unless they name another."""
    named = spec.get("defaultSize", LabTemplateSpec.model_fields["default_size"].default)
    return Size.model_validate(spec["sizes"][named])


def _packed(folder: Path) -> dict[str, Any]:
    source = _yaml(folder / "template.yaml")
    name = source.pop("name", folder.name)
    components = [_component(folder.parent, entry) for entry in source.get("components", [])]
    borrowed = source.pop("borrows", [])
    own = {"name": name, "title": source.get("title", ""), **_own(folder, borrowed)}
    source["components"] = [*components, own] if own["manifests"] or own["exhibits"] else components
    source["tasks"] = [_task(folder, task) for task in source.get("tasks", [])]
    source |= _checks(folder)
    source["assets"] = _files(folder / "assets", folder / "assets")
    found = _answers(folder)
    source["answers"] = answers_digest(found) if found else ""
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
    _fits(folder, body)
    return body


def answers(folder: Path) -> dict[str, Any] | None:
    """Return the ConfigMap with what no learner may see; None: the module has nothing of the kind.

    Its keys name files of folder ``answers``, and those files of the module that checks refer to
    besides; in a key, ``__`` stands for ``/``.

    Raises:
        TemplateError: a file is no text, or they are too much.
    """
    found = _answers(folder)
    if not found:
        return None
    name = _yaml(folder / "template.yaml").get("name", folder.name)
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}{ANSWERS_SUFFIX}"},
        "data": found,
    }
    _fits(folder, body)
    return body


def _checks(folder: Path) -> dict[str, Any]:
    path = folder / "checks.yaml"
    return _yaml(path) if path.is_file() else {}


def _answers(folder: Path) -> dict[str, str]:
    files = _files(folder / "answers", folder / "answers")
    there = {file["path"] for file in (*files, *_files(folder / "assets", folder / "assets"))}
    wanted = sorted(set(_referred(_checks(folder).get("checks", []))) - there)
    for path in wanted:
        found = next((one for one in (folder, folder.parent) if (one / path).is_file()), None)
        if found:
            files.append({"path": path, "content": _text(found / path)})
    return {file["path"].replace("/", "__"): file["content"] for file in files}


def _referred(node: Any) -> Iterator[str]:
    """Find the files that checks refer to."""
    if isinstance(node, list):
        for child in node:
            yield from _referred(child)
    elif isinstance(node, dict):
        for key, child in node.items():
            names = child if isinstance(child, list) else [child]
            if key in ASSET_FIELDS:
                yield from (one for one in names if isinstance(one, str))
            else:
                yield from _referred(child)


def _fits(folder: Path, body: dict[str, Any]) -> None:
    if (bytes_ := size(body)) > MAX_BYTES:
        what = body["kind"]
        raise TemplateError(f"{folder}: packed, {what} has {bytes_} bytes; at most {MAX_BYTES} fit")


def size(body: dict[str, Any]) -> int:
    """Return how many bytes an object has as JSON, which is what Kubernetes keeps."""
    return len(json.dumps(body, ensure_ascii=False).encode())


def _own(folder: Path, borrowed: Sequence[str]) -> dict[str, list[_File]]:
    """Return what the module itself makes a lab of; it may borrow files of other modules."""
    files = [file for part in _MODULE_FILES for file in _files(folder, folder / part)]
    files += _borrowed(folder, borrowed)
    manifests, exhibits = (_files(folder, folder / part) for part in ("manifests", "exhibits"))
    return _contents(manifests, files, exhibits)


def _component(root: Path, entry: dict[str, Any]) -> dict[str, Any]:
    places = (root / "components" / entry["name"], SHARED / "components" / entry["name"])
    folder = next((one for one in places if one.is_dir()), places[0])
    about = _yaml(folder / "component.yaml")
    return {
        "name": entry["name"],
        "title": about.get("title", ""),
        "version": str(about.get("version", "")),
        "placement": entry.get("placement", "platform"),
        "settings": {**about.get("settings", {}), **entry.get("settings", {})},
        **_contents(
            _files(folder, folder, "*.yaml.j2"),
            [
                *_files(folder, folder / "files"),
                *_borrowed(folder, about.get("borrows", [])),
            ],
        ),
    }


def _contents(
    manifests: list[_File], files: list[_File], exhibits: Sequence[_File] = ()
) -> dict[str, list[_File]]:
    """Keep what the manifests ask for: tests of policies, say, have no business in a lab.

    A manifest that works out a path by itself may ask for any of the files.
    """
    asking = [*manifests, *exhibits]
    calls = [call for one in asking for call in _FILE_CALL.finditer(one["content"])]
    named = {call["path"] for call in calls}
    kept = files if None in named else [one for one in files if one["path"] in named]
    return {"manifests": manifests, "exhibits": list(exhibits), "files": kept}


def _borrowed(folder: Path, paths: Sequence[str]) -> list[_File]:
    """Return files of neighbours, each called by its path from the folder that they share."""
    return [{"path": path, "content": _text(folder.parent / path)} for path in paths]


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


def write(root: Path, target: Path) -> None:
    """Pack every module below a folder: a List in JSON for each, of the objects to apply."""
    target.mkdir(parents=True, exist_ok=True)
    for folder in sorted(path.parent for path in root.glob("*/template.yaml")):
        bodies = [body for body in (answers(folder), pack(folder)) if body]
        listed = {"apiVersion": "v1", "kind": "List", "items": bodies}
        (target / f"{folder.name}.json").write_text(json.dumps(listed), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
