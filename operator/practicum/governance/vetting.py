"""Vets a learner's policies before anything else reads them, with OPA's own compiler.

What is checked is hostile until proven otherwise, so OPA runs in a process of its own with bounded
processor time, memory and output, without the operator's environment, and without the built-in
functions and the references that would reach out of it. It only compiles: no rule is evaluated.
"""

import asyncio
import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from practicum.api.canonical import canonical
from practicum.governance.opa import LONG_OUTPUT, Done, Opa
from practicum.memory import Memory
from practicum.observe import metrics

DATA: Final = ("data.json", "data.yaml")
ROOT: Final = "lab"
"""Below which all packages and all data of a lab's policies lie."""
RELEASE: Final = "release"
"""Package below the root that decides on releases; no release replaces it."""
_PLATFORMS: Final = "is the platform's own: leave it out"
MOST_FILES: Final = 32
MOST_BYTES: Final = 64 * 1024
_FOLDER: Final = "policies"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}\.rego")
_NOISE: Final = re.compile(r"^error: (?:\d+ errors? occurred:\s)?|rego_[a-z_]+_error: ")
_LONGEST: Final = 900
_KEPT: Final = 512


@dataclass(frozen=True)
class Vetted:
    """What was found out about one set of files."""

    digest: str
    """SHA-256 over names and contents, hexadecimal."""
    problem: str = ""
    """Why they cannot be used, with file and line; empty: they can."""
    data: str = "{}"
    """Their data as canonical JSON, as OPA reads it."""
    packages: tuple[str, ...] = ()
    """What they define, such as lab.promotion."""

    @property
    def ok(self) -> bool:
        """Whether they can be used."""
        return not self.problem


def digest_of(files: Mapping[str, str]) -> str:
    """Return what a set of files is known by."""
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    return hashlib.sha256(canonical(sums).encode()).hexdigest()


class Vetter:
    """Asks OPA's compiler; whatever was asked before is known."""

    def __init__(self, opa: Opa) -> None:
        """Choose who compiles."""
        self.opa = opa
        self._known: Memory[Vetted] = Memory(_KEPT)

    async def vet(self, files: Mapping[str, str]) -> Vetted:
        """Return whether files can be used as the policies of a lab.

        Raises:
            ServiceError: nobody can tell, for OPA does not work.
        """
        digest = digest_of(files)
        return await self._known.recall(digest, lambda: self._timed(digest, files))

    async def _timed(self, digest: str, files: Mapping[str, str]) -> Vetted:
        began = asyncio.get_running_loop().time()
        async with self.opa.places:
            found = await self._ask(digest, files)
        took = asyncio.get_running_loop().time() - began
        metrics.VETTING_SECONDS.labels("ok" if found.ok else "broken").observe(took)
        return found

    async def _ask(self, digest: str, files: Mapping[str, str]) -> Vetted:
        if problem := _objection(files):
            return Vetted(digest, problem)
        with tempfile.TemporaryDirectory(prefix="practicum-vet-") as folder:
            place = Path(folder)
            capabilities = await self.opa.capabilities(place)
            _lay_out(place, files, capabilities)
            problem, packages = await self._inspected(place)
            # Whatever annotations say, the compiler does not see them unless they are harmless.
            if problem and any("METADATA" in text for text in files.values()):
                return Vetted(digest, problem)
            limits = ("--capabilities=capabilities.json", "--max-errors=10")
            done = await self.opa.run(
                place, "check", "--strict", "--bundle", "--format=json", *limits, _FOLDER
            )
            if done.code:
                return Vetted(digest, problem_of(done))
            if problem:
                return Vetted(digest, problem)
            name = next((name for name in DATA if name in files), "")
            vetted = await self._with_data(digest, place, name) if name else Vetted(digest)
            return replace(vetted, packages=packages)

    async def _inspected(self, place: Path) -> tuple[str, tuple[str, ...]]:
        """Return what is wrong before anything is compiled, and the packages.

        The compiler would read the schemas that annotations name, from the disk too, and quote what
        it finds there.
        """
        arguments = ("inspect", "--annotations", "--format=json", _FOLDER)
        done = await self.opa.run(place, *arguments, output=LONG_OUTPUT)
        try:
            found = json.loads(done.text)
        except ValueError:
            return problem_of(done), ()
        for one in found.get("annotations") or []:
            if "schemas" in one["annotations"]:
                where = f"{one['location']['file']}:{one['location']['row']}"
                return _tidy(f"{where}: METADATA with schemas is not for policies of a lab"), ()
        return _packages(found.get("namespaces") or {})

    async def _with_data(self, digest: str, place: Path, name: str) -> Vetted:
        """Read the data as OPA does, whose YAML is not quite everybody's."""
        done = await self.opa.run(
            place, "eval", "--format=json", f"--data={_FOLDER}/{name}", "--fail", "data"
        )
        try:
            document = json.loads(done.text)["result"][0]["expressions"][0]["value"]
            text = canonical(document)
        except (ValueError, LookupError, TypeError):
            return Vetted(digest, f"{name}: {problem_of(done)}")
        if RELEASE in (document.get(ROOT) or {}):
            return Vetted(digest, f"{name}: {ROOT}.{RELEASE} {_PLATFORMS}")
        if not _finite(document):
            return Vetted(digest, f"{name}: a number is too big")
        return Vetted(digest, data=text)


def _objection(files: Mapping[str, str]) -> str:
    """Return what is wrong with the files as files."""
    size = sum(len(text.encode()) for text in files.values())
    if not any(name.endswith(".rego") for name in files):
        return "there is no policy: add a key that ends with .rego"
    if len(files) > MOST_FILES:
        return f"{len(files)} files are more than {MOST_FILES}"
    if size > MOST_BYTES:
        return f"{size} bytes are more than {MOST_BYTES}"
    if all(name in files for name in DATA):
        return f"{' and '.join(DATA)}: have one of the two"
    for name in sorted(files):
        if name not in DATA and not _NAME.fullmatch(name):
            return f"{name}: the keys are {', '.join(DATA)} and names that end with .rego"
    return ""


def _packages(namespaces: Mapping[str, list[str]]) -> tuple[str, tuple[str, ...]]:
    """Return what is wrong with the packages, and which there are."""
    found = {}
    for name, files in namespaces.items():
        modules = [_tidy(file) for file in files if file.endswith(".rego")]
        if modules:
            found[name.removeprefix("data.")] = sorted(modules)[0]
    for package, file in found.items():
        if package == ROOT or f"{package}.".startswith(f"{ROOT}.{RELEASE}."):
            return f"{file}: package {package} {_PLATFORMS}", ()
    return "", tuple(sorted(found))


def _finite(document: Any) -> bool:
    """Whether all numbers can be written again: JSON has greater ones than Python."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True


def _lay_out(place: Path, files: Mapping[str, str], capabilities: str) -> None:
    folder = place / _FOLDER
    folder.mkdir()
    (place / "capabilities.json").write_text(capabilities, encoding="utf-8")
    # OPA itself holds a bundle to its roots, packages and data alike.
    (folder / ".manifest").write_text(json.dumps({"roots": [ROOT]}), encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")


def problem_of(done: Done) -> str:
    """Return what OPA says is wrong, the first of it with its place."""
    if done.starved:
        return "the policies are too big to compile: it took too much time or memory"
    try:
        errors = json.loads(done.text)["errors"]
        first = errors[0]
        said, place = str(first["message"]), first.get("location") or {}
    except (ValueError, LookupError, TypeError):
        return _tidy(_NOISE.sub("", done.text))[:_LONGEST] or f"OPA ended with {done.code}"
    where = f"{place['file']}:{place['row']}: " if place.get("file") else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_tidy(where + said)[:_LONGEST]}{more}"


def _tidy(text: str) -> str:
    """Name files as their author does."""
    text = text.replace(f"bundle {_FOLDER}: ", "").replace(f"{_FOLDER}/", "")
    return " ".join(text.split())
