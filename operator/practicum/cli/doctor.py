"""``practicum doctor``: examines a cluster, check by check, as far as the caller may look."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from practicum import errors
from practicum.api.kinds import KINDS
from practicum.api.names import API_VERSION, NETWORK_RECORD, PROBE_NAMESPACE
from practicum.cli import examination, output
from practicum.cli.examination import Finding, State
from practicum.cli.exits import Exit, one_line
from practicum.cli.session import Object, Session

_STYLES: Final = {
    State.OK: "green",
    State.WARN: "yellow",
    State.FAIL: "bold red",
    State.UNKNOWN: "dim",
}
_PRIVILEGED: Final = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "doctor-", "namespace": PROBE_NAMESPACE},
    "spec": {
        "containers": [
            {"name": "never", "image": "never-run", "securityContext": {"privileged": True}}
        ]
    },
}


class Patient:
    """What the checks read; nothing of the cluster is changed."""

    def __init__(self, session: Session, system: str) -> None:
        self._kube = session.kube
        self._session = session
        self._system = system

    async def version(self) -> Finding:
        """Is Kubernetes new enough?"""
        return examination.version(await self._kube.request("GET", "/version"))

    async def api(self) -> Finding:
        """Are our kinds served?"""
        try:
            answer = await self._kube.request("GET", f"/apis/{API_VERSION}")
        except errors.NotFound:
            return examination.api(None)
        return examination.api(answer["resources"])

    async def operator(self) -> Finding:
        """Does the operator run?"""
        return examination.operator(await self._deployment())

    async def _deployment(self) -> Object | None:
        return await self._kube.find("Deployment", self._system, "practicum")

    async def lease(self) -> Finding:
        """Does one replica lead?"""
        body = await self._kube.find("Lease", self._system, "practicum-operator")
        deployment = await self._deployment() if body is None else None
        return examination.lease(body, deployment, self._session.now())

    async def rights(self) -> Finding:
        """Does RBAC let the operator do its work?"""
        from practicum.reconcile import rights

        deployment = await self._deployment()
        wanted = list(rights.needed(self._system))
        if examination.setting(deployment, "PRACTICUM_PROBE_IMAGE"):
            wanted += rights.of_probe()
        account = f"system:serviceaccount:{self._system}:practicum"
        return examination.rights(await rights.refused(self._kube, wanted, account))

    async def policies(self) -> Finding:
        """Do the admission policies hold?"""
        found, bindings = await asyncio.gather(
            self._kube.list("ValidatingAdmissionPolicy"),
            self._kube.list("ValidatingAdmissionPolicyBinding"),
        )
        return examination.policies(found, bindings)

    async def network(self) -> Finding:
        """Does the network enforce NetworkPolicy?"""
        record = await self._kube.find("ConfigMap", self._system, NETWORK_RECORD)
        return examination.network(record, self._session.now())

    async def storage(self) -> Finding:
        """Do volumes of labs find a StorageClass?"""
        classes = await self._kube.list("StorageClass")
        wanted = examination.setting(await self._deployment(), "PRACTICUM_STORAGE_CLASS")
        return examination.storage(classes, wanted)

    async def pod_security(self) -> Finding:
        """Does the API server hold pods to ``restricted``?"""
        try:
            path = KINDS["Pod"].path(PROBE_NAMESPACE)
            await self._kube.request("POST", path, query={"dryRun": "All"}, body=_PRIVILEGED)
        except (errors.Forbidden, errors.NotFound) as error:
            return examination.pod_security(str(error))
        return examination.pod_security(None)

    async def clock(self) -> Finding:
        """Is this machine's clock right?"""
        await self._kube.request("GET", "/version")
        return examination.clock(self._kube.skew)


Check = Callable[[Patient], Awaitable[Finding]]
CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("Kubernetes version", Patient.version),
    ("API", Patient.api),
    ("Operator", Patient.operator),
    ("Leader", Patient.lease),
    ("Operator's rights", Patient.rights),
    ("Admission policies", Patient.policies),
    ("NetworkPolicy", Patient.network),
    ("StorageClass", Patient.storage),
    ("Pod Security", Patient.pod_security),
    ("Clock", Patient.clock),
)


async def doctor(session: Session, system: str) -> Exit:
    """Examine the cluster; exits 1 when a check fails."""
    # Before all others and outside of them: without an API server there is nothing to examine.
    await session.kube.request("GET", "/version")
    patient = Patient(session, system)
    found = await asyncio.gather(*(_examine(check, patient) for _, check in CHECKS))
    named = [(name, finding) for (name, _), finding in zip(CHECKS, found, strict=True)]
    if session.output == "table":
        output.show(output.table(("check", "state", "finding"), _rows(named)))
    else:
        output.data(
            {"checks": [{"check": name, **finding.data()} for name, finding in named]},
            session.output,
        )
    failed = any(finding.state is State.FAIL for finding in found)
    return Exit.FAILURE if failed else Exit.OK


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
