"""Kubeconfig documents: which context they start with, merging, and writing them safely."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from practicum.cli.exits import CliError, Exit

Document = dict[str, Any]
_LISTS = ("clusters", "users", "contexts")


def choose(document: Document, lab: str, *, renewing: bool) -> Document:
    """Return the document with the context that renews itself, or the one with a fixed token."""
    wanted = f"{lab}-renewing" if renewing else lab
    known = {entry["name"] for entry in document.get("contexts", [])}
    return document | {"current-context": wanted} if wanted in known else document


def without_secrets(document: Document, lab: str, person: str) -> Document:
    """Return the way to the lab alone: a context for whom the cluster knows by other means."""
    (own,) = (one for one in document["contexts"] if one["name"] == lab)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": document["clusters"],
        "users": [{"name": person, "user": {}}],
        "contexts": [{"name": lab, "context": own["context"] | {"user": person}}],
        "current-context": lab,
    }


def parse(text: str, where: str) -> Document:
    """Read a kubeconfig.

    Raises:
        CliError: it is not one.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CliError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict | None):
        raise CliError(f"{where} is not a kubeconfig")
    return document or {}


def merge(existing: Document, added: Document) -> Document:
    """Return ``existing`` with the entries of ``added``, which also says the current context.

    Our kubeconfigs all call their cluster ``practicum``; one of that name that is another
    cluster keeps its name and the new one gets a suffix.

    Raises:
        CliError: a context or user of the same name belongs to another cluster.
    """
    added = _renamed_clusters(existing, added)
    _refuse_strangers(existing, added)
    result: Document = {"apiVersion": "v1", "kind": "Config", **existing}
    for part in _LISTS:
        ours = _by_name(added, part)
        kept = [one for one in existing.get(part) or [] if one["name"] not in ours]
        result[part] = [*kept, *ours.values()]
    return result | {"current-context": added["current-context"]}


def _by_name(document: Document, part: str) -> dict[str, Any]:
    return {entry["name"]: entry for entry in document.get(part) or []}


def _renamed_clusters(existing: Document, added: Document) -> Document:
    known = _by_name(existing, "clusters")
    names: dict[str, str] = {}
    for name, entry in _by_name(added, "clusters").items():
        same = name not in known or known[name].get("cluster") == entry["cluster"]
        server = entry["cluster"].get("server", "")
        names[name] = name if same or not _differs(known[name], entry) else _suffixed(name, server)
    clusters = [one | {"name": names[one["name"]]} for one in added.get("clusters", [])]
    contexts = [
        one | {"context": one["context"] | {"cluster": names[one["context"]["cluster"]]}}
        for one in added.get("contexts", [])
    ]
    return added | {"clusters": clusters, "contexts": contexts}


def _differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two entries are different clusters; a new CA alone is the same one renewed."""
    return bool(one.get("cluster", {}).get("server") != other["cluster"].get("server"))


def _suffixed(name: str, server: str) -> str:
    return f"{name}-{hashlib.sha256(server.encode()).hexdigest()[:6]}"


def _refuse_strangers(existing: Document, added: Document) -> None:
    theirs, courses = _by_name(existing, "contexts"), _courses(existing)
    ours = _courses(added)
    for name, entry in _by_name(added, "contexts").items():
        if name not in theirs:
            continue
        cluster = theirs[name].get("context", {}).get("cluster")
        if cluster != entry["context"]["cluster"]:
            raise _taken(name, f"cluster {cluster}")
        if name in ours and courses.get(name, ours[name]) != ours[name]:
            raise _taken(name, f"course {courses[name]}")


def _taken(name: str, other: str) -> CliError:
    return CliError(
        f"your kubeconfig has a context {name} already, of {other}",
        hint="use --write FILE and KUBECONFIG=FILE, or rename that context first",
        code=Exit.CONFLICT,
    )


def _courses(document: Document) -> dict[str, str]:
    """Return the course of every self-renewing user, as its plugin's arguments name it."""
    found: dict[str, str] = {}
    for name, entry in _by_name(document, "users").items():
        arguments = ((entry.get("user") or {}).get("exec") or {}).get("args") or []
        if "--namespace" in arguments[:-1]:
            found[name] = str(arguments[arguments.index("--namespace") + 1])
    return found


def dump(document: Document) -> str:
    """Write a kubeconfig as YAML."""
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises:
        CliError: the folder cannot be written to.
    """
    target = path.expanduser()
    target = target.resolve() if target.is_symlink() else target
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise CliError(f"{target} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CliError(f"{target} cannot be written: {error.strerror}") from error
        raise
