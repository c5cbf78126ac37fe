"""Looks at what a learner's own code does: their tests (job), and what their features join (pit).

Code of a learner runs on the learner's side, in a pod that nobody opens a shell in. It is told
neither what is expected nor any secret; what it says is judged here.
"""

import ast
import json
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from importlib import resources
from typing import Any, Final

from practicum.api.labtemplate import LEARNER
from practicum.api.looks.work import JobCheck, PitCheck
from practicum.api.times import parse_duration
from practicum.checks import findings
from practicum.checks.findings import PASSED, Finding
from practicum.checks.looks.registries import same
from practicum.checks.outcomes import LearnerFailed
from practicum.checks.scene import Scene
from practicum.checks.values import Malformed
from practicum.desired.check_pods import WORKER, CheckPod

_IMAGES: Final = ("workbench", "feast")
"""Images of a template in which learners' code runs, the first that there is."""
_SETTLING_SECONDS: Final = 45
"""For a pod to start and to lay its files out, beside the time that its work has."""
_MEANING: Final = {
    "normal": "an ordinary row",
    "before-first": "a row from before the first event has no value, and stays",
    "past-ttl": "a value older than ttl is none, and the row stays",
    "late-correction": "a value that was corrected later was not known at that moment",
    "duplicate-key": "rows of one key and moment are as many as they were",
    "tz-edge": "moments are compared in UTC",
}


def _script(name: str) -> str:
    return resources.files("practicum.checks.harness").joinpath(name).read_text(encoding="utf-8")


async def _said(scene: Scene, pod: CheckPod) -> dict[str, Any]:
    text = await scene.pods.run(scene.lab, pod)
    try:
        said = json.loads(text.strip().rsplit("\n", 1)[-1])
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise LearnerFailed(f"your code ended before it could be judged: {text[-300:]}")
    return said


def _image(scene: Scene) -> str:
    for name in _IMAGES:
        if name in scene.lab.template.images:
            return scene.lab.images[name]
    raise Malformed(f"the template has none of the images {', '.join(_IMAGES)}")


async def look_at_job(scene: Scene, look: JobCheck) -> Finding:
    """Run the learner's tests, and count them."""
    for name in look.repositories:
        await scene.config_map(name)
    seconds = int(parse_duration(look.deadline).total_seconds())
    files = {path: scene.asset(path) for path in look.files}
    pod = CheckPod(
        side=LEARNER,
        image=_image(scene),
        command=["python3", "-c", _script("job.py")],
        seconds=seconds + _SETTLING_SECONDS,
        environment={
            "FILES": json.dumps(files),
            "COMMAND": json.dumps(look.command),
            "SECONDS": str(seconds),
            **{
                f"{one['service'].upper().replace('-', '_')}_URL": one["url"]
                for one in scene.endpoints
            },
        },
        config_maps={name: name for name in look.repositories},
        resources=WORKER,
        theirs=True,
    )
    return judged_job(look, await _said(scene, pod), tests_of(files))


def tests_of(files: Mapping[str, str]) -> set[str]:
    """Return the names of the test functions of files that are laid beside the learner's."""
    return {
        node.name
        for path, text in files.items()
        if path.endswith(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def judged_job(
    look: JobCheck, said: Mapping[str, Any], expected: Set[str] = frozenset()
) -> Finding:
    """Judge what a run of tests came to.

    Args:
        look: with what is needed.
        said: by the pod.
        expected: names of tests that have to be among those that passed.
    """
    tail = str(said.get("output", ""))[-400:]
    if said.get("code") is None:
        return findings.failed(f"the tests took more than {look.deadline}", observed=tail)
    tests, bad = _number(said.get("tests")), [str(one) for one in said.get("bad") or []]
    if said.get("unreadable") or not tests:
        why = said.get("unreadable") or f"no test ran (exit code {said['code']})"
        return findings.failed(f"{why}", observed=tail)
    if bad:
        return findings.failed(f"tests fail: {', '.join(bad[:5])}", "none fails", tail)
    if said["code"]:
        return findings.failed(f"the tests ended with exit code {said['code']}", "0", tail)
    if missing := expected - {str(one) for one in said.get("passed") or []}:
        text = f"tests that come with the lab did not run: {', '.join(sorted(missing)[:5])}"
        return findings.failed(text, observed=tail)
    ran = tests - _number(said.get("skipped"))
    if ran < look.min_tests:
        text = f"{ran} tests ran, {look.min_tests} are needed"
        return findings.failed(text, str(look.min_tests), str(ran))
    covered = said.get("coverage")
    if look.coverage and (not isinstance(covered, int | float) or covered < look.coverage):
        text = f"the tests cover {covered} %, {look.coverage} % are needed"
        return findings.failed(text, f"{look.coverage} %", f"{covered} %")
    return PASSED


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


async def look_at_pit(scene: Scene, look: PitCheck) -> Finding:
    """Join a training set by the learner's definitions, and hold it against what was known."""
    await scene.config_map(look.repository)
    golden = scene.json_asset(look.golden)
    seconds = int(parse_duration(look.deadline).total_seconds())
    pod = CheckPod(
        side=LEARNER,
        image=_image(scene),
        command=["python3", "-c", _script("pit.py")],
        seconds=seconds + _SETTLING_SECONDS,
        environment={
            "DATA": scene.asset(look.data),
            "ENTITIES": json.dumps(golden["entities"]),
        },
        config_maps={"repo": look.repository},
        resources=WORKER,
        theirs=True,
    )
    return judged_pit(look, golden, await _said(scene, pod))


def judged_pit(look: PitCheck, golden: Mapping[str, Any], said: Mapping[str, Any]) -> Finding:
    """Judge the rows of a training set.

    Args:
        look: with the tolerance.
        golden: ``rows``, each with the key ``row_id``, a ``rule`` and ``values``.
        said: what the learner's code joined.
    """
    if "error" in said:
        return findings.failed(f"your definitions or training_set failed: {said['error']}")
    rows = [row for row in said.get("rows") or [] if isinstance(row, dict)]
    by_id = Counter(str(row.get("row_id")) for row in rows)
    expected = golden["rows"]
    lost = [row for row in expected if not by_id[str(row["row_id"])]]
    if lost:
        rules = Counter(row["rule"] for row in lost)
        text = f"{len(lost)} of {len(expected)} rows are lost: {_rules(rules)}"
        return findings.failed(text, str(len(expected)), str(len(rows)))
    if len(rows) != len(expected):
        text = f"the training set has {len(rows)} rows, {len(expected)} were asked for"
        return findings.failed(text, str(len(expected)), str(len(rows)))
    found = {str(row["row_id"]): row for row in rows}
    wrong = [row for row in expected if _differs(row, found[str(row["row_id"])], look.tolerance)]
    if not wrong:
        return PASSED
    rules = Counter(row["rule"] for row in wrong)
    # What is right is not told: row by row, it would become a table to look the answers up in.
    first = str(wrong[0]["row_id"])
    got = {name: found[first].get(name) for name in wrong[0]["values"]}
    text = f"{len(wrong)} of {len(expected)} rows are not what was known then: {_rules(rules)}"
    return findings.failed(text, observed=f"row {first}: {json.dumps(got, default=str)}")


def _differs(expected: Mapping[str, Any], row: Mapping[str, Any], tolerance: float) -> bool:
    values = expected["values"]
    return any(not same(value, row.get(name), tolerance) for name, value in values.items())


def _rules(rules: Mapping[str, int]) -> str:
    names: Sequence[str] = sorted(rules, key=lambda rule: -rules[rule])
    told = [f"{rules[name]} {name} ({_MEANING.get(name, name)})" for name in names[:2]]
    return "; ".join(told)
