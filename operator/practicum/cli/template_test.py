"""``practicum template test``: prove a module on a real cluster.

A lab of the module is made; every check has to say what a new lab should say, with a message. Then
the module's own solution is applied with the learner's credentials, and every check has to pass, or
to say why this cluster cannot tell. A check that was never seen to fail proves nothing.
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from practicum import errors
from practicum.api.checks import CheckState
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import ANSWERS_SUFFIX, API_VERSION
from practicum.api.solution import Place
from practicum.catalog import pack
from practicum.checks.asking import IGNORED
from practicum.cli import check, credentials, kubeconfigs, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.follow import Follow
from practicum.cli.session import Object, Session
from practicum.cli.template_outcome import Outcome
from practicum.cli.template_push import push
from practicum.cli.usage import share, used

_SOLUTION: Final = "solution/apply.py"


@dataclass(frozen=True)
class Wanted:
    """What to test, and how."""

    folder: Path
    size: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    ready: timedelta = timedelta(minutes=15)
    answer: timedelta = timedelta(minutes=10)
    solution: timedelta = timedelta(minutes=15)
    keep: bool = False
    report: Path | None = None


class ModuleTest:
    """One module's test."""

    def __init__(self, session: Session, wanted: Wanted) -> None:
        """Pack the module.

        Raises:
            TemplateError: it cannot be packed.
        """
        self._session = session
        self._wanted = wanted
        self._body = pack.pack(wanted.folder)
        self._answers = pack.answers(wanted.folder)
        self._spec = LabTemplateSpec.model_validate(self._body["spec"])
        suffix = secrets.token_hex(2)
        self.lab = f"test-{self._body['metadata']['name']}-{suffix}"
        self._template = f"{self._body['metadata']['name']}-test-{suffix}"
        self.outcome = Outcome(self._body["metadata"]["name"])

    async def run(self) -> Outcome:
        """Test the module, and leave nothing behind unless asked to."""
        began = time.monotonic()
        try:
            await self._push()
            await self._make()
            self.outcome.fresh = await self._look_at_new()
            self.outcome.judge_new(self._spec.checks)
            await self._solve()
            self.outcome.solved = await self._look("the solved lab")
            self.outcome.judge_solved(self._spec.checks)
            await self._measure()
        finally:
            if not self._wanted.keep:
                await self._remove()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _push(self) -> None:
        """Put the template, under a name of its own, beside the lab."""
        await push(self._session, self._body, self._answers, self._template)
        output.note(f"{self.outcome.module}: pushed as {self._template}")

    async def _make(self) -> None:
        wanted = self._wanted
        spec: Object = {
            "template": self._template,
            "learner": {"id": "test.learner@example.org"},
            "ttl": "2h",
            "parameters": dict(wanted.parameters),
        }
        if wanted.size:
            spec["size"] = wanted.size
        meta = {"name": self.lab, "namespace": self._session.namespace}
        body = {"apiVersion": API_VERSION, "kind": "LabEnvironment", "metadata": meta, "spec": spec}
        began = time.monotonic()
        await self._session.kube.create(body)
        if await Follow(self._session, [self.lab], wanted.ready).run() is not Exit.OK:
            lab = await self._session.lab(self.lab)
            raise CliError(
                f"lab {self.lab} is {lab['status']['phase']}: {lab['status'].get('message', '')}",
                hint=f"look at it with --keep: practicum explain {self.lab}",
            )
        self.outcome.ready_seconds = time.monotonic() - began
        output.note(f"{self.outcome.module}: Ready after {self.outcome.ready_seconds:.0f} s")

    async def _look_at_new(self) -> dict[str, Object]:
        """Look at every check; those that wait for others are seen to fail by themselves, too."""
        found = await self._look("a new lab")
        waiting = [name for name, one in found.items() if one["state"] == CheckState.PENDING]
        needing = {one.id for one in self._spec.checks if one.needs}
        if needing & {*waiting}:
            again = await self._look("what waits for others", tuple(waiting), IGNORED)
            found |= {name: again[name] for name in waiting}
        return found

    async def _look(
        self, what: str, only: tuple[str, ...] = (), needs: str = ""
    ) -> dict[str, Object]:
        """Ask for checks; those that could not be made are asked for once more."""
        found = await self._ask(what, only, needs)
        broken = tuple(name for name, one in found.items() if one["state"] == CheckState.ERROR)
        if broken:
            again = await self._ask("what could not be asked", broken, needs)
            found |= {name: again[name] for name in broken}
        return found

    async def _ask(self, what: str, only: tuple[str, ...], needs: str) -> dict[str, Object]:
        session = self._session
        lab = await session.lab(self.lab)
        request, text = await check.ask(session, lab, only, needs=needs)
        lab = await check.answered(session, self.lab, request, text, self._wanted.answer)
        status = lab["status"]["checks"]
        self.outcome.points = status.get("points", 0), status.get("maxPoints", 0)
        output.note(f"{self.outcome.module}: {what}: {status['summary']} checks pass")
        return {one["id"]: one for one in status["results"]}

    async def _solve(self) -> None:
        """Run the module's solution, as its learner."""
        path = self._wanted.folder / _SOLUTION
        if not path.is_file():
            raise CliError(f"{path} is missing: a module comes with its solution")
        with tempfile.TemporaryDirectory(prefix="practicum-solve-") as folder:
            environment = await self._environment(Path(folder))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(path)),
                env={**os.environ, **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            try:
                async with asyncio.timeout(self._wanted.solution.total_seconds()):
                    said, _ = await process.communicate()
            except TimeoutError:
                process.kill()
                said, _ = await process.communicate()
                text = said.decode("utf-8", "replace")[-2000:]
                raise CliError(f"the solution took too long; it said: {text}") from None
        if process.returncode:
            text = said.decode("utf-8", "replace").strip()[-3000:]
            raise CliError(f"the solution ended with {process.returncode}:\n{text}")
        output.note(f"{self.outcome.module}: the solution is applied")

    async def _environment(self, folder: Path) -> dict[str, str]:
        session = self._session
        secret = await credentials.secret_of(session, self.lab)
        kubeconfig = folder / "kubeconfig"
        document = credentials.kubeconfig_of(secret, self.lab, renewing=False)
        kubeconfigs.write_private(kubeconfig, kubeconfigs.dump(document))
        lab = await session.lab(self.lab)
        spaces = lab["status"]["namespaces"]
        place = Place(
            lab=self.lab,
            course=session.namespace,
            namespaces=dict(zip(self._spec.sides, spaces, strict=True)),
            kubeconfig=str(kubeconfig),
            staff_kubeconfig=str(_own_kubeconfig(session)),
            logins=credentials.logins(secret),
            folder=str(self._wanted.folder.resolve()),
        )
        package = str(Path(__file__).parents[2])
        return {**place.environment(), "PYTHONPATH": package}

    async def _measure(self) -> None:
        """Say how much of its quotas, of CPU and of memory the lab uses."""
        kube, lab = self._session.kube, await self._session.lab(self.lab)
        spaces = lab["status"]["namespaces"]
        for space in spaces:
            for quota in await kube.list("ResourceQuota", space):
                self.outcome.quota = max(self.outcome.quota, share(quota))
        with suppress(errors.ApiError):
            self.outcome.used = await used(self._session, set(spaces))

    async def _remove(self) -> None:
        kube, course = self._session.kube, self._session.namespace
        await kube.delete("LabEnvironment", course, self.lab)
        await kube.delete("LabTemplate", course, self._template)
        if self._answers:
            await kube.delete("ConfigMap", course, f"{self._template}{ANSWERS_SUFFIX}")


def _own_kubeconfig(session: Session) -> Path:
    from practicum.kube.person import search_path

    return search_path(session.options.kubeconfig)[0].resolve()


async def test(session: Session, wanted: Wanted) -> Exit:
    """Test a module and show what came of it.

    Returns:
        FAILURE where a check did not say what it should.
    """
    outcome = await ModuleTest(session, wanted).run()
    if wanted.report:
        wanted.report.parent.mkdir(parents=True, exist_ok=True)
        wanted.report.write_text(json.dumps(outcome.wire(), indent=1) + "\n", encoding="utf-8")
    if session.output == "json":
        output.data(outcome.wire(), "json")
    else:
        outcome.show()
    return Exit.FAILURE if outcome.problems else Exit.OK
