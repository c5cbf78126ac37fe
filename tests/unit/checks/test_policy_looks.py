"""Policies of learners, run by OPA itself: tests that find faults, and cases decided right."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from practicum.checks.findings import Finding
from practicum.checks.looks import policies, trials
from practicum.checks.looks.policies import PolicyLooks
from practicum.checks.values import Malformed
from practicum.governance.opa import Done, Opa
from practicum.governance.vetting import Vetter
from tests.apiserver.conftest import tool

from .checks import body, template
from .scenes import Stage, config_map

Object = dict[str, Any]
OPA = str(tool("opa"))
POLICY = """\
package lab.gate

default allow := false

allow if count(deny) == 0

deny contains {"code": "LOW", "msg": "too low"} if input.auc < 0.8

deny contains {"code": "OLD", "msg": "too old"} if input.days > data.lab.limits.days
"""
DATA = "lab:\n  limits: {days: 30}\n"
TESTS = """\
package lab.gate_test

import data.lab.gate

test_good if gate.allow with input as {"auc": 0.9, "days": 1}

test_low if not gate.allow with input as {"auc": 0.7, "days": 1}

test_old if "OLD" in {one.code | some one in gate.deny} with input as {"auc": 0.9, "days": 31}
"""
EDITS = """\
- {name: low-is-fine, file: gate.rego, find: "input.auc < 0.8", replace: "input.auc < 0.1"}
- {name: old-is-fine, file: gate.rego, find: "input.days > data", replace: "input.days > 99 + data"}
"""
VECTORS = [
    {"name": "good", "input": {"auc": 0.9, "days": 1}, "expect": {"allow": True}},
    {"name": "low", "input": {"auc": 0.1, "days": 1}, "expect": {"allow": False, "codes": ["LOW"]}},
    {"name": "old", "input": {"auc": 1, "days": 31}, "expect": {"allow": False, "codes": ["OLD"]}},
]
ANSWERS = {
    "vectors.json": json.dumps(VECTORS),
    "edits.yaml": EDITS,
    "policies__gate.rego": POLICY,
    "policies__data.yaml": DATA,
}
WHOLE = {"gate.rego": POLICY, "data.yaml": DATA, "gate_test.rego": TESTS}
MUTANTS: Object = {
    "reference": ["policies/gate.rego", "policies/data.yaml"],
    "edits": "edits.yaml",
    "killed": 100,
}
UNCOVERED = 'deny contains {"code": "NEW"} if {\n\tinput.new\n\tinput.newer\n}\n'


async def looked(
    files: Mapping[str, str], answers: Mapping[str, str] = ANSWERS, **look: Any
) -> Finding:
    """Look at policies as a learner has them; raises what the evaluation would judge."""
    spec = template(body(policy={"package": "lab.gate", **look}))
    written = {**config_map("policies"), "data": dict(files)}
    scene = Stage(spec, [written], answers=answers, opa=OPA).scene()
    return await PolicyLooks(Vetter(Opa(OPA))).look(scene, spec.checks[0].look)


async def passes(files: Mapping[str, str], **look: Any) -> bool:
    found = await looked(files, **look)
    assert found.state.value == "pass", found
    return True


async def fails(files: Mapping[str, str], *said: str, **look: Any) -> bool:
    found = await looked(files, **look)
    assert found.state.value == "fail", found
    assert all(text in found.message for text in said), found.message
    return True


async def test_no_test_fails_for_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    run, asked = Opa.run, list[tuple[str, ...]]()

    async def noted(self: Opa, place: Path, *arguments: str, **more: Any) -> Done:
        asked.append(arguments)
        return await run(self, place, *arguments, **more)

    monkeypatch.setattr(Opa, "run", noted)
    assert await passes(WHOLE, opaTest={"coverage": 50}, mutants=MUTANTS)
    tests = [arguments for arguments in asked if arguments[0] == "test"]
    assert len(tests) == 5, "own, with coverage, on the reference and on two mutants"
    assert all("--timeout=1m" in arguments for arguments in tests)


@pytest.mark.parametrize(
    "look",
    [
        {},
        {"opaTest": {"minTests": 3, "coverage": 100}},
        {"vectors": "vectors.json"},
        {"mutants": MUTANTS},
    ],
)
async def test_what_is_right_passes(look: Object) -> None:
    assert await passes(WHOLE, **look)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"gate.rego": "package lab.gate\n\nallow := x\n"}, "gate.rego:3: var x is unsafe"),
        ({"gate.rego": "package lab.other\n"}, "no package lab.gate; there are: lab.other"),
        ({"notes.txt": "x"}, "there is no policy"),
        (
            {"gate.rego": POLICY + 'x := http.send({"method": "GET", "url": "http://a"})\n'},
            "undefined function http.send",
        ),
        ({"gate.rego": POLICY + "x := opa.runtime()\n"}, "undefined function opa.runtime"),
    ],
)
async def test_what_does_not_compile_is_told_first(files: dict[str, str], said: str) -> None:
    look = {"opaTest": {"minTests": 50}, "vectors": "vectors.json", "mutants": MUTANTS}
    assert await fails(files, said, **look)


async def test_too_few_tests() -> None:
    found = await looked(WHOLE, opaTest={"minTests": 4})
    assert found.message == "3 tests, 4 are needed"
    assert (found.expected, found.observed) == ("4", "3")
    assert await fails({"gate.rego": POLICY, "data.yaml": DATA}, "0 tests", opaTest={"minTests": 1})


async def test_a_test_that_is_yet_to_be_written_is_none() -> None:
    todo = "".join(f"\ntodo_test_{one} if false\n" for one in "abc")
    files = {**WHOLE, "gate_test.rego": TESTS + todo}
    assert await passes(files, opaTest={"minTests": 3})
    assert await fails(files, "3 tests, 4 are needed", opaTest={"minTests": 4})
    assert await fails(files, "leave out what is not written yet: todo_test_a", mutants=MUTANTS)


async def test_tests_that_fail_are_named() -> None:
    bad = "\ntest_wrong if gate.allow with input as {}\n\ntest_worse if false\n"
    tests = {**WHOLE, "gate_test.rego": TESTS + bad}
    assert await fails(tests, "tests of yours fail: test_worse", opaTest={"minTests": 1})
    broken = "\ntest_wrong if gate.allow with input as {} with data.lab.gate.deny as {1}\n"
    tests = {**WHOLE, "gate_test.rego": TESTS + broken}
    assert await fails(tests, "fail: test_wrong", opaTest={"minTests": 1})


async def test_coverage_is_that_of_the_policies_alone() -> None:
    files = {**WHOLE, "gate.rego": POLICY + UNCOVERED}
    assert await passes(files, opaTest={"minTests": 1, "coverage": 60})
    found = await looked(files, opaTest={"minTests": 1, "coverage": 90})
    assert "your tests reach" in found.message and "90 % are needed" in found.message
    assert found.expected == "90 %"


async def test_a_case_that_is_decided_wrongly_is_named() -> None:
    lax = {**WHOLE, "gate.rego": POLICY.replace("< 0.8", "< 0.01")}
    found = await looked(lax, vectors="vectors.json")
    assert found.message == "1 of 3 cases are decided wrongly, such as low: allow is true"
    silent = {**WHOLE, "gate.rego": POLICY.replace('"OLD"', '"STALE"')}
    assert await fails(silent, "such as old: deny does not say OLD", vectors="vectors.json")


async def test_an_undefined_decision_is_a_wrong_one() -> None:
    files = {"gate.rego": "package lab.gate\n\nallow if input.auc > 1\n"}
    assert await fails(files, "3 of 3", "such as good: allow is undefined", vectors="vectors.json")


@pytest.mark.parametrize("deny", ["5", "true", "null", '"LOW"', '[["LOW"]]'])
async def test_reasons_of_another_form_are_the_learners_to_mend(deny: str) -> None:
    files = {"gate.rego": f"package lab.gate\n\nallow := false\n\ndeny := {deny}\n"}
    answers = {**ANSWERS, "vectors.json": json.dumps([VECTORS[1]])}
    found = await looked(files, answers, vectors="vectors.json")
    assert found.message.endswith("such as low: deny does not say LOW")


async def test_what_is_expected_is_nowhere_for_a_policy_to_read() -> None:
    copying = 'package lab.gate\n\nallow := data.practicum_vectors["0"].expect.allow\n'
    assert await fails({"gate.rego": copying}, "allow is undefined", vectors="vectors.json")


async def test_what_is_asked_is_not_an_answer() -> None:
    prying = "package lab.gate\n\nallow := json.marshal(data.practicum_vectors)\n"
    found = await looked({"gate.rego": prying}, vectors="vectors.json")
    assert found.message.endswith("such as good: allow is neither true nor false")
    assert "auc" not in found.message + found.observed + found.expected


async def test_luck_finds_no_fault() -> None:
    lucky = 'package lab.gate_test\n\ntest_luck if rand.intn("x", 2) == 0\n'
    files = {**WHOLE, "gate_test.rego": lucky}
    assert await fails(files, "undefined function rand.intn", mutants=MUTANTS)


async def test_a_case_is_not_printed_to_whoever_is_to_decide_it() -> None:
    prying = POLICY + "\nallow if {\n\tprint(input)\n\tfalse\n}\n"
    found = await looked({**WHOLE, "gate.rego": prying}, vectors="vectors.json")
    assert "gate.rego:12: undefined function internal.print" in found.message
    assert "auc" not in found.message + found.observed
    # In tests of their own it prints what they know.
    tests = TESTS + "\ntest_printed if {\n\tprint(1)\n\tgate.allow\n}\n"
    files = {**WHOLE, "gate_test.rego": tests}
    assert await passes(files, opaTest={"minTests": 4}, vectors="vectors.json", mutants=MUTANTS)


async def test_a_policy_that_contradicts_itself_cannot_be_asked() -> None:
    files = {"gate.rego": "package lab.gate\n\nallow := true if true\n\nallow := false if true\n"}
    assert await fails(files, "the policy cannot be asked", "conflict", vectors="vectors.json")


async def test_tests_that_find_few_faults() -> None:
    weak = {**WHOLE, "gate_test.rego": TESTS[: TESTS.index("test_old")]}
    found = await looked(weak, mutants=MUTANTS)
    assert "your tests find 1 of 2 faults" in found.message
    assert found.message.endswith("100 % are needed; not found: old-is-fine")
    assert (found.expected, found.observed) == ("100 %", "50 %")
    assert await passes(weak, mutants={**MUTANTS, "killed": 50})


@pytest.mark.parametrize(("killed", "state"), [(20, "pass"), (21, "fail")])
async def test_one_fault_of_five_is_a_fifth(killed: int, state: str) -> None:
    low, alive = EDITS.splitlines(keepends=True)[0], []
    for number in range(4):
        edit = {"name": f"same-{number}", "file": "gate.rego", "find": "too old", "replace": "old"}
        alive.append(f"- {json.dumps(edit)}\n")
    answers = {**ANSWERS, "edits.yaml": "".join([low, *alive])}
    found = await looked(WHOLE, answers, mutants={**MUTANTS, "killed": killed})
    assert found.state.value == state, found


async def test_mutants_want_tests() -> None:
    files = {"gate.rego": POLICY, "data.yaml": DATA}
    assert await fails(files, "there are no tests: add keys that end with", mutants=MUTANTS)
    files["gate_test.rego"] = "package lab.gate_test\n"
    assert await fails(files, "your tests fail on a policy that is right", mutants=MUTANTS)


async def test_tests_have_to_pass_on_a_policy_that_is_right() -> None:
    """Those that look at words, say, hold for one's own policy only."""
    picky = TESTS + '\ntest_words if "too low!" in {one.msg | some one in gate.deny}'
    picky += ' with input as {"auc": 0, "days": 0}\n'
    own = {**WHOLE, "gate.rego": POLICY.replace("too low", "too low!"), "gate_test.rego": picky}
    assert await passes(own, opaTest={"minTests": 4})
    assert await fails(own, "and nothing else: test_words", mutants=MUTANTS)


async def test_a_policy_of_ones_own_is_tried_with_the_reference_in_its_place() -> None:
    """However wrong it is: it is the tests that are looked at."""
    wrong = "package lab.gate\n\nallow := true\n\ndeny contains input.none\n"
    assert await fails({**WHOLE, "gate.rego": wrong}, "test_low", opaTest={"minTests": 1})
    assert await passes({**WHOLE, "gate.rego": wrong}, mutants=MUTANTS)


async def test_other_packages_of_the_learners_are_kept() -> None:
    helper = "package lab.helper\n\nfresh := 1\n"
    using = TESTS.replace('"days": 1}', '"days": data.lab.helper.fresh}')
    files = {**WHOLE, "helper.rego": helper, "gate_test.rego": using}
    assert using != TESTS
    assert await passes(files, mutants=MUTANTS)
    files["also.rego"] = "package lab.gate\n\nallow := true\n"  # of the package that is replaced
    assert await fails(files, "test_low", opaTest={"minTests": 1})
    assert await passes(files, mutants=MUTANTS)


async def test_a_mutant_that_does_not_apply_is_the_authors_mistake() -> None:
    for find in ("nowhere", "input"):
        edits = json.dumps([{"name": "odd", "file": "gate.rego", "find": find, "replace": "x"}])
        with pytest.raises(Malformed, match="mutant odd does not apply exactly once"):
            await looked(WHOLE, {**ANSWERS, "edits.yaml": edits}, mutants=MUTANTS)


@pytest.mark.parametrize("vectors", ['{"a": 1}', '[{"input": {}}]', "{"])
async def test_vectors_that_are_none_are_the_authors_mistake(vectors: str) -> None:
    with pytest.raises(Malformed, match=r"asset vectors\.json"):
        await looked(WHOLE, {**ANSWERS, "vectors.json": vectors}, vectors="vectors.json")


async def test_what_was_looked_at_before_is_known() -> None:
    spec = template(body(policy={"package": "lab.gate", "vectors": "vectors.json"}))
    written = {**config_map("policies"), "data": WHOLE}
    looks, stage = PolicyLooks(Vetter(Opa(OPA))), Stage(spec, [written], answers=ANSWERS)
    first = await looks.look(stage.scene(), spec.checks[0].look)
    assert await looks.look(stage.scene(), spec.checks[0].look) is first
    stricter = [{**one, "expect": {"allow": False}} for one in VECTORS]
    other = Stage(spec, [written], answers={**ANSWERS, "vectors.json": json.dumps(stricter)})
    assert (await looks.look(other.scene(), spec.checks[0].look)).state.value == "fail"


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("package lab.a\n", "lab.a"),
        ("# package no\n\npackage  lab.a.b # x\n", "lab.a.b"),
        ("x := 1\n", ""),
    ],
)
def test_a_policy_says_its_package(text: str, package: str) -> None:
    assert trials.package_of(text) == package


def test_coverage_counts_lines_of_policies() -> None:
    covered = [{"start": {"row": 1}, "end": {"row": 3}}]
    missed = [{"start": {"row": 5}, "end": {"row": 5}}]
    files = {
        "policies/a.rego": {"covered": covered, "not_covered": missed},
        "policies/a_test.rego": {"covered": covered * 9},
    }
    assert policies.coverage_of(json.dumps({"files": files}), {"a.rego": ""}) == 75
    for text in ("", "[]", '{"files": {}}'):
        assert policies.coverage_of(text, {"a.rego": ""}) == 0
