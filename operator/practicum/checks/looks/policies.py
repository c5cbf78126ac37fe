"""Looks at policies that a learner wrote: they compile, their tests pass and find faults.

All of it runs in OPA's sandbox. The learner's files see inputs of vectors, never what is expected;
that is compared here. Mutants are faulty copies of a correct policy: tests that pass on one of them
do not tell right from wrong.
"""

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final

from practicum.api.canonical import digest
from practicum.api.looks.work import Mutants, OpaTest, PolicyCheck
from practicum.checks import findings
from practicum.checks.findings import PASSED, Finding
from practicum.checks.looks.trials import TESTS, Trial, paths
from practicum.checks.outcomes import LearnerFailed
from practicum.checks.scene import Scene
from practicum.governance.opa import Done
from practicum.governance.vetting import DATA, Vetter, problem_of
from practicum.memory import Memory

_VECTORS: Final = "practicum_vectors"
_SECONDS: Final = 150
"""For all that is tried on one set of files: some twenty runs, each of bounded processor time."""
_LIMITS: Final = "--capabilities=capabilities.json"
_TEST: Final = ("test", "--timeout=1m")
"""By itself OPA fails a test after five seconds, which on a busy machine is no fault of the test.

Whoever takes too much processor time is ended long before.
"""
_TALK: Final = frozenset({"print", "internal.print", "trace"})
"""Built-in functions that would tell a learner what is asked of their policies."""
_CHANCE: Final = frozenset({"rand.intn", "uuid.rfc4122", "time.now_ns"})
"""Built-in functions by which tests would find a fault by luck."""
_FOLDER: Final = "policies"


class PolicyLooks:
    """Looks at policies; what was looked at before is known."""

    def __init__(self, vetter: Vetter) -> None:
        """Choose who compiles and runs them."""
        self._opa = vetter.opa
        self._vetter = vetter
        self._known: Memory[Finding] = Memory()

    async def look(self, scene: Scene, look: PolicyCheck) -> Finding:
        """Look at the learner's policies as they are now."""
        files = await scene.config_map(look.config_map)
        assets = {path: scene.asset(path) for path in paths(look)}
        key = digest([files, look.wire(), assets], 64)
        return await self._known.recall(key, lambda: self._tried(Trial(look, files, assets)))

    async def _tried(self, trial: Trial) -> Finding:
        look = trial.look
        vetted = await self._vetter.vet(trial.files)
        if not vetted.ok:
            return findings.failed(vetted.problem)
        if look.package not in vetted.packages:
            there = ", ".join(vetted.packages)
            return findings.failed(f"there is no package {look.package}; there are: {there}")
        try:
            async with asyncio.timeout(_SECONDS):
                if look.opa_test and (found := await self._tested(trial, look.opa_test)).message:
                    return found
                if look.vectors and (found := await self._decided(trial)).message:
                    return found
                return await self._killed(trial, look.mutants) if look.mutants else PASSED
        except TimeoutError as error:
            text = f"trying your policies and tests takes more than {_SECONDS} s in all"
            raise LearnerFailed(text) from error

    async def _tested(self, trial: Trial, wanted: OpaTest) -> Finding:
        with tempfile.TemporaryDirectory(prefix="practicum-policy-") as folder:
            place = await self._laid_out(Path(folder), trial.files)
            done = await self._run(place, *_TEST, _FOLDER)
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
            done = await self._run(place, *_TEST, "--coverage", _FOLDER)
            covered = coverage_of(done.text, trial.policies)
        if covered >= wanted.coverage:
            return PASSED
        text = f"your tests reach {covered:.0f} % of the policies, {wanted.coverage} % are needed"
        return findings.failed(text, f"{wanted.coverage} %", f"{covered:.0f} %")

    async def _decided(self, trial: Trial) -> Finding:
        vectors = trial.vectors
        with tempfile.TemporaryDirectory(prefix="practicum-policy-") as folder:
            place = await self._laid_out(Path(folder), trial.policies, without=_TALK)
            inputs = {str(at): one["input"] for at, one in enumerate(vectors)}
            (place / "vectors.json").write_text(json.dumps({_VECTORS: inputs}), encoding="utf-8")
            data = (f"--data={_FOLDER}", "--data=vectors.json")
            done = await self._run(place, "eval", *data, _question(trial.look.package))
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

    async def _killed(self, trial: Trial, wanted: Mutants) -> Finding:
        reference, tests = trial.reference, trial.tests
        if not tests:
            return findings.failed(f"there are no tests: add keys that end with {TESTS}")
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
            if not done.code or done.starved:
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

    async def _outcome(self, trial: Trial, policies: Mapping[str, str]) -> Done:
        """Run the learner's tests on other policies, with the data that goes with those."""
        with tempfile.TemporaryDirectory(prefix="practicum-policy-") as folder:
            files = {**trial.others, **trial.tests, **policies}
            place = await self._laid_out(Path(folder), files, without=_CHANCE)
            return await self._run(place, *_TEST, "--fail-on-empty", _FOLDER)

    async def _run(self, place: Path, command: str, *arguments: str) -> Done:
        """Run OPA; others that want it get it between two runs."""
        async with self._opa.places:
            return await self._opa.run(place, command, "--format=json", _LIMITS, *arguments)

    async def _laid_out(
        self, place: Path, files: Mapping[str, str], *, without: Set[str] = frozenset()
    ) -> Path:
        can = json.loads(await self._opa.capabilities(place))
        can["builtins"] = [one for one in can["builtins"] if one["name"] not in without]
        (place / "capabilities.json").write_text(json.dumps(can), encoding="utf-8")
        (place / _FOLDER).mkdir()
        for name, text in files.items():
            (place / _FOLDER / name).write_text(text, encoding="utf-8", newline="")
        return place


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
    allowed = answer["allow"][0]
    # Anything else would be a way to read what is asked.
    if not isinstance(allowed, bool):
        return "allow is neither true nor false"
    if allowed is not expected["allow"]:
        return f"allow is {json.dumps(allowed)}"
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
