"""``practicum credentials export``, ``rotate``, ``revoke`` and ``grant``: of a lab, or a class."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from practicum import errors
from practicum.api.names import ROTATE
from practicum.api.times import format_duration, rfc3339
from practicum.cli import cohorts, cohortview, kubeconfigs, output, tabular
from practicum.cli.cohort_edit import refuse_strangers
from practicum.cli.credentials import kubeconfig_of, secret_of
from practicum.cli.exits import CliError, Exit, explain_error
from practicum.cli.follow import snapshots
from practicum.cli.session import Object, Session

_AT_ONCE = 8
_INDEX = "index.csv"
_COLUMNS = ("learner", "displayName", "lab", "template", "namespace", "file", "login", "expiresAt")
_TOKENLESS = """\
# The kubeconfig of {learner} for lab {lab}. It holds no secret: the cluster knows you by its
# identity provider. Put the way to log in there under `user`, for example
#   exec: {{apiVersion: client.authentication.k8s.io/v1, command: kubectl,
#          args: [oidc-login, get-token, ...], interactiveMode: IfAvailable}}
"""


@dataclass(frozen=True)
class Target:
    """One lab, or those of a class, or those of some of its learners."""

    lab: str = ""
    cohort: str = ""
    learners: Sequence[str] = ()

    def check(self) -> None:
        """Refuse what excludes each other.

        Raises:
            CliError: neither a lab nor a cohort is named, or both are.
        """
        if bool(self.lab) == bool(self.cohort):
            raise CliError("give either LAB or --cohort NAME", code=Exit.USAGE)
        if self.learners and not self.cohort:
            raise CliError("--learner goes with --cohort", code=Exit.USAGE)

    async def labs(self, session: Session) -> list[str]:
        """Return the names of the labs.

        Raises:
            CliError: the cohort does not exist, or has no such learners.
        """
        if self.lab:
            return [self.lab]
        return [row["lab"] for row in await rows(session, self) if row.get("phase")]


async def rows(session: Session, target: Target) -> list[Object]:
    """Return the rows of a class's labs that are meant."""
    cohort = await cohorts.read(session, target.cohort)
    found = cohortview.labs(cohort)
    refuse_strangers(cohort, target.learners, [one["learner"] for one in found])
    wanted = [one for one in found if not target.learners or one["learner"] in target.learners]
    if not wanted:
        raise CliError(
            f"cohort {target.cohort} has no labs yet",
            hint=f"see: practicum cohort explain {target.cohort}",
            code=Exit.CONFLICT,
        )
    return wanted


async def _each(
    items: Sequence[Any], work: Callable[[Any], Awaitable[Any]], name: Callable[[Any], str]
) -> tuple[list[Any], Exit]:
    """Do something for each of many, some at once; one that fails is told and stops no other."""
    from rich.progress import Progress

    gate, done, failed = asyncio.Semaphore(_AT_ONCE), [], []

    async def one(item: Any) -> None:
        async with gate:
            try:
                done.append(await work(item))
            except errors.PracticumError as error:
                told = explain_error(error)
                failed.append(f"{name(item)}: {told}" + (f"; {told.hint}" if told.hint else ""))
        bar.advance(task)

    shown = output.console(stderr=True)
    with Progress(console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task("labs", total=len(items))
        await asyncio.gather(*map(one, items))
    for text in sorted(failed):
        output.note(text)
    return done, Exit.FAILURE if failed else Exit.OK


async def export(session: Session, target: Target, folder: Path, force: bool) -> Exit:
    """Write the kubeconfigs of a class into a directory, one for each learner and lab."""
    wanted = [one for one in await rows(session, target) if not one.get("removed")]
    prepare(folder, force)

    async def write(row: Object) -> Object:
        return await _write(session, folder, row)

    written, code = await _each(wanted, write, lambda row: f"{row['learner']} ({row['lab']})")
    written.sort(key=lambda row: (row["learner"], row["lab"]))
    kubeconfigs.write_private(folder / _INDEX, tabular.text(_COLUMNS, written))
    output.line(f"{len(written)} of {len(wanted)} kubeconfigs and {_INDEX} in {folder}")
    return code


def prepare(folder: Path, force: bool) -> None:
    """Make a directory for its owner's eyes only.

    Raises:
        CliError: there is one already that others may read, or that is not empty.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
        return
    except FileExistsError:
        pass
    except OSError as error:
        raise CliError(f"{folder} cannot be made: {error.strerror}") from error
    if not folder.is_dir():
        raise CliError(f"{folder} is not a directory", code=Exit.USAGE)
    seen = folder.stat()
    if seen.st_uid != os.getuid():
        raise CliError(f"{folder} is somebody else's directory", code=Exit.CONFLICT)
    if force:
        return
    if seen.st_mode & 0o077:
        hint = f"chmod 700 {folder}, or --force"
        raise CliError(f"others may read directory {folder}", hint=hint, code=Exit.CONFLICT)
    if any(folder.iterdir()):
        hint = "name another one, or write over its files with --force"
        raise CliError(f"directory {folder} is not empty", hint=hint, code=Exit.CONFLICT)


async def _write(session: Session, folder: Path, row: Object) -> Object:
    """Write one kubeconfig; returns what the index says of it."""
    name = row["lab"]
    if not row.get("phase"):
        raise CliError(f"lab {name} is not made yet", hint=row.get("message", ""))
    lab = await session.lab(name)
    learner, status = lab["spec"].get("learner", {}), lab.get("status", {})
    secret = await secret_of(session, name)
    document = kubeconfig_of(secret, name, renewing=True)
    text = kubeconfigs.dump(document)
    if people := [one["name"] for one in learner.get("subjects", []) if one["kind"] == "User"]:
        head = _TOKENLESS.format(learner=row["learner"], lab=name)
        text = head + kubeconfigs.dump(kubeconfigs.without_secrets(document, name, people[0]))
    file = f"{name}.kubeconfig"
    kubeconfigs.write_private(folder / file, text)
    return {
        "learner": row["learner"],
        "displayName": learner.get("displayName"),
        "lab": name,
        "template": row["template"],
        "namespace": (status.get("namespaces") or [""])[0],
        "file": file,
        "login": "identity provider" if people else "token",
        "expiresAt": None if people else status.get("credentials", {}).get("expiresAt"),
    }


async def rotate(session: Session, target: Target, limit: timedelta | None) -> Exit:
    """Make void what was handed out of labs' credentials; new ones are issued at once."""
    moment = rfc3339(session.now())
    patch = {"metadata": {"annotations": {ROTATE: moment}}}

    def issued(lab: Object) -> bool:
        said = lab.get("status", {}).get("credentials", {})
        return bool(said.get("rotation") == moment)

    text = "credentials rotated: hand out the new ones"
    return await _change(session, target, patch, issued, (limit, text))


async def set_revoked(
    session: Session, target: Target, revoked: bool, limit: timedelta | None
) -> Exit:
    """Take access to labs that run, or give it back by new credentials."""

    def done(lab: Object) -> bool:
        return ("credentials" in lab.get("status", {})) is not revoked

    text = "access revoked; the lab runs on" if revoked else "access given back: hand it out"
    patch = {"spec": {"accessRevoked": revoked}}
    return await _change(session, target, patch, done, (limit, text))


async def _change(
    session: Session,
    target: Target,
    patch: Object,
    done: Callable[[Object], bool],
    told: tuple[timedelta | None, str],
) -> Exit:
    """Patch labs and, if there is a limit, wait until the operator has done it."""
    limit, text = told

    async def one(name: str) -> None:
        await session.lab(name)
        await session.kube.merge_patch("LabEnvironment", session.namespace, name, patch)
        if limit:
            await _until(session, name, done, limit)
        output.line(f"{name}: {text}" if limit else f"{name}: asked for; --wait sees it done")

    _, code = await _each(await target.labs(session), one, str)
    return code


async def _until(
    session: Session, name: str, done: Callable[[Object], bool], limit: timedelta
) -> None:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            async for lab in snapshots(session, name):
                if done(lab):
                    return
    except TimeoutError:
        raise CliError(
            f"not done after {format_duration(limit)}",
            hint=f"see: practicum explain {name}",
            code=Exit.TIMEOUT,
        ) from None
    raise CliError("the lab was deleted meanwhile")
