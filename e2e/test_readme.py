"""Every command of the README is run, in the README's order, as a reader would type it."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import yaml

from e2e import stage as stages
from e2e.stage import ROOT, Stage

README: Final = ROOT / "README.md"
LANGUAGES: Final = ("bash", "console", "yaml")
WRITTEN, RUN_IN = stages.DEMO_COURSE, stages.TEST_COURSES[1]
"""The README's course, and the one that takes its place: the demo's lab may be there."""
_FENCE: Final = re.compile(r"```(\S*)\s*$")
_SCRIPT: Final = 'set -euo pipefail; source "$README_STATE"\n{}\nexport -p > "$README_STATE"\n'
_LONGEST: Final = 600


@dataclass(frozen=True)
class Elsewhere:
    """Why a command is not run here, and the file that has what runs instead."""

    why: str
    by: str = ""


@dataclass(frozen=True)
class Here:
    """How a command is run here, where that is not to the letter."""

    why: str
    swap: tuple[str, str] = ("", "")
    """What in the command is replaced by what."""
    more: str = ""
    """What is added to the command."""
    codes: tuple[int, ...] = (0,)
    """How it may end."""
    says: str = ""
    """What its output must hold."""
    until: str = ""
    """Interrupt it, as by Ctrl-C, when it has printed this."""

    def of(self, command: str) -> str:
        """Return the command that is run."""
        return f"{command.replace(*self.swap, 1) if self.swap[0] else command} {self.more}".strip()


_VERBATIM: Final = Here("to the letter")
_SUITES: Final = "make test runs the same suite, as part of the run that this test is in"
_MISSING: Final = "nothing of the module is done yet, and the exit code says so"
_INSTALL: Final = (
    "helm install practicum charts/practicum --namespace practicum-system --create-namespace "
    "--wait --set image.repository=registry.example.org/practicum-operator --set image.tag=0.1.0 "
    "--set 'courses={mlops-autumn}' --set createCourses=true "
    "--set learnerAccess.server=https://kubernetes.example.org:6443 "
    "--set images.workbench=registry.example.org/practicum-workbench:0.67.0 "
    "--set-file learnerAccess.caBundle=ca.crt"
)
TABLE: Final[dict[str, Elsewhere | Here]] = {
    "make demo": Elsewhere(
        "its parts are the stage of these tests and the proofs that the journeys assert",
        by="e2e/test_journeys.py",
    ),
    "make test": Elsewhere("it is the run that this test is in", by="tests/suites.py"),
    "make lint": Elsewhere(_SUITES, by="tests/suites.py"),
    "make policies": Elsewhere(_SUITES, by="tests/suites.py"),
    "make test-fast": Elsewhere(_SUITES, by="tests/suites.py"),
    "make test-apiserver": Elsewhere(_SUITES, by="tests/suites.py"),
    "make test-operations": Elsewhere(_SUITES, by="tests/suites.py"),
    "make test-security": Elsewhere(_SUITES, by="tests/suites.py"),
    "make test-chaos": Elsewhere(_SUITES, by="tests/suites.py"),
    "make test-e2e": Elsewhere(_SUITES, by="tests/suites.py"),
    "make test-modules": Elsewhere(_SUITES, by="tests/suites.py"),
    "make coverage": Elsewhere("it writes into the checkout", by="tests/unit/test_coverage.py"),
    "make bench-ready": Elsewhere("it measures, for minutes, and proves nothing", by="tests/bench"),
    "practicum doctor": Here(
        "the cluster of these tests may lack what a real one needs",
        codes=(0, 1),
        says="Admission policies",
    ),
    "make bench": Elsewhere("it measures, for minutes, and proves nothing", by="tests/bench"),
    "make demo-down": Elsewhere("it would take away the cluster that this test stands on"),
    "make cluster-down": Elsewhere("it would take away the cluster that this test stands on"),
    "export KUBECONFIG=$HOME/.cache/practicum/cluster/kubeconfig": Here(
        "the cluster may be another, and the cache elsewhere",
        swap=("$HOME/.cache/practicum/cluster/kubeconfig", "$STAGE_KUBECONFIG"),
    ),
    "podman build -f operator/Containerfile -t registry.example.org/practicum-operator:0.1.0 .": (
        Elsewhere("the stage builds this Containerfile", by="e2e/cluster/images.py")
    ),
    "podman push registry.example.org/practicum-operator:0.1.0": Elsewhere(
        "there is no registry; the stage loads the image into the cluster",
        by="e2e/cluster/images.py",
    ),
    "podman build --build-arg BASE=docker.io/library/python:3.11-slim "
    "-t registry.example.org/practicum-workbench:0.67.0 e2e/cluster/images/workbench": (
        Elsewhere("the stage builds this Containerfile", by="e2e/cluster/images.py")
    ),
    "podman push registry.example.org/practicum-workbench:0.67.0": Elsewhere(
        "there is no registry; the stage loads the image into the cluster",
        by="e2e/cluster/images.py",
    ),
    _INSTALL: Here(
        "the release is there already: the API server judges the same chart with the same values",
        swap=("helm install", "helm upgrade"),
        more="--dry-run=server",
    ),
    "kubectl -n mlops-autumn create rolebinding instructors --clusterrole=practicum-instructor "
    "--group=mlops-instructors": Here(
        "nothing of it shall stay in the course", more="--dry-run=server"
    ),
    "python3 -m pip install .": Elsewhere(
        "the operator's image is made so, and starts its practicum; the tests use the checkout",
        by="operator/Containerfile",
    ),
    "kubectl --kubeconfig ada.kubeconfig auth can-i list namespaces": Here(
        "the answer is no, and the exit code says so", codes=(1,), says="no"
    ),
    "practicum open ada mlflow -n mlops-autumn --kubeconfig ada.kubeconfig": Here(
        "it runs until Ctrl-C", until="http://localhost:", codes=(130,)
    ),
    "practicum check ada -n mlops-autumn": Here(_MISSING, codes=(1,), says="checks: 0/"),
    "practicum check ada -n mlops-autumn --last -o json": Here(_MISSING, codes=(1,)),
    "practicum check ada lineage -n mlops-autumn --kubeconfig ada.kubeconfig": Here(
        _MISSING, codes=(1,), says="run_id"
    ),
    "practicum delete ada -n mlops-autumn --wait": Here(
        "nobody is here to be asked", more="--yes", says="ada: gone"
    ),
}
"""The commands that are not run to the letter, with the reason; all others are."""


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    line: int
    lines: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a Markdown text."""
    found, inside = [], False
    language, begin, body = "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if fence := _FENCE.match(line.strip()):
            if inside:
                found.append(Block(language, begin, tuple(body)))
            language, begin, body = fence[1], number, []
            inside = not inside
        elif inside:
            body.append(line)
    assert not inside, f"README.md:{begin}: the block does not end"
    return found


def commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield every command with its line: in bash all lines, in console those after a ``$``."""
    for block in blocks(text):
        if block.language not in ("bash", "console"):
            continue
        parts: list[str] = []
        for number, line in enumerate(block.lines, block.line + 1):
            words = line.strip()
            if block.language == "console" and not parts:
                if not words.startswith("$ "):
                    continue
                words = words.removeprefix("$ ")
            if not words or words.startswith("#"):
                continue
            parts.append(words.removesuffix("\\").strip())
            if not words.endswith("\\"):
                yield number - len(parts) + 1, " ".join(parts)
                parts = []
        assert not parts, f"README.md:{block.line}: the last command goes nowhere"


def files(text: str) -> dict[str, str]:
    """Return the files that the README shows: YAML whose first line is its name."""
    named = {}
    for block in blocks(text):
        if block.language == "yaml" and (name := re.fullmatch(r"# (\S+\.yaml)", block.lines[0])):
            named[name[1]] = "\n".join(block.lines) + "\n"
    return named


def stale(text: str) -> list[str]:
    """Return the entries of the table that the README no longer has."""
    written = {command for _, command in commands(text)}
    return [command for command in TABLE if command not in written]


def here(text: str) -> list[tuple[int, str, Here]]:
    """Return the commands that are run here, with their lines and how."""
    ways = [(line, command, TABLE.get(command, _VERBATIM)) for line, command in commands(text)]
    return [(line, command, way) for line, command, way in ways if isinstance(way, Here)]


@pytest.fixture
def reader(stage: Stage, tmp_path: Path) -> Iterator[Reader]:
    """A reader in a checkout: links to the real one, so that what is written stays outside it."""
    checkout = tmp_path / "practicum"
    checkout.mkdir()
    for entry in ROOT.iterdir():
        (checkout / entry.name).symlink_to(entry)
    for name, content in files(README.read_text()).items():
        (checkout / name).write_text(content.replace(WRITTEN, RUN_IN))
    cluster = yaml.safe_load(stage.kubectl("config", "view", "--raw", "--minify"))["clusters"][0]
    ca = base64.b64decode(cluster["cluster"]["certificate-authority-data"])
    (checkout / "ca.crt").write_bytes(ca)
    state = tmp_path / "state"
    state.touch()
    yield Reader(stage, checkout, state)
    stage.kubectl("delete", "lab", "ada", "-n", RUN_IN, "--ignore-not-found", "--wait=false")


@dataclass(frozen=True)
class Reader:
    """Types commands into one shell: what a line exports, the next ones have."""

    stage: Stage
    checkout: Path
    state: Path

    def types(self, command: str, way: Here) -> tuple[int, str]:
        """Run a command as the table says; return how it ended, and all that it said."""
        ours = {"README_STATE": str(self.state), "STAGE_KUBECONFIG": str(self.stage.kubeconfig)}
        script = _SCRIPT.format(way.of(command).replace(WRITTEN, RUN_IN))
        with subprocess.Popen(
            # A shell's background job ignores SIGINT, and all its children inherit that.
            ["env", "--default-signal=INT", "bash", "-c", script],
            cwd=self.checkout,
            env={**self.stage.environment, **ours},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            alarm = threading.Timer(_LONGEST, os.killpg, (process.pid, signal.SIGKILL))
            alarm.start()
            said = list(_listen(process, way.until))
            code = process.wait()
            alarm.cancel()
        return code, "".join(said)


def _listen(process: subprocess.Popen[str], until: str) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if until and until in line:
            os.killpg(process.pid, signal.SIGINT)


@pytest.mark.timeout(1800)
def test_every_command_of_the_readme(reader: Reader) -> None:
    text = README.read_text()
    assert stale(text) == [], "the table has commands that README.md no longer has"
    for line, command, way in here(text):
        began = time.monotonic()
        code, said = reader.types(command, way)
        what = f"README.md:{line}: {way.of(command)}"
        print(f"{what} [{time.monotonic() - began:.1f} s]")
        assert code in way.codes, f"{what}\n{said}\nended with {code}"
        assert way.says in said, f"{what}\n{said}\ndoes not say: {way.says}"
        assert way.until in said, f"{what}\n{said}\nnever said: {way.until}"
