"""``practicum doctor``: examines a cluster, before Practicum is installed in it and after."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from practicum import errors
from practicum.api.names import API_VERSION
from practicum.cli import examination, output
from practicum.cli.examination import Finding, State
from practicum.cli.exits import CliError, Exit, one_line
from practicum.cli.patient import Asked, Patient
from practicum.cli.session import Object, Session
from practicum.cli.trial import Trial, opened
from practicum.settings import Settings

_STYLES: Final = {
    State.OK: "green",
    State.WARN: "yellow",
    State.FAIL: "bold red",
    State.UNKNOWN: "dim",
}
Check = Callable[[Patient], Awaitable[Finding]]
_CLUSTER: Final[tuple[tuple[str, Check], ...]] = (
    ("NetworkPolicy", Patient.network),
    ("StorageClass", Patient.storage),
    ("Pod Security", Patient.pod_security),
    ("ResourceQuota", Patient.quotas),
    ("Capacity", Patient.capacity),
    ("API groups", Patient.groups),
    ("Aggregated APIs", Patient.aggregated),
    ("Resource metrics", Patient.metrics),
    ("Clock", Patient.clock),
)
BEFORE: Final[tuple[tuple[str, Check], ...]] = (
    ("Kubernetes version", Patient.version),
    ("Your rights", Patient.may_install),
    *_CLUSTER,
)
AFTER: Final[tuple[tuple[str, Check], ...]] = (
    ("Kubernetes version", Patient.version),
    ("API", Patient.api),
    ("CRDs", Patient.schemas),
    ("Operator", Patient.operator),
    ("Operator's health", Patient.health),
    ("Leader", Patient.lease),
    ("Operator's rights", Patient.rights),
    ("Admission policies", Patient.policies),
    ("Root key", Patient.root_key),
    ("Courses", Patient.courses),
    ("Images", Patient.images),
    ("Labs", Patient.labs),
    *_CLUSTER,
)


async def doctor(session: Session, asked: Asked) -> Exit:
    """Examine the cluster; exits 1 when a check fails.

    Raises:
        CliError: things are to be tried out, but nothing says by which image.
        ApiError: the API server does not answer, or did not let go of the trial's namespace.
    """
    # Before all others and outside of them: without an API server there is nothing to examine.
    await session.kube.request("GET", "/version")
    deployment = await _deployment(session, asked.system)
    installed = deployment is not None or await _served(session)
    checks = AFTER if installed else BEFORE
    async with AsyncExitStack() as stack:
        trial = await _trial(stack, session, asked, deployment) if asked.probe else None
        patient = Patient(session, asked, deployment, trial)
        found = await asyncio.gather(*(_examine(check, patient) for _, check in checks))
    named = [(name, finding) for (name, _), finding in zip(checks, found, strict=True)]
    if session.output == "table":
        output.show(output.table(("check", "state", "finding"), _rows(named)))
    else:
        listed = [{"check": name, **finding.data()} for name, finding in named]
        output.data({"installed": installed, "checks": listed}, session.output)
    failed = any(finding.state is State.FAIL for finding in found)
    return Exit.FAILURE if failed else Exit.OK


async def _deployment(session: Session, system: str) -> Object | None:
    """Return the operator's Deployment; nothing where it is not, or is not for the caller."""
    try:
        return await session.kube.find("Deployment", system, "practicum")
    except errors.ApiError:
        return None


async def _trial(
    stack: AsyncExitStack, session: Session, asked: Asked, deployment: Object | None
) -> Trial | None:
    """Make a place to try things out; nothing where the caller may not."""
    image = asked.image or examination.setting(deployment, "PRACTICUM_CHECK_IMAGE")
    if not image:
        raise CliError(
            "--probe needs pods, and nothing says of which image",
            hint="name the operator's, as you will install it: --probe-image IMAGE",
            code=Exit.USAGE,
        )
    settings = Settings(
        probe_image=image,
        storage_class=examination.setting(deployment, "PRACTICUM_STORAGE_CLASS"),
        node_selector=examination.node_selector(deployment),
    )
    try:
        return await stack.enter_async_context(opened(session, settings))
    except errors.Forbidden as error:
        output.note(f"nothing is tried out, for you may not: {one_line(error)}")
        return None


async def _served(session: Session) -> bool:
    try:
        await session.kube.request("GET", f"/apis/{API_VERSION}")
    except errors.NotFound:
        return False
    return True


async def _examine(check: Check, patient: Patient) -> Finding:
    """Make one check; what the caller may not see, or what fails on the way, is unknown."""
    try:
        return await check(patient)
    except errors.Forbidden as error:
        return examination.unknown(
            f"you may not look: {one_line(error)}", "run it as somebody of the platform team"
        )
    except errors.ApiError as error:
        return examination.unknown(one_line(error), "try again; see the API server's health")


def _rows(named: Sequence[tuple[str, Finding]]) -> list[output.Row]:
    from rich.text import Text

    rows: list[output.Row] = []
    for name, finding in named:
        rows.append((name, Text(finding.state, style=_STYLES[finding.state]), Text(finding.text)))
        if finding.remedy:
            rows.append(("", "", Text(f"remedy: {finding.remedy}", style="dim")))
    return rows
