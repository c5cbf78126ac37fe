"""``make demo``: a cluster, the chart, one lab, the proof that it is real, and a change in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from e2e import stage as stages
from e2e.demo.change import Story
from e2e.learner import learner
from e2e.proof import Proof, access, services
from e2e.reach import network, open_doors
from practicum.errors import PracticumError

MANIFEST = Path(__file__).with_name("mod-506.yaml")
COURSE, LAB, OTHER = stages.DEMO_COURSE, "ada", "grace"
console = Console(highlight=False)


def up() -> int:
    """Show everything; returns the exit code."""
    began = time.monotonic()
    stage = stages.bring_up()
    console.rule("[bold]Practicum: helm install")
    stages.install_chart(stage)
    console.print(f"the operator runs in namespace {stages.NAMESPACE}")
    console.rule("[bold]An instructor applies two LabEnvironments")
    console.print(escape(MANIFEST.read_text().rstrip()))
    if stage.show("apply", "-f", str(MANIFEST)):
        console.print("[dim]Labs that are there already stay as they are.[/dim]")
    console.rule("[bold]The lab becomes ready")
    if stage.show("status", LAB, "-n", COURSE, "--watch", "--timeout", "10m"):
        stage.show("explain", LAB, "-n", COURSE)
        return 1
    console.rule("[bold]What Ada may and may not do, tried with her own credentials")
    proofs = asyncio.run(_prove(stage))
    if not all(proof.holds for proof in proofs):
        return 1
    console.rule("[bold]A change goes through governance, played by Ada in every role")
    if not asyncio.run(_govern(stage)):
        console.print(f"The next demo needs another lab: practicum delete {LAB} -n {COURSE} --wait")
        return 1
    _next(stage, time.monotonic() - began)
    return 0


async def _prove(stage: stages.Stage) -> list[Proof]:
    image = _image(stage)
    other = json.loads(stage.practicum("get", OTHER, "-n", COURSE, "-o", "json").stdout)
    made: list[Proof] = []
    with tempfile.TemporaryDirectory() as folder:
        async with learner(stage, COURSE, LAB, Path(folder)) as ada:
            async for proof in access(ada, image, other["status"]["namespaces"][0]):
                made.append(_print(proof))
            async for proof in services(ada):
                made.append(_print(proof))
            with _awake(stage):
                async with (
                    learner(stage, COURSE, OTHER, Path(folder)) as grace,
                    open_doors(image, ada, grace),
                ):
                    async for proof in network(stage, ada, grace):
                        made.append(_print(proof))
    return made


async def _govern(stage: stages.Stage) -> bool:
    """Show a governed change; returns whether every claim held."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            learner(stage, COURSE, LAB, Path(folder)) as ada,
            contextlib.aclosing(Story(ada, stage, console).proofs()) as proofs,
        ):
            try:
                async for proof in proofs:
                    if not _print(proof).holds:
                        return False
            except (RuntimeError, TimeoutError) as error:
                console.print(f"[red]{escape(str(error)) or 'it was not done in time'}[/red]")
                return False
    return True


@contextlib.contextmanager
def _awake(stage: stages.Stage) -> Iterator[None]:
    """Wake Grace's lab for a while: nobody can be refused by pods that do not run."""
    console.print(f"[dim] Grace's lab wakes: practicum resume {OTHER} -n {COURSE} --wait[/dim]")
    woken = stage.practicum("resume", OTHER, "-n", COURSE, "--wait")
    if woken.returncode:
        raise RuntimeError(f"{OTHER}'s lab does not wake: {woken.stdout}{woken.stderr}")
    try:
        yield
    finally:
        stage.practicum("suspend", OTHER, "-n", COURSE)


def _print(proof: Proof) -> Proof:
    mark = "[green]✔[/green]" if proof.holds else "[bold red]✘[/bold red]"
    wrong = "" if proof.holds else f" [red](expected: {escape(proof.expected)})[/red]"
    seen = escape(proof.seen) + wrong
    console.print(f" {mark} {escape(proof.claim):<50} {seen}", soft_wrap=True)
    return proof


def _image(stage: stages.Stage) -> str:
    """Return an image that the cluster has and the template allows: MLflow's own."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    spaces = json.loads(stage.practicum("get", LAB, "-n", COURSE, "-o", "json").stdout)
    platform = spaces["status"]["namespaces"][1]
    return stage.kubectl("-n", platform, "get", "statefulset", "mlflow", "-o", path)


def _next(stage: stages.Stage, seconds: float) -> None:
    console.rule(f"[bold green]The proof holds; {seconds:.0f} s in all")
    lines = (
        f"export KUBECONFIG={stage.kubeconfig} PATH={stages.ROOT / 'tools'}:$PATH "
        f"PRACTICUM_PYTHON={sys.executable}",
        f"practicum get -n {COURSE}",
        f"practicum open {LAB} mlflow -n {COURSE}",
        f"practicum credentials {LAB} -n {COURSE} --service mlflow",
        f"practicum tasks {LAB} -n {COURSE}",
        f"practicum check {LAB} -n {COURSE}",
        f"practicum change list --lab {LAB} -n {COURSE}",
        f"practicum audit show {LAB} -n {COURSE}",
        f"practicum extend {LAB} 2h -n {COURSE}",
        f"practicum delete {LAB} -n {COURSE} --wait",
        "make demo-down",
    )
    console.print("Go on with:")
    for line in lines:
        console.print(f"  {line}", soft_wrap=True)


def down() -> int:
    """Remove the labs, the release and the cluster."""
    with contextlib.suppress(RuntimeError, OSError):
        stage = stages.connect()
        stage.kubectl(
            *("delete", "labenvironments", "--all", "-n", COURSE, "--wait", "--timeout=120s")
        )
        stage.run("helm", "uninstall", stages.RELEASE, "-n", stages.NAMESPACE, "--wait")
    command = [sys.executable, "-m", "e2e.cluster", "down"]
    return subprocess.run(command, cwd=stages.ROOT, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit({"up": up, "down": down}[sys.argv[1]]())
    except (RuntimeError, PracticumError, subprocess.CalledProcessError) as error:
        sys.exit(f"demo: {error}")
