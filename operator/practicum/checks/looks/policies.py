"""Looks at policies that a learner wrote: they compile, their tests pass and find faults.

All of it runs in OPA's sandbox. The learner's files see inputs of vectors, never what is expected;
that is compared here. Mutants are faulty copies of a correct policy: tests that pass on one of them
do not tell right from wrong.
"""

import json
import re
import tempfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from practicum.api.canonical import digest
from practicum.api.looks.work import Mutants, OpaTest, PolicyCheck
from practicum.checks import findings
from practicum.checks.findings import PASSED, Finding
from practicum.checks.scene import Scene
from practicum.checks.values import Malformed
from practicum.governance.opa import Done
from practicum.governance.vetting import DATA, Vetter, problem_of

_TESTS: Final = "_test.rego"
_VECTORS: Final = "practicum_vectors"
_KEPT: Final = 512
_PACKAGE: Final = re.compile(r"^package\s+([\w.]+)", re.MULTILINE)
_LIMITS: Final = "--capabilities=capabilities.json"
_TALK: Final = frozenset({"print", "internal.print", "trace"})
"""Built-in functions that would tell a learner what is asked of their policies."""
_FOLDER: Final = "policies"


class PolicyLooks:
    """Looks at policies; what was looked at before is known."""

    def __init__(self, vetter: Vetter) -> None:
        """Choose who compiles and runs them."""
        self._opa = vetter.opa
        self._vetter = vetter
        self._known: OrderedDict[str, Finding] = OrderedDict()

    async def look(self, scene: Scene, look: PolicyCheck) -> Finding:
        """Look at the learner's policies as they are now."""
        files = await scene.config_map(look.config_map)
        trial = _Trial(scene, look, files)
        key = digest([files, look.wire(), trial.assets], 64)
        if key not in self._known:
            self._known[key] = await self._tried(trial)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[key]

    async def _tried(self, trial: "_Trial") -> Finding:
        look = trial.look
        vetted = await self._vetter.vet(trial.files)
        if not vetted.ok:
            return findings.failed(vetted.problem)
        if look.package not in vetted.packages:
            there = ", ".join(vetted.packages)
            return findings.failed(f"there is no package {look.package}; there are: {there}")
        async with self._opa.places:
            if look.opa_test and (found := await self._tested(trial, look.opa_test)).message:
                return found
            if look.vectors and (found := await self._decided(trial)).message:
                return found
            return await self._killed(trial, look.mutants) if look.mutants else PASSED

    async def _tested(self, trial: "_Trial", wanted: OpaTest) -> Finding:
        with tempfile.TemporaryDirectory(prefix="practicum-policy-") as folder:
            place = await self._laid_out(Path(folder), trial.files)
            done = await self._opa.run(place, "test", "--format=json", _LIMITS, _FOLDER)
            results = _results(done)
            if results is None:
                return findings.failed(f"opa test: {problem_of(done)}")
            bad = [one["name"] for one in results if one.get("fail") or one.get("error")]
            if bad:
                return findings.failed(f"tests of yours fail: {', '.join(bad[:5])}")
            ran = sum(not one.get("skip") for one in results)
            if ran < wanted.min_tests:
                text = f"{ran} tests, {wanted.min_tests} are needed"
                return findings.failed(text, str(wanted.min_tests), str(ran))
            if not wanted.coverage:
                return PASSED
            done = await self._opa.run(
                place, "test", "--coverage", "--format=json", _LIMITS, _FOLDER
            )
            covered = coverage_of(done.text, trial.policies)
        if covered >= wanted.coverage:
            return PASSED
        text = f"your tests reach {covered:.0f} % of the policies, {wanted.coverage} % are needed"
        return findings.failed(text, f"{wanted.coverage} %", f"{covered:.0f} %")

    async def _decided(self, trial: "_Trial") -> Finding:
        vectors = trial.vectors
        with tempfile.TemporaryDirectory(prefix="practicum-policy-") as folder:
            place = await self._laid_out(Path(folder), trial.policies, silent=True)
            inputs = {str(at): one["input"] for at, one in enumerate(vectors)}
            (place / "vectors.json").write_text(json.dumps({_VECTORS: inputs}), encoding="utf-8")
            data = (f"--data={_FOLDER}", "--data=vectors.json")
            query = _question(trial.look.package)
            done = await self._opa.run(place, "eval", "--format=json", _LIMITS, *data, query)
        try:
            answers = json.loads(done.text)["result"][0]["expressions"][0]["value"]
        except (ValueError, LookupError, TypeError):
            return findings.failed(f"the policy cannot be asked: {problem_of(done)}")
        wrong = [
            (one, said) for at, one in enumerate(vectors) if (said := unlike(one, answers[str(at)]))
        ]
        if not wrong:
            return PASSED
        first, said = wrong[0]
        text = f"{len(wrong)} of {len(vectors)} cases are decided wrongly, such as {first['name']}"
        return findings.failed(f"{text}: {said}", str(first["expect"]), said)

    async def _killed(self, trial: "_Trial", wanted: Mutants) -> Finding:
        reference, tests = trial.reference, trial.tests
        if not tests:
            return findings.failed(f"there are no tests: add keys that end with {_TESTS}")
        good = await self._outcome(trial, reference)
        if todo := _named(good, "skip"):
            return findings.failed(f"your tests: leave out what is not written yet: {todo}")
        if good.code:
            why = _named(good, "fail", "error") or problem_of(good)
            return findings.failed(
                "your tests fail on a policy that is right: they have to test what is decided "
                f"(allow, and the codes in deny) and nothing else: {why}"
            )
        alive = []
        for mutant in trial.mutants:
            done = await self._outcome(trial, {**reference, mutant["file"]: mutant["text"]})
            if not done.code:
                alive.append(mutant["name"])
        killed = len(trial.mutants) - len(alive)
        if 100 * killed >= wanted.killed * len(trial.mutants):
            return PASSED
        return findings.failed(
            f"your tests find {killed} of {len(trial.mutants)} faults that were put into a "
            f"correct policy, {wanted.killed} % are needed; not found: {', '.join(alive[:3])}",
            f"{wanted.killed} %",
            f"{100 * killed // len(trial.mutants)} %",
        )

    async def _outcome(self, trial: "_Trial", policies: Mapping[str, str]) -> Done:
        """Run the learner's tests on other policies, with the data that goes with those."""
        with tempfile.TemporaryDirectory(prefix="practicum-policy-") as folder:
            files = {**trial.others, **trial.tests, **policies}
            place = await self._laid_out(Path(folder), files)
            return await self._opa.run(
                place, "test", "--fail-on-empty", "--format=json", _LIMITS, _FOLDER
            )

    async def _laid_out(
        self, place: Path, files: Mapping[str, str], *, silent: bool = False
    ) -> Path:
        can = json.loads(await self._opa.capabilities(place))
        if silent:
            can["builtins"] = [one for one in can["builtins"] if one["name"] not in _TALK]
        (place / "capabilities.json").write_text(json.dumps(can), encoding="utf-8")
        (place / _FOLDER).mkdir()
        for name, text in files.items():
            (place / _FOLDER / name).write_text(text, encoding="utf-8", newline="")
        return place


class _Trial:
    """One set of files with all that it is tried on."""

    def __init__(self, scene: Scene, look: PolicyCheck, files: Mapping[str, str]) -> None:
        self.look = look
        self.files = files
        self.tests = {name: text for name, text in files.items() if name.endswith(_TESTS)}
        self.policies = {name: text for name, text in files.items() if name not in self.tests}
        self.vectors = _vectors(scene, look.vectors) if look.vectors else []
        self.reference: dict[str, str] = {}
        self.mutants: list[dict[str, str]] = []
        if look.mutants:
            paths = look.mutants.reference
            self.reference = {Path(path).name: scene.asset(path) for path in paths}
            self.mutants = mutated(self.reference, scene.asset(look.mutants.edits))
        replaced = {package_of(text) for text in self.reference.values()}
        self.others = {
            name: text
            for name, text in self.policies.items()
            if name not in DATA and package_of(text) not in replaced
        }
        """Policies of the learner's that the reference has nothing in the place of."""

    @property
    def assets(self) -> Any:
        """What the outcome depends on besides the learner's files."""
        return [self.vectors, self.reference, self.mutants]


def package_of(text: str) -> str:
    """Return the package that a policy is in; empty: it says none."""
    found = _PACKAGE.search(text)
    return found[1] if found else ""


def _vectors(scene: Scene, path: str) -> list[dict[str, Any]]:
    found = scene.json_asset(path)
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


def _question(package: str) -> str:
    """Return the query that asks for allow and deny of every vector; undefined is left out."""
    parts = ", ".join(
        f'"{rule}": [one | one := data.{package}.{rule} with input as asked]'
        for rule in ("allow", "deny")
    )
    return f"{{at: {{{parts}}} | some at, asked in data.{_VECTORS}}}"


def unlike(vector: Mapping[str, Any], answer: Mapping[str, Sequence[Any]]) -> str:
    """Return how a policy's answer is not what a vector expects; empty: it is.

    Args:
        vector: with ``expect: {allow, codes}``; codes have to be among those of the reasons.
        answer: allow and deny, each a list of one value, or of none where it is undefined.
    """
    expected = vector["expect"]
    if not answer["allow"]:
        return "allow is undefined"
    if answer["allow"][0] is not expected["allow"]:
        return f"allow is {json.dumps(answer['allow'][0])}"
    denied = answer["deny"][0] if answer["deny"] else []
    reasons = denied if isinstance(denied, list | dict) else []
    codes = {str(one.get(key)) for one in reasons if isinstance(one, dict) for key in one}
    codes |= {one for one in reasons if isinstance(one, str)}
    missing = [code for code in expected.get("codes", []) if code not in codes]
    return f"deny does not say {', '.join(missing)}" if missing else ""


def _results(done: Done) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(done.text or "[]")
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _named(done: Done, *outcomes: str) -> str:
    """Return the names of the tests that ended in one of these ways."""
    ended = [one for one in _results(done) or [] if any(one.get(how) for how in outcomes)]
    return ", ".join(sorted(one["name"] for one in ended))[:200]


def coverage_of(text: str, policies: Mapping[str, str]) -> float:
    """Return how much of the policies tests reach, in percent of their lines.

    Args:
        text: what ``opa test --coverage --format=json`` said.
        policies: the files that count: not the tests themselves.
    """
    try:
        files = json.loads(text)["files"]
    except (ValueError, LookupError, TypeError):
        return 0.0
    reached = missed = 0
    for path, found in files.items():
        if Path(path).name in policies and Path(path).name not in DATA:
            reached += _lines(found.get("covered"))
            missed += _lines(found.get("not_covered"))
    return 100 * reached / (reached + missed) if reached + missed else 0.0


def _lines(ranges: Sequence[Mapping[str, Any]] | None) -> int:
    return sum(one["end"]["row"] - one["start"]["row"] + 1 for one in ranges or [])
