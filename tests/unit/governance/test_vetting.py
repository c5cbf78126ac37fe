"""What is said of policies before and without OPA, and when it is not as it should be.

What OPA's compiler finds is in ``tests/apiserver/test_vetting.py``, with the real one.
"""

import asyncio
import json
from pathlib import Path

import pytest

from practicum.errors import ServiceError
from practicum.governance import opa as opa_module
from practicum.governance.opa import Opa
from practicum.governance.vetting import Vetter, digest_of

GOOD = {"a.rego": "package lab.a\n"}


def stand_in(folder: Path, script: str) -> str:
    """Return a program in OPA's place; it knows what it can and runs a script for the rest."""
    program = folder / "opa"
    can = json.dumps({"builtins": [{"name": "http.send"}, {"name": "plus"}]})
    program.write_text(
        # A folder for each call, as it may write to no file.
        f"#!/bin/sh\nmkdir {folder}/$1.$$\n"
        f"if [ $1 = capabilities ]; then echo '{can}'; exit; fi\n"
        f"if [ $1 = inspect ]; then echo '{{}}'; exit; fi\n{script}\n"
    )
    program.chmod(0o755)
    return str(program)


def calls(folder: Path) -> list[str]:
    made = [path for path in folder.iterdir() if path.is_dir()]
    return sorted(path.name.partition(".")[0] for path in made)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "there is no policy"),
        ({"data.yaml": "lab: {}"}, "there is no policy"),
        ({**GOOD, ".manifest": "{}"}, ".manifest: the keys are"),
        ({**GOOD, ".signatures.json": "{}"}, ".signatures.json: the keys are"),
        ({**GOOD, ".a.rego": ""}, ".a.rego: the keys are"),
        ({**GOOD, "patch.json": "{}"}, "patch.json: the keys are"),
        ({**GOOD, "x" * 120 + ".rego": ""}, "the keys are"),
        ({**GOOD, "data.json": "{}", "data.yaml": ""}, "have one of the two"),
        ({f"a{number}.rego": "" for number in range(33)}, "33 files are more than 32"),
        ({"a.rego": "ä" * 40000}, "80000 bytes are more than 65536"),
    ],
)
async def test_files_that_are_none_never_reach_opa(files: dict[str, str], said: str) -> None:
    vetted = await Vetter(Opa("/nowhere")).vet(files)
    assert said in vetted.problem


async def test_the_same_files_are_compiled_once(tmp_path: Path) -> None:
    vetter = Vetter(Opa(stand_in(tmp_path, "exit 0")))
    first = await vetter.vet(GOOD)
    assert first.ok
    assert await vetter.vet(dict(GOOD)) is first
    assert calls(tmp_path) == ["capabilities", "check", "inspect"]
    assert (await vetter.vet({"b.rego": "package lab.b\n"})).ok
    assert calls(tmp_path) == ["capabilities", "check", "check", "inspect", "inspect"]


async def test_opa_knows_nothing_of_what_reaches_out_nor_of_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRACTICUM_ROOT_KEY", "secret")
    vetter = Vetter(Opa(stand_in(tmp_path, f"echo x > {tmp_path}/x; env; exit 1")))
    said = (await vetter.vet(GOOD)).problem
    assert "GOMEMLIMIT" in said and "secret" not in said
    # No file can be written at all: the limit holds for whatever is run.
    assert (tmp_path / "x").read_text() == ""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -9 $$", "too big to compile"),
        ("echo 'fatal error: out of memory'; exit 2", "too big to compile"),
        ("exit 3", "OPA ended with 3"),
        ("echo oh; exit 1", "oh"),
        ("yes; exit 1", "OPA has too much to say"),
    ],
)
async def test_an_end_that_was_not_meant_is_a_verdict(
    tmp_path: Path, script: str, said: str
) -> None:
    assert said in (await Vetter(Opa(stand_in(tmp_path, script))).vet(GOOD)).problem


@pytest.mark.parametrize("opa", ["/nowhere/opa", "no-such-program-anywhere"])
async def test_without_opa_nobody_can_tell(opa: str) -> None:
    with pytest.raises(ServiceError) as caught:
        await Vetter(Opa(opa)).vet(GOOD)
    assert caught.value.reason == "NoOPA"


def test_a_digest_is_over_names_and_contents() -> None:
    digests = {
        digest_of(GOOD),
        digest_of({"b.rego": "package lab.a\n"}),
        digest_of({"a.rego": "package lab.b\n"}),
        digest_of({**GOOD, "b.rego": ""}),
    }
    assert len(digests) == 4
    assert digest_of({"b": "1", "a": "2"}) == digest_of({"a": "2", "b": "1"})


async def test_a_program_is_ended_while_its_pipe_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_slowly(_: asyncio.StreamReader, __: int) -> bytes:
        await asyncio.sleep(0.3)
        raise opa_module._TooMuch

    monkeypatch.setattr(opa_module, "_read", too_slowly)
    async with asyncio.timeout(20):
        done = await Opa(stand_in(tmp_path, "yes; exit 1")).run(tmp_path, "check")
    assert (done.code, done.text) == (1, "OPA has too much to say")
