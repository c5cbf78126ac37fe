"""What learners' policies are tried on: vectors, a correct policy and faulty copies of it. Pure."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from practicum.api.looks.work import PolicyCheck
from practicum.checks.values import Malformed, parsed
from practicum.governance.vetting import DATA

TESTS: Final = "_test.rego"
_PACKAGE: Final = re.compile(r"^package\s+([\w.]+)", re.MULTILINE)


class Trial:
    """One set of files with all that it is tried on."""

    def __init__(
        self, look: PolicyCheck, files: Mapping[str, str], assets: Mapping[str, str]
    ) -> None:
        self.look = look
        self.files = files
        self.tests = {name: text for name, text in files.items() if name.endswith(TESTS)}
        self.policies = {name: text for name, text in files.items() if name not in self.tests}
        self.vectors = _vectors(look.vectors, assets[look.vectors]) if look.vectors else []
        self.reference: dict[str, str] = {}
        self.mutants: list[dict[str, str]] = []
        if look.mutants:
            paths = look.mutants.reference
            self.reference = {Path(path).name: assets[path] for path in paths}
            self.mutants = mutated(self.reference, assets[look.mutants.edits])
        replaced = {package_of(text) for text in self.reference.values()}
        self.others = {
            name: text
            for name, text in self.policies.items()
            if name not in DATA and package_of(text) not in replaced
        }
        """Policies of the learner's that the reference has nothing in the place of."""


def paths(look: PolicyCheck) -> Iterator[str]:
    """Yield the files that learners' policies are tried on."""
    if look.vectors:
        yield look.vectors
    if look.mutants:
        yield from (*look.mutants.reference, look.mutants.edits)


def package_of(text: str) -> str:
    """Return the package that a policy is in; empty: it says none."""
    found = _PACKAGE.search(text)
    return found[1] if found else ""


def _vectors(path: str, text: str) -> list[dict[str, Any]]:
    found = parsed(path, text)
    if not isinstance(found, list) or not all("input" in one and "expect" in one for one in found):
        raise Malformed(f"asset {path} is no list of vectors with input and expect")
    return found


def mutated(reference: Mapping[str, str], edits: str) -> list[dict[str, str]]:
    """Return the faulty copies of a policy: name, file and text of each.

    Raises:
        Malformed: an edit does not apply exactly once.
    """
    made = []
    for edit in yaml.safe_load(edits):
        text = reference.get(edit["file"], "")
        if text.count(edit["find"]) != 1:
            raise Malformed(f"mutant {edit['name']} does not apply exactly once")
        changed = text.replace(edit["find"], edit["replace"])
        made.append({"name": edit["name"], "file": edit["file"], "text": changed})
    return made
