"""What OPA's own compiler says of learners' policies, of hostile ones too."""

import time

import pytest
from prometheus_client import REGISTRY

from practicum.governance.opa import Opa
from practicum.governance.vetting import Vetted, Vetter
from tests.lab_services import MODULE

from .conftest import tool

POLICIES = sorted((MODULE / "policies").iterdir())
PACKAGE = "package lab.x\n\n"
BOMB = "lab:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"  a{at}: &a{at} [{','.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 10)
)


@pytest.fixture(scope="module")
def vetter() -> Vetter:
    return Vetter(Opa(str(tool("opa"))))


async def vetted(vetter: Vetter, rego: str, **more: str) -> Vetted:
    others = {name.replace("__", "."): text for name, text in more.items()}
    return await vetter.vet({"a.rego": rego, **others})


async def test_the_modules_own_policies_and_their_tests_pass(vetter: Vetter) -> None:
    files = {one.name: one.read_text() for one in POLICIES if one.stem != "release"}
    found = await vetter.vet(files)
    assert found.ok, found.problem
    assert {"lab.features", "lab.promotion", "lab.promotion_test"} <= set(found.packages)
    assert found.data.startswith('{"lab":{"approval_matrix":{"high"')


async def test_every_vetting_is_measured_and_what_is_known_is_not(vetter: Vetter) -> None:
    def counts() -> list[float]:
        name = "practicum_policy_vetting_seconds_count"
        found = (REGISTRY.get_sample_value(name, {"result": one}) for one in ("ok", "broken"))
        return [one or 0 for one in found]

    before = counts()
    for rego in ("measured := 1\n", "measured := y\n", "measured := 1\n"):
        await vetted(vetter, PACKAGE + rego)
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1]


async def test_data_is_read_as_opa_reads_it(vetter: Vetter) -> None:
    rego = PACKAGE + "allow := data.lab.t.a == 1\n"
    found = await vetted(vetter, rego, data__yaml="lab:\n  t: {on: yes, a: 1.50}\n")
    assert found.data == '{"lab":{"t":{"a":1.5,"on":"yes"}}}'


@pytest.mark.parametrize(
    ("rego", "said"),
    [
        (PACKAGE + "allow := x\n", "a.rego:3: var x is unsafe"),
        (PACKAGE + "allow if {\n\tinput.x ==\n}\n", "a.rego:5: unexpected } token"),
        (PACKAGE + "a := b\n\nb := a\n", "a.rego:3: rule data.lab.x.a is recursive"),
        (PACKAGE + "import data.y\n", "a.rego:3: import data.y unused"),
        ("package system.authz\n\nallow := true\n", "'package system.authz' in module 'a.rego'"),
        ('package system["log"]\n', "manifest roots [lab] do not permit"),
        ("package lab.release\n", "a.rego: package lab.release is the platform's own"),
        ("package lab.release.x\n", "a.rego: package lab.release.x is the platform's own"),
        ("package lab\n\nrelease := 1\n", "a.rego: package lab is the platform's own"),
        ("package labs\n", "manifest roots [lab] do not permit"),
        (PACKAGE + "a := http.send({})\n", "a.rego:3: undefined function http.send"),
        (PACKAGE + "a := opa.runtime()\n", "a.rego:3: undefined function opa.runtime"),
        (
            PACKAGE + 'a := net.lookup_ip_addr("x")\n',
            "a.rego:3: undefined function net.lookup_ip_addr",
        ),
        (
            PACKAGE + "a := json.match_schema({}, {})\n",
            "a.rego:3: undefined function json.match_schema",
        ),
        ("# METADATA\n# scope: [\n" + PACKAGE, "a.rego:2: yaml"),
        (PACKAGE + "\0", "a.rego:3: illegal null character"),
        ("", "a.rego"),
    ],
)
async def test_what_does_not_compile_is_told_with_its_line(
    vetter: Vetter, rego: str, said: str
) -> None:
    found = await vetted(vetter, rego)
    assert said in found.problem


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("lab: {}\nsystem: {}\n", "manifest roots [lab] do not permit data at path '/system'"),
        ("lab: {release: {x: 1}}\n", "data.yaml: lab.release is the platform's own"),
        ("tokens: {}\n", "do not permit data"),
        ("lab: [\n", "data.yaml: yaml: line 1"),
        ("3\n", "data.yaml: root value must be object"),
        (BOMB, "document contains excessive aliasing"),
    ],
)
async def test_data_keeps_to_the_lab_as_well(vetter: Vetter, data: str, said: str) -> None:
    assert said in (await vetted(vetter, PACKAGE, data__yaml=data)).problem


async def test_a_number_that_cannot_be_written_again_is_no_data(vetter: Vetter) -> None:
    found = await vetted(vetter, PACKAGE, data__json='{"lab": {"n": 1e999}}')
    assert found.problem == "data.json: a number is too big"


@pytest.mark.parametrize("reference", ["file:///etc/passwd", "http://127.0.0.1:9/x"])
@pytest.mark.parametrize("key", ["schemas", '"\\x73chemas"'])
async def test_no_schema_makes_the_compiler_read_a_file_or_an_address(
    vetter: Vetter, key: str, reference: str
) -> None:
    head = f'# METADATA\n# scope: package\n# {key}:\n# - input: {{"$ref": "{reference}"}}\n'
    found = await vetted(vetter, head + PACKAGE + "allow := input.foo\n")
    assert found.problem == "a.rego:5: METADATA with schemas is not for policies of a lab"


@pytest.mark.parametrize(
    "rego",
    [
        "a := " + "[" * 30000,
        "a := " + "[" * 30000 + "]" * 30000,
        "a := " + "(" * 30000 + "1" + ")" * 30000,
        "a := " + "[x | x := " * 800 + "1" + "]" * 800,
        'x0 := {"a": 1}\n'
        + "".join(
            f'x{at} := {{"a": x{at - 1}, "b": x{at - 1}, "c": x{at - 1}}}\n' for at in range(1, 60)
        )
        + "z := count(x59) + x59\n",
    ],
    ids=["open", "nested", "parentheses", "comprehensions", "types"],
)
async def test_whoever_writes_what_is_dear_gets_an_answer_all_the_same(
    vetter: Vetter, rego: str
) -> None:
    began = time.monotonic()
    found = await vetted(vetter, PACKAGE + rego + "\n")
    assert time.monotonic() - began < 60
    assert len(found.problem) < 1000
