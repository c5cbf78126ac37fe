"""Archives a lab that ends, before anything of it is deleted.

Everything stops first, so that databases shut down and volumes stand still. Which pods, inputs and
record there are says how far it has come: each pass does what is next, a kill between any two
writes is continued, and a complete archive is found by its record and not made twice. A failure
keeps the data, is told, and is tried again with growing pauses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from practicum import errors
from practicum.api.archives import ArchiveRecord, Volume, path, record_name
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LEARNER
from practicum.api.names import ARCHIVE, AUDIT_NAMESPACE, SKIP_ARCHIVE
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.desired.lab import namespace_name
from practicum.errors import ArchiveError
from practicum.observe import metrics
from practicum.policy import archiving, pods
from practicum.policy.readiness import Readiness
from practicum.reconcile.capture import Logs, capture
from practicum.reconcile.movers import Movers
from practicum.reconcile.runner import together
from practicum.reconcile.tools import Tools

log = structlog.get_logger()
_POLL: Final = timedelta(seconds=1)
_TURN: Final = timedelta(seconds=5)
_AT_ONCE: Final = 4
"""Of so many labs volumes are read at once, as many keepers find a place (ResourceQuota audit): a
whole class that ends would fill the nodes with pods that wait for one."""
_ENDING: Final = timedelta(minutes=2)
"""So much longer than its grace a pod may take to end."""
_UNDER_WAY: Final = "Archiving"
_NONE: Final = Readiness(True, "NotAsked")
_EMPTY: Final = Readiness(False, "NothingToArchive", "nobody ever got into this lab")
_SKIPPED: Final = Readiness(False, "ArchiveSkipped", f"annotation {SKIP_ARCHIVE} asked for none")


@dataclass(frozen=True)
class Step:
    """How far an archive is: ready means that the lab may be deleted."""

    readiness: Readiness
    due: datetime | None = None
    """When to look again."""


@dataclass
class _Attempt:
    began: datetime
    again: datetime
    failures: int = 0
    error: ArchiveError | None = None
    still: bool = False
    """Whether everything was seen to have stopped: nobody is there who could start anything."""


class Archiver:
    """Brings the archives of labs about."""

    def __init__(self, tools: Tools, logs: Logs) -> None:
        self._tools = tools
        self._logs = logs
        self._movers = Movers(tools)
        self._attempts: dict[str, _Attempt] = {}
        self._done: dict[str, Readiness] = {}
        self._moving: set[str] = set()
        """Whose turn it is."""

    def forget(self, uid: str) -> None:
        """Forget a lab that is gone, or goes on."""
        self._attempts.pop(uid, None)
        self._done.pop(uid, None)
        self._moving.discard(uid)
        self._count()

    def outcome(self, uid: str) -> Readiness | None:
        """Return what became of the archive of a lab; None where none was asked for."""
        done = self._done.get(uid)
        return None if done is _NONE else done

    def concerns(self, lab: LabEnvironment) -> bool:
        """Whether nothing of a lab may be deleted before there is an archive of it."""
        notes = lab.metadata.get("annotations", {})
        return lab.spec.on_expiry == "Archive" and SKIP_ARCHIVE not in notes

    async def advance(self, lab: LabEnvironment, staying: list[str]) -> Step:
        """Take the archive of a lab one pass further.

        Args:
            lab: the lab, to which nobody has access any more.
            staying: its namespaces that are not being deleted: what was in others is lost.

        Returns:
            whether it may be deleted, and if not, why and when to come back.
        """
        if done := self._done.get(lab.uid):
            return Step(done)
        if not self.concerns(lab):
            asked = lab.spec.on_expiry == "Archive"
            return self._finish(lab.uid, _SKIPPED if asked else _NONE)
        if not lab.status.exhibits_at:
            return self._finish(lab.uid, _EMPTY)
        now = self._tools.clock()
        attempt = self._attempts.setdefault(lab.uid, _Attempt(now, now))
        if attempt.error and now < attempt.again:
            return self._failing(attempt.error, attempt.again)
        try:
            return await self._attempt(lab, staying, attempt)
        except ArchiveError as error:
            return await self._failed(lab, staying, attempt, error)
        except (errors.Forbidden, errors.Invalid, errors.NotFound) as error:
            refused = ArchiveError("ArchiveRefused", str(error))
            return await self._failed(lab, staying, attempt, refused)

    async def _attempt(self, lab: LabEnvironment, staying: list[str], attempt: _Attempt) -> Step:
        places = _places(lab, staying)
        if not attempt.still:
            if left := await self._stop(places):
                return self._under_way(attempt, f"{left} pods still end")
            attempt.still = True
        if not self._tools.settings.archive_image:
            text = "there is no volume for archives: set the chart's value archive.enabled"
            raise ArchiveError("ArchiveNotEnabled", text)
        if not self._has_turn(lab.uid):
            return self._under_way(attempt, "other labs have their turn", _TURN)
        found = await self._tools.kube.find("ConfigMap", AUDIT_NAMESPACE, record_name(lab.uid))
        if found is None:
            volumes = await self._volumes(places)
            urls = await self._movers.porters(lab, places, volumes, writes=False)
            if urls is None:
                return self._under_way(attempt, "the volumes are being opened")
            said = await self._movers.keeper(
                lab.uid, self._task(lab, urls), lambda: self._captured(lab, places)
            )
            if said is None:
                return self._under_way(attempt, "the volumes are being read")
            record = _record(lab, volumes, said, self._tools.clock())
            found = await self._tools.kube.create(record.config_map())
            self._measure(record, attempt)
        await self._movers.tidy(lab.uid)
        record = ArchiveRecord.read(found)
        text = f"{record.size} bytes, SHA-256 {record.manifest}: practicum archive get {lab.uid}"
        return self._finish(lab.uid, Readiness(True, "Archived", text))

    def _has_turn(self, uid: str) -> bool:
        if len(self._moving) < _AT_ONCE:
            self._moving.add(uid)
        return uid in self._moving

    def _task(self, lab: LabEnvironment, urls: Mapping[str, str]) -> dict[str, Any]:
        meta = lab.metadata
        return {
            "do": "store",
            "path": path(meta["namespace"], meta["name"], lab.uid),
            "volumes": dict(urls),
            "most": self._tools.settings.archive_max_bytes,
        }

    async def _captured(self, lab: LabEnvironment, places: Mapping[str, str]) -> bytes:
        return await capture(self._tools, lab, places, self._logs)

    async def _stop(self, places: Mapping[str, str]) -> int:
        """Have nothing run; returns how many pods still do.

        Pods that have ended go too: a quota counts them, and none would be left to a porter.

        Raises:
            ArchiveError: a pod does not end, for example because its node is gone.
        """
        kube = self._tools.kube
        left = 0
        for namespace in places.values():
            for kind in archiving.MAKERS:
                bodies = await kube.list(kind, namespace)
                patches = [(body, archiving.quiet(body)) for body in bodies]
                await together(
                    *(
                        kube.merge_patch(kind, namespace, body["metadata"]["name"], patch)
                        for body, patch in patches
                        if patch
                    )
                )
            for pod in await kube.list("Pod", namespace, f"{ARCHIVE}!=porter"):
                left += not pods.has_ended(pod)
                name, due = pod["metadata"]["name"], pod["metadata"].get("deletionTimestamp")
                if due is None:
                    # With its own grace: a database wants to end well.
                    await kube.delete("Pod", namespace, name)
                elif self._tools.clock() - parse_rfc3339(due) > _ENDING:
                    raise ArchiveError("PodNotEnding", f"pod {namespace}/{name} does not end")
        return left

    async def _volumes(self, places: Mapping[str, str]) -> list[Volume]:
        kube, found = self._tools.kube, []
        for side, namespace in sorted(places.items()):
            claims = await kube.list("PersistentVolumeClaim", namespace)
            makers = [one for kind in archiving.MAKERS for one in await kube.list(kind, namespace)]
            found += archiving.volumes(claims, makers, side)
        return found

    def _finish(self, uid: str, how: Readiness) -> Step:
        self._attempts.pop(uid, None)
        self._moving.discard(uid)
        self._done[uid] = how
        self._count()
        return Step(how)

    def _under_way(self, attempt: _Attempt, text: str, pause: timedelta = _POLL) -> Step:
        readiness = Readiness(False, _UNDER_WAY, text)
        if error := attempt.error:
            # Until it succeeds it has failed: else every attempt would be news.
            said = f"{error}; the data is kept, and it is tried again: {text}"
            readiness = Readiness(False, error.reason, said, failed=True)
        return Step(readiness, self._tools.clock() + pause)

    async def _failed(
        self, lab: LabEnvironment, staying: list[str], attempt: _Attempt, error: ArchiveError
    ) -> Step:
        now = self._tools.clock()
        self._moving.discard(lab.uid)
        attempt.failures, attempt.still = attempt.failures + 1, False
        attempt.error, attempt.again = error, now + archiving.backoff(attempt.failures)
        self._count()
        metrics.ARCHIVES.labels("failed").inc()
        log.warning("archive failed", reason=error.reason, error=str(error))
        if await self._given_up(lab):
            metrics.ARCHIVES.labels("abandoned").inc()
            text = f"the course is being deleted, and no archive came about: {error}"
            log.error("archive abandoned", error=str(error))
            await self._tools.reporter.tell(lab, "Warning", "ArchiveAbandoned", text)
            return self._finish(lab.uid, Readiness(False, "ArchiveAbandoned", text))
        if self._tools.settings.archive_image:
            await self._movers.tidy(lab.uid)
        await self._movers.send_off(staying)
        return self._failing(error, attempt.again)

    def _failing(self, error: ArchiveError, again: datetime) -> Step:
        text = f"{error}; the data is kept, the next attempt is at {rfc3339(again)}"
        return Step(Readiness(False, error.reason, text, failed=True), again)

    async def _given_up(self, lab: LabEnvironment) -> bool:
        """Whether the course goes, and has waited long enough for this lab."""
        course = await self._tools.kube.find("Namespace", "", lab.metadata["namespace"])
        going = (course or {}).get("metadata", {}).get("deletionTimestamp")
        patience = self._tools.settings.archive_patience
        return bool(going) and self._tools.clock() - parse_rfc3339(going) >= patience

    def _measure(self, record: ArchiveRecord, attempt: _Attempt) -> None:
        metrics.ARCHIVES.labels("made").inc()
        metrics.ARCHIVE_BYTES.observe(record.size)
        seconds = (self._tools.clock() - attempt.began).total_seconds()
        metrics.ARCHIVE_SECONDS.observe(seconds)
        log.info("archived", lab=record.lab, bytes=record.size, seconds=round(seconds, 1))

    def _count(self) -> None:
        failing = sum(1 for one in self._attempts.values() if one.error)
        metrics.ARCHIVES_FAILING.set(failing)


def _places(lab: LabEnvironment, namespaces: list[str]) -> dict[str, str]:
    """Return a lab's namespaces by side, read off their names."""
    own = namespace_name(lab.metadata["name"], lab.uid, LEARNER)
    return {name.removeprefix(own).removeprefix("-") or LEARNER: name for name in namespaces}


def _record(
    lab: LabEnvironment, volumes: list[Volume], said: Mapping[str, Any], now: datetime
) -> ArchiveRecord:
    audit, template, skipped = lab.status.audit, lab.status.template, int(said.get("skipped", 0))
    try:
        return ArchiveRecord(
            uid=lab.uid,
            origin=lab.status.restored.origin if lab.status.restored else lab.uid,
            lab=lab.metadata["name"],
            course=lab.metadata["namespace"],
            learner=lab.spec.learner.id if lab.spec.learner else "",
            template=lab.spec.template,
            revision=template.revision if template else "",
            spec=lab.spec.wire(),
            made_at=rfc3339(now),
            volumes=volumes,
            audit=f"{audit.seq}:{audit.hash}" if audit else "",
            manifest=said["manifest"],
            files=said["files"],
            size=said["bytes"],
            skipped=f"{skipped} entries of volumes could not be read" if skipped else "",
        )
    except (KeyError, ValueError) as error:
        raise ArchiveError(
            "KeeperFailed", f"the keeper did not say what it made: {error}"
        ) from error
