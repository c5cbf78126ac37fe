"""Brings a lab back from its archive, before anything runs in the new one and anybody gets in.

The volumes are made and filled, digests held on the way; then what learners had made is made again,
once. The passwords are those of the lab that it was, for its databases know no others.
"""

import base64
import gzip
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from practicum import errors
from practicum.api.archives import ArchiveRecord, Volume, record_name
from practicum.api.kinds import KINDS
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labstatus import RestoredStatus, TemplateStatus
from practicum.api.labtemplate import LEARNER
from practicum.api.names import AUDIT_NAMESPACE, RESTORE_FROM
from practicum.desired.lab import Lab, Object, namespace_name
from practicum.desired.plan import Plan
from practicum.errors import ArchiveError, InvalidLab
from practicum.observe import metrics
from practicum.policy import archiving
from practicum.policy.archiving import Move
from practicum.policy.readiness import READY, Readiness
from practicum.policy.verdict import Facts
from practicum.reconcile.movers import Movers, nothing
from practicum.reconcile.report import Findings
from practicum.reconcile.templates import Pinned
from practicum.reconcile.tools import Tools

log = structlog.get_logger()
_POLL: Final = timedelta(seconds=1)
_AT_ONCE: Final = timedelta(milliseconds=100)


@dataclass
class _Attempt:
    due: datetime
    failures: int = 0
    error: ArchiveError | None = None


class Restorer:
    """Brings labs back."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._movers = Movers(tools)
        self._attempts: dict[str, _Attempt] = {}
        self._records: dict[str, ArchiveRecord] = {}

    def forget(self, uid: str) -> None:
        """Forget a lab that is gone."""
        self._attempts.pop(uid, None)
        self._records.pop(uid, None)

    async def begin(
        self, lab: LabEnvironment, pinned: Pinned, end: datetime, facts: Facts
    ) -> datetime | None:
        """Put on record which archive a new lab begins with: its passwords depend on that.

        Returns:
            when to go on; None where there is nothing to put on record.

        Raises:
            InvalidLab: there is no such archive of this course, or it was of another template.
        """
        if (record := await self._wished(lab)) is None:
            return None
        revision, system = record.revision, self._tools.settings.system_namespace
        if await self._tools.kube.find("ControllerRevision", system, revision) is None:
            revision = pinned.revision
        findings = Findings(
            expires_at=end,
            template=TemplateStatus(name=lab.spec.template, revision=revision),
            restored=RestoredStatus(
                archive=record.uid, origin=record.origin, manifest=record.manifest
            ),
        )
        await self._tools.reporter.report(lab, facts, findings)
        return self._tools.clock() + _AT_ONCE

    def said(self, lab: LabEnvironment, at: str | None) -> RestoredStatus | None:
        """Return what the status says of a return, with the moment once it is complete."""
        known = lab.status.restored
        return known.model_copy(update={"at": at}) if known and at and not known.at else known

    async def _wished(self, lab: LabEnvironment) -> ArchiveRecord | None:
        """Return the archive that a new lab is to begin with, if any.

        Raises:
            InvalidLab: there is none such of this course, or it was of another template.
        """
        uid = lab.metadata.get("annotations", {}).get(RESTORE_FROM)
        if not uid or lab.status.restored or lab.status.exhibits_at:
            return None
        record = await self._record(uid)
        # Those of other courses are none of this one's business: they are not there.
        if record is None or record.course != lab.metadata["namespace"]:
            text = f"annotation {RESTORE_FROM}: this course has no archive {uid}"
            raise InvalidLab("ArchiveNotFound", f"{text}: see practicum archive list")
        if record.template != lab.spec.template:
            text = f"spec.template {lab.spec.template!r}: archive {uid} is of a lab of template"
            raise InvalidLab("ArchiveNotFitting", f"{text} {record.template!r}: name that one")
        return record

    async def _record(self, uid: str) -> ArchiveRecord | None:
        with suppress(errors.Invalid):
            found = await self._tools.kube.find("ConfigMap", AUDIT_NAMESPACE, record_name(uid))
            return ArchiveRecord.read(found) if found else None
        return None

    def is_due(self, lab: Lab) -> bool:
        """Whether a lab is to be brought back before anything else of it."""
        restored = lab.resource.status.restored
        return restored is not None and restored.at is None

    def due(self, uid: str) -> datetime | None:
        """Return when to look again at what is under way."""
        attempt = self._attempts.get(uid)
        return attempt.due if attempt else None

    async def advance(self, lab: Lab, wanted: Plan) -> Readiness:
        """Take a return one pass further; ready once everything is back."""
        now = self._tools.clock()
        attempt = self._attempts.setdefault(lab.uid, _Attempt(now))
        if attempt.error and now < attempt.due:
            return _failing(attempt.error)
        attempt.due = now + _POLL
        try:
            return await self._attempt(lab, wanted)
        except (errors.Forbidden, errors.Invalid, errors.NotFound, ArchiveError) as raised:
            error = _named(raised)
            await self._movers.tidy(lab.uid)
            await self._movers.send_off(lab.namespaces.values())
            attempt.failures += 1
            attempt.error, attempt.due = error, now + archiving.backoff(attempt.failures)
            metrics.RESTORES.labels("failed").inc()
            log.warning("restore failed", reason=error.reason, error=str(error))
            return _failing(error)

    async def _attempt(self, lab: Lab, wanted: Plan) -> Readiness:
        restored = lab.resource.status.restored
        if restored is None:
            return READY
        if lab.uid not in self._records:
            record = await self._record(restored.archive)
            if record is None or record.manifest != restored.manifest:
                text = f"archive {restored.archive} is not there any more, or not as it was"
                raise ArchiveError("ArchiveNotFound", text)
            self._records[lab.uid] = record
        record = self._records[lab.uid]
        # The keeper stays until all is done: by its word the next pass knows what is over.
        if await self._movers.outcome(lab.uid) is None:
            return await self._fill(lab, wanted, record)
        if await self._movers.send_off(lab.namespaces.values()):
            return _under_way("the volumes are being closed")
        await self._remake(lab, record, await self._movers.objects(lab.uid))
        await self._movers.tidy(lab.uid)
        metrics.RESTORES.labels("made").inc()
        text = f"brought back from archive {record.uid}"
        await self._tools.reporter.tell(lab.resource, "Normal", "Restored", text)
        return READY

    async def _fill(self, lab: Lab, wanted: Plan, record: ArchiveRecord) -> Readiness:
        await self._claims(lab, wanted, record.volumes)
        urls = await self._movers.porters(lab.resource, lab.namespaces, record.volumes, writes=True)
        if urls is None:
            return _under_way("the volumes are being made")
        task = {"do": "restore", "path": record.path, "manifest": record.manifest}
        await self._movers.keeper(lab.uid, {**task, "volumes": urls, "most": 0}, nothing)
        return _under_way("the volumes are being filled")

    async def _claims(self, lab: Lab, wanted: Plan, volumes: list[Volume]) -> None:
        """Have a claim for each volume: the template's as it says now, the learner's as it was."""
        ours = [one for one in wanted.configs if one["kind"] == "PersistentVolumeClaim"]
        await self._tools.applier.apply(ours)
        made = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in ours}
        for volume in volumes:
            where = lab.namespaces.get(volume.side)
            if where is None or (volume.spec is None and (where, volume.claim) not in made):
                text = f"the template has no volume {volume.name} any more"
                raise ArchiveError("ArchiveNotFitting", text)
            if volume.spec is not None:
                claim = {"kind": "PersistentVolumeClaim", "spec": volume.spec}
                claim["metadata"] = {"name": volume.claim}
                await self._make(claim, where)

    async def _remake(self, lab: Lab, record: ArchiveRecord, packed: str) -> None:
        """Make what learners had made, where and as it was; what is refused is told."""
        before = namespace_name(record.lab, record.uid, LEARNER)
        after = namespace_name(lab.name, lab.uid, LEARNER)
        move = Move((record.lab, lab.name), (before, after), (record.uid, lab.uid))
        try:
            text = gzip.decompress(base64.b64decode(packed)).decode()
            bodies = archiving.transplanted(text, move)
        except (OSError, EOFError, ValueError) as error:
            raise ArchiveError("ObjectsUnreadable", f"objects.json: {error}") from error
        for body in bodies:
            where = lab.namespaces.get(body.pop("side"))
            if where is None:
                continue
            try:
                await self._make(body, where)
            except (errors.Forbidden, errors.Invalid) as error:
                what = f"{body['kind']} {where}/{body['metadata']['name']} was not made: {error}"
                await self._tools.reporter.tell(lab.resource, "Warning", "NotRestored", what)

    async def _make(self, body: dict[str, Any], namespace: str) -> None:
        head: Object = {"apiVersion": KINDS[body["kind"]].api_version}
        metadata = {**body["metadata"], "namespace": namespace}
        with suppress(errors.Conflict):
            await self._tools.kube.create({**head, **body, "metadata": metadata})


def _under_way(text: str) -> Readiness:
    return Readiness(False, "Restoring", text)


def _failing(error: ArchiveError) -> Readiness:
    return Readiness(False, error.reason, f"{error}; it is tried again", failed=True)


def _named(error: errors.PracticumError) -> ArchiveError:
    return error if isinstance(error, ArchiveError) else ArchiveError("ArchiveRefused", str(error))
